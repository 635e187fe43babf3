//! A walk: a sequence of actions, each followed by a check of the page.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use serde_json::json;

use super::super::{Session, console};
use super::action::Action;
use super::chooser::{Chooser, Files};
use super::plan::Plan;
use super::snapshot::Snapshot;

/// Number of actions between two calls of `come_home`.
const HOME_EVERY: usize = 15;
/// Number of last actions that a report lists.
const REPORTED: usize = 20;
/// Time for a layout to settle.
const SETTLE: Duration = Duration::from_millis(600);
/// Maximum time for the page to start.
const START: Duration = Duration::from_secs(60);
/// The driver's errors about an element that the page has just removed or moved.
const GONE: [&str; 4] = [
    "stale element reference",
    "no such element",
    "element not interactable",
    "invalid element state",
];
const COVERED: &str = "element click intercepted";

/// A walk in progress.
pub struct Walk<'a> {
    pub(super) session: &'a Session,
    /// The page's address.
    pub(super) url: &'a str,
    pub(super) plan: Plan,
    pub(super) files: Files,
    /// Number of calls of `come_home`.
    pub(super) visits: usize,
    chooser: Chooser,
    /// Descriptions of the actions so far.
    history: Vec<String>,
    /// Prints each action when it begins.
    verbose: bool,
    start: Instant,
}

impl<'a> Walk<'a> {
    /// Prepares a walk; `server` is the address of a working server.
    pub fn new(
        session: &'a Session,
        url: &'a str,
        plan: Plan,
        files: Files,
        server: String,
    ) -> Self {
        Self {
            session,
            url,
            plan,
            visits: 0,
            chooser: Chooser::new(plan, files.clone(), server),
            files,
            history: Vec::new(),
            verbose: false,
            start: Instant::now(),
        }
    }

    /// Prints each action when it begins.
    pub fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// Performs all actions of the plan.
    ///
    /// # Errors
    /// If there is a fault; the message includes the last actions and the command that repeats the walk.
    pub fn run(mut self) -> Result<()> {
        self.start = Instant::now();
        let outcome = self.walk();
        let seconds = self.start.elapsed().as_secs_f64();
        let done = self.history.len();
        println!(
            "  seed {}: {done} steps in {seconds:.0} s ({:.1} per second), {} different controls",
            self.plan.seed,
            done as f64 / seconds,
            self.chooser.variety()
        );
        outcome.map_err(|error| self.report(&error))
    }

    fn walk(&mut self) -> Result<()> {
        self.open()?;
        self.come_home()?;
        for number in 1..=self.plan.actions {
            let snapshot = self.look()?;
            let action = self.chooser.next(&snapshot);
            self.note(format!("{number}. {action}"));
            self.perform(&action)?;
            thread::sleep(Duration::from_millis(self.chooser.pause_ms()));
            if matches!(action, Action::Reload | Action::BackAndForward) {
                self.wait_for_start()?;
            }
            if number % HOME_EVERY == 0 {
                self.come_home()?;
            }
        }
        self.come_home()
    }

    /// Opens the page in a window of the plan's size, and suppresses the system's file dialogs.
    fn open(&mut self) -> Result<()> {
        let client = self.session.client();
        self.session.set_viewport(self.plan.window())?;
        client.devtools(
            "Page.setInterceptFileChooserDialog",
            &json!({ "enabled": true }),
        )?;
        self.session.go_to(self.url)?;
        self.wait_for_start()
    }

    /// Waits until the page has replaced its splash.
    pub(super) fn wait_for_start(&self) -> Result<()> {
        let element = "[data-testid=status-engine]";
        self.session.wait_for_element(element, START).map(drop)
    }

    /// Takes a snapshot of the page and checks it and the console.
    ///
    /// # Errors
    /// If the walk left the page, the page or the engine crashed, the page does not react or can't be used, or the
    /// console has errors.
    pub(super) fn look(&self) -> Result<Snapshot> {
        let snapshot = Snapshot::take(self.session, self.url)?;
        let console = self.session.console()?;
        let faults: Vec<String> = console
            .iter()
            .filter(|entry| console::is_fault(entry, self.url))
            .map(ToString::to_string)
            .collect();
        let state = &snapshot.state;
        if !state.ours {
            bail!("the walk left the page for {}", state.address);
        }
        for (what, words) in [
            ("the page crashed", &state.crash),
            ("the engine crashed", &state.crashed),
            ("the page shows a panic", &state.panic),
            ("the page does not react", &state.dead),
        ] {
            if let Some(words) = words {
                bail!("{what}: {words}\n{}", faults.join("\n"));
            }
        }
        if !faults.is_empty() {
            bail!("the console has errors:\n{}", faults.join("\n"));
        }
        if state.splash.contains("could not start") {
            bail!("the page says: {}", state.splash);
        }
        if misplaced(&snapshot).is_none() {
            return Ok(snapshot);
        }
        // The layout may be moving.
        thread::sleep(SETTLE);
        let snapshot = Snapshot::take(self.session, self.url)?;
        match misplaced(&snapshot) {
            Some(words) => bail!("{words}"),
            None => Ok(snapshot),
        }
    }

    /// Performs the action. A control that the page has removed in the meantime is not a fault; a control that the
    /// page covers is.
    pub(super) fn perform(&mut self, action: &Action) -> Result<()> {
        for attempt in 1..=3 {
            let Err(error) = action.perform(self.session, self.url) else {
                return Ok(());
            };
            let words = format!("{error:#}");
            if GONE.iter().any(|gone| words.contains(gone)) {
                self.note("   (it was gone)".to_owned());
                return Ok(());
            }
            let Some(control) = action.control().filter(|_| words.contains(COVERED)) else {
                return Err(error);
            };
            thread::sleep(SETTLE);
            let usable = self.look()?;
            let mut usable = usable.controls.iter();
            if !usable.any(|other| other.element == control.element) {
                self.note("   (it was gone)".to_owned());
                return Ok(());
            }
            if attempt == 3 {
                let words = words.lines().next().unwrap_or_default();
                bail!("{} can't be clicked: {words}", control.key);
            }
            // A user scrolls on if something covers the control.
            self.session.client().execute(
                "arguments[0].scrollIntoView({ block: 'center' })",
                &[control.target.argument()],
            )?;
        }
        Ok(())
    }

    pub(super) fn note(&mut self, words: String) {
        if self.verbose {
            println!("  {:6.1} s  {words}", self.start.elapsed().as_secs_f64());
        }
        self.history.push(words);
    }

    fn report(&self, error: &anyhow::Error) -> anyhow::Error {
        let from = self.history.len().saturating_sub(REPORTED);
        anyhow!(
            "{error:#}\n\nThe last actions:\n  {}\n\nTo repeat it: {}",
            self.history[from..].join("\n  "),
            self.plan
        )
    }
}

/// Describes content that a user can't bring into view, if there is any.
fn misplaced(snapshot: &Snapshot) -> Option<String> {
    let state = &snapshot.state;
    if let Some(wide) = &state.wide {
        return Some(wide.clone());
    }
    (!state.unreachable.is_empty()).then(|| {
        format!(
            "controls that can't be brought into the window:\n  {}",
            state.unreachable.join("\n  ")
        )
    })
}
