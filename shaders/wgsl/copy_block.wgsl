// Copies a cache block over another. CPU reference: src/cpu/copy_block.rs.

struct CopyBlockParams {
    // First word of the source.
    source: u32,
    // First word of the destination.
    destination: u32,
    words: u32,
}

@group(0) @binding(0) var<storage, read> params: CopyBlockParams;
@group(0) @binding(1) var<storage, read_write> cache: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 64u + id.x;
    if (index < params.words) {
        cache[params.destination + index] = cache[params.source + index];
    }
}
