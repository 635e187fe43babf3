// 16-bit values of either kind; `four` converts two words.

// Four elements per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<u32>>;

struct Quants { v0: vec4<u32>, v1: vec4<u32>, v2: vec4<u32>, v3: vec4<u32> }

const IN_PLACE = vec4<f32>(1.0);

fn four_0(q: Quants) -> vec4<f32> { return four(q.v0.x, q.v0.y); }
fn four_1(q: Quants) -> vec4<f32> { return four(q.v0.z, q.v0.w); }
fn four_2(q: Quants) -> vec4<f32> { return four(q.v1.x, q.v1.y); }
fn four_3(q: Quants) -> vec4<f32> { return four(q.v1.z, q.v1.w); }
fn four_4(q: Quants) -> vec4<f32> { return four(q.v2.x, q.v2.y); }
fn four_5(q: Quants) -> vec4<f32> { return four(q.v2.z, q.v2.w); }
fn four_6(q: Quants) -> vec4<f32> { return four(q.v3.x, q.v3.y); }
fn four_7(q: Quants) -> vec4<f32> { return four(q.v3.z, q.v3.w); }

fn load(row: u32, block: u32) -> Block {
    let at = (row * BLOCKS + block) * 4u;
    let q = Quants(quants[at], quants[at + 1u], quants[at + 2u], quants[at + 3u]);
    return Block(q, vec2<f32>(1.0), vec2<f32>());
}
