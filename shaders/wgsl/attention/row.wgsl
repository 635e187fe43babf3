// Causal attention of one row a workgroup with a softmax that is kept up to date block by block
// (arXiv:2205.14135), for up to 4 query heads that share keys and values: what is loaded is used
// for all of them. A vec4 has a component a head. CPU reference: src/cpu/attention.rs.

// [T, H D] f32: queries, turned
@group(0) @binding(0) var<storage, read_write> queries: array<f32>;
// Blocks of keys and values, in pairs: kv/blocks.wgsl
@group(0) @binding(1) var<storage, read_write> cache: array<Pair>;
// Rows, and the blocks of their sequences: step.wgsl
@group(0) @binding(3) var<storage, read_write> step: array<u32>;
// [6]: H, K, D, STRIDE, SPLITS, the first row
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

alias Value = vec4<f32>;
const LANES: u32 = 64u;
const INVOCATIONS: u32 = LANES;
// Positions at a time, of two blocks: two an invocation, so that a query is loaded once for both.
const KEYS: u32 = 128u;
const HEADS: u32 = 4u;
const MAX_D: u32 = 256u;
const LOWEST: f32 = -1e30;

var<workgroup> query: array<vec4<f32>, MAX_D>;
var<workgroup> weights: array<vec4<f32>, KEYS>;
// The first position and the end.
var<workgroup> bounds_of_all: vec2<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let h = info[0];
    let k = info[1];
    let d = info[2];
    let splits = info[4];
    let t = info[5] + group.z;
    let half = d / 2u;
    // Heads that share keys and values, in passes of 4.
    let sharing = h / k;
    let passes = (sharing + HEADS - 1u) / HEADS;
    let kv_head = group.x / passes;
    let in_pass = group.x % passes * HEADS;
    let first_head = kv_head * sharing + in_pass;
    let heads = min(HEADS, sharing - in_pass);
    // Where there are fewer, the last is computed again, and not stored.
    let each = min(vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(heads - 1u));
    let row = (vec4<u32>(t * h + first_head) + each) * d;
    let scale = inverseSqrt(f32(d));
    for (var i = lane; i < d; i += LANES) {
        query[i] = scale * vec4<f32>(
            queries[row.x + i], queries[row.y + i], queries[row.z + i], queries[row.w + i],
        );
    }
    if (lane == 0u) {
        let seen = row_word(t, ROW_POSITION) + 1u;
        // Whole rounds to each of the workgroups that share a row.
        let part = ((seen + splits - 1u) / splits + KEYS - 1u) / KEYS * KEYS;
        let begin = min(group.y * part, seen);
        bounds_of_all = vec2<u32>(begin, min(begin + part, seen));
    }
    // The same for the whole workgroup, and known to be: the barriers below are in a loop over it.
    let bounds = workgroupUniformLoad(&bounds_of_all);
    let end = bounds.y;

    let blocks = row_word(t, ROW_BLOCKS);
    let keys = keys_of(kv_head, half);
    let values = values_of(kv_head, k, half);
    // Narrow heads leave invocations over: they take every second value, or third.
    let share = max(LANES / half, 1u);
    let pair = lane % half;
    let turn = select(lane / half, 0u, half >= LANES);
    var largest = vec4<f32>(LOWEST);
    var total = vec4<f32>();
    var even = vec4<f32>();
    var odd = vec4<f32>();
    // Of pairs 64 and up, where heads are as wide.
    var far_even = vec4<f32>();
    var far_odd = vec4<f32>();
    for (var first = bounds.x; first < end; first += KEYS) {
        let position = first + lane;
        // What lies behind the end is read, and counts for nothing.
        let block = block_at(blocks, first, k, half);
        let next_block = block_at(blocks, min(first + LANES, end - 1u), k, half);
        let key = block + keys + lane;
        let next_key = next_block + keys + lane;
        var score = vec4<f32>();
        var next_score = vec4<f32>();
        for (var i = 0u; i < half; i += 1u) {
            let q_even = query[2u * i];
            let q_odd = query[2u * i + 1u];
            let c = unpacked(cache[key + i * KV_BLOCK]);
            let next_c = unpacked(cache[next_key + i * KV_BLOCK]);
            score += q_even * c.x + q_odd * c.y;
            next_score += q_even * next_c.x + q_odd * next_c.y;
        }
        score = select(vec4<f32>(LOWEST), score, position < end);
        next_score = select(vec4<f32>(LOWEST), next_score, position + LANES < end);
        let before = largest;
        largest = max(largest, largest_of_lanes(lane, max(score, next_score)));
        let weight = select(vec4<f32>(), exp(score - largest), position < end);
        let next_weight = select(vec4<f32>(), exp(next_score - largest), position + LANES < end);
        weights[lane] = weight;
        weights[lane + LANES] = next_weight;
        workgroupBarrier();
        let fade = exp(before - largest);
        total = total * fade + weight + next_weight;
        even *= fade;
        odd *= fade;
        let here = min(KEYS, end - first);
        let in_first = min(LANES, here);
        let value = block + values + pair;
        let next_value = next_block + values + pair;
        if (turn < share) {
            var j = turn;
            for (; j < in_first; j += share) {
                let v = unpacked(cache[value + j * half]);
                even += weights[j] * v.x;
                odd += weights[j] * v.y;
            }
            for (; j < here; j += share) {
                let v = unpacked(cache[next_value + (j - LANES) * half]);
                even += weights[j] * v.x;
                odd += weights[j] * v.y;
            }
        }
        if (lane + LANES < half) {
            far_even *= fade;
            far_odd *= fade;
            for (var j = 0u; j < in_first; j += 1u) {
                let v = unpacked(cache[value + j * half + LANES]);
                far_even += weights[j] * v.x;
                far_odd += weights[j] * v.y;
            }
            for (var j = LANES; j < here; j += 1u) {
                let v = unpacked(cache[next_value + (j - LANES) * half + LANES]);
                far_even += weights[j] * v.x;
                far_odd += weights[j] * v.y;
            }
        }
    }
    total = sum_of_lanes(lane, total);
    weights[lane] = even;
    weights[lane + LANES] = odd;
    workgroupBarrier();
    if (lane < half) {
        even = vec4<f32>();
        odd = vec4<f32>();
        for (var j = 0u; j < share; j += 1u) {
            even += weights[lane + j * half];
            odd += weights[LANES + lane + j * half];
        }
        for (var j = 0u; j < heads; j += 1u) {
            put(group.y, t, first_head + j, 2u * lane, vec2<f32>(even[j], odd[j]), total[j]);
        }
    }
    if (lane + LANES < half) {
        let i = 2u * (lane + LANES);
        for (var j = 0u; j < heads; j += 1u) {
            put(group.y, t, first_head + j, i, vec2<f32>(far_even[j], far_odd[j]), total[j]);
        }
    }
    if (lane < heads) { put_total(group.y, t, first_head + lane, largest[lane], total[lane]); }
}
