// 5-bit numbers: four bits are stored as in bits4.wgsl. In the word of fifth bits, bit 8 j + i belongs to
// number 4 i + j of the block.

// One element per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<u32>>;

struct Quants { fours: vec4<u32>, fifths: u32 }

fn load_quants(block: u32, fifths: u32) -> Quants { return Quants(quants[block], fifths); }

// As in bits4.wgsl.
const IN_PLACE = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24);

fn four(nibbles: u32, fifths: u32) -> vec4<f32> {
    let word = (nibbles & 0x0f0f0f0fu) | ((fifths & 0x01010101u) << 4u);
    return vec4<f32>(vec4<i32>(vec4<u32>(word) & vec4<u32>(0x1fu, 0x1f00u, 0x1f0000u, 0x1f000000u)));
}
fn four_0(q: Quants) -> vec4<f32> { return four(q.fours.x, q.fifths); }
fn four_1(q: Quants) -> vec4<f32> { return four(q.fours.y, q.fifths >> 1u); }
fn four_2(q: Quants) -> vec4<f32> { return four(q.fours.z, q.fifths >> 2u); }
fn four_3(q: Quants) -> vec4<f32> { return four(q.fours.w, q.fifths >> 3u); }
fn four_4(q: Quants) -> vec4<f32> { return four(q.fours.x >> 4u, q.fifths >> 4u); }
fn four_5(q: Quants) -> vec4<f32> { return four(q.fours.y >> 4u, q.fifths >> 5u); }
fn four_6(q: Quants) -> vec4<f32> { return four(q.fours.z >> 4u, q.fifths >> 6u); }
fn four_7(q: Quants) -> vec4<f32> { return four(q.fours.w >> 4u, q.fifths >> 7u); }
