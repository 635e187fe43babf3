// For one workgroup that has seen all positions of a row.

// [T, STRIDE] f32; a row's values past H D are left unchanged
@group(0) @binding(2) var<storage, read_write> mixed: array<f32>;

fn put(split: u32, t: u32, head: u32, i: u32, sums: vec2<f32>, total: f32) {
    let at = t * info[3] + head * info[2] + i;
    mixed[at] = sums.x / total;
    mixed[at + 1u] = sums.y / total;
}

fn put_total(split: u32, t: u32, head: u32, largest: f32, total: f32) {}
