// 16-bit values, the upper halves of f32: word i of a block holds values 2 i and 2 i + 1, low half first.

fn four(a: u32, b: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(a << 16u, a & 0xffff0000u, b << 16u, b & 0xffff0000u));
}
