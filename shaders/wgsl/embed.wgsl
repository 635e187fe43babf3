// Looks up rows of the token embedding: one row per id, one block per invocation. Constants:
// HIDDEN, BLOCKS per row. CPU reference: src/cpu/embed.rs.

struct EmbedParams {
    // T: number of rows.
    rows: u32,
}

@group(0) @binding(0) var<storage, read> params: EmbedParams;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(1) var<storage, read> step: array<u32>;
// [T, HIDDEN] f32
@group(0) @binding(4) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 64u + id.x;
    let t = index / BLOCKS;
    let block = index % BLOCKS;
    if (t >= params.rows) { return; }
    // Formats without scales do not read `scales`, but a launch always binds it.
    _ = scales[0];
    let b = load(row_word(t, ROW_ID), block);
    put(t, block * 32u, four_0(b.quants), b.scale.x, b.low.x);
    put(t, block * 32u + 4u, four_1(b.quants), b.scale.x, b.low.x);
    put(t, block * 32u + 8u, four_2(b.quants), b.scale.x, b.low.x);
    put(t, block * 32u + 12u, four_3(b.quants), b.scale.x, b.low.x);
    put(t, block * 32u + 16u, four_4(b.quants), b.scale.y, b.low.y);
    put(t, block * 32u + 20u, four_5(b.quants), b.scale.y, b.low.y);
    put(t, block * 32u + 24u, four_6(b.quants), b.scale.y, b.low.y);
    put(t, block * 32u + 28u, four_7(b.quants), b.scale.y, b.low.y);
}

fn put(t: u32, column: u32, numbers: vec4<f32>, scale: f32, low: f32) {
    let values = numbers * (IN_PLACE * scale) + low;
    // The last block may extend past the end of the row.
    for (var j = 0u; j < 4u && column + j < HIDDEN; j += 1u) { x[t * HIDDEN + column + j] = values[j]; }
}
