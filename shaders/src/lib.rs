//! WGSL kernels of Llamaglass: a `.wgsl` file a kernel, a row in [`KERNELS`], and a CPU reference
//! of the same name in [`cpu`]. No device in sight: launching is the engine's.

pub mod cpu;

/// A kernel's source and what a launch must know of it.
///
/// Bindings are in group 0: the kernel's buffers in order, then `info`, an array of u32.
#[derive(Clone, Copy, Debug)]
pub struct Kernel {
    /// The file's name without `.wgsl`.
    pub name: &'static str,
    /// WGSL; the entry point is `main`.
    pub source: &'static str,
    /// Invocations of a workgroup in x, y, z.
    pub workgroup_size: [u32; 3],
}

/// Logits [V] to the id of the largest finite one: buffers `logits` [V] f32 and `picked` [2] u32
/// (id, whether there is one); info: V. One workgroup.
pub const ARGMAX: Kernel = Kernel {
    name: "argmax",
    source: include_str!("../wgsl/argmax.wgsl"),
    workgroup_size: [256, 1, 1],
};

/// Every kernel there is.
pub const KERNELS: [Kernel; 1] = [ARGMAX];
