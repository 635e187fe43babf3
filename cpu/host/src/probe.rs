//! Chooses the number of threads by timing real steps.

use js_sys::Function;
use llamaglass_cpu::ModelError;
use wasm_bindgen::JsValue;

use crate::js::{global, method};

/// Number of steps per number of threads; the fastest counts, because other programs only make steps slower.
const ROUNDS: usize = 3;
/// Time after which no further round begins.
const MAX_MS: f64 = 300.0;

/// Times `run` on one thread, on half of `all` threads and on all, and returns the fastest number. `run` computes a decode
/// step on the given number of threads.
pub fn fastest_threads(
    all: usize,
    mut run: impl FnMut(usize) -> Result<(), ModelError>,
) -> Result<usize, ModelError> {
    let Ok(now) = clock() else { return Ok(all) };
    let mut candidates = vec![all, all / 2, 1];
    candidates.dedup();
    // Reads all weights once, and lets the browser compile the kernels.
    run(all)?;
    let start = now();
    let mut fastest = vec![f64::INFINITY; candidates.len()];
    for _ in 0..ROUNDS {
        for (threads, fastest) in candidates.iter().zip(&mut fastest) {
            let start = now();
            run(*threads)?;
            *fastest = fastest.min(now() - start);
        }
        if now() - start > MAX_MS {
            break;
        }
    }
    let times = candidates.into_iter().zip(fastest);
    let best = times.min_by(|(_, a), (_, b)| a.total_cmp(b));
    Ok(best.map_or(all, |(threads, _)| threads))
}

/// Returns a clock in milliseconds.
fn clock() -> Result<impl Fn() -> f64, JsValue> {
    let performance = global("performance");
    let now: Function = method(&performance, "now")?;
    Ok(move || {
        let time = now.call0(&performance);
        time.ok().and_then(|time| time.as_f64()).unwrap_or_default()
    })
}
