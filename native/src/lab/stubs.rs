//! Loads at each stub level, over HTTP.

use llamaglass_engine::LoadOptions;
use llamaglass_lab::StubLevel;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::stub::{StubLoad, StubRun, Stubbed};
use llamaglass_lab::{Arrivals, LabError};
use tokio::sync::watch;

use super::loads::{request_settings, sweep_settings};
use super::observer::TerminalObserver;
use super::shell::Shell;
use crate::cli::Qps;
use crate::load_client::Load;
use crate::model::Model;

/// Shells at each stub level: one with the model's weights, and one with random weights, which is loaded when first
/// needed.
pub struct ShellStubs<'a> {
    /// Shell with the model's weights.
    pub shell: &'a Shell,
    /// Shell with random weights, once they are loaded.
    pub random: &'a mut Option<Shell>,
    /// Model whose shape the random weights have.
    pub model: &'a Model,
    /// Options to load the random weights with.
    pub options: &'a LoadOptions,
    /// Prompts of the loads.
    pub dataset: &'a Dataset,
    /// Notices Ctrl-C.
    pub observer: TerminalObserver,
}

impl ShellStubs<'_> {
    /// Returns the shell whose requests end at `level`.
    fn at(&mut self, level: StubLevel) -> Result<&Shell, LabError> {
        const LEVEL: &str = "a stub level";
        if level == StubLevel::RandomWeights {
            let random = random(self.random, self.model, self.options);
            return random.map_err(|error| LabError::failed(LEVEL, error));
        }
        let set = self.shell.handle().set_stub(level);
        set.map_err(|error| LabError::failed(LEVEL, error))?;
        Ok(self.shell)
    }
}

/// Returns the shell with random weights of the model's shape, and loads it if necessary.
///
/// # Errors
/// Fails if the model can't be loaded.
pub fn random<'a>(
    shell: &'a mut Option<Shell>,
    model: &Model,
    options: &LoadOptions,
) -> anyhow::Result<&'a Shell> {
    if shell.is_none() {
        let random = StubLevel::RandomWeights;
        *shell = Some(Shell::start(model.clone(), options.clone(), random)?);
    }
    shell
        .as_ref()
        .ok_or_else(|| anyhow::anyhow!("nothing was loaded"))
}

impl Stubbed for ShellStubs<'_> {
    async fn run(
        &mut self,
        level: StubLevel,
        load: StubLoad,
        stream: bool,
        tokens: usize,
    ) -> Result<StubRun, LabError> {
        let failed = |error: anyhow::Error| LabError::failed("a load at a stub level", error);
        let (dataset, observer) = (self.dataset, self.observer.clone());
        let shell = self.at(level)?;
        let target = shell.target().await.map_err(failed)?;
        // Each run computes its prompts anew, without cached prefixes of the run before.
        let cleared = shell.handle().clear_cache();
        cleared.map_err(|error| failed(error.into()))?;
        let qps = Qps {
            value: load.qps,
            typed: load.qps.to_string(),
        };
        let request = request_settings(stream, shell.info().has_chat_template, tokens, 0);
        let settings = sweep_settings(
            vec![qps.clone()],
            load.duration_s,
            Arrivals::Constant,
            request,
            false,
        );
        let load = Load::new(target, settings, dataset);
        let (stop, stopped) = watch::channel(false);
        let mut ignore = |_| {};
        let result = tokio::select! {
            result = load.run(&qps, stopped, &mut ignore) => result.map_err(failed)?,
            () = observer.stopped() => {
                let _closed = stop.send(true);
                return Err(LabError::Stopped);
            }
        };
        // The next user of the shell needs the whole model again.
        if level != StubLevel::RandomWeights {
            self.shell
                .handle()
                .set_stub(StubLevel::Whole)
                .map_err(|error| failed(error.into()))?;
        }
        let e2e = result.figures.from_schedule.e2e_ms;
        if result.completed == 0 {
            let why = result
                .errors
                .first()
                .map_or_else(String::new, |group| group.words.clone());
            return Err(LabError::failed(
                "a load at a stub level: nothing was answered",
                why,
            ));
        }
        Ok(StubRun {
            requested: result.requested,
            completed: result.completed,
            execution_s: result.figures.execution_ms.unwrap_or(0.0) / 1e3,
            request_ms: e2e.map_or(0.0, |of| of.p50),
        })
    }
}
