//! `kernels`: time of each kernel in a step, on a GPU or on the CPU, and how close it comes to the device's limits.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use llamaglass_types::Roofline;
use llamaglass_types::timing::{Clock, KernelTime, StepProfile};

/// Result of `kernels`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelsData {
    /// Measured limits of the device.
    pub roofline: Option<Roofline>,
    /// A prefill step and a decode step.
    pub steps: Vec<KernelStep>,
    /// Clock of the kernel times: the GPU's own, or the engine's if the CPU computed them.
    pub device_clock: Option<Clock>,
}

/// A step, kernel by kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KernelStep {
    /// The measured profile; layers are included only on request.
    pub profile: StepProfile,
    /// Kernels with their share of the roofline, by time.
    pub kernels: Vec<KernelRow>,
    /// Time of all kernels, in milliseconds.
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
    /// Time of all launches, in milliseconds on the clock of the kernel times.
    pub device_ms: f64,
    /// Share of the time of all kernels, 0 to 1.
    pub share: f64,
    /// CPU time to encode the launches for a GPU, in milliseconds on the engine's clock; 0 if the CPU computed them.
    pub encode_ms: f64,
    /// Bytes that the kernel has to read and write at least.
    pub bytes: u64,
    /// Memory throughput in 10^9 bytes per second.
    pub gb_s: Option<f64>,
    /// Arithmetic throughput in 10^9 floating-point operations per second.
    pub gflop_s: Option<f64>,
    /// Share of the roofline, 0 to 1: the larger of both throughputs relative to the device's limit.
    pub roofline_share: Option<f64>,
}

impl KernelRow {
    fn of(time: &KernelTime, all_ms: f64, roofline: Option<&Roofline>) -> Self {
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
                .map(|(roof, (gb, gflop))| f64::max(gb / roof.gb_s(), gflop / roof.gflop_s)),
        }
    }
}

impl KernelStep {
    /// Evaluates a profile against the roofline.
    pub fn of(profile: StepProfile, roofline: Option<&Roofline>) -> Self {
        let kernels_ms = profile.kernels.iter().map(|time| time.ms).sum();
        let row = |time| KernelRow::of(time, kernels_ms, roofline);
        let kernels: Vec<KernelRow> = profile.kernels.iter().map(row).collect();
        let shares = kernels
            .iter()
            .map(|row| Some(row.roofline_share? * row.device_ms));
        let roofline_ms: Option<f64> = shares.sum();
        let plain = profile.plain.wall_ms;
        Self {
            roofline_share: roofline_ms
                .filter(|_| kernels_ms > 0.0)
                .map(|ms| ms / kernels_ms),
            profiler_cost_percent: (plain > 0.0)
                .then(|| (profile.profiled.wall_ms / plain - 1.0) * 100.0),
            kernels,
            kernels_ms,
            profile,
        }
    }
}

impl KernelsData {
    /// Returns true if kernels were timed on the device's own clock, false if the CPU computed them.
    pub fn is_on_device(&self) -> bool {
        self.steps.iter().any(|step| step.profile.is_on_device())
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let said = |(index, step): (usize, &KernelStep)| {
            let at = |field: &str| format!("/steps/{index}/{field}");
            let kind = step.profile.kind.name();
            let first = step.kernels.first()?;
            let lead = format!("In {kind}, {} takes the most time: ", first.name);
            let sentence = Sentence::new(&lead)
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
                true => (format!("Profiling makes a {kind} step "), "longer."),
                false => (
                    format!("No cost of profiling was measured in {kind}: "),
                    "of a step.",
                ),
            };
            Some(
                Sentence::new(&before)
                    .number(at, percent)
                    .text(" % ")
                    .end(after),
            )
        }));
        findings
    }
}
