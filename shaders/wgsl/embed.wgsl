// Rows of the token embedding, one an id. CPU reference: src/cpu/embed.rs.

// [1 + T] u32: the position, then the ids
@group(0) @binding(0) var<storage, read_write> step: array<u32>;
// [V, C] f32
@group(0) @binding(1) var<storage, read_write> embedding: array<f32>;
// [T, C] f32
@group(0) @binding(2) var<storage, read_write> x: array<f32>;
// [2]: T, C
@group(0) @binding(3) var<storage, read_write> info: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 64u + id.x;
    let c = info[1];
    if (index >= info[0] * c) { return; }
    x[index] = embedding[step[1u + index / c] * c + index % c];
}
