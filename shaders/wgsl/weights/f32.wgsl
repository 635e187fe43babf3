// 32-bit values: four i of a block is its element i.

// Eight elements per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<f32>>;

struct Quants {
    v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>,
    v4: vec4<f32>, v5: vec4<f32>, v6: vec4<f32>, v7: vec4<f32>,
}

const IN_PLACE = vec4<f32>(1.0);

fn four_0(q: Quants) -> vec4<f32> { return q.v0; }
fn four_1(q: Quants) -> vec4<f32> { return q.v1; }
fn four_2(q: Quants) -> vec4<f32> { return q.v2; }
fn four_3(q: Quants) -> vec4<f32> { return q.v3; }
fn four_4(q: Quants) -> vec4<f32> { return q.v4; }
fn four_5(q: Quants) -> vec4<f32> { return q.v5; }
fn four_6(q: Quants) -> vec4<f32> { return q.v6; }
fn four_7(q: Quants) -> vec4<f32> { return q.v7; }

fn load(row: u32, block: u32) -> Block {
    let at = (row * BLOCKS + block) * 8u;
    let q = Quants(
        quants[at], quants[at + 1u], quants[at + 2u], quants[at + 3u],
        quants[at + 4u], quants[at + 5u], quants[at + 6u], quants[at + 7u],
    );
    return Block(q, vec2<f32>(1.0), vec2<f32>());
}
