//! Comparison of two runs of the same requests.

use serde::{Deserialize, Serialize};

use super::tree::{BETWEEN, REST, between_ms, of_request, wall_ms};
use crate::finding::{Finding, Sentence};
use crate::measure::{Difference, Estimate};
use llamaglass_types::stats::Record;
use llamaglass_types::timing::{Span, Stage, StepKind, StepTiming};

/// Growth from the first run to the second. Times are milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ChainDiff {
    /// Wall time of requests, in pairs.
    pub request: Option<Difference>,
    /// Wall time of prefill steps and of decode steps.
    pub steps: Vec<Growth>,
    /// Every span that took time in either run, largest growth first.
    pub spans: Vec<Growth>,
}

/// A span in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Growth {
    /// Path of the span in the tree: step, stage, span.
    pub path: Vec<String>,
    /// Time per request, in pairs of the same request.
    pub a_request: Difference,
    /// Mean number of occurrences per request, in the first run and in the second.
    pub times: [f64; 2],
    /// Mean time per occurrence, in the first run and in the second.
    pub each_ms: [f64; 2],
    /// Extra time per occurrence. If the span occurred equally often in both runs, it follows from the median of
    /// the pairs; otherwise it is the second run's `each_ms` less the first's.
    pub growth_each_ms: f64,
    /// Mean number of positions per request that the steps computed, in both runs; only for spans of steps.
    pub positions: Option<[f64; 2]>,
}

const KINDS: [StepKind; 2] = [StepKind::Prefill, StepKind::Decode];

/// Occurrences and time of a span within one request, and positions of its steps.
#[derive(Clone, Copy, Default)]
struct Taken {
    times: f64,
    ms: f64,
    positions: f64,
}

impl ChainDiff {
    /// Compares two runs of the same requests in the same order.
    pub fn of(first: &[Record], second: &[Record]) -> Self {
        let pairs = || first.iter().zip(second);
        let walls: Vec<[f64; 2]> = pairs().map(|(a, b)| [wall_ms(a), wall_ms(b)]).collect();
        let of_place = |place: Place| {
            let taken = pairs().map(|(a, b)| [place.taken(a), place.taken(b)]);
            Growth::of(&place, &taken.collect::<Vec<[Taken; 2]>>())
        };
        let steps = KINDS.into_iter().map(Place::Whole);
        let steps: Vec<Growth> = steps.filter_map(of_place).collect();
        let mut spans: Vec<Growth> = places().filter_map(of_place).collect();
        let growth = |of: &Growth| of.a_request.difference.median;
        spans.sort_by(|a, b| growth(b).total_cmp(&growth(a)));
        Self {
            request: Difference::of(&walls),
            steps,
            spans,
        }
    }

    /// Names the span that grew most, and by how much.
    pub fn headline(&self) -> Finding {
        let grew = |of: &Difference| of.is_certain() && of.difference.median > 0.0;
        let Some(growth) = self.spans.first().filter(|of| grew(&of.a_request)) else {
            return Sentence::default().end("No difference measured: no span grew.");
        };
        let at = |field: &str| format!("/diff/spans/0/{field}");
        let kind = growth.path.first().map_or("", |kind| &**kind);
        let name = growth.path.last().map_or("", |name| &**name);
        let more = growth.positions.filter(|[before, after]| after > before);
        let steps = self.steps.iter().position(|step| step.path == [kind]);
        if let (Some([before, after]), Some(index)) = (more, steps) {
            // Steps with more positions take longer in every span, so the step is named.
            let step = format!("/diff/steps/{index}");
            let sentence = Sentence::new(&format!("{kind} grew the most: by "));
            let median = growth.a_request.difference.median;
            return of_a_request(sentence, &step, self.steps[index].a_request.difference)
                .text(", with ")
                .number(at("positions/1"), after)
                .text(" positions computed instead of ")
                .number(at("positions/0"), before)
                .text(&format!("; {name} is "))
                .number(at("a_request/difference/median"), median)
                .end(" ms of it.");
        }
        let place = match growth.path.len() {
            1 => name.to_owned(),
            _ => format!("{name} of {kind}"),
        };
        let mut sentence = Sentence::new(&format!("{place} grew the most: by "));
        let [before, after] = growth.times;
        // Growth per occurrence is only given for a span that occurs as often as before.
        if (after - before).abs() < 0.01 * before {
            sentence = sentence.number(at("growth_each_ms"), growth.growth_each_ms);
            sentence = sentence.text(" ms each time, ");
        }
        of_a_request(sentence, "/diff/spans/0", growth.a_request.difference).end(".")
    }
}

