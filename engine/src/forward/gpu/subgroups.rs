//! Probes a device's subgroups and finds its fastest kernel variant.

use std::rc::Rc;

use llamaglass_shaders::params::LinearParams;
use llamaglass_shaders::{
    Format, MatmulKernel, MatrixLayout, SUBGROUP_PROBE, SUBGROUP_PROBE_WORDS, Store, Variant,
    linear, subgroup_size,
};

use super::super::error::ForwardError;
use super::Gpu;
use crate::platform::Stopwatch;

/// Dimensions [OUT, 32 BLOCKS] of the matrix that the variants are compared on.
const OUT: usize = 2048;
const BLOCKS: usize = 32;
/// Number of launches per measurement if one is too short for the device's clock.
const LAUNCHES: usize = 64;
/// Minimum duration of a single launch, in milliseconds and in steps of the clock.
const MIN_LAUNCH_MS: f64 = 0.5;
const MIN_LAUNCH_STEPS: f64 = 10.0;
/// Minimum rounds and minimum duration of the measurement, which times every variant once per round after a
/// warm-up. The best time counts. On a software device, a busy machine (drawing a window, for example)
/// disturbs many rounds in a row.
const MIN_ROUNDS: usize = 5;
const MIN_MEASUREMENT_MS: f64 = 150.0;
/// Maximum number of rounds, which bounds the measurement on fast devices.
const MAX_ROUNDS: usize = 100;
/// Factor by which a variant with lower requirements must be faster to be chosen. Noise should not change the
/// variant, and with it the answers, from load to load.
const MIN_SPEEDUP: f64 = 1.25;

impl Gpu {
    /// Returns the number of invocations per subgroup if kernels can rely on subgroups.
    pub const fn subgroup_size(&self) -> Option<u32> {
        self.subgroup_size
    }

    pub(super) async fn probe_subgroups(&self) -> Result<Option<u32>, ForwardError> {
        let assignment = self.empty(4 * SUBGROUP_PROBE_WORDS)?;
        self.launch(&SUBGROUP_PROBE, &[&assignment], &(), [1, 1, 1]);
        let bytes = self.read(&assignment).await?;
        let (words, _) = bytes.as_chunks();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Ok(subgroup_size(&words))
    }

    /// Returns the requested kernel variant, or the one that multiplies with a matrix in `format` fastest, which
    /// is measured once per device.
    ///
    /// # Errors
    /// [`ForwardError::NoVariant`] if the device lacks what the requested variant needs,
    /// [`ForwardError::Device`] if it failed.
    pub async fn variant(
        self: &Rc<Self>,
        requested: Option<Variant>,
        format: Format,
    ) -> Result<Variant, ForwardError> {
        match (requested, self.fastest.get()) {
            (Some(Variant::Subgroups), _) if self.subgroup_size.is_none() => {
                Err(ForwardError::NoVariant {
                    variant: Variant::Subgroups.name(),
                    why: "the device has no subgroup operations, or orders subgroups in its own way",
                })
            }
            (Some(variant), _) | (None, Some(variant)) => Ok(variant),
            (None, None) => {
                let fastest = self.fastest(format).await?;
                self.fastest.set(Some(fastest));
                Ok(fastest)
            }
        }
    }

    async fn fastest(&self, format: Format) -> Result<Variant, ForwardError> {
        let has =
            |variant: &Variant| *variant != Variant::Subgroups || self.subgroup_size.is_some();
        let mut variants: Vec<Variant> = Variant::ALL.into_iter().filter(has).collect();
        // Variants with the highest requirements come first.
        variants.reverse();
        let Some(clock) = self.stages.clock else {
            return Ok(Variant::Workgroups);
        };
        let x = self.empty(4 * 32 * BLOCKS)?;
        let quants = self.empty(4 * OUT * format.quant_words(BLOCKS))?;
        let scales = self.empty(4 * OUT * format.scale_words(BLOCKS) + 4)?;
        let y = self.empty(4 * OUT)?;
        let params = LinearParams {
            rows: 1,
            out: OUT as u32,
            y_stride: OUT as u32,
            ..Default::default()
        };
        let matrix = MatrixLayout {
            format,
            blocks: BLOCKS,
            bias: false,
        };
        let launch = |variant: Variant, launches: usize| {
            let method = MatmulKernel::Row(variant);
            let kernel = linear(method, matrix, Store::Plain { add: false });
            for _ in 0..launches {
                let buffers = [&x, &quants, &scales, &y];
                self.launch(&kernel, &buffers, &params, method.groups(1, OUT));
            }
        };
        self.precompile(|| variants.iter().for_each(|variant| launch(*variant, 1)));
        let capture = |launches: usize| -> Vec<_> {
            let capture = |variant: &Variant| self.capture(|| launch(*variant, launches));
            variants.iter().map(capture).collect()
        };
        let mut graphs = capture(1);
        self.time(&graphs).await?;
        let min_ms = MIN_LAUNCH_MS.max(MIN_LAUNCH_STEPS * clock.resolution_ms);
        if self.time(&graphs).await?.iter().any(|ms| *ms < min_ms) {
            graphs = capture(LAUNCHES);
            self.time(&graphs).await?;
        }
        let watch = Stopwatch::start();
        let mut best = vec![f64::INFINITY; graphs.len()];
        for round in 1..=MAX_ROUNDS {
            for (best, ms) in best.iter_mut().zip(self.time(&graphs).await?) {
                *best = best.min(ms);
            }
            if round >= MIN_ROUNDS && watch.ms() >= MIN_MEASUREMENT_MS {
                break;
            }
        }
        Ok(clearly_fastest(variants.into_iter().zip(best)))
    }
}

/// Returns the first variant of `times`, or a later one that is clearly faster than the choice before it.
fn clearly_fastest(times: impl IntoIterator<Item = (Variant, f64)>) -> Variant {
    let mut fastest = (Variant::Workgroups, f64::INFINITY);
    for (variant, ms) in times {
        if ms * MIN_SPEEDUP < fastest.1 {
            fastest = (variant, ms);
        }
    }
    fastest.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearly_fastest_ignores_small_leads() {
        use Variant::{Lanes, Subgroups, Workgroups};
        let of = |times: [f64; 3]| {
            clearly_fastest([Subgroups, Workgroups, Lanes].into_iter().zip(times))
        };
        assert_eq!(of([1.0, 0.9, 0.81]), Subgroups);
        assert_eq!(of([1.0, 0.7, 0.6]), Workgroups);
        assert_eq!(of([4.3, 4.3, 1.3]), Lanes);
        assert_eq!(clearly_fastest([(Workgroups, 2.0), (Lanes, 1.0)]), Lanes);
    }
}
