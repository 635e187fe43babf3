// 6-bit numbers: four bits are stored as in bits4.wgsl. In the two words of upper bits, bits 8 j + 2 i and 8 j
// + 2 i + 1 belong to number 4 i + j (first word) and to number 16 + 4 i + j (second word).

// One element per block, row by row.
@group(0) @binding(2) var<storage, read> quants: array<vec4<u32>>;

struct Quants { fours: vec4<u32>, uppers: vec2<u32> }

fn load_quants(block: u32, uppers: vec2<u32>) -> Quants { return Quants(quants[block], uppers); }

// As in bits4.wgsl.
const IN_PLACE = vec4<f32>(1.0, 0x1p-8, 0x1p-16, 0x1p-24);

fn four(nibbles: u32, uppers: u32) -> vec4<f32> {
    let word = (nibbles & 0x0f0f0f0fu) | ((uppers & 0x03030303u) << 4u);
    return vec4<f32>(vec4<i32>(vec4<u32>(word) & vec4<u32>(0x3fu, 0x3f00u, 0x3f0000u, 0x3f000000u)));
}
fn four_0(q: Quants) -> vec4<f32> { return four(q.fours.x, q.uppers.x); }
fn four_1(q: Quants) -> vec4<f32> { return four(q.fours.y, q.uppers.x >> 2u); }
fn four_2(q: Quants) -> vec4<f32> { return four(q.fours.z, q.uppers.x >> 4u); }
fn four_3(q: Quants) -> vec4<f32> { return four(q.fours.w, q.uppers.x >> 6u); }
fn four_4(q: Quants) -> vec4<f32> { return four(q.fours.x >> 4u, q.uppers.y); }
fn four_5(q: Quants) -> vec4<f32> { return four(q.fours.y >> 4u, q.uppers.y >> 2u); }
fn four_6(q: Quants) -> vec4<f32> { return four(q.fours.z >> 4u, q.uppers.y >> 4u); }
fn four_7(q: Quants) -> vec4<f32> { return four(q.fours.w >> 4u, q.uppers.y >> 6u); }
