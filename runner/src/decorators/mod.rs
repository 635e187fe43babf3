//! Decorators of an engine's executor: stub levels, which cut steps short, and ablations, which slow them down.

mod ablated;
mod ablations;
mod eager_logs;
mod random_logits;
mod stubbed;

use std::any::Any;

use llamaglass_engine::executor::{Capabilities, Executor};
use llamaglass_engine::{DEPTH_MAX, Engine, EngineError};
use llamaglass_lab::StubLevel;
use thiserror::Error;

use ablated::Ablated;
pub use ablations::{Ablations, EagerLogs};
use stubbed::Stubbed;

/// Reason why an engine can't be decorated.
#[derive(Debug, Error)]
pub enum DecorationError {
    /// Requests are queued or running.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The stub level needs other weights than those loaded.
    #[error(
        "stub level {level} needs other weights than level {loaded}, which was loaded: load it anew"
    )]
    OtherWeights {
        /// Requested level.
        level: StubLevel,
        /// Level in effect.
        loaded: StubLevel,
    },
    /// An ablation is not available.
    #[error("{ablation} can't be had: {why}")]
    NoAblation {
        /// Name of the ablation.
        ablation: &'static str,
        /// Reason.
        why: String,
    },
}

/// Changes the stub level of an engine from `loaded` to `level`, turns ablations off and clears the cache.
///
/// Levels before the engine change nothing here: the code that hands requests to the engine implements them.
///
/// # Errors
/// [`DecorationError::OtherWeights`] if one of the levels has random weights and the other does not;
/// [`EngineError::Busy`] while requests are queued or running.
pub fn set_stub(
    engine: &mut Engine,
    loaded: StubLevel,
    level: StubLevel,
) -> Result<(), DecorationError> {
    let has_random_weights = |level: StubLevel| level == StubLevel::RandomWeights;
    if has_random_weights(level) != has_random_weights(loaded) {
        return Err(DecorationError::OtherWeights { level, loaded });
    }
    let vocab = engine.info().config.vocab_size;
    engine.map_executor(|executor| {
        let executor = without::<Stubbed>(without::<Ablated>(executor));
        match level {
            StubLevel::Forward => Box::new(Stubbed::new(executor, vocab, false)),
            StubLevel::FirstKernel => Box::new(Stubbed::new(executor, vocab, true)),
            _ => executor,
        }
    })?;
    engine.clear_cache();
    Ok(())
}

/// Returns the ablations in effect.
pub fn ablations(engine: &Engine) -> Ablations {
    let ablated = (engine.executor() as &dyn Any).downcast_ref::<Ablated>();
    ablated.map_or_else(Ablations::default, Ablated::ablations)
}

/// Replaces the ablations in effect. Drops steps in flight for requests that have ended; to wait for them, call
/// [`Engine::settle`] before.
///
/// # Errors
/// [`EngineError::Busy`] while requests are queued or running, [`DecorationError::NoAblation`] if one is not
/// available here. Nothing changes then.
pub fn set_ablations(engine: &mut Engine, ablations: Ablations) -> Result<(), DecorationError> {
    check(engine, &ablations)?;
    let vocab = engine.info().config.vocab_size;
    engine.map_executor(|executor| {
        let executor = without::<Ablated>(executor);
        if ablations == Ablations::default() {
            executor
        } else {
            Box::new(Ablated::new(executor, vocab, ablations))
        }
    })?;
    Ok(())
}

/// Returns the steps in flight that the engine was loaded with, without ablations.
pub fn loaded_depth(engine: &Engine) -> usize {
    unablated(engine).capabilities().depth
}

fn unablated(engine: &Engine) -> &dyn Executor {
    let executor = engine.executor();
    match (executor as &dyn Any).downcast_ref::<Ablated>() {
        Some(ablated) => ablated.inner(),
        None => executor,
    }
}

/// Removes the outermost decorator if it is a `D`.
fn without<D: Executor>(executor: Box<dyn Executor>) -> Box<dyn Executor> {
    if (&*executor as &dyn Any).is::<D>() {
        executor.undecorated()
    } else {
        executor
    }
}

fn check(engine: &Engine, ablations: &Ablations) -> Result<(), DecorationError> {
    let refused = |ablation, why: String| Err(DecorationError::NoAblation { ablation, why });
    let Ablations {
        eager_logs,
        host_pick,
        no_replay,
        readback_depth,
        ..
    } = *ablations;
    if let Some(why) = eager_logs.and_then(EagerLogs::fault) {
        return refused("eager_logs", why);
    }
    let executor = unablated(engine);
    let Capabilities {
        chained,
        samples_on_device,
        ..
    } = executor.capabilities();
    if !samples_on_device {
        let here = if (executor as &dyn Any).is::<Stubbed>() {
            "with random logits"
        } else {
            "on the reference path"
        };
        let unavailable = [
            (
                host_pick,
                "host_pick",
                "it is already so: the host picks from logits that are copied there",
            ),
            (no_replay, "no_replay", "nothing is replayed"),
            (
                readback_depth.is_some(),
                "readback_depth",
                "each step is waited for",
            ),
        ];
        let wanted = unavailable.into_iter().find(|(wanted, ..)| *wanted);
        return match wanted {
            Some((_, ablation, why)) => refused(ablation, format!("{here} {why}")),
            None => Ok(()),
        };
    }
    let Some(depth) = readback_depth else {
        return Ok(());
    };
    if !(1..=DEPTH_MAX).contains(&depth) {
        let why = format!("{depth} steps can't be issued ahead, but 1 to {DEPTH_MAX}");
        return refused("readback_depth", why);
    }
    if depth > 1 && (host_pick || !chained) {
        let why = if host_pick {
            "with host_pick each step waits for the host"
        } else {
            "each step waits for the host, which looks the embeddings up"
        };
        return refused("readback_depth", why.into());
    }
    Ok(())
}
