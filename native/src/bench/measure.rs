//! The runs of a bench: seeded random prompts, nothing reused, no early end.

use anyhow::{Result, bail};
use llamaglass_engine::Engine;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::{Quantiles, Record};
use llamaglass_engine::timing::KernelTime;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::report::{AtPosition, Settings};
use crate::output::note;

/// Warm-up runs, then the measured ones.
pub fn measure(engine: &mut Engine, settings: &Settings) -> Result<Vec<Record>> {
    let mut random = ChaCha8Rng::seed_from_u64(settings.seed);
    for _ in 0..settings.warmup {
        // Two steps after the prefill are enough to have run everything that a decode step runs.
        let tokens = settings.gen_tokens.min(3);
        run(engine, &mut random, settings.prompt_tokens, tokens)?;
    }
    let mut records = Vec::with_capacity(settings.repeat);
    for number in 1..=settings.repeat {
        let (prompt, tokens) = (settings.prompt_tokens, settings.gen_tokens);
        let record = run(engine, &mut random, prompt, tokens)?;
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
    let ids = random_ids(engine, &mut random, longest);
    let mut lengths = settings.positions.clone();
    lengths.sort_unstable();
    lengths.dedup();
    engine.clear_cache();
    let mut all = Vec::with_capacity(lengths.len());
    for position in lengths {
        note(&format!("position {position}"));
        let record = answer(engine, ids[..position].to_vec(), settings.gen_tokens)?;
        let gaps: Vec<f64> = record.tpot_ms();
        let Some(tpot_ms) = Quantiles::of(&gaps) else {
            bail!("positions need at least 2 generated tokens");
        };
        all.push(AtPosition { position, tpot_ms });
    }
    Ok(all)
}

/// Each kernel by itself: of the prompt's last chunk, and of the decode step after the prompt.
pub fn kernels(engine: &mut Engine, settings: &Settings) -> Result<Vec<KernelTime>> {
    let prompt = settings.prompt_tokens;
    let chunk = engine.info().prefill_chunk.min(prompt);
    note("kernels one by one");
    let mut all = Vec::new();
    if chunk > 1 {
        all = pollster::block_on(engine.profile(chunk, prompt - chunk, settings.repeat))?;
    }
    all.extend(pollster::block_on(engine.profile(
        1,
        prompt,
        settings.repeat,
    ))?);
    Ok(all)
}

/// One prompt of random ids and its greedy answer, from an empty cache, past every end id.
fn run(
    engine: &mut Engine,
    random: &mut ChaCha8Rng,
    prompt_tokens: usize,
    gen_tokens: usize,
) -> Result<Record> {
    let ids = random_ids(engine, random, prompt_tokens);
    engine.clear_cache();
    let record = answer(engine, ids, gen_tokens)?;
    if record.reused_tokens != 0 {
        bail!(
            "the run reused {} prompt ids instead of none",
            record.reused_tokens
        );
    }
    Ok(record)
}

fn random_ids(engine: &Engine, random: &mut ChaCha8Rng, count: usize) -> Vec<u32> {
    let vocabulary = u32::try_from(engine.info().config.vocab_size).unwrap_or(u32::MAX);
    let ids = (0..count).map(|_| random.random_range(0..vocabulary.max(1)));
    ids.collect()
}

fn answer(engine: &mut Engine, ids: Vec<u32>, gen_tokens: usize) -> Result<Record> {
    let mut request = Request::new(Input::Ids(ids));
    request.max_tokens = Some(gen_tokens);
    request.ignore_eos = true;
    let id = engine.submit(request);
    let mut record = Record::default();
    while !engine.is_idle() {
        for event in pollster::block_on(engine.step()) {
            if event.request() == id {
                record.push(&event);
            }
        }
    }
    if let Some(error) = &record.error {
        bail!("{error}");
    }
    // A bench that measured something else would be worse than none.
    if record.ids.len() != gen_tokens {
        bail!(
            "the run picked {} tokens instead of {gen_tokens}",
            record.ids.len(),
        );
    }
    Ok(record)
}
