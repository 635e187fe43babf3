// Reports how a workgroup's invocations are assigned to subgroups, which neither WebGPU nor Vulkan guarantees.
// CPU reference: src/cpu/subgroup_probe.rs.

// [256]: for each invocation, the lowest index in its subgroup, and the subgroup's size (upper half)
@group(0) @binding(1) var<storage, read_write> assignment: array<u32>;

@compute @workgroup_size(256, 1, 1)
fn main(@builtin(local_invocation_index) index: u32) {
    assignment[index] = subgroupMin(index) | (subgroupAdd(1u) << 16u);
}
