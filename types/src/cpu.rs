//! Settings of the CPU's fast path.

use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantNames};

use crate::names::unknown_name;

/// Maximum number of threads that compute on the CPU.
pub const MAX_THREADS: usize = 256;

/// Instruction set of the CPU's kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = unknown_instruction_set)]
pub enum InstructionSet {
    /// AVX-512 on x86-64: 16 f32 values per register.
    Avx512,
    /// AVX2 with FMA on x86-64: 8 f32 values per register.
    Avx2,
    /// Instructions that every processor of the architecture has: SSE2 on x86-64, plain code elsewhere.
    Baseline,
    /// NEON on AArch64: 4 f32 values per register.
    Neon,
    /// WebAssembly's SIMD: 4 f32 values per register.
    Simd128,
}

impl InstructionSet {
    /// Returns the name in flags and results.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Returns the name for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Avx512 => "AVX-512",
            Self::Avx2 => "AVX2",
            Self::Baseline => "baseline instructions",
            Self::Neon => "NEON",
            Self::Simd128 => "SIMD128",
        }
    }
}

fn unknown_instruction_set(name: &str) -> String {
    unknown_name::<InstructionSet>("instruction set", name)
}

/// Precision of the activations that the CPU's fast path multiplies with weights.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, EnumString, VariantNames,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = unknown_activations)]
pub enum Activations {
    /// As computed.
    #[default]
    F32,
    /// Rounded to 16-bit integers with one scale per block of 32 values.
    I16,
}

impl Activations {
    /// Returns the name in flags and results.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

fn unknown_activations(name: &str) -> String {
    unknown_name::<Activations>("precision of activations", name)
}

/// Describes how the CPU computes, as in `AVX-512, 2 threads`. Returns `None` if neither is known.
pub fn describe_cpu(
    instruction_set: Option<InstructionSet>,
    threads: Option<usize>,
) -> Option<String> {
    let set = instruction_set.map(|set| set.label().to_owned());
    let threads = threads.map(thread_count);
    let parts: Vec<String> = [set, threads].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Returns a number of threads for people, as in `2 threads`.
pub fn thread_count(threads: usize) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        _ => format!("{threads} threads"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instruction_sets_have_the_same_names_in_flags_and_json() {
        for name in ["avx512", "avx2", "baseline", "neon", "simd128"] {
            let set: InstructionSet = name.parse().expect("a name");
            assert_eq!(set.name(), name);
            assert_eq!(serde_json::to_value(set).expect("JSON"), name);
        }
        assert_eq!("i16".parse(), Ok(Activations::I16));
        let error = "sse9".parse::<InstructionSet>();
        assert!(error.is_err_and(|message| message.contains("avx512, avx2")));
    }

    #[test]
    fn cpu_is_described_by_what_is_known() {
        let of = describe_cpu;
        assert_eq!(of(None, None), None);
        assert_eq!(of(None, Some(1)).as_deref(), Some("1 thread"));
        let both = of(Some(InstructionSet::Avx512), Some(2));
        assert_eq!(both.as_deref(), Some("AVX-512, 2 threads"));
    }
}
