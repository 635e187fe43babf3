//! What this device can do at most: the roof under which a step's time is judged.

use serde::{Deserialize, Serialize};

/// What a device reached in kernels that do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Roofline {
    /// 10^9 bytes a second, read and written, of a copy.
    pub copy_gb_s: f64,
    /// 10^9 f32 operations a second, a multiply-add being two.
    pub gflop_s: f64,
}

#[cfg(feature = "compute")]
pub use measure::measure;

#[cfg(feature = "compute")]
mod measure {
    use cubecl::bytes::Bytes;
    use llamaglass_shaders::{COPY, FMA, FMA_FLOP_A_ROUND};

    use super::super::error::ForwardError;
    use super::super::gpu::Gpu;
    use super::super::info::{BackendInfo, limit};
    use super::Roofline;

    /// Bytes of a copy: more than any cache holds.
    const COPY_BYTES: u64 = 128 << 20;
    /// The same for an adapter that is a program on a CPU.
    const COPY_BYTES_CPU: u64 = 64 << 20;
    /// Workgroups of the multiply-adds, and their rounds.
    const FMA_GROUPS: u32 = 4096;
    const FMA_ROUNDS: u32 = 1024;
    const FMA_ROUNDS_CPU: u32 = 64;
    /// Times that each is measured, after one that warms up; the best counts.
    const REPEAT: usize = 5;

    /// Measures `gpu`, which `info` describes, on its own clock.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn measure(gpu: &Gpu, info: &BackendInfo) -> Result<Roofline, ForwardError> {
        let (bytes, rounds) = if info.software {
            (COPY_BYTES_CPU, FMA_ROUNDS_CPU)
        } else {
            (COPY_BYTES, FMA_ROUNDS)
        };
        let most = info.limit(limit::STORAGE_BINDING).unwrap_or(bytes);
        let bytes = bytes.min(most) / 16 * 16;
        let x = gpu.empty(bytes as usize)?;
        let y = gpu.empty(bytes as usize)?;
        let factors = gpu.create(Bytes::from_elems(vec![0.5f32, 1.0]))?;
        let sums = gpu.empty(FMA_GROUPS as usize * 64 * 4)?;
        let both = [gpu.record(|| {
            let info = [(bytes / 16) as u32];
            gpu.launch(&COPY, &[&x, &y], &info, [4096, 1, 1]);
            let groups = [FMA_GROUPS, 1, 1];
            gpu.launch(&FMA, &[&factors, &sums], &[rounds], groups);
        })];
        let mut best = [f64::INFINITY; 2];
        gpu.profile(&both).await?;
        for _ in 0..REPEAT {
            let times = gpu.profile(&both).await?;
            for (best, timed) in best.iter_mut().zip(times.launches) {
                *best = best.min(timed.ms);
            }
        }
        let [copy, fma] = best;
        let flop = f64::from(FMA_GROUPS * 64) * f64::from(rounds) * FMA_FLOP_A_ROUND as f64;
        Ok(Roofline {
            copy_gb_s: 2.0 * bytes as f64 / copy / 1e6,
            gflop_s: flop / fma / 1e6,
        })
    }
}
