//! Kernels that there are in several variants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kernels are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// Adapters that are programs on a CPU: what counts is how many loads and barriers there are.
    Lanes,
    /// GPUs: what invocations find is gathered in workgroup memory.
    Workgroups,
    /// GPUs with subgroup operations: what invocations find is exchanged in subgroups.
    Subgroups,
}

impl Variant {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Lanes, Self::Workgroups, Self::Subgroups];

    /// Its name, for flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lanes => "lanes",
            Self::Workgroups => "workgroups",
            Self::Subgroups => "subgroups",
        }
    }

    /// Whether it has subgroup operations.
    pub(crate) const fn subgroups(self) -> bool {
        matches!(self, Self::Subgroups)
    }

    /// `sum_of_lanes` and `largest_of_lanes`, where many invocations take part.
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
        let found = Self::ALL.into_iter().find(|variant| variant.name() == text);
        found.ok_or_else(|| {
            format!("{text:?} is no variant; there are lanes, workgroups and subgroups")
        })
    }
}
