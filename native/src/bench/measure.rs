//! The runs of a bench: seeded random prompts, nothing reused, no early end.

use anyhow::{Result, bail};
use llamaglass_engine::Engine;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::stats::Record;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::report::Settings;
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

/// One prompt of random ids and its greedy answer, from an empty cache, past every end id.
fn run(
    engine: &mut Engine,
    random: &mut ChaCha8Rng,
    prompt_tokens: usize,
    gen_tokens: usize,
) -> Result<Record> {
    let vocabulary = u32::try_from(engine.info().config.vocab_size).unwrap_or(u32::MAX);
    let ids = (0..prompt_tokens).map(|_| random.random_range(0..vocabulary.max(1)));
    let mut request = Request::new(Input::Ids(ids.collect()));
    request.max_tokens = Some(gen_tokens);
    request.ignore_eos = true;
    engine.clear_cache();
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
    if record.ids.len() != gen_tokens || record.reused_tokens != 0 {
        bail!(
            "the run picked {} tokens instead of {gen_tokens} and reused {} prompt ids instead of none",
            record.ids.len(),
            record.reused_tokens
        );
    }
    Ok(record)
}
