// Causal attention with a softmax that is kept up to date block by block (arXiv:2205.14135), so
// that no score is ever written out: a workgroup a query head and position, 64 keys at a time.
// CPU reference: src/cpu/attention.rs.

// [T, H D] f32: queries, turned
@group(0) @binding(0) var<storage, read_write> queries: array<f32>;
// [2, K, S, D] f32: keys, values
@group(0) @binding(1) var<storage, read_write> cache: array<f32>;
// [T, STRIDE] f32; what a row has after its H D values is left alone
@group(0) @binding(2) var<storage, read_write> mixed: array<f32>;
// [2 + T] u32: the position, T, the ids
@group(0) @binding(3) var<storage, read_write> step: array<u32>;
// [5]: H, K, D, S, STRIDE
@group(0) @binding(4) var<storage, read_write> info: array<u32>;

const LANES: u32 = 64u;
// LANES times the four sums that a lane keeps.
const MAX_D: u32 = 256u;
const LOWEST: f32 = -1e30;

var<workgroup> query: array<f32, MAX_D>;
var<workgroup> scores: array<f32, LANES>;
var<workgroup> weights: array<f32, LANES>;
var<workgroup> seen: u32;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let h = info[0];
    let k = info[1];
    let d = info[2];
    let s = info[3];
    let head = group.x;
    let t = group.y;
    let keys = head / (h / k) * s * d;
    let values = keys + k * s * d;
    let scale = inverseSqrt(f32(d));
    for (var i = lane; i < d; i += LANES) {
        query[i] = queries[(t * h + head) * d + i] * scale;
    }
    if (lane == 0u) { seen = step[0] + t + 1u; }
    // The same for the whole workgroup: the barriers below are in a loop over it.
    let n = workgroupUniformLoad(&seen);

    var largest = LOWEST;
    var total = 0.0;
    var sums = vec4<f32>();
    for (var first = 0u; first < n; first += LANES) {
        let position = first + lane;
        var score = LOWEST;
        if (position < n) {
            let key = keys + position * d;
            score = 0.0;
            for (var i = 0u; i < d; i += 1u) { score += query[i] * cache[key + i]; }
        }
        scores[lane] = score;
        workgroupBarrier();
        let before = largest;
        for (var j = 0u; j < LANES; j += 1u) { largest = max(largest, scores[j]); }
        weights[lane] = select(exp(score - largest), 0.0, position >= n);
        workgroupBarrier();
        let fade = exp(before - largest);
        total *= fade;
        sums *= fade;
        let here = min(LANES, n - first);
        for (var j = 0u; j < here; j += 1u) {
            let weight = weights[j];
            total += weight;
            let value = values + (first + j) * d;
            for (var i = 0u; lane + i * LANES < d; i += 1u) {
                sums[i] += weight * cache[value + lane + i * LANES];
            }
        }
    }
    for (var i = 0u; lane + i * LANES < d; i += 1u) {
        mixed[t * info[4] + head * d + lane + i * LANES] = sums[i] / total;
    }
}
