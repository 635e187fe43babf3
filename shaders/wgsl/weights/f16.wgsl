// 16-bit values, IEEE: word i of a block holds values 2 i and 2 i + 1, low half first.

fn four(a: u32, b: u32) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(a), unpack2x16float(b));
}
