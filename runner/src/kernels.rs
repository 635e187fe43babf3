//! Runs `kernels`: profiles a prefill step and a decode step.

use crate::answers;
use llamaglass_engine::Engine;
use llamaglass_engine::forward::ForwardPath;
use llamaglass_engine::stats::device_clock;
use llamaglass_lab::experiments::kernels::{KernelStep, KernelsData};
use llamaglass_lab::{Experiment, LabError, Observer, Progress};

/// Settings of `kernels`.
#[derive(Clone, Copy, Debug)]
pub struct KernelSettings {
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Number of times each step is profiled.
    pub repeats: usize,
    /// True to report each layer separately.
    pub layers: bool,
}

/// Profiles a prefill step, with as many prompt tokens as one step computes, and the decode step after it.
///
/// # Errors
/// [`LabError::NotHere`] off the fast path, [`LabError::Setting`] if the prompt does not fit the context, or
/// the error of a run that is stopped or fails.
pub async fn run(
    engine: &mut Engine,
    settings: KernelSettings,
    watch: &mut impl Observer,
) -> Result<KernelsData, LabError> {
    let info = engine.info();
    if info.path != ForwardPath::Fast {
        return Err(LabError::NotHere {
            experiment: Experiment::Kernels,
            why: "the model runs on burn's operations (the reference path), and only our own kernels can be timed; \
                  load it with --path fast"
                .into(),
        });
    }
    let (prompt, vocab) = (settings.prompt_tokens, info.config.vocab_size);
    if prompt == 0 || prompt >= info.context_length {
        return Err(LabError::Setting(format!(
            "a prompt of {prompt} ids and a token after it do not fit the context of {}",
            info.context_length
        )));
    }
    let chunk = info.prefill_chunk.min(prompt);
    let failed = |error: llamaglass_engine::EngineError| LabError::failed("profiling", error);
    // This request warms up, and its record tells which clock the device has.
    let request = llamaglass_lab::bench::random_request(0, prompt, 3, vocab);
    let record = answers::alone(engine, request, watch).await?;
    let mut told = |what: &str, done: usize| {
        watch.notify(Progress {
            what: what.into(),
            done,
            total: 3,
            point: None,
        });
    };
    told("what the device can do", 0);
    engine.settle().await.map_err(failed)?;
    let roofline = engine.measure_roofline().await.map_err(failed)?;
    let mut steps = Vec::new();
    for (done, (rows, position)) in [(chunk, prompt - chunk), (1, prompt)]
        .into_iter()
        .enumerate()
    {
        told(if rows > 1 { "prefill" } else { "decode" }, done + 1);
        // A prompt of one token is a decode step.
        if rows > 1 || position == prompt {
            let profile = engine.profile(rows, position, settings.repeats).await;
            let mut profile = profile.map_err(failed)?;
            if !settings.layers {
                profile.layers.clear();
            }
            steps.push(KernelStep::of(profile, roofline.as_ref()));
        }
    }
    Ok(KernelsData {
        roofline,
        steps,
        // The CPU has no clock of its own, so the engine timed its kernels.
        device_clock: device_clock(&record.steps)
            .or_else(|| record.steps.first().map(|step| step.clock)),
    })
}
