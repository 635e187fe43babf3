//! Launches that are captured once and replayed step by step.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::super::gpu::{CapturedGraph, Gpu};
use super::super::sampling_mode::SamplingMode;

/// Part of a step that is captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CapturedStep {
    /// A decode step up to its logits.
    Decode,
    /// Sampling from the logits.
    Sampling(SamplingMode),
}

/// Captured parts of steps.
#[derive(Debug)]
pub struct CapturedSteps {
    /// Graphs by part and number of rows.
    graphs: RefCell<HashMap<(CapturedStep, usize), Rc<CapturedGraph>>>,
    /// Number of decode steps captured.
    pub captures: Cell<u64>,
    /// True if graphs are replayed, false if they are captured anew each time.
    pub replays: bool,
}

impl Default for CapturedSteps {
    fn default() -> Self {
        Self {
            graphs: RefCell::default(),
            captures: Cell::new(0),
            replays: true,
        }
    }
}

impl CapturedSteps {
    /// Returns the graph of `step` for `rows` rows, captured from `launch` if necessary.
    pub fn get(
        &self,
        gpu: &Gpu,
        step: CapturedStep,
        rows: usize,
        launch: impl FnOnce(),
    ) -> Rc<CapturedGraph> {
        let known = self.graphs.borrow().get(&(step, rows)).map(Rc::clone);
        if let Some(graph) = known.filter(|_| self.replays) {
            return graph;
        }
        if step == CapturedStep::Decode {
            self.captures.set(self.captures.get() + 1);
        }
        let graph = Rc::new(gpu.capture(launch));
        let mut graphs = self.graphs.borrow_mut();
        graphs.insert((step, rows), Rc::clone(&graph));
        graph
    }
}
