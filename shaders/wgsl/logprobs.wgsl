// Computes log-probabilities of the sampled id and of the most probable ids, the lower id first on a tie. One
// workgroup per sample, any VOCAB. CPU reference: src/cpu/logprobs.rs.

struct LogprobsParams {
    // TOP: number of most probable ids per sample.
    top: u32,
}

@group(0) @binding(0) var<storage, read> params: LogprobsParams;
// [N, VOCAB] f32
@group(0) @binding(1) var<storage, read> logits: array<f32>;
// [N]: the sampled ids
@group(0) @binding(2) var<storage, read> sampled: array<u32>;
// [N, 1 + 2 TOP]: log-probability of the sampled id, then TOP pairs of id and log-probability; NONE for missing
// ids
@group(0) @binding(3) var<storage, read_write> logprobs: array<u32>;

const LOWEST: f32 = -3.4e38;

var<workgroup> largest: array<f32, LANES>;
var<workgroup> sums: array<f32, LANES>;

@compute @workgroup_size(256, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let top = params.top;
    let first = group.x * VOCAB;
    let out = group.x * (1u + 2u * top);
    // Sum of exponentials relative to the largest logit so far (online softmax, arXiv:1805.02867).
    var running_max = LOWEST;
    var sum = 0.0;
    for (var i = lane; i < VOCAB; i += LANES) {
        let x = logits[first + i];
        if (is_finite(x)) {
            let before = running_max;
            running_max = max(running_max, x);
            sum = sum * exp(before - running_max) + exp(x - running_max);
        }
    }
    largest[lane] = running_max;
    sums[lane] = sum;
    workgroupBarrier();
    for (var width = LANES / 2u; width > 0u; width /= 2u) {
        if (lane < width) {
            let a = largest[lane];
            let b = largest[lane + width];
            let both = max(a, b);
            sums[lane] = sums[lane] * exp(a - both) + sums[lane + width] * exp(b - both);
            largest[lane] = both;
        }
        workgroupBarrier();
    }
    let total = largest[0] + log(sums[0]);
    if (lane == 0u) {
        let id = sampled[group.x];
        var logprob = 0.0;
        if (id != NONE) { logprob = logits[first + id] - total; }
        logprobs[out] = bitcast<u32>(logprob);
    }
    // Find one id after the other: the best of those that come after the last one found.
    var last_id = NONE;
    var last_value = 0.0;
    for (var n = 0u; n < top; n += 1u) {
        var id = NONE;
        var value = 0.0;
        for (var i = lane; i < VOCAB; i += LANES) {
            let x = logits[first + i];
            let later = n == 0u || wins(last_id, last_value, i, x);
            if (later && i != last_id && is_finite(x) && wins(i, x, id, value)) {
                id = i;
                value = x;
            }
        }
        gather_best(lane, id, value);
        last_id = best_id[0];
        last_value = best_value[0];
        if (lane == 0u) {
            logprobs[out + 1u + 2u * n] = last_id;
            logprobs[out + 2u + 2u * n] = bitcast<u32>(last_value - total);
        }
        // Wait until all have read the result, before it is overwritten.
        workgroupBarrier();
    }
}
