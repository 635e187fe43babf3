//! Times individual launches on the device's clock, and measures that clock's resolution.

use std::slice;

use llamaglass_shaders::Kernel;
use wgpu::{
    BufferUsages, ComputePassDescriptor, ComputePassTimestampWrites, QuerySetDescriptor, QueryType,
};

use super::super::error::ForwardError;
use super::encode::Launch;
use super::mapping::Mapping;
use super::stages::span_ms;
use super::{CapturedGraph, Gpu, Work, new_buffer};
use crate::platform::Stopwatch;

/// Maximum number of passes timed per submit. Each needs two timestamps, and a query set has 4096.
const PASSES_PER_SUBMIT: usize = 2048;
/// Number of empty passes from which the clock's resolution is derived.
const EMPTY_PASSES: usize = 32;

/// A timed launch.
#[derive(Clone, Copy, Debug)]
pub struct Timed {
    /// Index of its graph.
    pub graph: usize,
    /// Kernel that was launched.
    pub kernel: Kernel,
    /// Minimum work of the launch.
    pub work: Work,
    /// Duration on the device's clock, in milliseconds.
    pub ms: f64,
    /// Time to encode its pass, in milliseconds.
    pub encode_ms: f64,
}

/// Launches timed one by one, and their totals in milliseconds.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Launches in order.
    pub launches: Vec<Timed>,
    /// Time from the start of the first pass to the end of the last, summed over submits, on the device's
    /// clock.
    pub device_ms: f64,
    /// Time from before the first launch was encoded until after the wait for the last.
    pub wall_ms: f64,
}

/// Timing of a pass.
struct Pass {
    /// Timestamps of its begin and end.
    ticks: [u64; 2],
    encode_ms: f64,
}

impl Gpu {
    /// Runs the captured graphs in order, with each launch in a pass of its own between two timestamps.
    ///
    /// This is intrusive: in a shared pass, the launches would overlap.
    pub async fn profile(&self, graphs: &[CapturedGraph]) -> Result<Profile, ForwardError> {
        self.submit()?;
        let watch = Stopwatch::start();
        let mut profile = Profile::default();
        let launches = graphs.iter().enumerate();
        let launches: Vec<(usize, &Launch)> = launches
            .flat_map(|(index, graph)| graph.launches.iter().map(move |launch| (index, launch)))
            .collect();
        for launches in launches.chunks(PASSES_PER_SUBMIT) {
            let groups = launches.iter().map(|(_, launch)| slice::from_ref(*launch));
            let groups: Vec<&[Launch]> = groups.collect();
            let passes = self.run_passes(&groups).await?;
            let times = self.times(&groups, &passes)?;
            let begin = passes.iter().map(|pass| pass.ticks[0]).min();
            let end = passes.iter().map(|pass| pass.ticks[1]).max();
            let span = begin.zip(end);
            profile.device_ms +=
                span.map_or(0.0, |(begin, end)| (end - begin) as f64 * self.tick_ms());
            let timed = launches.iter().zip(&passes).zip(times);
            profile
                .launches
                .extend(timed.map(|(((graph, launch), pass), ms)| Timed {
                    graph: *graph,
                    kernel: launch.kernel,
                    work: launch.work,
                    ms,
                    encode_ms: pass.encode_ms,
                }));
        }
        profile.wall_ms = watch.ms();
        Ok(profile)
    }

    /// Runs each graph in a pass of its own and returns their durations in milliseconds.
    pub async fn time(&self, graphs: &[CapturedGraph]) -> Result<Vec<f64>, ForwardError> {
        self.submit()?;
        let groups: Vec<&[Launch]> = graphs.iter().map(|graph| &graph.launches[..]).collect();
        let passes = self.run_passes(&groups).await?;
        self.times(&groups, &passes)
    }

