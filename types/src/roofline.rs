//! Peak rates of a device: the roofline that kernels, decode and prefill are compared with.

use serde::{Deserialize, Serialize};

/// Peak rates that a device reached in dedicated kernels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Roofline {
    /// Memory bandwidth; on the CPU that of all threads of the model.
    #[serde(flatten)]
    pub memory: MemoryRate,
    /// Arithmetic rate in 10^9 f32 operations per second; a multiply-add counts as two. On the CPU that of all
    /// threads of the model.
    pub gflop_s: f64,
    /// Rates at several numbers of threads, ascending; the last number is that of the model. Empty on a GPU.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_threads: Vec<ThreadRates>,
}

/// Memory bandwidth in 10^9 bytes per second, named after what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum MemoryRate {
    /// A GPU copied memory; counts reads and writes.
    #[serde(rename = "copy_gb_s")]
    Copy(f64),
    /// The CPU's threads read memory that is larger than its caches.
    #[serde(rename = "read_gb_s")]
    Read(f64),
}

/// Peak rates of the CPU with some number of threads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ThreadRates {
    /// Number of threads that shared the work.
    pub threads: usize,
    /// Read bandwidth in 10^9 bytes per second.
    pub read_gb_s: f64,
    /// Arithmetic rate in 10^9 f32 operations per second; a multiply-add counts as two.
    pub gflop_s: f64,
}

impl MemoryRate {
    /// Returns the bandwidth in 10^9 bytes per second.
    pub const fn gb_s(self) -> f64 {
        match self {
            Self::Copy(gb_s) | Self::Read(gb_s) => gb_s,
        }
    }

    /// Returns a noun for what was measured: a copy or a read.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Copy(_) => "copy",
            Self::Read(_) => "read",
        }
    }
}

impl Roofline {
    /// Creates the roofline of a CPU from its rates at ascending numbers of threads. The last number is that of the
    /// model. Returns `None` without rates.
    pub fn of_threads(by_threads: Vec<ThreadRates>) -> Option<Self> {
        let all = by_threads.last()?;
        Some(Self {
            memory: MemoryRate::Read(all.read_gb_s),
            gflop_s: all.gflop_s,
            by_threads,
        })
    }

    /// Returns the memory bandwidth in 10^9 bytes per second.
    pub const fn gb_s(&self) -> f64 {
        self.memory.gb_s()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json, to_value};

    fn round_trip(roofline: &Roofline) -> Value {
        let value = to_value(roofline).expect("JSON");
        let back: Roofline = from_value(value.clone()).expect("a roofline");
        assert_eq!(back, *roofline);
        value
    }

    #[test]
    fn old_results_of_gpus_still_load_and_keep_their_fields() {
        let old = json!({"copy_gb_s": 5.5, "gflop_s": 40.0});
        let roofline: Roofline = from_value(old.clone()).expect("an old roofline");
        assert_eq!(roofline.memory, MemoryRate::Copy(5.5));
        assert_eq!((roofline.gb_s(), roofline.memory.noun()), (5.5, "copy"));
        assert_eq!(round_trip(&roofline), old);
    }

    #[test]
    fn roofline_of_a_cpu_is_that_of_all_threads() {
        let rates = |threads, read_gb_s, gflop_s| ThreadRates {
            threads,
            read_gb_s,
            gflop_s,
        };
        let all = vec![rates(1, 8.0, 100.0), rates(2, 12.0, 190.0)];
        let roofline = Roofline::of_threads(all).expect("two rates");
        assert_eq!(roofline.memory, MemoryRate::Read(12.0));
        assert_eq!(roofline.gflop_s, 190.0);
        assert_eq!(
            round_trip(&roofline),
            json!({
                "read_gb_s": 12.0,
                "gflop_s": 190.0,
                "by_threads": [
                    {"threads": 1, "read_gb_s": 8.0, "gflop_s": 100.0},
                    {"threads": 2, "read_gb_s": 12.0, "gflop_s": 190.0},
                ],
            })
        );
        assert_eq!(Roofline::of_threads(Vec::new()), None);
    }
}
