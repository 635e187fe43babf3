//! Chooses the explorer's next action.
//!
//! A choice depends on the seed, the actions so far, the page's state, and the sorted list of usable controls,
//! but never on how long something took.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::super::webdriver::WindowSize;
use super::action::{Action, BAR_KEYS, KEYS};
use super::plan::{Model, Plan};
use super::snapshot::{Control, Kind, Snapshot, State};
use super::values;

/// Factor on the weight of a control that was never used.
const NOVELTY: f64 = 10.0;

/// Files that the explorer hands to the page.
#[derive(Clone, Debug)]
pub struct Files {
    /// The files of a small model.
    pub tiny: Vec<PathBuf>,
    /// The folder that holds them.
    pub tiny_folder: PathBuf,
    /// A file that is not a model.
    pub bad: PathBuf,
    /// Prompts for the lab.
    pub dataset: PathBuf,
}

/// Chooses random actions and remembers what it depends on.
pub struct Chooser {
    rng: ChaCha8Rng,
    files: Files,
    /// Address of a working server.
    server: String,
    /// Test id of the control that loads the plan's model.
    load: &'static str,
    /// Window sizes: the plan's, and those of a small phone in portrait and landscape.
    sizes: [WindowSize; 4],
    /// Number of uses per control key.
    uses: BTreeMap<String, u32>,
    /// Number of consecutive actions without a ready model.
    idle: u32,
    /// Number of consecutive actions during which an experiment or the benchmark ran.
    busy: u32,
}

impl Chooser {
    /// Creates a chooser that makes the same choices for the same plan.
    pub fn new(plan: Plan, files: Files, server: String) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(plan.seed),
            load: match plan.model {
                Model::Default => "load-default",
                Model::Tiny => "open-file-input",
            },
            // The plan's size is listed twice, so that it is the most frequent.
            sizes: [
                plan.window(),
                plan.window(),
                WindowSize::new(360, 640),
                WindowSize::new(800, 360),
            ],
            files,
            server,
            uses: BTreeMap::new(),
            idle: 0,
            busy: 0,
        }
    }

    /// Returns the number of different controls that were used.
    pub fn variety(&self) -> usize {
        self.uses.len()
    }

    pub fn next(&mut self, snapshot: &Snapshot) -> Action {
        let state = &snapshot.state;
        let counted = |holds: bool, before: u32| if holds { before + 1 } else { 0 };
        self.idle = counted(state.engine != "ready", self.idle);
        self.busy = counted(state.lab_runs || state.bench_runs, self.busy);
        let any = self.rng.random_range(0..100);
        if let Some(action) = self.without_control(any, snapshot.controls.is_empty()) {
            return action;
        }
        let weights: Vec<f64> = snapshot
            .controls
            .iter()
            .map(|control| self.weight(control, state))
            .collect();
        let mut left = self.rng.random::<f64>() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        let control = snapshot.controls[chosen.unwrap_or(0)].clone();
        *self.uses.entry(control.key.clone()).or_default() += 1;
        self.use_of(control)
    }

    /// Returns the pause after the action in milliseconds, which varies as a person's speed does.
    pub fn pause_ms(&mut self) -> u64 {
        [0, 10, 50, 200, 600][self.rng.random_range(0..5)]
    }

    /// Returns an action that uses no control for some values of `any`, which ranges from 0 to 99. Always returns
    /// one if `only` is set.
    fn without_control(&mut self, any: u32, only: bool) -> Option<Action> {
        Some(match any {
            0 | 1 => Action::Reload,
            2 => Action::BackAndForward,
            3 => Action::Resize(self.sizes[self.rng.random_range(0..self.sizes.len())]),
            4 => {
                let good = self.rng.random_bool(0.7);
                Action::Drop(if good {
                    self.files.tiny.clone()
                } else {
                    vec![self.files.bad.clone()]
                })
            }
            5..8 => Action::Scroll {
                container: self.rng.random_range(0..8),
                to: [0.0, 0.5, 1.0][self.rng.random_range(0..3)],
            },
            8..14 => self.press(),
            _ if only => self.press(),
            _ => return None,
        })
    }

    fn press(&mut self) -> Action {
        let (name, keys) = KEYS[self.rng.random_range(0..KEYS.len())];
        Action::Press(name, keys)
    }

    fn weight(&self, control: &Control, state: &State) -> f64 {
        let id = control.testid.as_deref().unwrap_or_default();
        let uses = self.uses.get(&control.key).copied().unwrap_or_default();
        let novelty = if uses == 0 {
            NOVELTY
        } else {
            1.0 / f64::from(uses).powf(0.75)
        };
        let ready = state.engine == "ready";
        let idle = f64::from(self.idle);
        let own = match id {
            // A page without a model offers little to try. The other model is loaded rarely, because it may be
            // slow on this backend.
            _ if id == self.load && !ready => 1.0 + idle,
            "load-default" => 0.05,
            "open-file-input" | "open-folder-input" => 0.5,
            // Leads from the lab to the choice of a model.
            "lab-close" | "lab-open" if state.lab && !ready => 1.0 + 0.5 * idle,
            "cancel-load" | "settings-clear-models" => 0.2,
            "lab-cancel" | "bench-stop" => 0.3 + f64::from(self.busy),
            // Each of these loads the model again.
            "settings-backend-auto"
            | "settings-backend-wgpu"
            | "settings-backend-cpu"
            | "settings-stub"
            | "settings-reload" => 0.4,
            "composer" if ready => 4.0,
            "send" | "regenerate" | "suggestion" => 4.0,
            "lab-run-all" => 0.5,
            _ if id.ends_with("-close") => 2.0,
            _ if id.starts_with("lab-run-") => 3.0,
            _ if id.starts_with("lab-") && control.kind != Kind::Button => 0.5,
            _ if control.kind == Kind::Bar => 0.5,
            _ => 1.0,
        };
        own * novelty
    }

    fn use_of(&mut self, control: Control) -> Action {
        match control.kind {
            Kind::Text => {
                let text = values::text(&mut self.rng, &control, &self.server);
                let often = matches!(control.testid.as_deref(), Some("composer" | "server-url"));
                let enter = self.rng.random_bool(if often { 0.7 } else { 0.1 });
                Action::Fill {
                    control,
                    text,
                    enter,
                }
            }
            Kind::Select => {
                let option = self.rng.random_range(0..control.options.len().max(1));
                Action::Choose { control, option }
            }
            Kind::File => self.files_for(control),
            Kind::Bar => {
                let key = BAR_KEYS[self.rng.random_range(0..BAR_KEYS.len())];
                Action::Bar { control, key }
            }
            Kind::Button | Kind::Link | Kind::Checkbox | Kind::Radio | Kind::Region => {
                let times = if self.rng.random_bool(0.1) { 2 } else { 1 };
                Action::Click { control, times }
            }
        }
    }

    fn files_for(&mut self, control: Control) -> Action {
        let Files {
            tiny,
            tiny_folder,
            bad,
            dataset,
        } = self.files.clone();
        let good = self.rng.random_bool(0.8);
        let files = match control.testid.as_deref() {
            Some("lab-dataset-file") if good => vec![dataset],
            Some("open-folder-input") => vec![tiny_folder],
            Some("open-file-input") if good => tiny,
            _ => vec![bad],
        };
        Action::Files { control, files }
    }
}
