//! Variants of kernels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Kind of hardware that a kernel variant is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
        match self {
            Self::Lanes => "lanes",
            Self::Workgroups => "workgroups",
            Self::Subgroups => "subgroups",
        }
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

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        all.find(|variant| variant.name() == text).ok_or_else(|| {
            format!("unknown variant {text:?}; expected one of: lanes, workgroups, subgroups")
        })
    }
}
