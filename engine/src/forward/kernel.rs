//! Launching our own kernels.

use burn_wgpu::{CubeDim, KernelSource, SourceKernel, SourceTemplate};
use cubecl::client::Client;
use cubecl::prelude::{BufferIOAttr, CubeCount, KernelId};
use cubecl::server::{Handle, KernelArguments, MetadataBindingInfo};
use llamaglass_shaders::Kernel;

/// The most workgroups of one dimension that invocations of a flat range are spread over.
const GROUPS_A_ROW: u32 = 32_768;

#[derive(Clone, Copy, Debug)]
struct Source(Kernel);

impl KernelSource for Source {
    fn source(&self) -> SourceTemplate {
        SourceTemplate::new(self.0.source())
    }

    fn id(&self) -> KernelId {
        KernelId::new::<Self>().info(self.0.name)
    }

    fn lang(&self) -> &'static str {
        "wgsl"
    }
}

/// Issues `kernel` over its `buffers`, in the order of its bindings, and its `info`.
pub fn launch(
    client: &Client,
    kernel: &Kernel,
    buffers: &[&Handle],
    info: &[u32],
    groups: [u32; 3],
) {
    let mut arguments = KernelArguments::new();
    for buffer in buffers {
        // Both ways always: natively, buffers of one launch may lie in one allocation.
        arguments = arguments.with_buffer_io((*buffer).clone().binding(), BufferIOAttr::ReadWrite);
    }
    // A word of the runtime is 64 bits, one of ours 32: low half first.
    let pair = |pair: &[u32]| {
        let high = pair.get(1).copied().map_or(0, u64::from);
        high << 32 | u64::from(pair[0])
    };
    let words = info.chunks(2).map(pair).collect();
    let arguments = arguments.with_info(MetadataBindingInfo::custom(words));
    let [x, y, z] = kernel.workgroup_size;
    let source = SourceKernel::new(Source(*kernel), CubeDim::new_3d(x, y, z));
    let [x, y, z] = groups;
    client.launch(Box::new(source), CubeCount::Static(x, y, z), arguments);
}

/// Workgroups for `invocations` of a kernel that counts them over rows of workgroups.
pub fn flat(kernel: &Kernel, invocations: usize) -> [u32; 3] {
    let groups = (invocations as u32).div_ceil(kernel.workgroup_size[0]);
    let row = groups.clamp(1, GROUPS_A_ROW);
    [row, groups.div_ceil(row), 1]
}
