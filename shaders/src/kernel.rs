//! Kernels: their source and what a launch needs to know.

/// Maximum number of parts that a kernel is assembled from.
const PARTS: usize = 11;

/// A kernel's source and what a launch needs to know about it.
///
/// Bindings are in group 0: the kernel's buffers in order, then `info`, an array of u32.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// Name and variant.
    pub name: [&'static str; 3],
    /// WGSL source, in parts.
    pub(crate) parts: [&'static str; PARTS],
    /// Invocations per workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// True if it uses subgroup operations.
    pub subgroups: bool,
    /// The function of [`cpu`](crate::cpu) that is its CPU reference.
    pub reference: &'static str,
}

impl Kernel {
    /// Creates a kernel from a single file.
    pub(crate) const fn one(
        name: &'static str,
        source: &'static str,
        workgroup_size: [u32; 3],
        reference: &'static str,
    ) -> Self {
        Self::of(name, [source], workgroup_size, reference)
    }

    /// Creates a kernel from several files.
    pub(crate) const fn of<const N: usize>(
        name: &'static str,
        files: [&'static str; N],
        workgroup_size: [u32; 3],
        reference: &'static str,
    ) -> Self {
        Self {
            name: [name, "", ""],
            parts: parts(files),
            workgroup_size,
            subgroups: false,
            reference,
        }
    }

    /// Returns the WGSL source for naga; the entry point is `main`.
    pub fn source(&self) -> String {
        self.parts.concat()
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
