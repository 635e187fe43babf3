// 4-bit numbers: word i of a block holds numbers 4 i to 4 i + 3 in the low halves of its bytes, and numbers 16
// + 4 i to 16 + 4 i + 3 in the high halves.

// One element per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<u32>>;

alias Quants = vec4<u32>;

fn load_quants(block: u32) -> Quants { return quants[block]; }

// A byte is converted at its place in the word, which saves a shift. Number j of a four is then 2^(8 j) too
// large, which is corrected by a factor that the caller multiplies by anyway.
const IN_PLACE = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24);

// Signed, because conversion from i32 is one instruction everywhere.
fn four(word: u32) -> vec4<f32> {
    return vec4<f32>(vec4<i32>(vec4<u32>(word) & vec4<u32>(0xfu, 0xf00u, 0xf0000u, 0xf000000u)));
}
fn four_0(q: Quants) -> vec4<f32> { return four(q.x); }
fn four_1(q: Quants) -> vec4<f32> { return four(q.y); }
fn four_2(q: Quants) -> vec4<f32> { return four(q.z); }
fn four_3(q: Quants) -> vec4<f32> { return four(q.w); }
fn four_4(q: Quants) -> vec4<f32> { return four(q.x >> 4u); }
fn four_5(q: Quants) -> vec4<f32> { return four(q.y >> 4u); }
fn four_6(q: Quants) -> vec4<f32> { return four(q.z >> 4u); }
fn four_7(q: Quants) -> vec4<f32> { return four(q.w >> 4u); }
