// Causal attention of one row per workgroup with an online softmax, updated block by block (arXiv:2205.14135).
// A workgroup takes up to 4 query heads that share keys and values, so that each load serves all of them. A
// vec4 has one component per head. CPU reference: src/cpu/attention.rs.

@group(0) @binding(1) var<storage, read> queries: array<f32>;
// Blocks of keys and values, in pairs: kv/blocks.wgsl
@group(0) @binding(2) var<storage, read> cache: array<Pair>;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(4) var<storage, read> step: array<u32>;

alias Value = vec4<f32>;
const LANES: u32 = 64u;
const INVOCATIONS: u32 = LANES;
// Positions per iteration, from four blocks: four per invocation, so that a query value is loaded once for all
// four.
const KEYS: u32 = 256u;
// Workgroups that share a row take multiples of this many positions.
const SHARE: u32 = 128u;
const HEADS_PER_PASS: u32 = 4u;
const LOWEST: f32 = -1e30;

// Four values with one component per head.
struct Sums { a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32> }

var<workgroup> query: array<vec4<f32>, HEAD_DIM>;
var<workgroup> weights: array<vec4<f32>, KEYS>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let t = params.first_row + group.z;
    // Query heads that share keys and values are computed in passes of 4.
    let sharing = HEADS / KV_HEADS;
    let passes = (sharing + HEADS_PER_PASS - 1u) / HEADS_PER_PASS;
    let kv_head = group.x / passes;
    let in_pass = group.x % passes * HEADS_PER_PASS;
    let first_head = kv_head * sharing + in_pass;
    let heads = min(HEADS_PER_PASS, sharing - in_pass);
    // If there are fewer, the last one is computed again, but not stored.
    let each = min(vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(heads - 1u));
    let row = (vec4<u32>(t * HEADS + first_head) + each) * HEAD_DIM;
    let scale = inverseSqrt(f32(HEAD_DIM));
    for (var i = lane; i < HEAD_DIM; i += LANES) {
        query[i] = scale * vec4<f32>(
            queries[row.x + i], queries[row.y + i], queries[row.z + i], queries[row.w + i],
        );
    }
    workgroupBarrier();
    // The positions of this workgroup. They are uniform, as the barriers in the loop below require.
    let seen = row_word(t, ROW_POSITION) + 1u;
    let part = ((seen + params.splits - 1u) / params.splits + SHARE - 1u) / SHARE * SHARE;
    let begin = min(group.y * part, seen);
    let end = min(begin + part, seen);

    let table = row_word(t, ROW_BLOCKS);
    let keys = keys_of(kv_head);
    let values = values_of(kv_head);
    // An invocation sums four pairs of values over every `share`-th position.
    let across = (HALF_DIM + 3u) / 4u;
    let share = LANES / across;
    let turn = lane / across;
    let pairs = vec4<u32>(lane % across) + vec4<u32>(0u, 1u, 2u, 3u) * across;
    // If there are fewer, the last one is computed again, but not stored.
    let own_pairs = min(pairs, vec4<u32>(HALF_DIM - 1u));
    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>();
    var even = Sums();
    var odd = Sums();
    for (var first = begin; first < end; first += KEYS) {
        let position = vec4<u32>(first + lane) + vec4<u32>(0u, 1u, 2u, 3u) * KV_BLOCK;
        // Positions past the end are read, but get no weight.
        let last = end - 1u;
        let block = vec4<u32>(
            block_at(table, first),
            block_at(table, min(first + KV_BLOCK, last)),
            block_at(table, min(first + 2u * KV_BLOCK, last)),
            block_at(table, min(first + 3u * KV_BLOCK, last)),
        );
        var score = scores(block + keys + lane, first + 2u * KV_BLOCK < end);
        let lowest = vec4<f32>(LOWEST);
        score.a = select(lowest, score.a, position.x < end);
        score.b = select(lowest, score.b, position.y < end);
        score.c = select(lowest, score.c, position.z < end);
        score.d = select(lowest, score.d, position.w < end);
        let own = max(max(score.a, score.b), max(score.c, score.d));
        let before = largest;
        largest = max(largest, largest_of_lanes(lane, own));
        let none = vec4<f32>();
        let weight_a = select(none, exp(score.a - largest), position.x < end);
        let weight_b = select(none, exp(score.b - largest), position.y < end);
        let weight_c = select(none, exp(score.c - largest), position.z < end);
        let weight_d = select(none, exp(score.d - largest), position.w < end);
        weights[lane] = weight_a;
        weights[lane + LANES] = weight_b;
        weights[lane + 2u * LANES] = weight_c;
        weights[lane + 3u * LANES] = weight_d;
        workgroupBarrier();
        let fade = exp(before - largest);
        total = total * fade + weight_a + weight_b + weight_c + weight_d;
        even = faded(even, fade);
        odd = faded(odd, fade);
        if (turn < share) {
            let here = min(KEYS, end - first);
            for (var b = 0u; b * KV_BLOCK < here; b += 1u) {
                let value = block[b] + values;
                let in_block = min(KV_BLOCK, here - b * KV_BLOCK);
                for (var j = turn; j < in_block; j += share) {
                    let weight = weights[b * KV_BLOCK + j];
                    let at = vec4<u32>(value + j * HALF_DIM) + own_pairs;
                    let v0 = unpacked(cache[at.x]);
                    let v1 = unpacked(cache[at.y]);
                    let v2 = unpacked(cache[at.z]);
                    let v3 = unpacked(cache[at.w]);
                    even.a += weight * v0.x;
                    even.b += weight * v1.x;
                    even.c += weight * v2.x;
                    even.d += weight * v3.x;
                    odd.a += weight * v0.y;
                    odd.b += weight * v1.y;
                    odd.c += weight * v2.y;
                    odd.d += weight * v3.y;
                }
            }
        }
        workgroupBarrier();
    }
    total = sum_of_lanes(lane, total);
    even = sum_of_turns(even, lane, across, share);
    odd = sum_of_turns(odd, lane, across, share);
    if (lane < across) {
        for (var j = 0u; j < heads; j += 1u) {
            let e = vec4<f32>(even.a[j], even.b[j], even.c[j], even.d[j]);
            let o = vec4<f32>(odd.a[j], odd.b[j], odd.c[j], odd.d[j]);
            for (var p = 0u; p < 4u && pairs[p] < HALF_DIM; p += 1u) {
                put(group.y, t, first_head + j, 2u * pairs[p], vec2<f32>(e[p], o[p]), total[j]);
            }
        }
    }
    if (lane < heads) { put_total(group.y, t, first_head + lane, largest[lane], total[lane]); }
}

