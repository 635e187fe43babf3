//! Nested spans of many requests.

use serde::{Deserialize, Serialize};

use llamaglass_engine::stats::{Distribution, Record};
use llamaglass_engine::timing::{Span, Stage, StepKind, StepTiming};

/// What is left of a node's time when its children's are taken away.
pub const REST: &str = "rest";
/// What passed between a request's steps.
pub const BETWEEN: &str = "between steps";

/// A span with those inside it. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainNode {
    /// The span's, stage's or step's name.
    pub name: String,
    /// How often it happened.
    pub count: usize,
    /// All of it together.
    pub total_ms: f64,
    /// Its share of the requests' wall time, 0 to 1.
    pub share: f64,
    /// The mean of one time.
    pub mean_ms: f64,
    /// Half took at most this.
    pub p50_ms: f64,
    /// 90 of 100 took at most this.
    pub p90_ms: f64,
    /// 99 of 100 took at most this.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Positions that were computed, of steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<u64>,
    /// What is inside it, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<ChainNode>,
}

impl ChainNode {
    /// The tree of `records`.
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
                of_stage.push(Self::leaf(span.name(), &happened));
            }
            node.push(of_stage);
        }
        node.push(Self::leaf(REST, &values(&StepTiming::residue_ms)));
        node
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

    /// What never happened is left out.
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

    /// What no span accounts for: of steps, and between them.
    pub fn residue_ms(&self) -> f64 {
        let own = |node: &Self| node.name == REST || node.name == BETWEEN;
        let below = self.children.iter().map(Self::residue_ms).sum::<f64>();
        below + if own(self) { self.total_ms } else { 0.0 }
    }

    /// The node at the end of these names.
    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let child = self.children.iter().find(|child| child.name == *first)?;
        child.find(rest)
    }
}

/// From submitting a request to its last token.
pub fn wall_ms(record: &Record) -> f64 {
    before_ms(record) + steps_wall_ms(record)
}

/// What a request's span took, where it happened.
pub fn of_request(record: &Record, span: Span) -> Option<f64> {
    let ms = record.request?.spans.get(span);
    (ms != 0.0).then_some(ms)
}

/// What passed between a request's steps.
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
