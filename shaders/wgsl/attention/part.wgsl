// For several workgroups that share a row's positions: stores the partial result of each for merge.wgsl.

// [T, SPLITS, HEADS, HEAD_DIM + 2] f32, from the first row on: weighted sums of values, the largest score, the sum of the
// weights
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

fn part_of(split: u32, t: u32, head: u32) -> u32 {
    return (((t - params.first_row) * params.splits + split) * HEADS + head) * (HEAD_DIM + 2u);
}

fn put(split: u32, t: u32, head: u32, i: u32, sums: vec2<f32>, total: f32) {
    let at = part_of(split, t, head) + i;
    parts[at] = sums.x;
    parts[at + 1u] = sums.y;
}

fn put_total(split: u32, t: u32, head: u32, largest: f32, total: f32) {
    let at = part_of(split, t, head) + HEAD_DIM;
    parts[at] = largest;
    parts[at + 1u] = total;
}
