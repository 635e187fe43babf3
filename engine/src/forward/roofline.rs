//! What this device can do at most: the roof under which a step's time is judged.

use serde::{Deserialize, Serialize};

/// What a device reached in kernels that do nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
    use burn::backend::DispatchDevice;
    use burn::tensor::Device;
    use cubecl::bytes::Bytes;
    use llamaglass_shaders::{COPY, FMA, FMA_FLOP_A_ROUND};

    use super::super::error::ForwardError;
    use super::super::info::{BackendInfo, limit};
    use super::super::kernel::launch;
    use super::Roofline;
    use crate::platform::Stopwatch;

    /// Bytes of a copy: more than any cache holds.
    const COPY_BYTES: u64 = 128 << 20;
    /// The same for an adapter that is a program on a CPU.
    const COPY_BYTES_CPU: u64 = 64 << 20;
    /// Workgroups of the multiply-adds, and their rounds.
    const FMA_GROUPS: u32 = 4096;
    const FMA_ROUNDS: u32 = 1024;
    const FMA_ROUNDS_CPU: u32 = 64;
    /// Times that each is measured; the best counts.
    const REPEAT: usize = 5;

    /// Measures `device`; nothing on the CPU backend.
    ///
    /// # Errors
    /// [`ForwardError::Device`] where the device failed.
    pub async fn measure(
        device: &Device,
        info: &BackendInfo,
    ) -> Result<Option<Roofline>, ForwardError> {
        let DispatchDevice::Cube(cube) = device.as_dispatch() else {
            return Ok(None);
        };
        let client = cube.client();
        let failed = |error| ForwardError::Device {
            message: format!("the roofline could not be measured: {error:?}"),
        };
        let (bytes, rounds) = if info.software {
            (COPY_BYTES_CPU, FMA_ROUNDS_CPU)
        } else {
            (COPY_BYTES, FMA_ROUNDS)
        };
        let most = info.limit(limit::STORAGE_BINDING).unwrap_or(bytes);
        let bytes = bytes.min(most) / 16 * 16;
        let [x, y] = [(); 2].map(|()| client.empty(bytes as usize));
        let factors = client.create(Bytes::from_elems(vec![0.5f32, 1.0]));
        let sums = client.empty(FMA_GROUPS as usize * 64 * 4);
        let [mut copy, mut fma] = [f64::INFINITY; 2];
        // Once more than counts: the first compiles.
        for round in 0..=REPEAT {
            let watch = Stopwatch::start();
            let info = [(bytes / 16) as u32];
            launch(&client, &COPY, &[&x, &y], &info, [4096, 1, 1]);
            client.sync().await.map_err(failed)?;
            let copied = watch.ms();
            let info = [rounds];
            let groups = [FMA_GROUPS, 1, 1];
            launch(&client, &FMA, &[&factors, &sums], &info, groups);
            client.sync().await.map_err(failed)?;
            if round > 0 {
                copy = copy.min(copied);
                fma = fma.min(watch.ms() - copied);
            }
        }
        let flop = f64::from(FMA_GROUPS * 64) * f64::from(rounds) * FMA_FLOP_A_ROUND as f64;
        Ok(Some(Roofline {
            copy_gb_s: 2.0 * bytes as f64 / copy / 1e6,
            gflop_s: flop / fma / 1e6,
        }))
    }
}
