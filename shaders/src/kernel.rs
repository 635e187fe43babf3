//! Kernels: their source and what a launch needs to know.

use crate::params::{Layout, Params};

/// Maximum number of parts that a kernel is assembled from.
const PARTS: usize = 11;
/// Maximum number of constants of a kernel.
const CONSTANTS: usize = 6;

/// Constants that a kernel is compiled with, padded with empty names.
type Constants = [(&'static str, u32); CONSTANTS];

/// Identity of a kernel: its name and its constants.
pub type KernelKey = ([&'static str; 3], Constants);

/// A kernel's source and what a launch needs to know about it.
///
/// Bindings are in group 0: the parameters at 0, if the kernel has any, then its buffers in order from 1 on.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Name and variant.
    pub name: [&'static str; 3],
    /// WGSL source, in parts.
    pub(crate) parts: [&'static str; PARTS],
    /// Constants that precede the source, such as the model's dimensions.
    pub(crate) constants: Constants,
    /// Layout of its parameters.
    pub params: Layout,
    /// Invocations per workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// True if it uses subgroup operations.
    pub subgroups: bool,
    /// The function of [`cpu`](crate::cpu) that is its CPU reference.
    pub reference: &'static str,
}

impl Kernel {
    /// Creates a kernel with parameters `P` from WGSL files. `name` also names its CPU reference.
    pub(crate) const fn new<P: Params, const N: usize>(
        name: &'static str,
        files: [&'static str; N],
        workgroup_size: [u32; 3],
    ) -> Self {
        Self {
            name: [name, "", ""],
            parts: parts(files),
            constants: constants([]),
            params: P::LAYOUT,
            workgroup_size,
            subgroups: false,
            reference: name,
        }
    }

    /// Returns what distinguishes the kernel's compiled pipeline from others.
    pub const fn key(&self) -> KernelKey {
        (self.name, self.constants)
    }

    /// Returns the WGSL source for naga; the entry point is `main`.
    pub fn source(&self) -> String {
        let constants = self.constants.iter().filter(|(name, _)| !name.is_empty());
        let constants = constants.map(|(name, value)| format!("const {name}: u32 = {value}u;\n"));
        constants.collect::<String>() + &self.parts.concat()
    }

    /// Returns the WGSL source for browsers. They require `enable` directives for extensions, which naga
    /// enables by default and whose directives it rejects (gfx-rs/wgpu#5555).
    pub fn browser_source(&self) -> String {
        let enable = if self.subgroups {
            "enable subgroups;\n"
        } else {
            ""
        };
        enable.to_owned() + &self.source()
    }

    /// Returns name and variant for display.
    pub fn label(&self) -> String {
        self.name.join(" ").trim_end().to_owned()
    }
}

/// Pads `files` with empty parts.
pub(crate) const fn parts<const N: usize>(files: [&'static str; N]) -> [&'static str; PARTS] {
    let mut parts = [""; PARTS];
    let mut i = 0;
    while i < N {
        parts[i] = files[i];
        i += 1;
    }
    parts
}

/// Pads `values` with empty constants.
pub(crate) const fn constants<const N: usize>(values: [(&'static str, usize); N]) -> Constants {
    let mut constants = [("", 0); CONSTANTS];
    let mut i = 0;
    while i < N {
        constants[i] = (values[i].0, values[i].1 as u32);
        i += 1;
    }
    constants
}
