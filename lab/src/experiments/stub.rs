//! `stub`: the request path cut short at each level.

use crate::StubLevel;
use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use crate::measure::{Difference, Drift, Estimate, interleaved};
use crate::observer::{LabError, Observer, Point, Progress};
use llamaglass_types::stats::percentile;

/// A request rate and its duration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StubLoad {
    /// Requests per second.
    pub qps: f64,
    /// Duration in seconds.
    pub duration_s: f64,
}

/// Settings of `stub`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StubSettings {
    /// Levels to run.
    pub levels: Vec<StubLevel>,
    /// Loads to run.
    pub loads: Vec<StubLoad>,
    /// Number of runs per level and load.
    pub repeats: usize,
    /// Maximum tokens per answer.
    pub tokens: usize,
}

/// Result of `stub`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StubData {
    /// Settings of the run.
    pub stub_runs: StubSettings,
    /// Every level under every load, once with streamed and once with complete answers.
    pub cells: Vec<StubCell>,
    /// Cost that each level adds to the level before.
    pub levels: Vec<StubLevelCost>,
}

/// A level under a load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StubCell {
    /// The level.
    pub level: StubLevel,
    /// The load.
    #[serde(flatten)]
    pub load: StubLoad,
    /// True if answers were streamed.
    pub stream: bool,
    /// Requests per run.
    pub requested: usize,
    /// Requests answered, per run.
    pub completed: Vec<usize>,
    /// Time from the first request's start to the last one's end, in seconds, per run.
    pub execution_s: Vec<f64>,
    /// Minimum of `execution_s`.
    pub min_s: f64,
    /// Median of `execution_s`.
    pub median_s: f64,
    /// Median time to a complete answer, in milliseconds, per run.
    pub request_ms: Vec<f64>,
    /// Drift of `request_ms` from the first run to the last, without a restart in between.
    pub drift: Option<Drift>,
}

/// Cost that a level adds to the level before, in milliseconds per request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StubLevelCost {
    /// The level.
    pub level: StubLevel,
    /// True if answers were streamed.
    pub stream: bool,
    /// Time to a complete answer, over the runs of all loads.
    pub request_ms: Estimate,
    /// Difference to the level before, in pairs of the same load and repeat; `None` for the first level.
    pub added_ms: Option<Difference>,
}

/// Figures of one run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StubRun {
    /// Number of requests sent.
    pub requested: usize,
    /// Number of requests answered.
    pub completed: usize,
    /// Time from the first request's start to the last one's end, in seconds.
    pub execution_s: f64,
    /// Median time to a complete answer, in milliseconds.
    pub request_ms: f64,
}

/// A target that can answer with its request path cut short.
pub trait Stubbed {
    /// Runs one load at a level, with answers of at most `tokens` tokens.
    fn run(
        &mut self,
        level: StubLevel,
        load: StubLoad,
        stream: bool,
        tokens: usize,
    ) -> impl Future<Output = Result<StubRun, LabError>>;
}

/// Runs every level under every load; each repeat runs all levels in an interleaved order.
///
/// # Errors
/// [`LabError`] if a setting is missing, or the run is stopped or fails.
pub async fn run(
    stubbed: &mut impl Stubbed,
    settings: StubSettings,
    watch: &mut impl Observer,
) -> Result<StubData, LabError> {
    let StubSettings {
        levels,
        loads,
        repeats,
        tokens,
    } = &settings;
    if levels.is_empty() || loads.is_empty() || *repeats == 0 {
        return Err(LabError::Setting(
            "stub needs levels, loads and repeats".into(),
        ));
    }
    let mut cells = Vec::new();
    let mut progress = Progress {
        total: levels.len() * loads.len() * 2 * repeats,
        ..Progress::default()
    };
    for load in loads {
        for stream in [true, false] {
            let mut of_levels = vec![Vec::with_capacity(*repeats); levels.len()];
            for (repeat, order) in interleaved(levels.len(), *repeats).iter().enumerate() {
                for index in order {
                    if !watch.yield_now().await {
                        return Err(LabError::Stopped);
                    }
                    let level = levels[*index];
                    let rate = format!("{} requests per second", load.qps);
                    progress.what = format!("level {level}, {rate}, run {}/{repeats}", repeat + 1);
                    watch.notify(progress.clone());
                    let run = stubbed.run(level, *load, stream, *tokens).await?;
                    progress.done += 1;
                    progress.point = Some(Point {
                        series: rate,
                        x: f64::from(level.number()),
                        y: run.request_ms,
                    });
                    of_levels[*index].push(run);
                }
            }
            let all = levels.iter().zip(&of_levels);
            cells.extend(all.map(|(level, runs)| StubCell::of(*level, *load, stream, runs)));
        }
    }
    watch.notify(progress);
    Ok(StubData::of(settings, cells))
}