/// Appends the extra time per request, which is at `pointer`.
fn of_a_request(sentence: Sentence, pointer: &str, of: Estimate) -> Sentence {
    let at = format!("{pointer}/a_request/difference");
    let sentence = sentence.number(format!("{at}/median"), of.median);
    sentence.text(" ms/request").interval(&at, &of)
}

impl Growth {
    fn of(place: &Place, taken: &[[Taken; 2]]) -> Option<Self> {
        let sum =
            |run: usize, of: fn(&Taken) -> f64| taken.iter().map(|t| of(&t[run])).sum::<f64>();
        let n = taken.len() as f64;
        let times = [0, 1].map(|run| sum(run, |t| t.times));
        if times == [0.0, 0.0] {
            return None;
        }
        let each_ms = [0, 1].map(|run| match times[run] {
            0.0 => 0.0,
            times => sum(run, |t| t.ms) / times,
        });
        let pairs: Vec<[f64; 2]> = taken.iter().map(|t| [t[0].ms, t[1].ms]).collect();
        let a_request = Difference::of(&pairs)?;
        // With equal counts the median is used, because one slow request would distort a mean.
        let growth_each_ms = match times[0] == times[1] {
            true => a_request.difference.median / (times[0] / n),
            false => each_ms[1] - each_ms[0],
        };
        Some(Self {
            path: place.path(),
            a_request,
            times: times.map(|times| times / n),
            growth_each_ms,
            each_ms,
            positions: matches!(place, Place::Step(..) | Place::Whole(_))
                .then(|| [0, 1].map(|run| sum(run, |t| t.positions) / n)),
        })
    }
}

/// A place where time is spent.
enum Place {
    Request(Span),
    /// A whole step.
    Whole(StepKind),
    /// `None` is the time of the step that no span accounts for.
    Step(StepKind, Option<Span>),
    Between,
}

fn places() -> impl Iterator<Item = Place> {
    let of_request = |span: &Span| span.stage() == Stage::Request;
    let request = Span::ALL.into_iter().filter(of_request).map(Place::Request);
    let steps = KINDS.into_iter().flat_map(move |kind| {
        let spans = Span::ALL.into_iter().filter(move |span| !of_request(span));
        let spans = spans.map(Some).chain([None]);
        spans.map(move |span| Place::Step(kind, span))
    });
    request.chain(steps).chain([Place::Between])
}

impl Place {
    fn path(&self) -> Vec<String> {
        let names: Vec<&str> = match self {
            Self::Request(span) => vec![span.name()],
            Self::Whole(kind) => vec![kind.name()],
            Self::Step(kind, Some(span)) => vec![kind.name(), span.stage().name(), span.name()],
            Self::Step(kind, None) => vec![kind.name(), REST],
            Self::Between => vec![BETWEEN],
        };
        names.into_iter().map(str::to_owned).collect()
    }

    fn taken(&self, record: &Record) -> Taken {
        let (times, positions) = (1.0, 0.0);
        let once = |ms: f64| Taken {
            times,
            ms,
            positions,
        };
        match self {
            Self::Request(span) => of_request(record, *span).map(once).unwrap_or_default(),
            Self::Between => once(between_ms(record)),
            Self::Whole(kind) => of_steps(record, *kind, &|step| step.wall_ms),
            Self::Step(kind, Some(span)) => of_steps(record, *kind, &|step| step.spans.get(*span)),
            Self::Step(kind, None) => of_steps(record, *kind, &StepTiming::residue_ms),
        }
    }
}

fn of_steps(record: &Record, kind: StepKind, ms: &dyn Fn(&StepTiming) -> f64) -> Taken {
    let steps = record.steps.iter().filter(|step| step.kind == kind);
    steps.fold(Taken::default(), |sum, step| Taken {
        times: sum.times + if ms(step) == 0.0 { 0.0 } else { 1.0 },
        ms: sum.ms + ms(step),
        positions: sum.positions + f64::from(step.tokens),
    })
}
