// Samples with a mask, penalties, temperature, top-k, top-p, min-p and a seeded draw, in integers where
// rounding could make two devices sample differently. One workgroup per sample, any VOCAB. CPU reference:
// src/cpu/sample.rs, which also documents the order in which ids of equal distance are kept and drawn.

// The settings and the state of a sequence: src/sampling.rs, which documents the fields.
struct SamplingState {
    scale: f32,
    top_k: u32,
    top_p: u32,
    min_weight: u32,
    penalties: u32,
    repetition: f32,
    inverse_repetition: f32,
    presence: f32,
    frequency: f32,
    seed_low: u32,
    seed_high: u32,
    draw_low: u32,
    draw_high: u32,
    constrained: u32,
    all_ones: u32,
}

// [N, VOCAB] f32
@group(0) @binding(1) var<storage, read> logits: array<f32>;
// [SLOTS, VOCAB + ceil(VOCAB / 32)] u32: per id, IN_PROMPT plus the number of occurrences in the completion;
// then the mask, one bit per id that may be sampled
@group(0) @binding(2) var<storage, read_write> occurrences: array<u32>;
// [SLOTS]
@group(0) @binding(3) var<storage, read_write> sampling: array<SamplingState>;
// [N, VOCAB]: scratch; penalised logits (INFINITE for ids outside the mask), then distances
@group(0) @binding(4) var<storage, read_write> distances: array<u32>;
// [257]: 2^22 times 2^(-i / 256)
@group(0) @binding(5) var<storage, read> table: array<u32>;
// [N]: the ids; NONE if no logit is finite
@group(0) @binding(6) var<storage, read_write> sampled: array<u32>;
// Rows of the step, and the block tables of their sequences: step.wgsl
@group(0) @binding(7) var<storage, read_write> step: array<u32>;

const IN_PROMPT: u32 = 0x80000000u;
// Bits of infinity, for ids outside the mask.
const INFINITE: u32 = 0x7f800000u;
// Distance from which on weights are zero.
const FAR: u32 = 0x1f0000u;
// A distance has three digits of seven bits.
const BINS: u32 = 128u;
const DIGITS: u32 = 3u;
const DIGIT_BITS: u32 = 7u;

// Offsets of this sample's part of `logits` and `distances`, and of `occurrences`; its index in `sampling`.
var<private> row_start: u32;
var<private> seen_start: u32;
var<private> slot: u32;

var<workgroup> masses: array<vec2<u32>, LANES>;
var<workgroup> ties: array<u32, LANES>;
var<workgroup> bin_counts: array<atomic<u32>, BINS>;
var<workgroup> bin_lows: array<atomic<u32>, BINS>;
var<workgroup> bin_highs: array<atomic<u32>, BINS>;
// A result that one invocation shares with all.
var<workgroup> shared_result: vec4<u32>;

