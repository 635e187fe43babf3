//! Runs `bare`: a dataset's rows through the engine without its scheduler.

use llamaglass_engine::Engine;
use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::tokenizer::{Message, SpecialText, Tokenizer};
use llamaglass_lab::dataset::{Dataset, Row};
use llamaglass_lab::experiments::bare::{BareData, BareRow};
use llamaglass_lab::{LabError, Observer, Point, Progress};

/// Tokens per warm-up request: after two decode steps, everything that a decode step runs has run.
const WARM_UP_TOKENS: usize = 3;
/// Answer tokens for rows without a reference answer.
const DEFAULT_TOKENS: usize = 64;

/// Settings of `bare`.
#[derive(Clone, Copy, Debug, Default)]
pub struct BareSettings {
    /// Tokens per answer; by default as many as the row's reference answer has.
    pub tokens: Option<usize>,
}

/// Answers each row of `dataset`, one after the other, after a warm-up that covers prefill and decode.
///
/// # Errors
/// [`LabError`] if the run is stopped or a row fails.
pub async fn run(
    engine: &mut Engine,
    dataset: &Dataset,
    settings: BareSettings,
    watch: &mut impl Observer,
) -> Result<BareData, LabError> {
    let tokenizer = std::sync::Arc::clone(engine.tokenizer());
    let total = dataset.rows.len();
    if let Some(row) = dataset.rows.first() {
        watch.notify(Progress {
            what: "warm-up".into(),
            total,
            ..Progress::default()
        });
        let (ids, _) = encode(&tokenizer, row).map_err(|error| row_error(0, &error))?;
        let warm_up = engine.bare(&ids, WARM_UP_TOKENS, &mut |_| {}).await;
        warm_up.map_err(|error| row_error(0, &error))?;
    }
    let mut rows = Vec::with_capacity(total);
    for (index, row) in dataset.rows.iter().enumerate() {
        if !watch.yield_now().await {
            return Err(LabError::Stopped);
        }
        let done = answer(engine, &tokenizer, row, settings).await;
        let done = done.map_err(|error| row_error(index, &error))?;
        watch.notify(Progress {
            what: format!("row {}/{total}", index + 1),
            done: index + 1,
            total,
            point: Some(Point {
                series: "requests".into(),
                x: done.output_tokens as f64,
                y: done.total_ms,
            }),
        });
        rows.push(done);
    }
    Ok(BareData::of(dataset.name.clone(), rows))
}

async fn answer(
    engine: &mut Engine,
    tokenizer: &Tokenizer,
    row: &Row,
    settings: BareSettings,
) -> Result<BareRow, llamaglass_engine::EngineError> {
    let tokens = match settings.tokens {
        Some(tokens) => tokens,
        None => budget(tokenizer, row)?,
    };
    let watch = Stopwatch::start();
    let (ids, encode_ms) = encode(tokenizer, row)?;
    let run = engine.bare(&ids, tokens, &mut |_| {}).await?;
    let before = watch.ms();
    let text = tokenizer.decode(&run.ids, true);
    let total_ms = watch.ms();
    std::hint::black_box(text);
    Ok(BareRow {
        input_tokens: ids.len(),
        output_tokens: run.ids.len(),
        encode_ms,
        prefill_ms: run.prefill_ms,
        decode_ms: run.steps_ms.iter().sum(),
        detokenize_ms: total_ms - before,
        total_ms,
    })
}

/// Returns the number of tokens in the row's reference answer (at least 1), or a default without one.
///
/// # Errors
/// The tokenizer's error.
pub fn budget(tokenizer: &Tokenizer, row: &Row) -> Result<usize, llamaglass_engine::EngineError> {
    let reference = row.reference.as_deref();
    let ids = reference.map(|text| tokenizer.encode(text, SpecialText::AsText));
    let ids = ids.transpose()?;
    Ok(ids.map_or(DEFAULT_TOKENS, |ids| ids.len().max(1)))
}

/// Tokenizes a row's prompt, in the model's chat template if it has one. Returns the ids and the milliseconds
/// it took.
///
/// # Errors
/// The tokenizer's error.
pub fn encode(
    tokenizer: &Tokenizer,
    row: &Row,
) -> Result<(Vec<u32>, f64), llamaglass_engine::EngineError> {
    let watch = Stopwatch::start();
    let ids = if tokenizer.has_chat_template() {
        tokenizer.encode_chat(&[Message {
            role: "user".into(),
            content: row.prompt.clone(),
        }])?
    } else {
        tokenizer.encode_with_bos(&row.prompt, SpecialText::AsText)?
    };
    Ok((ids, watch.ms()))
}

fn row_error(index: usize, error: &llamaglass_engine::EngineError) -> LabError {
    LabError::Row {
        row: index + 1,
        error: error.to_string(),
    }
}
