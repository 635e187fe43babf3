//! Chooses the number of threads by timing real steps.

use js_sys::Function;
use llamaglass_cpu::{ModelError, Row};
use wasm_bindgen::JsValue;

use crate::js::{global, method};
use crate::model::CpuModel;

/// Number of steps per number of threads; the fastest counts, because other programs only make steps slower.
const ROUNDS: usize = 3;
/// Time after which no further round begins.
const MAX_MS: f64 = 300.0;

/// Times decode steps on one thread, on half of the threads and on all, and keeps the fastest number.
pub fn choose_threads(model: &mut CpuModel) -> Result<(), ModelError> {
    let Ok(now) = clock() else { return Ok(()) };
    let all = model.threads();
    let mut candidates = vec![all, all / 2, 1];
    candidates.dedup();
    // Its keys and values go to the cache's first block, which belongs to no sequence.
    let row = Row {
        id: 0,
        position: 0,
        slot: 0,
    };
    // Reads all weights once, and lets the browser compile the kernels.
    model.step(&[row], &[0])?;
    let start = now();
    let mut fastest = vec![f64::INFINITY; candidates.len()];
    for _ in 0..ROUNDS {
        for (threads, fastest) in candidates.iter().zip(&mut fastest) {
            model.set_threads(*threads)?;
            let start = now();
            model.step(&[row], &[0])?;
            *fastest = fastest.min(now() - start);
        }
        if now() - start > MAX_MS {
            break;
        }
    }
    let times = candidates.into_iter().zip(fastest);
    let best = times.min_by(|(_, a), (_, b)| a.total_cmp(b));
    model.set_threads(best.map_or(all, |(threads, _)| threads))?;
    model.take_times();
    Ok(())
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
