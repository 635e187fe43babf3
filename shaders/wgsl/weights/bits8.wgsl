// 8-bit numbers, stored with 128 added: byte j of word i is number 4 i + j of a block.

// Two elements per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<u32>>;

struct Quants { low: vec4<u32>, high: vec4<u32> }

fn load_quants(block: u32) -> Quants { return Quants(quants[2u * block], quants[2u * block + 1u]); }

// As in bits4.wgsl, except that the highest byte is shifted, because it would be the sign.
const IN_PLACE = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-16);

fn four(word: u32) -> vec4<f32> {
    let bytes = vec4<u32>(word, word, word, word >> 8u);
    return vec4<f32>(vec4<i32>(bytes & vec4<u32>(0xffu, 0xff00u, 0xff0000u, 0xff0000u)));
}
fn four_0(q: Quants) -> vec4<f32> { return four(q.low.x); }
fn four_1(q: Quants) -> vec4<f32> { return four(q.low.y); }
fn four_2(q: Quants) -> vec4<f32> { return four(q.low.z); }
fn four_3(q: Quants) -> vec4<f32> { return four(q.low.w); }
fn four_4(q: Quants) -> vec4<f32> { return four(q.high.x); }
fn four_5(q: Quants) -> vec4<f32> { return four(q.high.y); }
fn four_6(q: Quants) -> vec4<f32> { return four(q.high.z); }
fn four_7(q: Quants) -> vec4<f32> { return four(q.high.w); }