// 64-bit numbers; x is the low half.
fn plus(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    let low = a.x + b.x;
    return vec2<u32>(low, a.y + b.y + select(0u, 1u, low < a.x));
}
fn minus(a: vec2<u32>, b: vec2<u32>) -> vec2<u32> {
    return vec2<u32>(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}
fn at_least(a: vec2<u32>, b: vec2<u32>) -> bool {
    return a.y > b.y || (a.y == b.y && a.x >= b.x);
}
fn wide(a: u32, b: u32) -> vec2<u32> {
    let low = (a & 0xffffu) * (b & 0xffffu);
    let cross = (a >> 16u) * (b & 0xffffu) + (low >> 16u);
    let other = (a & 0xffffu) * (b >> 16u) + (cross & 0xffffu);
    let high = (a >> 16u) * (b >> 16u) + (cross >> 16u) + (other >> 16u);
    return vec2<u32>((other << 16u) | (low & 0xffffu), high);
}
// mass * fraction / 2^32
fn scaled(mass: vec2<u32>, fraction: u32) -> vec2<u32> {
    return plus(vec2<u32>(wide(mass.x, fraction).y, 0u), wide(mass.y, fraction));
}

// Rounds here and keeps the compiler from fusing with the next operation: it can't know the value of that word.
fn rounded(x: f32) -> f32 {
    return bitcast<f32>(bitcast<u32>(x) & sampling[slot].all_ones);
}

fn is_allowed(id: u32) -> bool {
    if (sampling[slot].constrained == 0u) { return true; }
    let bits = occurrences[seen_start + VOCAB + id / 32u];
    return ((bits >> (id % 32u)) & 1u) != 0u;
}

fn penalised(id: u32) -> f32 {
    var logit = logits[row_start + id];
    if (sampling[slot].penalties == 0u) { return logit; }
    let seen = occurrences[seen_start + id];
    if (seen == 0u) { return logit; }
    let factor = select(sampling[slot].repetition, sampling[slot].inverse_repetition, logit > 0.0);
    logit = rounded(logit * factor);
    let times = seen & ~IN_PROMPT;
    if (times > 0u) {
        logit = rounded(logit - sampling[slot].presence);
        logit -= rounded(sampling[slot].frequency * f32(times));
    }
    return logit;
}

fn weight(distance: u32) -> u32 {
    if (distance >= FAR) { return 0u; }
    let at = (distance >> 8u) & 0xffu;
    let here = table[at];
    let between = (here - table[at + 1u]) * (distance & 0xffu);
    return ((here << 8u) - between) >> (distance >> 16u);
}

// Adds up bins, by count or by mass, until they reach `goal`. Returns the bin, and the part of the goal that it
// must provide; BINS if all bins together do not reach the goal.
fn reach(goal: vec2<u32>, by_mass: bool) -> vec3<u32> {
    var remaining = goal;
    for (var bin = 0u; bin < BINS; bin += 1u) {
        let have = bin_amount(bin, by_mass);
        if (at_least(have, remaining)) { return vec3<u32>(bin, remaining); }
        remaining = minus(remaining, have);
    }
    return vec3<u32>(BINS, remaining);
}

fn bin_amount(bin: u32, by_mass: bool) -> vec2<u32> {
    if (by_mass) {
        return vec2<u32>(atomicLoad(&bin_lows[bin]), atomicLoad(&bin_highs[bin]));
    }
    return vec2<u32>(atomicLoad(&bin_counts[bin]), 0u);
}

fn add_to_bin(bin: u32, count: u32, mass: vec2<u32>) {
    atomicAdd(&bin_counts[bin], count);
    let before = atomicAdd(&bin_lows[bin], mass.x);
    atomicAdd(&bin_highs[bin], mass.y + select(0u, 1u, before + mass.x < before));
}

// Narrows `cut` to the nearest ids that reach TOP_K in number or TOP_P in mass. A cut keeps all ids nearer than
// x, and the first y ids at distance x.
fn narrow(lane: u32, cut: vec2<u32>, by_mass: bool) -> vec2<u32> {
    var digits = 0u;
    var goal = vec2<u32>(sampling[slot].top_k, 0u);
    for (var digit = 0u; digit < DIGITS; digit += 1u) {
        let shift = (DIGITS - 1u - digit) * DIGIT_BITS;
        if (lane < BINS) {
            atomicStore(&bin_counts[lane], 0u);
            atomicStore(&bin_lows[lane], 0u);
            atomicStore(&bin_highs[lane], 0u);
        }
        workgroupBarrier();
        for (var i = lane; i < VOCAB; i += LANES) {
            let distance = distances[row_start + i];
            if (distance < cut.x && (distance >> (shift + DIGIT_BITS)) == digits) {
                let mass = vec2<u32>(weight(distance), 0u);
                add_to_bin((distance >> shift) & (BINS - 1u), 1u, mass);
            }
        }
        if (lane == 0u && cut.y > 0u && (cut.x >> (shift + DIGIT_BITS)) == digits) {
            let mass = wide(cut.y, weight(cut.x));
            add_to_bin((cut.x >> shift) & (BINS - 1u), cut.y, mass);
        }
        workgroupBarrier();
        if (lane == 0u) {
            if (by_mass && digit == 0u) {
                var total = vec2<u32>();
                for (var bin = 0u; bin < BINS; bin += 1u) {
                    total = plus(total, bin_amount(bin, true));
                }
                goal = plus(scaled(total, sampling[slot].top_p), vec2<u32>(1u, 0u));
            }
            let reached = reach(goal, by_mass);
            goal = reached.yz;
            shared_result = vec4<u32>(reached.x, reached.y, 0u, 0u);
            if (by_mass && digit == DIGITS - 1u && reached.x < BINS) {
                let weight_each = weight((digits << DIGIT_BITS) | reached.x);
                let max_count = atomicLoad(&bin_counts[reached.x]);
                shared_result.y = count_to_reach(weight_each, goal, max_count);
            }
        }
        let found = workgroupUniformLoad(&shared_result);
        // Fewer than K ids are left, so keep all of them.
        if (found.x == BINS) { return cut; }
        digits = (digits << DIGIT_BITS) | found.x;
    }
    let last = workgroupUniformLoad(&shared_result);
    return vec2<u32>(digits, last.y);
}

// Returns the smallest number of equal weights that reach `goal`, but at most `max_count`.
fn count_to_reach(weight_each: u32, goal: vec2<u32>, max_count: u32) -> u32 {
    var low = 1u;
    var high = max_count;
    while (low < high) {
        let middle = (low + high) / 2u;
        if (at_least(wide(middle, weight_each), goal)) { high = middle; } else { low = middle + 1u; }
    }
    return low;
}

// Takes the ids first, first + LANES, .. below `end` as this lane's share. Writes the mass of those that are
// kept to `masses`, and to `ties` how many of the `keep` ids at the cut are among them.
fn share(lane: u32, first: u32, end: u32, cut: u32, keep: u32) {
    var mass = vec2<u32>();
    var at_cut = 0u;
    for (var i = first; i < end; i += LANES) {
        let distance = distances[row_start + i];
        if (distance == cut) { at_cut += 1u; }
        if (distance < cut) { mass = plus(mass, vec2<u32>(kept_weight(distance), 0u)); }
    }
    ties[lane] = at_cut;
    workgroupBarrier();
    var before = 0u;
    for (var i = 0u; i < lane; i += 1u) { before += ties[i]; }
    let own = min(at_cut, keep - min(keep, before));
    workgroupBarrier();
    ties[lane] = own;
    masses[lane] = plus(mass, wide(own, kept_weight(cut)));
    workgroupBarrier();
}

fn kept_weight(distance: u32) -> u32 {
    let w = weight(distance);
    return select(0u, w, w >= sampling[slot].min_weight);
}

// Returns the lane whose share contains `point`, and the offset of `point` in that share.
fn find(point: vec2<u32>) -> vec3<u32> {
    var remaining = point;
    for (var i = 0u; i < LANES; i += 1u) {
        if (!at_least(remaining, masses[i])) { return vec3<u32>(i, remaining); }
        remaining = minus(remaining, masses[i]);
    }
    return vec3<u32>(0u, 0u, 0u);
}

// Returns a random word for this seed and draw (pcg4d, JCGT 9(3), 2020).
fn random() -> u32 {
    let state = sampling[slot];
    var r = vec4<u32>(state.seed_low, state.seed_high, state.draw_low, state.draw_high);
    r = r * 1664525u + 1013904223u;
    r.x += r.y * r.w;
    r.y += r.z * r.x;
    r.z += r.x * r.y;
    r.w += r.y * r.z;
    r ^= r >> vec4<u32>(16u);
    r.x += r.y * r.w;
    return r.x;
}

@compute @workgroup_size(256, 1, 1)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    slot = row_word(row_of(group.x), ROW_SLOT);
    row_start = group.x * VOCAB;
    seen_start = slot * (VOCAB + (VOCAB + 31u) / 32u);
    var id = NONE;
    var value = 0.0;
    for (var i = lane; i < VOCAB; i += LANES) {
        var bits = INFINITE;
        if (is_allowed(i)) { bits = bitcast<u32>(penalised(i)); }
        distances[row_start + i] = bits;
        let x = bitcast<f32>(bits);
        if (is_finite(x) && wins(i, x, id, value)) {
            id = i;
            value = x;
        }
    }
    gather_best(lane, id, value);
    if (lane == 0u) {
        let drawn = sampling[slot].scale != 0.0 && best_id[0] != NONE;
        shared_result = vec4<u32>(select(0u, 1u, drawn), sampling[slot].top_k, sampling[slot].top_p, 0u);
    }
    let plan = workgroupUniformLoad(&shared_result);
    if (plan.x == 0u) {
        if (lane == 0u) { finish(group.x, best_id[0]); }
        return;
    }

    let largest = best_value[0];
    let scale = sampling[slot].scale;
    for (var i = lane; i < VOCAB; i += LANES) {
        let x = bitcast<f32>(distances[row_start + i]);
        var distance = FAR;
        if (is_finite(x)) { distance = u32(min((largest - x) * scale, f32(FAR))); }
        distances[row_start + i] = distance;
    }
    var cut = vec2<u32>(FAR, 0u);
    if (plan.y > 0u) { cut = narrow(lane, cut, false); }
    if (plan.z > 0u) { cut = narrow(lane, cut, true); }

    share(lane, lane, VOCAB, cut.x, cut.y);
    if (lane == 0u) {
        var total = vec2<u32>();
        for (var i = 0u; i < LANES; i += 1u) { total = plus(total, masses[i]); }
        let found = find(scaled(total, random()));
        shared_result = vec4<u32>(found, ties[found.x]);
    }
    // Then search that lane's ids, of which each lane takes a part.
    let column = workgroupUniformLoad(&shared_result);
    let rows = (VOCAB + LANES - 1u) / LANES;
    let part = (rows + LANES - 1u) / LANES * LANES;
    let first = column.x + lane * part;
    share(lane, first, min(VOCAB, first + part), cut.x, column.w);
    if (lane == 0u) {
        let found = find(column.yz);
        var remaining = found.yz;
        var keep = ties[found.x];
        var i = column.x + found.x * part;
        loop {
            let distance = distances[row_start + i];
            var w = vec2<u32>();
            if (distance < cut.x) { w.x = kept_weight(distance); }
            if (distance == cut.x && keep > 0u) {
                w.x = kept_weight(distance);
                keep -= 1u;
            }
            if (!at_least(remaining, w) || i + LANES >= VOCAB) { break; }
            remaining = minus(remaining, w);
            i += LANES;
        }
        let draw = sampling[slot].draw_low + 1u;
        sampling[slot].draw_low = draw;
        if (draw == 0u) { sampling[slot].draw_high += 1u; }
        finish(group.x, i);
    }
}

fn finish(n: u32, id: u32) {
    if (id != NONE && sampling[slot].penalties != 0u) { occurrences[seen_start + id] += 1u; }
    store_sample(n, id);
}
