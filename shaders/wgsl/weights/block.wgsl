// A matrix [OUT, IN] as the device holds it: rows of blocks of 32 values, whose numbers are in
// `quants` and whatever makes values of them in `side`. The format's files say how; they have the
// functions load, side_words and four_0 to four_7. CPU reference: src/format.rs.

@group(0) @binding(2) var<storage, read_write> side: array<u32>;

// A block's numbers; values 0 to 15 are number * scale.x + low.x, 16 to 31 with the .y, where number
// j of a four is to be multiplied by component j of IN_PLACE first.
struct Block { quants: Quants, scale: vec2<f32>, low: vec2<f32> }

// 32 values of x.
struct Fours {
    v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>,
    v4: vec4<f32>, v5: vec4<f32>, v6: vec4<f32>, v7: vec4<f32>,
}
