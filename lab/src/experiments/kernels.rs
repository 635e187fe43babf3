//! `kernels`: device time of each kernel in a step, and how close it comes to the device's limits.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_engine::forward::Roofline;
use llamaglass_engine::timing::{Clock, KernelTime, StepProfile};

/// Result of `kernels`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelsData {
    /// Measured limits of the device.
    pub roofline: Option<Roofline>,
    /// A prefill step and a decode step.
    pub steps: Vec<KernelStep>,
    /// Clock of the kernel times.
    pub device_clock: Option<Clock>,
}

/// A step, kernel by kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelStep {
    /// The measured profile; layers are included only on request.
    pub profile: StepProfile,
    /// Kernels with their share of the roofline, most time first.
    pub kernels: Vec<KernelRow>,
    /// Device time of all kernels, in milliseconds.
    pub kernels_ms: f64,
    /// Time that the kernels would take at the roofline divided by the time they take, 0 to 1.
    pub roofline_share: Option<f64>,
    /// Extra wall time of the step while it is profiled, in percent of the unprofiled step.
    pub profiler_cost_percent: Option<f64>,
}

/// A kernel of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelRow {
    /// Name of the kernel and its variant.
    pub name: String,
    /// Launches per step.
    pub launches: u32,
    /// Device time of all launches, in milliseconds.
    pub device_ms: f64,
    /// Share of the time of all kernels, 0 to 1.
    pub share: f64,
    /// CPU time to encode the launches, in milliseconds on the CPU's clock.
    pub encode_ms: f64,
    /// Bytes that the kernel has to read and write at least.
    pub bytes: u64,
    /// Memory throughput in 10^9 bytes per second.
    pub gb_s: Option<f64>,
    /// Arithmetic throughput in 10^9 f32 operations per second.
    pub gflop_s: Option<f64>,
    /// Share of the roofline, 0 to 1: the larger of both throughputs relative to the device's limit.
    pub roofline_share: Option<f64>,
}

impl KernelRow {
    fn of(time: &KernelTime, all_ms: f64, roofline: Option<Roofline>) -> Self {
        let (gb_s, gflop_s) = (time.gb_s(), time.gflop_s());
        let share = roofline.zip(gb_s.zip(gflop_s));
        Self {
            name: time.name.clone(),
            launches: time.launches,
            device_ms: time.ms,
            share: if all_ms > 0.0 { time.ms / all_ms } else { 0.0 },
            encode_ms: time.encode_ms,
            bytes: time.bytes,
            gb_s,
            gflop_s,
            roofline_share: share
                .map(|(roof, (gb, gflop))| f64::max(gb / roof.copy_gb_s, gflop / roof.gflop_s)),
        }
    }
}

impl KernelStep {
    /// Evaluates a profile against the roofline.
    pub fn of(profile: StepProfile, roofline: Option<Roofline>) -> Self {
        let kernels_ms = profile.kernels.iter().map(|time| time.ms).sum();
        let rows = profile.kernels.iter();
        let kernels: Vec<KernelRow> = rows
            .map(|time| KernelRow::of(time, kernels_ms, roofline))
            .collect();
        let shares: Option<Vec<f64>> = kernels
            .iter()
            .map(|row| Some(row.roofline_share? * row.device_ms))
            .collect();
        let plain = profile.plain.wall_ms;
        Self {
            roofline_share: shares
                .filter(|_| kernels_ms > 0.0)
                .map(|shares| shares.iter().sum::<f64>() / kernels_ms),
            profiler_cost_percent: (plain > 0.0)
                .then(|| (profile.profiled.wall_ms / plain - 1.0) * 100.0),
            kernels,
            kernels_ms,
            profile,
        }
    }
}

impl KernelsData {
    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let said = |(index, step): (usize, &KernelStep)| {
            let at = |field: &str| format!("/steps/{index}/{field}");
            let kind = step.profile.kind.name();
            let first = step.kernels.first()?;
            let sentence = Sentence::new(&format!("In {kind}, {} takes most: ", first.name))
                .number(at("kernels/0/device_ms"), first.device_ms)
                .text(" of ")
                .number(at("kernels_ms"), step.kernels_ms)
                .text(" ms");
            Some(match first.roofline_share {
                Some(share) => sentence
                    .text(", at ")
                    .share(at("kernels/0/roofline_share"), share)
                    .end(" of what the device can do."),
                None => sentence.end("."),
            })
        };
        let mut findings: Vec<Finding> = self.steps.iter().enumerate().filter_map(said).collect();
        let costs = self.steps.iter().enumerate();
        findings.extend(costs.filter_map(|(index, step)| {
            let percent = step.profiler_cost_percent?;
            let kind = step.profile.kind.name();
            let at = format!("/steps/{index}/profiler_cost_percent");
            // A value below 0 is measurement noise.
            let (before, after) = match percent > 0.0 {
                true => (format!("Profiling makes a step of {kind} "), " % longer."),
                false => (
                    format!("Profiling costs {kind} nothing that was measured: "),
                    " % of a step.",
                ),
            };
            Some(Sentence::new(&before).number(at, percent).end(after))
        }));
        findings
    }
}

#[cfg(feature = "compute")]
pub use run::{KernelSettings, run};

#[cfg(feature = "compute")]
mod run {
    use super::{KernelStep, KernelsData};
    use crate::{Experiment, LabError, Progress, Watch, answers};
    use llamaglass_engine::Engine;
    use llamaglass_engine::forward::ForwardPath;
    use llamaglass_engine::stats::device_clock;

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
        watch: &mut impl Watch,
    ) -> Result<KernelsData, LabError> {
        let info = engine.info();
        if info.path != ForwardPath::Fast {
            return Err(LabError::NotHere {
                experiment: Experiment::Kernels,
                why: "kernels are our own on the fast path on a GPU adapter only".into(),
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
        let request = crate::bench::random_request(0, prompt, 3, vocab);
        let record = answers::alone(engine, request, watch).await?;
        let mut told = |what: &str, done: usize| {
            watch.told(Progress {
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
                steps.push(KernelStep::of(profile, roofline));
            }
        }
        Ok(KernelsData {
            roofline,
            steps,
            device_clock: device_clock(&record.steps),
        })
    }
}
