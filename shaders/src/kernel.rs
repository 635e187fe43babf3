//! What a launch must know of a kernel.

/// A kernel's source and what a launch must know of it.
///
/// Bindings are in group 0: the kernel's buffers in order, then `info`, an array of u32.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// What it is called, and the variant.
    pub name: [&'static str; 3],
    /// WGSL, in parts.
    pub(crate) parts: [&'static str; 8],
    /// Invocations of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
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
        Self::two(name, [source, ""], workgroup_size, reference)
    }

    /// A kernel of two files.
    pub(crate) const fn two(
        name: &'static str,
        [first, second]: [&'static str; 2],
        workgroup_size: [u32; 3],
        reference: &'static str,
    ) -> Self {
        Self {
            name: [name, "", ""],
            parts: [first, second, "", "", "", "", "", ""],
            workgroup_size,
            reference,
        }
    }

    /// WGSL; the entry point is `main`.
    pub fn source(&self) -> String {
        self.parts.concat()
    }

    /// Its name and variant, for people.
    pub fn label(&self) -> String {
        self.name.join(" ").trim_end().to_owned()
    }
}