    /// Returns the durations of `passes`, each of which ran one of `groups`, in milliseconds.
    fn times(&self, groups: &[&[Launch]], passes: &[Pass]) -> Result<Vec<f64>, ForwardError> {
        let spans = groups.iter().zip(passes).map(|(launches, pass)| {
            let [begin, end] = pass.ticks;
            let span = span_ms(begin, end, self.tick_ms());
            span.ok_or_else(|| {
                let label = launches.first().map(|launch| launch.kernel.label());
                ForwardError::device(format!("{} left no timestamps", label.unwrap_or_default()))
            })
        });
        spans.collect()
    }

    /// Returns the resolution of the device's clock in milliseconds, or `None` if the clock stands still.
    pub(super) async fn resolution_ms(&self) -> Result<Option<f64>, ForwardError> {
        let passes = self.run_passes(&[&[][..]; EMPTY_PASSES]).await?;
        let ticks: Vec<u64> = passes.iter().flat_map(|pass| pass.ticks).collect();
        Ok(resolution(&ticks).map(|step| step as f64 * self.tick_ms()))
    }

    /// Runs each slice of launches in a pass of its own between two timestamps.
    async fn run_passes(&self, groups: &[&[Launch]]) -> Result<Vec<Pass>, ForwardError> {
        let ticks = 2 * groups.len() as u32;
        let bytes = 8 * u64::from(ticks);
        let queries = self.device.create_query_set(&QuerySetDescriptor {
            label: Some("timed passes"),
            ty: QueryType::Timestamp,
            count: ticks,
        });
        let buffer = |usage| new_buffer(&self.device, "timed passes", bytes, usage);
        let resolved = buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC);
        let staging = buffer(BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let encoder = || self.device.create_command_encoder(&Default::default());
        let (mut head, mut tail) = (encoder(), encoder());
        let watch = Stopwatch::start();
        let mut encoded = Vec::with_capacity(groups.len());
        for (at, launches) in (0..).zip(groups) {
            let begin = watch.ms();
            let writes = ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(2 * at),
                end_of_pass_write_index: Some(2 * at + 1),
            };
            let mut pass = head.begin_compute_pass(&ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(writes),
            });
            for launch in *launches {
                launch.encode(&mut pass, None);
            }
            // Dropping the pass encodes its commands, so the time must include it.
            drop(pass);
            encoded.push(watch.ms() - begin);
        }
        tail.resolve_query_set(&queries, 0..ticks, &resolved, 0);
        tail.copy_buffer_to_buffer(&resolved, 0, &staging, 0, Some(bytes));
        self.queue.submit([head.finish()]);
        // Some drivers write timestamps only when everything is done, and would resolve them too early.
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| ForwardError::device(format!("passes could not be timed: {error}")))?;
        let submission = self.queue.submit([tail.finish()]);
        let take = |bytes: &[u8]| {
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        let mapping = Mapping::new(staging, submission);
        let (ticks, _): (Vec<u64>, _) = mapping.take(&self.device, take).await?;
        let (pairs, _) = ticks.as_chunks::<2>();
        let passes = pairs.iter().zip(encoded);
        Ok(passes
            .map(|(ticks, encode_ms)| Pass {
                ticks: *ticks,
                encode_ms,
            })
            .collect())
    }
}

/// Returns the greatest common divisor of the differences of `ticks`. A coarsened clock keeps its unit, which
/// the smallest difference would not reveal.
fn resolution(ticks: &[u64]) -> Option<u64> {
    let steps = ticks.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    let step = steps.fold(0, |a, b| {
        let (mut a, mut b) = (a, b);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        a
    });
    (step != 0).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolution_is_the_step_of_a_coarse_clock() {
        assert_eq!(
            resolution(&[100_000, 100_000, 300_000, 700_000]),
            Some(200_000)
        );
        assert_eq!(resolution(&[17, 20, 24]), Some(1));
        assert_eq!(resolution(&[5, 5, 5]), None);
        assert_eq!(resolution(&[]), None);
    }
}
