//! Announces what a command has to install before it starts.

use std::time::Duration;

use anyhow::Result;

use super::tools::{self, Tool};
use super::wasm::{self, Toolchain};
use super::{model, wheel};
use crate::download::Progress;
use crate::project::Project;
use crate::tasks::Task;
use crate::timings::{Timings, Words};

/// Minimum total duration of work that is announced.
const WORTH_ANNOUNCING: Duration = Duration::from_secs(5);

/// Needs of a command besides the wasm32 library, trunk and wasm-bindgen.
#[derive(Clone, Copy, Debug)]
pub struct Needs {
    /// wasm-opt, for the page as it ships.
    pub wasm_opt: bool,
    /// The default model.
    pub model: bool,
}

/// One line of the announcement.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// Noun phrase for what is installed or built.
    pub what: String,
    /// Estimated duration on two idle cores.
    pub estimate: Duration,
}

impl PlannedStep {
    /// Creates a step that takes about this many seconds.
    pub fn new(what: impl Into<String>, seconds: u64) -> Self {
        Self {
            what: what.into(),
            estimate: Duration::from_secs(seconds),
        }
    }
}

/// Plan to install what is missing on this machine.
pub struct Plan {
    toolchain: Option<Toolchain>,
    tools: Vec<Tool>,
    wasm_opt: bool,
    model: bool,
}

impl Plan {
    /// Finds out what is missing.
    pub fn new(project: &Project, needs: Needs) -> Result<Self> {
        Ok(Self {
            toolchain: wasm::installed(project),
            tools: tools::missing(project)?,
            wasm_opt: needs.wasm_opt && !tools::has_wasm_opt(project),
            model: needs.model && !model::is_installed(project)?,
        })
    }

    /// Returns the toolchain that builds for the browser, if it is installed.
    pub fn toolchain(&self) -> Option<Toolchain> {
        self.toolchain
    }

    /// Returns true if nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.steps().is_empty()
    }

    fn steps(&self) -> Vec<PlannedStep> {
        let mut steps = Vec::new();
        if self.toolchain.is_none() {
            steps.push(PlannedStep::new("wasm32 standard library", 15));
        }
        steps.extend(self.tools.iter().map(|tool| PlannedStep {
            what: format!("{tool}, built by cargo"),
            estimate: tool.estimate(),
        }));
        if self.wasm_opt {
            steps.push(PlannedStep::new("wasm-opt, from npm", 15));
        }
        if self.model {
            steps.push(PlannedStep::new("default model, a download of 98 MB", 15));
        }
        steps
    }

    /// Prints what will be installed and how long it takes, together with the command's next step `then`. Work that
    /// takes less than [`WORTH_ANNOUNCING`] is not listed.
    pub fn announce(&self, project: &Project, then: Option<PlannedStep>) {
        let mut steps = self.steps();
        steps.extend(then);
        if let Some(text) = announcement(&steps) {
            println!("{text}");
        }
        if !self.is_empty() {
            println!("Tools and model go to {}", project.cache.display());
        }
    }

    /// Installs what the page's build needs and what may require system packages, and returns the toolchain.
    /// [`Self::into_tasks`] installs the rest.
    pub fn install_first(&self, project: &Project, timings: &mut Timings) -> Result<Toolchain> {
        let toolchain = match self.toolchain {
            Some(toolchain) => toolchain,
            None => timings.time("wasm32 standard library", || wasm::install(project))?,
        };
        if self.wasm_opt {
            timings.time("wasm-opt", || tools::ensure_wasm_opt(project))?;
        }
        if self.model {
            // apt-get may have to install pip, and can't run twice at the same time.
            wheel::python()?;
        }
        Ok(toolchain)
    }

    /// Returns the rest of the installation, as tasks that write very little to the terminal.
    pub fn into_tasks(self, project: &Project) -> Vec<Task> {
        let mut tasks = Vec::new();
        if !self.tools.is_empty() {
            let project = project.clone();
            let tools = self.tools;
            let names: Vec<String> = tools.iter().map(Tool::to_string).collect();
            let name = names.join(" and ");
            println!(
                "Installing {name}; cargo's output goes to {}",
                tools::log(&project).display()
            );
            tasks.push(Task::new(name, move |cancellation| {
                tools::install_logged(&project, &tools, cancellation)
            }));
        }
        if self.model {
            let project = project.clone();
            tasks.push(Task::step("default model", move |_| {
                model::download(&project, Progress::Quiet)
            }));
        }
        tasks
    }
}

/// Formats the steps and their total duration, unless that is less than [`WORTH_ANNOUNCING`].
fn announcement(steps: &[PlannedStep]) -> Option<String> {
    let total: Duration = steps.iter().map(|step| step.estimate).sum();
    if total < WORTH_ANNOUNCING {
        return None;
    }
    let mut text = format!("To do, in about {} on two cores:", rough(total));
    for step in steps {
        text += &format!("\n  {} ({})", step.what, rough(step.estimate));
    }
    Some(text)
}

/// Rounds the estimate up to whole minutes, or to ten seconds if it is less than two minutes.
fn rough(estimate: Duration) -> Words {
    let seconds = estimate.as_secs();
    let unit = if seconds < 120 { 10 } else { 60 };
    Words(Duration::from_secs(seconds.div_ceil(unit) * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announcement_lists_steps_with_rough_durations() {
        let steps = [
            PlannedStep::new("trunk 0.21.14", 150),
            PlannedStep::new("the page", 42),
        ];
        assert_eq!(
            announcement(&steps).as_deref(),
            Some("To do, in about 4 min on two cores:\n  trunk 0.21.14 (3 min)\n  the page (50 s)")
        );
    }

    #[test]
    fn announcement_is_omitted_for_short_work() {
        assert_eq!(announcement(&[]), None);
        assert_eq!(announcement(&[PlannedStep::new("the page", 3)]), None);
    }
}
