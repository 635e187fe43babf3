// Measures arithmetic throughput: eight chains of multiply-adds of vec4 per invocation, in registers only. CPU
// reference: src/cpu/fma.rs.

struct FmaParams {
    rounds: u32,
}

@group(0) @binding(0) var<storage, read> params: FmaParams;
// [2]: the factor, the summand
@group(0) @binding(1) var<storage, read> x: array<f32>;
// One value per invocation
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let a = vec4<f32>(x[0]);
    let b = vec4<f32>(x[1]);
    let start = vec4<f32>(f32(id.x % 64u)) + vec4<f32>(0.0, 0.25, 0.5, 0.75);
    var s0 = start;
    var s1 = start + 1.0;
    var s2 = start + 2.0;
    var s3 = start + 3.0;
    var s4 = start + 4.0;
    var s5 = start + 5.0;
    var s6 = start + 6.0;
    var s7 = start + 7.0;
    for (var i = 0u; i < params.rounds; i += 1u) {
        s0 = s0 * a + b;
        s1 = s1 * a + b;
        s2 = s2 * a + b;
        s3 = s3 * a + b;
        s4 = s4 * a + b;
        s5 = s5 * a + b;
        s6 = s6 * a + b;
        s7 = s7 * a + b;
    }
    y[id.x] = dot(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7, vec4<f32>(1.0));
}