// Returns the scores of the keys at `key` with the query; of the first two keys only, unless there are `more`.
fn scores(key: vec4<u32>, more: bool) -> Sums {
    var sums = Sums();
    if (!more) {
        for (var i = 0u; i < HALF_DIM; i += 1u) {
            let even = query[2u * i];
            let odd = query[2u * i + 1u];
            let a = unpacked(cache[key.x + i * KV_BLOCK]);
            let b = unpacked(cache[key.y + i * KV_BLOCK]);
            sums.a += even * a.x + odd * a.y;
            sums.b += even * b.x + odd * b.y;
        }
        return sums;
    }
    for (var i = 0u; i < HALF_DIM; i += 1u) {
        let even = query[2u * i];
        let odd = query[2u * i + 1u];
        let a = unpacked(cache[key.x + i * KV_BLOCK]);
        let b = unpacked(cache[key.y + i * KV_BLOCK]);
        let c = unpacked(cache[key.z + i * KV_BLOCK]);
        let d = unpacked(cache[key.w + i * KV_BLOCK]);
        sums.a += even * a.x + odd * a.y;
        sums.b += even * b.x + odd * b.y;
        sums.c += even * c.x + odd * c.y;
        sums.d += even * d.x + odd * d.y;
    }
    return sums;
}

fn faded(s: Sums, fade: vec4<f32>) -> Sums {
    return Sums(s.a * fade, s.b * fade, s.c * fade, s.d * fade);
}

// Adds up the sums of all turns; the first `across` invocations get the totals of their pairs.
fn sum_of_turns(own: Sums, lane: u32, across: u32, share: u32) -> Sums {
    workgroupBarrier();
    weights[lane] = own.a;
    weights[lane + LANES] = own.b;
    weights[lane + 2u * LANES] = own.c;
    weights[lane + 3u * LANES] = own.d;
    workgroupBarrier();
    var sums = Sums();
    if (lane < across) {
        for (var j = 0u; j < share; j += 1u) {
            let at = lane + j * across;
            sums.a += weights[at];
            sums.b += weights[at + LANES];
            sums.c += weights[at + 2u * LANES];
            sums.d += weights[at + 3u * LANES];
        }
    }
    return sums;
}
