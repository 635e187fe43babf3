// A matrix [OUT, IN] on the device: rows of blocks of 32 values, whose numbers are in `quants` and whose scales
// and other conversion data are in `scales`. The format's files document both; they define the
// functions load and four_0 to four_7. Constant: BLOCKS per row. CPU reference: src/cpu/unpack.rs.

@group(0) @binding(3) var<storage, read> scales: array<u32>;

// A block's numbers. Values 0 to 15 are number * scale.x + low.x, values 16 to 31 use the .y components; number
// j of a four must first be multiplied by component j of IN_PLACE.
struct Block { quants: Quants, scale: vec2<f32>, low: vec2<f32> }

// 32 values of x.
struct Fours {
    v0: vec4<f32>, v1: vec4<f32>, v2: vec4<f32>, v3: vec4<f32>,
    v4: vec4<f32>, v5: vec4<f32>, v6: vec4<f32>, v7: vec4<f32>,
}
