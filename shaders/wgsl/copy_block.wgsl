// Copies a cache block over another. CPU reference: src/cpu/copy_block.rs.

@group(0) @binding(0) var<storage, read_write> cache: array<u32>;
// [3]: first word of the source, first word of the destination, number of words
@group(0) @binding(1) var<storage, read_write> info: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 64u + id.x;
    if (index < info[2]) { cache[info[1] + index] = cache[info[0] + index]; }
}
