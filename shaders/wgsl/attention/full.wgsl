// For one workgroup that has seen all positions of a row.

// [T, STRIDE] f32; a row's values past HEADS HEAD_DIM are left unchanged
@group(0) @binding(3) var<storage, read_write> attn_out: array<f32>;

fn put(split: u32, t: u32, head: u32, i: u32, sums: vec2<f32>, total: f32) {
    let at = t * params.out_stride + head * HEAD_DIM + i;
    attn_out[at] = sums.x / total;
    attn_out[at + 1u] = sums.y / total;
}

fn put_total(split: u32, t: u32, head: u32, largest: f32, total: f32) {}
