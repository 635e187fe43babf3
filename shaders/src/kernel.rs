//! What a launch must know of a kernel.

/// The most parts that a kernel is put together from.
const PARTS: usize = 11;

/// A kernel's source and what a launch must know of it.
///
/// Bindings are in group 0: the kernel's buffers in order, then `info`, an array of u32.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// What it is called, and the variant.
    pub name: [&'static str; 3],
    /// WGSL, in parts.
    pub(crate) parts: [&'static str; PARTS],
    /// Invocations of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
    /// Whether it has subgroup operations.
    pub subgroups: bool,
    /// The function of [`cpu`](crate::cpu) that says what it computes.
    pub reference: &'static str,
}

impl Kernel {
    /// A kernel of one file.
    pub(crate) const fn one(
        name: &'static str,
        source: &'static str,
        workgroup_size: [u32; 3],
        reference: &'static str,
    ) -> Self {
        Self::of(name, [source], workgroup_size, reference)
    }

    /// A kernel of several files.
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

    /// WGSL as naga reads it; the entry point is `main`.
    pub fn source(&self) -> String {
        self.parts.concat()
    }

    /// WGSL as browsers read it: they want to be told of extensions, which naga has without being told,
    /// and refuses to be told of (gfx-rs/wgpu#5555).
    pub fn browser_source(&self) -> String {
        let enable = if self.subgroups {
            "enable subgroups;\n"
        } else {
            ""
        };
        enable.to_owned() + &self.source()
    }

    /// Its name and variant, for people.
    pub fn label(&self) -> String {
        self.name.join(" ").trim_end().to_owned()
    }
}

/// `files`, and nothing behind them.
pub(crate) const fn parts<const N: usize>(files: [&'static str; N]) -> [&'static str; PARTS] {
    let mut parts = [""; PARTS];
    let mut i = 0;
    while i < N {
        parts[i] = files[i];
        i += 1;
    }
    parts
}
