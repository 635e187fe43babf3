//! Times each kernel of a step, for diagnosis: on the device's own clock, or on the engine's if the CPU computes.

use super::{Engine, EngineError};
use crate::event::RequestId;
use crate::executor::{KernelProfile, SampleOptions, StageTimer, StepChunk, StepInput};
use crate::stats::percentile;
use crate::timing::{KernelTime, LayerTime, Span, StepCost, StepKind, StepProfile, by_kernel};

impl Engine {
    /// Runs a step of `tokens` ids at `position` of an arbitrary cache, `repeat` times: once as requests run
    /// it, then with each kernel timed by itself.
    ///
    /// The second measurement is intrusive on a GPU: there, each launch has a pass of its own between two timestamps,
    /// while in a shared pass the kernels overlap and do not wait for each other. Clears the cache. No request may be
    /// running.
    ///
    /// # Errors
    /// [`EngineError::Busy`], or [`ForwardError`](crate::forward::ForwardError) if the model is not on the
    /// fast path, a GPU has no timestamps, or the step does not fit.
    pub async fn profile(
        &mut self,
        tokens: usize,
        position: usize,
        repeat: usize,
    ) -> Result<StepProfile, EngineError> {
        self.settle().await?;
        self.clear_cache();
        let repeat = repeat.max(1);
        let kind = if tokens > 1 {
            StepKind::Prefill
        } else {
            StepKind::Decode
        };
        let ids = vec![0; tokens];
        let (mut plain, mut profiled) = (Vec::new(), Vec::new());
        let n_layers = self.info.config.n_layers;
        let mut layers = of_layers(n_layers);
        for _ in 0..repeat {
            plain.push(self.plain_step(&ids, position).await?);
            let KernelProfile {
                runs,
                device_ms,
                wall_ms,
            } = self.diagnostics().profile(&ids, position).await?;
            profiled.push(StepCost {
                wall_ms,
                encode_ms: runs.iter().map(|run| run.encode_ms).sum(),
                device_ms,
            });
            for run in runs {
                layers[run.section.index(n_layers)].push(&KernelTime {
                    kind,
                    name: run.name.into_owned(),
                    launches: 1,
                    ms: run.ms,
                    bytes: run.bytes,
                    flop: run.flop,
                    encode_ms: run.encode_ms,
                });
            }
        }
        for layer in &mut layers {
            layer.ms /= repeat as f64;
            layer.encode_ms /= repeat as f64;
            for kernel in &mut layer.kernels {
                kernel.launches /= repeat as u32;
                kernel.ms /= repeat as f64;
                kernel.bytes /= repeat as u64;
                kernel.flop /= repeat as u64;
                kernel.encode_ms /= repeat as f64;
            }
        }
        Ok(StepProfile {
            kind,
            tokens,
            position,
            repeat,
            kernels: by_kernel(&layers),
            layers,
            plain: median(&plain),
            profiled: median(&profiled),
        })
    }

    /// Runs the same step as requests run it.
    async fn plain_step(&mut self, ids: &[u32], position: usize) -> Result<StepCost, EngineError> {
        self.lay_out()?;
        let mut timer = StageTimer::start(self.epoch.ms());
        let chunk = StepChunk {
            request: RequestId(0),
            slot: 0,
            range: position..position + ids.len(),
            token_ids: ids.to_vec(),
            sample: Some(SampleOptions::GREEDY),
        };
        let step = StepInput::new(vec![chunk], self.scheduler.pool());
        self.executor.submit(step, &mut timer)?;
        self.executor.wait(&mut timer).await?;
        let spans = timer.spans();
        let [compute_ms, encode_ms, submit_ms, gpu_ms] =
            [Span::Compute, Span::Encode, Span::Submit, Span::Gpu].map(|span| spans.get(span));
        Ok(StepCost {
            wall_ms: compute_ms + encode_ms + submit_ms + gpu_ms,
            encode_ms,
            device_ms: timer.device().map(|of| of.forward_ms + of.sampling_ms),
        })
    }
}

/// Returns empty timings for what precedes the first of `count` layers, each layer, and what follows the
/// last.
fn of_layers(count: usize) -> Vec<LayerTime> {
    let ends = || std::iter::once(None);
    let all = ends().chain((0..count).map(Some)).chain(ends());
    all.map(LayerTime::new).collect()
}

/// Returns the median of each field.
fn median(costs: &[StepCost]) -> StepCost {
    let of = |cost: &dyn Fn(&StepCost) -> Option<f64>| {
        let values: Vec<f64> = costs.iter().filter_map(cost).collect();
        percentile(&values, 50.0)
    };
    StepCost {
        wall_ms: of(&|cost| Some(cost.wall_ms)).unwrap_or_default(),
        encode_ms: of(&|cost| Some(cost.encode_ms)).unwrap_or_default(),
        device_ms: of(&|cost| cost.device_ms),
    }
}
