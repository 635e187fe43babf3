//! Returns the page to a known state: whatever the walk has done, a model is loaded and the conversation answers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::super::steps::ESCAPE;
use super::action::{Action, ENTER};
use super::plan::Model;
use super::snapshot::{Snapshot, State};
use super::walk::Walk;

/// Maximum time for running work to stop.
const PATIENCE: Duration = Duration::from_secs(120);
/// Maximum time for an answer to begin or to stop: a software adapter prefills a few tokens per second.
const ANSWER: Duration = Duration::from_secs(300);
/// Maximum time for a model to load.
const LOAD: Duration = Duration::from_secs(240);
/// Pause between two snapshots.
const PAUSE: Duration = Duration::from_millis(100);
/// A prompt that is cheap to answer.
const QUESTION: &str = "Say hi.";
/// A conversation with more answers is cleared, because each question makes the engine read all of it.
const LONG: usize = 3;
/// A conversation whose answers have more characters is cleared, too: a software adapter takes minutes to read
/// them.
const LONG_TEXT: usize = 2_000;
/// Number of visits between two resets of the settings, so that a value typed once does not affect the whole walk.
const FORGET_EVERY: usize = 3;

impl Walk<'_> {
    /// Stops everything that runs, loads the model if none is loaded, and asks a question.
    ///
    /// # Errors
    /// If one of these does not succeed in time, or [`Walk::look`] finds a fault.
    pub(super) fn come_home(&mut self) -> Result<()> {
        self.note("   come home".to_owned());
        self.close_other_windows()?;
        self.close_everything().context("coming home")?;
        if self.visits.is_multiple_of(FORGET_EVERY) {
            self.forget_settings()?;
        }
        self.visits += 1;
        self.ensure_model().context("coming home")?;
        self.ask().context("coming home")
    }

    /// Closes windows that a click has opened.
    fn close_other_windows(&self) -> Result<()> {
        let client = self.session.client();
        let own = client.window()?;
        for window in client.windows()? {
            if window != own {
                client.switch_to(&window)?;
                client.close_tab()?;
            }
        }
        client.switch_to(&own)
    }

    /// Closes dialogs and the lab, and stops answers, experiments and benchmarks.
    fn close_everything(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut looked_into_lab = false;
        loop {
            let snapshot = self.look()?;
            let state = &snapshot.state;
            let waited_for = if state.dialog {
                if !self.click_first(&snapshot, &["bench-stop"])? {
                    self.close_dialog(&snapshot)?;
                }
                "dialogs to close"
            } else if state.lab_runs {
                self.click_first(&snapshot, &["lab-cancel"])?;
                "the experiment to stop"
            } else if state.bench_runs {
                self.click_first(&snapshot, &["bench-open"])?;
                "the benchmark's dialog"
            } else if state.lab {
                looked_into_lab = true;
                self.click_first(&snapshot, &["lab-close", "lab-open"])?;
                "the lab to close"
            } else if state.state == "streaming" {
                self.click_first(&snapshot, &["stop"])?;
                "the answer to stop"
            } else if !looked_into_lab {
                // An experiment continues when the lab is closed.
                self.click_first(&snapshot, &["lab-open"])?;
                "the lab to open"
            } else {
                return Ok(());
            };
            ensure!(
                start.elapsed() < PATIENCE,
                "waited {} s for {waited_for}",
                PATIENCE.as_secs()
            );
            thread::sleep(PAUSE);
        }
    }

    fn close_dialog(&mut self, snapshot: &Snapshot) -> Result<()> {
        let mut controls = snapshot.controls.iter();
        let close = controls.find(|control| {
            let id = control.testid.as_deref();
            id.is_some_and(|id| id.ends_with("-close"))
        });
        match close {
            Some(control) => self.perform(&Action::Click {
                control: control.clone(),
                times: 1,
            }),
            None => self.session.client().press(&[ESCAPE]),
        }
    }

    /// Clicks the first of the controls that is usable; returns false if none is.
    fn click_first(&mut self, snapshot: &Snapshot, ids: &[&str]) -> Result<bool> {
        let Some(control) = ids.iter().find_map(|id| snapshot.control(id)) else {
            return Ok(false);
        };
        let action = Action::Click {
            control: control.clone(),
            times: 1,
        };
        self.perform(&action).map(|()| true)
    }

    /// Removes the page's settings, reloads the page, and chooses the plan's backend.
    fn forget_settings(&mut self) -> Result<()> {
        self.note("   forget the settings, reload".to_owned());
        let client = self.session.client();
        client.execute("localStorage.removeItem('llamaglass.settings')", &[])?;
        client.refresh()?;
        self.wait_for_start()?;
        self.session.click("[data-testid=settings-open]")?;
        let id = format!("settings-backend-{}", self.plan.backend.id());
        let snapshot = self.look()?;
        ensure!(
            self.click_first(&snapshot, &[&id])?,
            "the settings have no {id}"
        );
        self.session.click("[data-testid=settings-close]")
    }

    /// Loads the plan's model if the page's own engine has none.
    fn ensure_model(&mut self) -> Result<()> {
        let mut why = String::new();
        for attempt in 0..3 {
            let state = self.settled()?;
            if state.engine == "ready" && state.server.is_none() {
                return Ok(());
            }
            if attempt == 2 {
                self.forget_settings()?;
                self.settled()?;
            }
            if state.engine == "ready" {
                self.session.click("[data-testid=change-model]")?;
            }
            self.load()?;
            // The load begins during this pause.
            thread::sleep(PAUSE);
            let state = self.settled()?;
            why = state.alert.unwrap_or(state.engine);
        }
        let state = self.look()?.state;
        if state.engine == "ready" && state.server.is_none() {
            return Ok(());
        }
        bail!("the model can't be loaded: {why}")
    }

    fn load(&mut self) -> Result<()> {
        self.note("   load the model".to_owned());
        match self.plan.model {
            Model::Default => self.session.click("[data-testid=load-default]"),
            Model::Tiny => {
                let files: Vec<_> = self.files.tiny.iter().map(|file| &**file).collect();
                let input = "[data-testid=open-file-input]";
                self.session.wait_for_element(input, PATIENCE)?;
                self.session.choose_files(input, &files)
            }
        }
    }

    /// Waits until the engine has started and no model is being loaded.
    fn settled(&mut self) -> Result<State> {
        let start = Instant::now();
        loop {
            let state = self.look()?.state;
            if !matches!(&*state.engine, "starting" | "loading") {
                return Ok(state);
            }
            ensure!(
                start.elapsed() < LOAD,
                "waited {} s for the engine, which is {}",
                LOAD.as_secs(),
                state.engine
            );
            thread::sleep(PAUSE);
        }
    }

    /// Types a question, waits for an answer, and stops it.
    fn ask(&mut self) -> Result<()> {
        let snapshot = self.look()?;
        let mut before = snapshot.state.answers;
        if before > LONG || snapshot.state.text_length > LONG_TEXT {
            self.click_first(&snapshot, &["clear"])?;
            before = 0;
        }
        self.session.fill("[data-testid=composer]", QUESTION)?;
        self.session.client().press(&[ENTER])?;
        let began = |state: &State| {
            let has_text = state.state != "streaming" || !state.answer.trim().is_empty();
            state.answers > before && has_text
        };
        let state = self.wait("an answer", began)?;
        if state.state == "streaming" {
            let snapshot = self.look()?;
            self.click_first(&snapshot, &["stop"])?;
            self.wait("the answer to stop", |state| state.state != "streaming")?;
        }
        Ok(())
    }

    fn wait(&self, what: &str, holds: impl Fn(&State) -> bool) -> Result<State> {
        let start = Instant::now();
        loop {
            let state = self.look()?.state;
            if holds(&state) {
                return Ok(state);
            }
            if start.elapsed() > ANSWER {
                bail!(
                    "waited {} s for {what}; the engine is {}, the last answer {:?}",
                    ANSWER.as_secs(),
                    state.engine,
                    state.state
                );
            }
            thread::sleep(PAUSE);
        }
    }
}
