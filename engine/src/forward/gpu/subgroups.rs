//! What a device's subgroups are like, and which variant of the kernels it computes fastest.

use std::rc::Rc;

use llamaglass_shaders::{
    Format, SUBGROUP_PROBE, SUBGROUP_PROBE_WORDS, Store, Variant, Way, linear, subgroup_size,
};

use super::super::error::ForwardError;
use super::Gpu;
use crate::platform::Stopwatch;

/// The matrix [OUT, 32 BLOCKS] that variants are compared on.
const OUT: usize = 2048;
const BLOCKS: usize = 32;
/// Launches of a variant where one is too short for the device's clock.
const LAUNCHES: usize = 64;
/// What one has to last for that, in milliseconds and in steps of the clock.
const LEAST_MS: f64 = 0.5;
const LEAST_STEPS: f64 = 10.0;
/// Each is measured in turn, after a time that warms up, so often and so long; its best time counts. A machine
/// that draws a window meanwhile, on the processors that the device is made of, disturbs many in a row.
const ROUNDS: usize = 5;
const ENOUGH_MS: f64 = 150.0;
/// Of a device that is so fast, so many are enough.
const ROUNDS_MAX: usize = 100;
/// A variant with fewer needs is taken only where it is so much faster: answers should not change from
/// load to load with the noise of a measurement.
const CLEARLY: f64 = 1.25;

impl Gpu {
    /// Invocations of a subgroup, where kernels may rely on them.
    pub const fn subgroup_size(&self) -> Option<u32> {
        self.subgroup_size
    }

    pub(super) async fn probe_subgroups(&self) -> Result<Option<u32>, ForwardError> {
        let found = self.empty(4 * SUBGROUP_PROBE_WORDS)?;
        self.launch(&SUBGROUP_PROBE, &[&found], &[0], [1, 1, 1]);
        let bytes = self.read(&found).await?;
        let (words, _) = bytes.as_chunks();
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Ok(subgroup_size(&words))
    }

    /// The wanted variant of the kernels, or the one that computes a product with a matrix in `format`
    /// fastest, which is found out once.
    ///
    /// # Errors
    /// [`ForwardError::NoVariant`] where the device lacks what the wanted one needs,
    /// [`ForwardError::Device`] where it failed.
    pub async fn variant(
        self: &Rc<Self>,
        wanted: Option<Variant>,
        format: Format,
    ) -> Result<Variant, ForwardError> {
        match (wanted, self.fastest.get()) {
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
        // Those that need most of a device first.
        variants.reverse();
        let Some(clock) = self.stages.clock else {
            return Ok(Variant::Workgroups);
        };
        let x = self.empty(4 * 32 * BLOCKS)?;
        let quants = self.empty(4 * OUT * format.quant_words(BLOCKS))?;
        let side = self.empty(4 * OUT * format.side_words(BLOCKS) + 4)?;
        let y = self.empty(4 * OUT)?;
        let info = [1, BLOCKS, OUT, 0, 0, 0, 0, OUT].map(|n| n as u32);
        let launch = |variant: Variant, launches: usize| {
            let way = Way::Row(variant);
            let kernel = linear(way, format, Store::Plain);
            for _ in 0..launches {
                let buffers = [&x, &quants, &side, &y];
                self.launch(&kernel, &buffers, &info, way.groups(1, OUT));
            }
        };
        self.plan(|| variants.iter().for_each(|variant| launch(*variant, 1)));
        let record = |launches: usize| -> Vec<_> {
            let record = |variant: &Variant| self.record(|| launch(*variant, launches));
            variants.iter().map(record).collect()
        };
        let mut tapes = record(1);
        self.time(&tapes).await?;
        let least = LEAST_MS.max(LEAST_STEPS * clock.resolution_ms);
        if self.time(&tapes).await?.iter().any(|ms| *ms < least) {
            tapes = record(LAUNCHES);
            self.time(&tapes).await?;
        }
        let watch = Stopwatch::start();
        let mut best = vec![f64::INFINITY; tapes.len()];
        for round in 1..=ROUNDS_MAX {
            for (best, ms) in best.iter_mut().zip(self.time(&tapes).await?) {
                *best = best.min(ms);
            }
            if round >= ROUNDS && watch.ms() >= ENOUGH_MS {
                break;
            }
        }
        Ok(clearly_fastest(variants.into_iter().zip(best)))
    }
}

/// The first of `times`, or a later one that is clearly faster than what was taken before it.
fn clearly_fastest(times: impl IntoIterator<Item = (Variant, f64)>) -> Variant {
    let mut fastest = (Variant::Workgroups, f64::INFINITY);
    for (variant, ms) in times {
        if ms * CLEARLY < fastest.1 {
            fastest = (variant, ms);
        }
    }
    fastest.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_clear_lead_counts() {
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
