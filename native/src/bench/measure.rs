//! Running a benchmark's requests.

use anyhow::{Result, bail};
use llamaglass_engine::Engine;
use llamaglass_engine::bench::{AtBatch, AtPosition, Settings, random_ids, request};
use llamaglass_engine::event::RequestId;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::{Quantiles, Record};
use llamaglass_engine::timing::KernelTime;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::output::note;

/// Warm-up runs, then the measured ones, each from an empty cache.
pub fn measure(engine: &mut Engine, settings: &Settings) -> Result<Vec<Record>> {
    let mut records = Vec::with_capacity(settings.repeat);
    for run in settings.runs(engine.info().config.vocab_size) {
        engine.clear_cache();
        let record = answer(engine, run.request.clone());
        run.check(&record)?;
        let Some(number) = run.measured else { continue };
        note(&format!(
            "run {number}/{}: prefill {:.2} tok/s, decode {:.2} tok/s",
            settings.repeat,
            record.prefill_tok_s().unwrap_or(f64::NAN),
            record.decode_tok_s().unwrap_or(f64::NAN),
        ));
        records.push(record);
    }
    Ok(records)
}

/// Milliseconds a token after prompts of each length in `settings.positions`, in rising order: each
/// prompt continues the one before, so that only what is new is computed.
pub fn positions(engine: &mut Engine, settings: &Settings) -> Result<Vec<AtPosition>> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    let longest = settings.positions.iter().max().copied().unwrap_or(0);
    let ids = random_ids(&mut random, longest, engine.info().config.vocab_size);
    let mut lengths = settings.positions.clone();
    lengths.sort_unstable();
    lengths.dedup();
    engine.clear_cache();
    let mut all = Vec::with_capacity(lengths.len());
    for position in lengths {
        note(&format!("position {position}"));
        let record = answer(
            engine,
            request(ids[..position].to_vec(), settings.gen_tokens),
        );
        if let Some(error) = record.error {
            bail!("{error}");
        }
        let Some(tpot_ms) = Quantiles::of(&record.tpot_ms()) else {
            bail!("positions need at least 2 generated tokens");
        };
        all.push(AtPosition { position, tpot_ms });
    }
    Ok(all)
}

/// So many requests at once as `settings.batches` says, in rising order, each from an empty cache.
pub fn batches(engine: &mut Engine, settings: &Settings) -> Result<Vec<AtBatch>> {
    let mut counts = settings.batches.clone();
    counts.sort_unstable();
    counts.dedup();
    let vocab = engine.info().config.vocab_size;
    let mut all = Vec::with_capacity(counts.len());
    for batch in counts {
        let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
        let mut runs = Vec::with_capacity(settings.repeat);
        for number in 1..=settings.repeat {
            note(&format!("batch {batch}, run {number}/{}", settings.repeat));
            let mut prompt = || random_ids(&mut random, settings.prompt_tokens, vocab);
            let requests = (0..batch).map(|_| request(prompt(), settings.gen_tokens));
            let requests: Vec<Request> = requests.collect();
            engine.clear_cache();
            let records = answer_all(engine, requests);
            if let Some(error) = records.iter().find_map(|record| record.error.clone()) {
                bail!("{error}");
            }
            runs.push(records);
        }
        all.push(AtBatch::new(batch, &runs));
    }
    Ok(all)
}

/// Each kernel by itself: of the prompt's last chunk, and of the decode step after the prompt.
pub fn kernels(engine: &mut Engine, settings: &Settings) -> Result<Vec<KernelTime>> {
    let (prompt, repeat) = (settings.prompt_tokens, settings.repeat);
    let chunk = engine.info().prefill_chunk.min(prompt);
    note("kernels one by one");
    let mut all = Vec::new();
    if chunk > 1 {
        all = pollster::block_on(engine.profile(chunk, prompt - chunk, repeat))?;
    }
    all.extend(pollster::block_on(engine.profile(1, prompt, repeat))?);
    Ok(all)
}

fn answer(engine: &mut Engine, request: Request) -> Record {
    answer_all(engine, vec![request]).remove(0)
}

/// Submits all at once; a record a request.
fn answer_all(engine: &mut Engine, requests: Vec<Request>) -> Vec<Record> {
    let ids: Vec<RequestId> = requests.into_iter().map(|r| engine.submit(r)).collect();
    let mut records = vec![Record::default(); ids.len()];
    while !engine.is_idle() {
        for event in pollster::block_on(engine.step()) {
            if let Some(index) = ids.iter().position(|id| *id == event.request()) {
                records[index].push(&event);
            }
        }
    }
    records
}
