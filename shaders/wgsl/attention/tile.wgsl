// Causal attention of a prompt's rows with an online softmax, updated block by block (arXiv:2205.14135): one
// workgroup per query head and 16 rows, 64 keys per iteration. An invocation computes the scores of 4 keys for
// 4 rows, then 4 values per pass for those rows, so that each loaded value is used four times. CPU reference:
// src/cpu/attention.rs.

struct AttentionTileParams {
    // Number of values per row of `attn_out`.
    out_stride: u32,
    // T: number of rows.
    rows: u32,
}

@group(0) @binding(0) var<storage, read> params: AttentionTileParams;
// [T, HEADS HEAD_DIM] f32: queries, rotated
@group(0) @binding(1) var<storage, read> queries: array<f32>;
// Blocks of keys and values, in pairs: kv/blocks.wgsl
@group(0) @binding(2) var<storage, read> cache: array<Pair>;
// [T, STRIDE] f32; a row's values past HEADS HEAD_DIM are left unchanged
@group(0) @binding(3) var<storage, read_write> attn_out: array<f32>;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(4) var<storage, read> step: array<u32>;

const KEYS: u32 = 64u;
const ROWS: u32 = 16u;
// Number of invocations that share a row.
const ACROSS: u32 = 16u;
const LOWEST: f32 = -1e30;

// One component per row, so that an invocation's four rows are one element.
var<workgroup> largest_of: array<vec4<f32>, 64>;
var<workgroup> weights: array<vec4<f32>, 256>;
var<workgroup> totals: array<vec4<f32>, 64>;

// Sums of 4 values for each of 4 rows, x to w.
struct Sums { x: vec4<f32>, y: vec4<f32>, z: vec4<f32>, w: vec4<f32> }

fn fade(s: Sums, by: vec4<f32>) -> Sums {
    return Sums(s.x * by.x, s.y * by.y, s.z * by.z, s.w * by.w);
}

fn four(at: u32, pairs: vec2<u32>) -> vec4<f32> {
    return vec4<f32>(unpacked(cache[at + pairs.x]), unpacked(cache[at + pairs.y]));
}

