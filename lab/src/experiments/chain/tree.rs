//! Tree of nested spans, summed over many requests.

use serde::{Deserialize, Serialize};

use llamaglass_types::stats::{Distribution, Record};
use llamaglass_types::timing::{ModelPart, Span, Stage, StepKind, StepTiming};

/// Name of the node for a parent's time that its children do not account for.
pub const REST: &str = "rest";
/// Name of the node for the time of `compute` that no part of the model accounts for. Not [`REST`], because a span
/// accounts for it.
const PARTS_REST: &str = "rest of compute";
/// Name of the node for the time between a request's steps.
pub const BETWEEN: &str = "between steps";

/// A node of the span tree. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainNode {
    /// Name of the span, stage or step.
    pub name: String,
    /// Number of occurrences.
    pub count: usize,
    /// Sum of all occurrences.
    pub total_ms: f64,
    /// Share of the requests' wall time, 0 to 1.
    pub share: f64,
    /// Mean per occurrence.
    pub mean_ms: f64,
    /// Median per occurrence.
    pub p50_ms: f64,
    /// 90th percentile per occurrence.
    pub p90_ms: f64,
    /// 99th percentile per occurrence.
    pub p99_ms: f64,
    /// Longest occurrence.
    pub max_ms: f64,
    /// Number of positions computed; only for steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<u64>,
    /// Nested nodes, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChainNode>,
}

impl ChainNode {
    /// Builds the tree of `records`.
    pub fn of(records: &[Record]) -> Self {
        let walls: Vec<f64> = records.iter().map(wall_ms).collect();
        let mut root = Self::leaf("request", &walls);
        for span in Span::ALL
            .into_iter()
            .filter(|span| span.stage() == Stage::Request)
        {
            let values: Vec<f64> = records.iter().filter_map(|r| of_request(r, span)).collect();
            root.push(Self::leaf(span.name(), &values));
        }
        for kind in [StepKind::Prefill, StepKind::Decode] {
            let steps = records.iter().flat_map(|record| &record.steps);
            let steps: Vec<&StepTiming> = steps.filter(|step| step.kind == kind).collect();
            root.push(Self::step(kind, &steps));
        }
        let between: Vec<f64> = records.iter().map(between_ms).collect();
        root.push(Self::leaf(BETWEEN, &between));
        let total = root.total_ms;
        root.share_of(total);
        root
    }

    fn step(kind: StepKind, steps: &[&StepTiming]) -> Self {
        let values = |of: &dyn Fn(&StepTiming) -> f64| {
            let values = steps.iter().map(|step| of(step));
            values.collect::<Vec<f64>>()
        };
        let mut node = Self::leaf(kind.name(), &values(&|step| step.wall_ms));
        node.positions = Some(steps.iter().map(|step| u64::from(step.tokens)).sum());
        for stage in Stage::STEP {
            let mut of_stage = Self::leaf(stage.name(), &values(&|step| step.stage(stage)));
            for span in Span::ALL.into_iter().filter(|span| span.stage() == stage) {
                let happened = steps.iter().map(|step| step.spans.get(span));
                let happened: Vec<f64> = happened.filter(|ms| *ms != 0.0).collect();
                let mut of_span = Self::leaf(span.name(), &happened);
                if span == Span::Compute {
                    of_span.push_parts(steps);
                }
                of_stage.push(of_span);
            }
            node.push(of_stage);
        }
        node.push(Self::leaf(REST, &values(&StepTiming::residue_ms)));
        node
    }

    /// Adds a child per part of the model, from the steps that measured them, and one for what they leave of the span.
    fn push_parts(&mut self, steps: &[&StepTiming]) {
        for part in ModelPart::ALL {
            let times = steps.iter().filter_map(|step| Some(step.parts?.get(part)));
            let times: Vec<f64> = times.filter(|ms| *ms != 0.0).collect();
            self.push(Self::leaf(part.name(), &times));
        }
        let rest = steps.iter().filter_map(|step| step.parts_residue_ms());
        self.push(Self::leaf(PARTS_REST, &rest.collect::<Vec<f64>>()));
    }

    fn leaf(name: &str, values: &[f64]) -> Self {
        let of = Distribution::of(values).unwrap_or_default();
        Self {
            name: name.to_owned(),
            count: of.count,
            total_ms: values.iter().sum(),
            mean_ms: of.mean,
            p50_ms: of.p50,
            p90_ms: of.p90,
            p99_ms: of.p99,
            max_ms: of.max,
            ..Self::default()
        }
    }

    /// Adds a child, unless it never happened.
    fn push(&mut self, child: Self) {
        if child.count > 0 && (child.total_ms != 0.0 || !child.children.is_empty()) {
            self.children.push(child);
        }
    }

    fn share_of(&mut self, total: f64) {
        self.share = if total > 0.0 {
            self.total_ms / total
        } else {
            0.0
        };
        for child in &mut self.children {
            child.share_of(total);
        }
    }

    /// Returns the time that no span accounts for, within steps and between them.
    pub fn residue_ms(&self) -> f64 {
        let own = |node: &Self| node.name == REST || node.name == BETWEEN;
        let below = self.children.iter().map(Self::residue_ms).sum::<f64>();
        below + if own(self) { self.total_ms } else { 0.0 }
    }

    /// Returns the node at the end of `path`, a list of names from the root's children down.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = self.children.iter().find(|child| child.name == *first)?;
        child.find(rest)
    }
}

/// Returns the wall time of a request: its per-request spans, and its steps from the first to the last.
pub fn wall_ms(record: &Record) -> f64 {
    before_ms(record) + steps_wall_ms(record)
}

/// Returns the time of a per-request span, if it happened.
pub fn of_request(record: &Record, span: Span) -> Option<f64> {
    let ms = record.request?.spans.get(span);
    (ms != 0.0).then_some(ms)
}

/// Returns the time between a request's steps.
pub fn between_ms(record: &Record) -> f64 {
    steps_wall_ms(record) - record.steps.iter().map(|step| step.wall_ms).sum::<f64>()
}

fn before_ms(record: &Record) -> f64 {
    record
        .request
        .map_or(0.0, |timing| timing.spans.stage(Stage::Request))
}

fn steps_wall_ms(record: &Record) -> f64 {
    let ends = record.steps.first().zip(record.steps.last());
    ends.map_or(0.0, |(first, last)| {
        last.start_ms + last.wall_ms - first.start_ms
    })
}