impl StubCell {
    /// Evaluates the runs of a level under a load.
    pub fn of(level: StubLevel, load: StubLoad, stream: bool, runs: &[StubRun]) -> Self {
        let execution_s: Vec<f64> = runs.iter().map(|run| run.execution_s).collect();
        let request_ms: Vec<f64> = runs.iter().map(|run| run.request_ms).collect();
        Self {
            level,
            load,
            stream,
            requested: runs.first().map_or(0, |run| run.requested),
            completed: runs.iter().map(|run| run.completed).collect(),
            min_s: percentile(&execution_s, 0.0).unwrap_or(0.0),
            median_s: percentile(&execution_s, 50.0).unwrap_or(0.0),
            drift: Drift::of(&request_ms),
            execution_s,
            request_ms,
        }
    }
}

impl StubData {
    /// Derives the cost of each level from all cells.
    pub fn of(stub_runs: StubSettings, cells: Vec<StubCell>) -> Self {
        let of = |level: StubLevel, stream: bool| -> Vec<f64> {
            let is_own = |cell: &&StubCell| cell.level == level && cell.stream == stream;
            let own = cells.iter().filter(is_own);
            own.flat_map(|cell| cell.request_ms.clone()).collect()
        };
        let mut levels = Vec::new();
        for stream in [true, false] {
            let mut before: Option<Vec<f64>> = None;
            for level in &stub_runs.levels {
                let values = of(*level, stream);
                let pairs = before.map(|before| before.into_iter().zip(values.iter().copied()));
                let pairs = pairs.map(|pairs| pairs.map(|(a, b)| [a, b]).collect::<Vec<_>>());
                levels.push(StubLevelCost {
                    level: *level,
                    stream,
                    request_ms: Estimate::of(&values).unwrap_or_default(),
                    added_ms: pairs.and_then(|pairs| Difference::of(&pairs)),
                });
                before = Some(values);
            }
        }
        Self {
            stub_runs,
            cells,
            levels,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let levels = self.levels.iter().enumerate();
        let added = levels.filter_map(|(index, of)| Some((index, of, of.added_ms.as_ref()?)));
        let certain = added.filter(|(_, of, added)| of.stream && added.is_certain());
        let said = certain.map(|(index, StubLevelCost { level, .. }, added)| {
            let at = format!("/levels/{index}/added_ms/difference/median");
            Sentence::new(&format!("Level {level} differs from the level before by "))
                .number(at, added.difference.median)
                .end(&format!(" ms/request; its path ends {}.", level.place()))
        });
        let mut findings: Vec<Finding> = said.collect();
        if findings.is_empty() {
            let none = "No difference measured: no level adds to the one before.";
            findings.push(Sentence::default().end(none));
        }
        let cells = self.cells.iter().enumerate();
        let drifts = cells.filter_map(|(index, cell)| {
            let drift = cell.drift.filter(Drift::is_drifting)?;
            let how = if cell.stream { "streamed" } else { "whole" };
            let sentence = Sentence::new(&format!("Level {} at ", cell.level))
                .number(format!("/cells/{index}/qps"), cell.load.qps)
                .text(&format!(" requests per second, answers {how}, drifts by "))
                .number(format!("/cells/{index}/drift/percent"), drift.percent);
            Some(sentence.end(" % over its runs."))
        });
        findings.extend(drifts);
        findings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stub_level_cost_is_difference_to_previous_level() {
        let load = StubLoad {
            qps: 10.0,
            duration_s: 3.0,
        };
        let run = |request_ms: f64| StubRun {
            requested: 30,
            completed: 30,
            execution_s: 3.0 + request_ms / 1e3,
            request_ms,
        };
        let levels = vec![StubLevel::Handler, StubLevel::Message];
        let mut cells = Vec::new();
        for (level, more) in levels.iter().zip([0.0, 0.25]) {
            for stream in [true, false] {
                let runs = [1.0, 1.5, 0.5, 1.25].map(|ms| run(ms + more));
                cells.push(StubCell::of(*level, load, stream, &runs));
            }
        }
        assert_eq!((cells[0].min_s, cells[0].requested), (3.0005, 30));
        assert!((cells[0].median_s - 3.001125).abs() < 1e-9);
        let settings = StubSettings {
            levels,
            loads: vec![load],
            repeats: 4,
            tokens: 16,
        };
        let data = StubData::of(settings, cells);
        assert_eq!(data.levels.len(), 4);
        assert_eq!(data.levels[0].added_ms, None);
        let added = data.levels[1].added_ms.as_ref().expect("one before");
        assert!((added.difference.median - 0.25).abs() < 1e-9);
        let text = &data.findings()[0].text;
        assert!(
            text.contains(" differs from the level before by 0.250 ms/request; "),
            "{text}"
        );
    }
}
