//! Measures switches on an engine: pairs of requests, one unchanged and one with the switch.

use crate::answers;
use crate::decorators::{Ablations, EagerLogs, loaded_depth, set_ablations};
use llamaglass_engine::Engine;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use llamaglass_lab::bench::random_request;
use llamaglass_lab::experiments::ablate::{
    AblateSettings, AblationEffect, LOG_LINES, Switch, Timed, pairs,
};
use llamaglass_lab::{LabError, Observer, Progress};

/// Parameters of switches.
#[derive(Clone, Copy, Debug)]
pub struct SwitchSizes {
    /// Log lines that each step formats with [`Switch::EagerLogs`].
    pub log_lines: u32,
    /// Milliseconds per step to spend on formatting instead, a cost known in advance.
    pub log_ms: Option<f64>,
    /// Positions that prompts are padded to with [`Switch::PadToMax`].
    pub pad_to: Option<usize>,
}

impl Default for SwitchSizes {
    fn default() -> Self {
        Self {
            log_lines: LOG_LINES,
            log_ms: None,
            pad_to: None,
        }
    }
}

/// Measures those of `switches` that the engine supports, and returns the others with the reason.
///
/// # Errors
/// [`LabError`] if the run is stopped or fails.
#[allow(clippy::type_complexity, reason = "two lists, each said once")]
pub async fn run(
    engine: &mut Engine,
    switches: &[Switch],
    settings: &AblateSettings,
    watch: &mut impl Observer,
) -> Result<(Vec<AblationEffect>, Vec<(Switch, String)>), LabError> {
    let (mut effects, mut left_out) = (Vec::new(), Vec::new());
    let total = switches.len();
    for (done, switch) in switches.iter().enumerate() {
        watch.notify(Progress {
            what: switch.title().into(),
            done,
            total,
            point: None,
        });
        match run_switch(engine, *switch, settings, watch).await {
            Ok(effect) => effects.push(effect),
            Err(LabError::NotHere { why, .. }) => left_out.push((*switch, why)),
            Err(error) => return Err(error),
        }
    }
    Ok((effects, left_out))
}

/// Measures one switch.
///
/// # Errors
/// [`LabError::NotHere`] if the engine does not support the switch; other errors if the run is stopped or fails.
pub async fn run_switch<W: Observer>(
    engine: &mut Engine,
    switch: Switch,
    settings: &AblateSettings,
    watch: &mut W,
) -> Result<AblationEffect, LabError> {
    let not_here = |why: String| LabError::NotHere {
        experiment: llamaglass_lab::Experiment::Ablate,
        why,
    };
    let none = Ablations::default();
    if switch == Switch::Batch {
        return batch(engine, settings, watch).await;
    }
    let sizes = (settings.log_lines, settings.pad_to);
    let (ablations, changes) = ablations(engine, switch, sizes).map_err(&not_here)?;
    let timed = async |watch: &mut W, arm: usize, number: u64| {
        let set = if arm == 1 { ablations } else { none };
        set_ablations(engine, set).map_err(|error| not_here(error.to_string()))?;
        let request = request(engine, settings, number);
        let answered = answers::alone(engine, request, watch).await;
        // Restore the engine even if the request failed.
        let reset = set_ablations(engine, none);
        let answered = answered?;
        reset.map_err(|error| not_here(error.to_string()))?;
        Ok(timed(&answered))
    };
    pairs(switch, &changes, settings.repeats, watch, timed).await
}

fn request(engine: &Engine, settings: &AblateSettings, number: u64) -> Request {
    let vocab = engine.info().config.vocab_size;
    let seed = settings.seed.wrapping_add(number);
    random_request(seed, settings.prompt_tokens, settings.gen_tokens, vocab)
}

fn timed(record: &Record) -> Timed {
    Timed {
        ttft_ms: record.ttft_ms().unwrap_or(f64::NAN),
        rest_ms: record.tpot_ms().iter().sum(),
        ids: record.ids.clone(),
    }
}

