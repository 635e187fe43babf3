//! Measures peak rates of a GPU: the roofline that a step's time is compared with.

use cubecl::bytes::Bytes;
use llamaglass_shaders::params::{CopyParams, FmaParams};
use llamaglass_shaders::{COPY, FMA, FMA_FLOPS_PER_ROUND};

use super::error::ForwardError;
use super::gpu::Gpu;
use llamaglass_types::{BackendInfo, MemoryRate, Roofline, limit};

/// Bytes to copy; larger than any cache.
const COPY_BYTES: u64 = 128 << 20;
/// Bytes to copy on a software adapter.
const COPY_BYTES_CPU: u64 = 64 << 20;
/// Workgroups of the multiply-add kernel, and its rounds.
const FMA_GROUPS: u32 = 4096;
const FMA_ROUNDS: u32 = 1024;
const FMA_ROUNDS_CPU: u32 = 64;
/// Number of timed runs after one warm-up run; the best one counts.
const REPEAT: usize = 5;

/// Measures `gpu`, described by `info`, on the device's own clock.
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
    let both = [gpu.capture(|| {
        let params = CopyParams {
            count: (bytes / 16) as u32,
        };
        gpu.launch(&COPY, &[&x, &y], &params, [4096, 1, 1]);
        let groups = [FMA_GROUPS, 1, 1];
        gpu.launch(&FMA, &[&factors, &sums], &FmaParams { rounds }, groups);
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
    let flop = f64::from(FMA_GROUPS * 64) * f64::from(rounds) * FMA_FLOPS_PER_ROUND as f64;
    Ok(Roofline {
        memory: MemoryRate::Copy(2.0 * bytes as f64 / copy / 1e6),
        gflop_s: flop / fma / 1e6,
        by_threads: Vec::new(),
    })
}