@compute @workgroup_size(16, 4, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_id) id: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let head = group.x;
    let kv_head = head / (HEADS / KV_HEADS);
    let keys = keys_of(kv_head);
    let values = values_of(kv_head);
    let scale = inverseSqrt(f32(HEAD_DIM));
    let lanes = vec4<u32>(0u, 1u, 2u, 3u);
    // Past the last row, the last one is computed again, but not stored.
    let last = params.rows - 1u;
    // A workgroup's rows are consecutive rows of one sequence, except for padding.
    let first_row = group.y * ROWS;
    let table = row_word(first_row, ROW_BLOCKS);
    let rows = vec4<u32>(first_row + id.y * 4u) + lanes;
    let query = (min(rows, vec4<u32>(last)) * HEADS + head) * HEAD_DIM;
    let begin = row_word(first_row, ROW_POSITION);
    // If a sequence's rows end within the tile, rows at position 0 pad it.
    var last_in_tile = min(ROWS - 1u, last - first_row);
    while (last_in_tile > 0u && row_word(first_row + last_in_tile, ROW_POSITION) == 0u) {
        last_in_tile -= 1u;
    }
    // Number of keys that the workgroup's last row sees. It is uniform, as the barriers in the loop below
    // require.
    let keys_seen = begin + last_in_tile + 1u;
    let sees = min(rows, vec4<u32>(last)) - first_row + begin;
    // Pairs of values that this invocation sums in each pass, limited to those that exist.
    let last_pair = vec2<u32>(HALF_DIM - 1u);
    let pairs = vec2<u32>(id.x * 2u, id.x * 2u + 1u);
    let v0 = min(pairs, last_pair);
    let v1 = min(pairs + 32u, last_pair);
    let v2 = min(pairs + 64u, last_pair);
    let v3 = min(pairs + 96u, last_pair);

    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>();
    var s0 = Sums();
    var s1 = Sums();
    var s2 = Sums();
    var s3 = Sums();
    for (var first = 0u; first < keys_seen; first += KEYS) {
        // Positions past the end are read, but get no weight.
        let block = block_at(table, first);
        let seen = vec4<u32>(first + id.x * 4u) + lanes;
        let key = vec4<u32>(block + keys + id.x * 4u) + lanes;
        // x to w are keys, their components are rows.
        var score = Sums();
        for (var i = 0u; i < HALF_DIM; i += 1u) {
            let at = query + 2u * i;
            let even = vec4<f32>(queries[at.x], queries[at.y], queries[at.z], queries[at.w]);
            let odd = vec4<f32>(
                queries[at.x + 1u], queries[at.y + 1u], queries[at.z + 1u], queries[at.w + 1u],
            );
            let c0 = unpacked(cache[key.x + i * KV_BLOCK]);
            let c1 = unpacked(cache[key.y + i * KV_BLOCK]);
            let c2 = unpacked(cache[key.z + i * KV_BLOCK]);
            let c3 = unpacked(cache[key.w + i * KV_BLOCK]);
            score.x += even * c0.x + odd * c0.y;
            score.y += even * c1.x + odd * c1.y;
            score.z += even * c2.x + odd * c2.y;
            score.w += even * c3.x + odd * c3.y;
        }
        let lowest = vec4<f32>(LOWEST);
        score.x = select(lowest, score.x * scale, vec4<u32>(seen.x) <= sees);
        score.y = select(lowest, score.y * scale, vec4<u32>(seen.y) <= sees);
        score.z = select(lowest, score.z * scale, vec4<u32>(seen.z) <= sees);
        score.w = select(lowest, score.w * scale, vec4<u32>(seen.w) <= sees);
        largest_of[lane] = max(max(score.x, score.y), max(score.z, score.w));
        workgroupBarrier();
        let before = largest;
        for (var j = 0u; j < ACROSS; j += 1u) {
            largest = max(largest, largest_of[id.y * ACROSS + j]);
        }
        let none = vec4<f32>();
        let w0 = select(none, exp(score.x - largest), vec4<u32>(seen.x) <= sees);
        let w1 = select(none, exp(score.y - largest), vec4<u32>(seen.y) <= sees);
        let w2 = select(none, exp(score.z - largest), vec4<u32>(seen.z) <= sees);
        let w3 = select(none, exp(score.w - largest), vec4<u32>(seen.w) <= sees);
        let at = id.y * KEYS + id.x * 4u;
        weights[at] = w0;
        weights[at + 1u] = w1;
        weights[at + 2u] = w2;
        weights[at + 3u] = w3;
        let faded = exp(before - largest);
        total = total * faded + w0 + w1 + w2 + w3;
        workgroupBarrier();
        let here = min(KEYS, keys_seen - first);
        let row_weights = id.y * KEYS;
        s0 = fade(s0, faded);
        for (var j = 0u; j < here; j += 1u) {
            s0 = add(s0, weights[row_weights + j], four(block + values + j * HALF_DIM, v0));
        }
        // Wider heads take more passes of 64 values.
        if (HEAD_DIM > 64u) {
            s1 = fade(s1, faded);
            for (var j = 0u; j < here; j += 1u) {
                s1 = add(s1, weights[row_weights + j], four(block + values + j * HALF_DIM, v1));
            }
        }
        if (HEAD_DIM > 128u) {
            s2 = fade(s2, faded);
            s3 = fade(s3, faded);
            for (var j = 0u; j < here; j += 1u) {
                let weight = weights[row_weights + j];
                s2 = add(s2, weight, four(block + values + j * HALF_DIM, v2));
                s3 = add(s3, weight, four(block + values + j * HALF_DIM, v3));
            }
        }
        workgroupBarrier();
    }
    // Each invocation of a row has summed the weights of its own keys only.
    totals[lane] = total;
    workgroupBarrier();
    total = vec4<f32>();
    for (var j = 0u; j < ACROSS; j += 1u) { total += totals[id.y * ACROSS + j]; }
    put(rows, head, id.x * 4u, s0, total);
    put(rows, head, id.x * 4u + 64u, s1, total);
    put(rows, head, id.x * 4u + 128u, s2, total);
    put(rows, head, id.x * 4u + 192u, s3, total);
}

fn add(s: Sums, weight: vec4<f32>, value: vec4<f32>) -> Sums {
    return Sums(
        s.x + weight.x * value, s.y + weight.y * value,
        s.z + weight.z * value, s.w + weight.w * value,
    );
}

fn put(rows: vec4<u32>, head: u32, i: u32, s: Sums, total: vec4<f32>) {
    put_row(rows.x, head, i, s.x / total.x);
    put_row(rows.y, head, i, s.y / total.y);
    put_row(rows.z, head, i, s.z / total.z);
    put_row(rows.w, head, i, s.w / total.w);
}

fn put_row(row: u32, head: u32, i: u32, values: vec4<f32>) {
    if (row >= params.rows) { return; }
    let at = row * params.out_stride + head * HEAD_DIM + i;
    for (var j = 0u; j < 4u && i + j < HEAD_DIM; j += 1u) { attn_out[at + j] = values[j]; }
}