/// Returns the ablations that `switch` stands for, and their description. `log_lines` log lines are formatted per
/// step; prompts are padded to `pad_to` positions, by default the context length.
///
/// # Errors
/// A message if the switch is not one of the engine's own.
pub fn ablations(
    engine: &Engine,
    switch: Switch,
    (log_lines, pad_to): (u32, Option<usize>),
) -> Result<(Ablations, String), String> {
    let none = Ablations::default();
    Ok(match switch {
        Switch::EagerLogs => (
            Ablations {
                eager_logs: Some(EagerLogs::Lines(log_lines)),
                ..none
            },
            format!("each step formats {log_lines} log lines of what it computes, and drops them"),
        ),
        Switch::PadToMax => {
            let to = pad_to.unwrap_or(engine.info().context_length);
            let changes = format!("prompts are computed as {to} positions, however short they are");
            (
                Ablations {
                    pad_to: Some(to),
                    ..none
                },
                changes,
            )
        }
        Switch::ConcatenatedCache => (
            Ablations {
                concatenated_cache: true,
                ..none
            },
            "each token copies the request\u{2019}s whole KV cache into new memory".into(),
        ),
        Switch::HostPick => (
            Ablations {
                host_pick: true,
                ..none
            },
            format!(
                "all {} logits are copied to the host, which picks the largest",
                engine.info().config.vocab_size
            ),
        ),
        Switch::NoReplay => (
            Ablations {
                no_replay: true,
                ..none
            },
            "the launches of each token\u{2019}s step are recorded anew".into(),
        ),
        Switch::ReadbackDepth => {
            let loaded = loaded_depth(engine);
            let other = if loaded == 1 { 2 } else { 1 };
            (
                Ablations {
                    readback_depth: Some(other),
                    ..none
                },
                format!(
                    "{other} steps are issued before the first is waited for, instead of {loaded}"
                ),
            )
        }
        Switch::Worker | Switch::Batch | Switch::Overlay => {
            return Err("it is not the engine\u{2019}s own".into());
        }
    })
}

/// Measures a full batch of requests, answered together and one after the other.
async fn batch<W: Observer>(
    engine: &mut Engine,
    settings: &AblateSettings,
    watch: &mut W,
) -> Result<AblationEffect, LabError> {
    let batch = engine.info().batch;
    if batch < 2 {
        return Err(LabError::NotHere {
            experiment: llamaglass_lab::Experiment::Ablate,
            why: "the model was loaded for one request at a time".into(),
        });
    }
    let timed = async |watch: &mut W, arm: usize, number: u64| {
        let from = number * batch as u64 + 100;
        let numbers = (from..).take(batch);
        let requests = numbers.map(|number| request(engine, settings, number));
        let requests: Vec<Request> = requests.collect();
        engine.clear_cache();
        let begin = engine.now_ms();
        let mut records = Vec::with_capacity(batch);
        if arm == 0 {
            records = answers::together(engine, requests, watch).await?;
        } else {
            for request in requests {
                records.push(answers::alone(engine, request, watch).await?);
            }
        }
        let all_ms = engine.now_ms() - begin;
        let ttft = records.iter().filter_map(Record::first_token_at_ms);
        let ttft_ms = ttft.fold(0.0, f64::max) - begin;
        // Per request, because all of them share the steps.
        let of_each = batch as f64;
        Ok(Timed {
            ttft_ms: ttft_ms / of_each,
            rest_ms: (all_ms - ttft_ms) / of_each,
            ids: records.into_iter().flat_map(|record| record.ids).collect(),
        })
    };
    let changes = format!(
        "{batch} requests are answered one after the other instead of at once; times are all of them over {batch}"
    );
    let mut effect = pairs(Switch::Batch, &changes, settings.repeats, watch, timed).await?;
    // Token times are not comparable: one after the other, the first request ends before the second begins.
    effect.per_token_ms = None;
    Ok(effect)
}
