//! Runs a dataset's rows one after the other, and each row a second time if something is done worse.

use crate::ablate::SwitchSizes;
use crate::answers;
use crate::decorators::{Ablations, set_ablations};
use llamaglass_engine::Engine;
use llamaglass_engine::stats::Record;
use llamaglass_engine::timing::StepKind;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::ablate::Switch;
use llamaglass_lab::experiments::chain::ChainData;
use llamaglass_lab::interleaved;
use llamaglass_lab::{LabError, Observer, Point, Progress, asking};

/// Tokens per warm-up request: after two decode steps, everything that a decode step runs has run.
const WARM_UP_TOKENS: usize = 3;

/// Settings of `chain`.
#[derive(Clone, Copy, Debug)]
pub struct ChainSettings {
    /// Tokens per answer.
    pub tokens: usize,
    /// Switch of a second run of each row, if any.
    pub with: Option<Switch>,
    /// Parameters of the switch.
    pub sizes: SwitchSizes,
}

/// Answers each row of `dataset` with `tokens` tokens. With `worse`, a name and what is done worse, each row also
/// runs a second time with that change, right before or right after the first.
///
/// # Errors
/// [`LabError`] if the run is stopped, a row fails or the engine cannot do `worse`. The engine's settings are
/// restored.
pub async fn run(
    engine: &mut Engine,
    dataset: &Dataset,
    tokens: usize,
    worse: Option<(&str, Ablations)>,
    watch: &mut impl Observer,
) -> Result<ChainData, LabError> {
    let measured = measure(engine, dataset, tokens, worse.map(|worse| worse.1), watch).await;
    let reset = set_ablations(engine, Ablations::default());
    let [first, second] = measured?;
    reset.map_err(|error| LabError::failed("leaving the engine as it was", error))?;
    let data = ChainData::of(dataset.name.clone(), &first);
    Ok(match worse {
        Some((name, _)) => data.against(name, &first, &second),
        None => data,
    })
}

async fn measure(
    engine: &mut Engine,
    dataset: &Dataset,
    tokens: usize,
    worse: Option<Ablations>,
    watch: &mut impl Observer,
) -> Result<[Vec<Record>; 2], LabError> {
    let arms: Vec<Ablations> = [Some(Ablations::default()), worse]
        .into_iter()
        .flatten()
        .collect();
    let (total, chat) = (dataset.rows.len(), engine.info().has_chat_template);
    watch.notify(Progress {
        what: "warm-up".into(),
        total,
        ..Progress::default()
    });
    for ablations in &arms {
        set(engine, *ablations)?;
        if let Some(row) = dataset.rows.first() {
            let request = asking(chat, &row.prompt, WARM_UP_TOKENS);
            answers::alone(engine, request, watch).await?;
        }
    }
    let mut records = [Vec::with_capacity(total), Vec::with_capacity(total)];
    let orders = interleaved(arms.len(), total);
    for (index, (row, order)) in dataset.rows.iter().zip(orders).enumerate() {
        for arm in order {
            set(engine, arms[arm])?;
            let request = asking(chat, &row.prompt, tokens);
            let record = answers::alone(engine, request, watch).await;
            let mut record = record.map_err(|error| match error {
                LabError::Stopped => error,
                error => LabError::Row {
                    row: index + 1,
                    error: error.to_string(),
                },
            })?;
            if let Some(pad_to) = arms[arm].pad_to {
                count_padding(&mut record, pad_to.min(engine.info().context_length));
            }
            records[arm].push(record);
        }
        watch.notify(Progress {
            what: format!("row {}/{total}", index + 1),
            done: index + 1,
            total,
            point: records[0].last().and_then(Record::ttft_ms).map(|ms| Point {
                series: "first token".into(),
                x: index as f64 + 1.0,
                y: ms,
            }),
        });
    }
    Ok(records)
}

/// Adds the padding up to `pad_to` positions, which the last prefill step computed, to that step's tokens.
fn count_padding(record: &mut Record, pad_to: usize) {
    let padding = pad_to.saturating_sub(record.prompt_tokens);
    let steps = &mut record.steps;
    if let Some(last) = steps
        .iter_mut()
        .rfind(|step| step.kind == StepKind::Prefill)
    {
        last.tokens += padding as u32;
    }
}

fn set(engine: &mut Engine, ablations: Ablations) -> Result<(), LabError> {
    let set = set_ablations(engine, ablations);
    set.map_err(|error| LabError::NotHere {
        experiment: llamaglass_lab::Experiment::Chain,
        why: error.to_string(),
    })
}
