//! Times each kernel of a step on the device's own clock, for diagnosis.

use super::{Engine, EngineError};
use crate::forward::SamplingMode;
use crate::forward::gpu::Profile;
use crate::platform::Stopwatch;
use crate::stats::percentile;
use crate::timing::{KernelTime, LayerTime, StepCost, StepKind, StepProfile, by_kernel};

impl Engine {
    /// Runs a step of `tokens` ids at `position` of an arbitrary cache, `repeat` times: once as requests run
    /// it, then with each launch in a pass of its own between two timestamps.
    ///
    /// The second measurement is intrusive: in a shared pass the kernels overlap and do not wait for each
    /// other. Clears the cache. No request may be running.
    ///
    /// # Errors
    /// [`EngineError::Busy`], or [`ForwardError`](crate::forward::ForwardError) if the model is not on the
    /// fast path, the device has no timestamps, or the step does not fit.
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
        let mut layers = of_layers(self.model.config().n_layers);
        for _ in 0..repeat {
            plain.push(self.plain_step(&ids, position).await?);
            let input = self.model.upload(&ids, position)?;
            let Profile {
                launches,
                device_ms,
                wall_ms,
            } = self.model.profile(&input).await?;
            self.check_device()?;
            profiled.push(StepCost {
                wall_ms,
                encode_ms: launches.iter().map(|launch| launch.encode_ms).sum(),
                device_ms: Some(device_ms),
            });
            for launch in launches {
                let [bytes, flop] = launch.work.at(position, tokens);
                layers[launch.graph].push(&KernelTime {
                    kind,
                    name: launch.kernel.label(),
                    launches: 1,
                    ms: launch.ms,
                    bytes,
                    flop,
                    encode_ms: launch.encode_ms,
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
        let rows = self.model.upload(ids, position)?.rows();
        let watch = Stopwatch::start();
        self.model.advance(rows, SamplingMode::Argmax, None)?;
        let encode_ms = watch.ms();
        let timing = self.model.read_step(1, None)?.get().await?.timing;
        let wall_ms = watch.ms();
        self.check_device()?;
        Ok(StepCost {
            wall_ms,
            encode_ms,
            device_ms: timing.map(|timing| timing.forward_ms + timing.sampling_ms),
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
