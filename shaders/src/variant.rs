//! Variants of kernels.

use serde::{Deserialize, Serialize};
use strum::{EnumString, VariantNames};

/// Kind of hardware that a kernel variant is made for.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    EnumString,
    VariantNames,
    strum::Display,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_variant)]
pub enum Variant {
    /// Software adapters on a CPU, where the number of loads and barriers matters most.
    Lanes,
    /// GPUs; invocations exchange results through workgroup memory.
    Workgroups,
    /// GPUs with subgroup operations; invocations exchange results within subgroups.
    Subgroups,
}

impl Variant {
    /// All variants.
    pub const ALL: [Self; 3] = [Self::Lanes, Self::Workgroups, Self::Subgroups];

    /// Name of the variant in flags and reports.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// Returns true if the variant uses subgroup operations.
    pub(crate) const fn subgroups(self) -> bool {
        matches!(self, Self::Subgroups)
    }

    /// Source of `sum_of_lanes` and `largest_of_lanes` for many invocations.
    pub(crate) const fn gather(self) -> &'static str {
        match self {
            Self::Lanes | Self::Workgroups => include_str!("../wgsl/reduce/gather.wgsl"),
            Self::Subgroups => include_str!("../wgsl/reduce/subgroups.wgsl"),
        }
    }
}

fn unknown_variant(name: &str) -> String {
    let names = Variant::VARIANTS.join(", ");
    format!("unknown variant {name:?}; expected one of: {names}")
}
