// silu(gate) * up (SwiGLU, arXiv:2002.05202). CPU reference: src/cpu/swiglu.rs.

// [T, 2 F] f32: gate, then up
@group(0) @binding(0) var<storage, read_write> gate_up: array<f32>;
// [T, F] f32
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
// [2]: T, F
@group(0) @binding(2) var<storage, read_write> info: array<u32>;

@compute @workgroup_size(256, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 256u + id.x;
    let f = info[1];
    if (index >= info[0] * f) { return; }
    let at = index / f * 2u * f + index % f;
    let gate = gate_up[at];
    y[index] = gate / (1.0 + exp(-gate)) * gate_up[at + f];
}
