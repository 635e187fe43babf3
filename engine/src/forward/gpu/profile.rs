//! What each launch takes on the device's clock, and how fine that clock is.

use llamaglass_shaders::Kernel;
use wgpu::{
    BufferDescriptor, BufferUsages, CommandEncoderDescriptor, ComputePassDescriptor,
    ComputePassTimestampWrites, QuerySetDescriptor, QueryType,
};

use super::super::error::ForwardError;
use super::encode::Launch;
use super::mapping::Mapping;
use super::stages::span_ms;
use super::{Gpu, Tape, Work};

/// Windows that are timed in one submit: two timestamps each, of which a query set has 4096.
const WINDOWS: usize = 2048;
/// Empty windows by which the clock's resolution is found out.
const EMPTY_WINDOWS: usize = 32;

impl Gpu {
    /// Runs what was recorded, each launch in a pass of its own between two timestamps; the kernels,
    /// their work, and what each took in milliseconds.
    ///
    /// This perturbs: the same launches in one pass overlap.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed, or wrote no timestamps.
    pub async fn profile(&self, tape: &Tape) -> Result<Vec<(Kernel, Work, f64)>, ForwardError> {
        self.submit()?;
        let mut all = Vec::with_capacity(tape.launches.len());
        for launches in tape.launches.chunks(WINDOWS) {
            let windows: Vec<_> = launches.chunks(1).collect();
            let times = self.times(&windows).await?;
            let timed = launches.iter().zip(times);
            all.extend(timed.map(|(launch, ms)| (launch.kernel, launch.work, ms)));
        }
        Ok(all)
    }

    /// Runs each of what was recorded in a pass of its own; what each took in milliseconds.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed, or wrote no timestamps.
    pub async fn time(&self, tapes: &[Tape]) -> Result<Vec<f64>, ForwardError> {
        self.submit()?;
        let windows: Vec<&[Launch]> = tapes.iter().map(|tape| &tape.launches[..]).collect();
        self.times(&windows).await
    }

    async fn times(&self, windows: &[&[Launch]]) -> Result<Vec<f64>, ForwardError> {
        let ticks = self.windows(windows).await?;
        let (pairs, _) = ticks.as_chunks::<2>();
        let spans = windows.iter().zip(pairs).map(|(launches, [begin, end])| {
            let span = span_ms(*begin, *end, self.tick_ms());
            span.ok_or_else(|| {
                let label = launches.first().map(|launch| launch.kernel.label());
                ForwardError::Device {
                    message: format!("{} left no timestamps", label.unwrap_or_default()),
                }
            })
        });
        spans.collect()
    }

    /// The smallest step of the device's clock, in milliseconds; nothing where it stands still.
    pub(super) async fn resolution_ms(&self) -> Result<Option<f64>, ForwardError> {
        let ticks = self.windows(&[&[][..]; EMPTY_WINDOWS]).await?;
        Ok(resolution(&ticks).map(|step| step as f64 * self.tick_ms()))
    }

    /// The timestamps before and after each of the passes that launch this, in ticks.
    async fn windows(&self, passes: &[&[Launch]]) -> Result<Vec<u64>, ForwardError> {
        let ticks = 2 * passes.len() as u32;
        let bytes = 8 * u64::from(ticks);
        let queries = self.device.create_query_set(&QuerySetDescriptor {
            label: Some("windows"),
            ty: QueryType::Timestamp,
            count: ticks,
        });
        let buffer = |usage| {
            self.device.create_buffer(&BufferDescriptor {
                label: Some("windows"),
                size: bytes,
                usage,
                mapped_at_creation: false,
            })
        };
        let resolved = buffer(BufferUsages::QUERY_RESOLVE | BufferUsages::COPY_SRC);
        let staging = buffer(BufferUsages::MAP_READ | BufferUsages::COPY_DST);
        let [mut head, mut tail] = [(); 2].map(|()| {
            let descriptor = CommandEncoderDescriptor::default();
            self.device.create_command_encoder(&descriptor)
        });
        for (at, launches) in (0..).zip(passes) {
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
        }
        tail.resolve_query_set(&queries, 0..ticks, &resolved, 0);
        tail.copy_buffer_to_buffer(&resolved, 0, &staging, 0, Some(bytes));
        self.queue.submit([head.finish()]);
        // Some drivers write timestamps when all is done, and would resolve too early otherwise.
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .map_err(|error| ForwardError::Device {
                message: format!("passes could not be timed: {error}"),
            })?;
        let submission = self.queue.submit([tail.finish()]);
        let take = |bytes: &[u8]| {
            let (words, _) = bytes.as_chunks::<8>();
            words.iter().map(|word| u64::from_le_bytes(*word)).collect()
        };
        let mapping = Mapping::new(staging, submission);
        let (ticks, _) = mapping.take(&self.device, take).await?;
        Ok(ticks)
    }
}

/// The largest step that all differences of `ticks` are multiples of: a clock that is made coarse
/// keeps its unit, so the smallest difference would tell less.
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
    fn a_coarse_clock_is_found_out() {
        assert_eq!(
            resolution(&[100_000, 100_000, 300_000, 700_000]),
            Some(200_000)
        );
        assert_eq!(resolution(&[17, 20, 24]), Some(1));
        assert_eq!(resolution(&[5, 5, 5]), None);
        assert_eq!(resolution(&[]), None);
    }
}
