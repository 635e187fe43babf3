// Measures memory throughput: reads and writes every value once. CPU reference: src/cpu/copy.rs.

struct CopyParams {
    // Number of vec4.
    count: u32,
}

@group(0) @binding(0) var<storage, read> params: CopyParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let step = groups.x * 64u;
    for (var i = id.x; i < params.count; i += step) { y[i] = x[i]; }
}
