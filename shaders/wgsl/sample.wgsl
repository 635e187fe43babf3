// Samples with a mask, penalties, temperature, top-k, top-p, min-p and a seeded draw, in integers where
// rounding could make two devices sample differently. One workgroup per sample, any V. CPU reference:
// src/cpu/sample.rs, which also documents the order in which ids of equal distance are kept and drawn.

// [N, V] f32
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
// [SLOTS, V + ceil(V / 32)] u32: per id, IN_PROMPT plus the number of occurrences in the completion; then the
// mask, one bit per id that may be sampled
@group(0) @binding(1) var<storage, read_write> occurrences: array<u32>;
// [SLOTS, 15]: see below
@group(0) @binding(2) var<storage, read_write> sampling: array<u32>;
// [N, V]: scratch; penalised logits (INFINITE for ids outside the mask), then distances
@group(0) @binding(3) var<storage, read_write> distances: array<u32>;
// [257]: 2^22 times 2^(-i / 256)
@group(0) @binding(4) var<storage, read_write> table: array<u32>;
// [N]: the ids; NONE if no logit is finite
@group(0) @binding(5) var<storage, read_write> picked: array<u32>;
// Rows of the step, and the block lists of their sequences: step.wgsl
@group(0) @binding(6) var<storage, read_write> step: array<u32>;
// [1]: V
@group(0) @binding(7) var<storage, read_write> info: array<u32>;

// Words of `sampling`: src/sampling.rs.
const SCALE: u32 = 0u;
const TOP_K: u32 = 1u;
const TOP_P: u32 = 2u;
const MIN_WEIGHT: u32 = 3u;
const PENALTIES: u32 = 4u;
const REPETITION: u32 = 5u;
const BY_REPETITION: u32 = 6u;
const PRESENCE: u32 = 7u;
const FREQUENCY: u32 = 8u;
const SEED: u32 = 9u;
const DRAW: u32 = 11u;
const CONSTRAINED: u32 = 13u;
const ALL_ONES: u32 = 14u;
const SETTINGS: u32 = 15u;

const IN_PROMPT: u32 = 0x80000000u;
// Bits of infinity, for ids outside the mask.
const INFINITE: u32 = 0x7f800000u;
// Distance from which on weights are zero.
const FAR: u32 = 0x1f0000u;
// A distance has three digits of seven bits.
const BINS: u32 = 128u;
const DIGITS: u32 = 3u;
const DIGIT_BITS: u32 = 7u;

// Offsets of this sample's part of `logits` and `distances`, of `occurrences`, and of `sampling`.
var<private> row_at: u32;
var<private> seen_at: u32;
var<private> settings_at: u32;

var<workgroup> masses: array<vec2<u32>, LANES>;
var<workgroup> ties: array<u32, LANES>;
var<workgroup> bin_counts: array<atomic<u32>, BINS>;
var<workgroup> bin_lows: array<atomic<u32>, BINS>;
var<workgroup> bin_highs: array<atomic<u32>, BINS>;
// A result that one invocation shares with all.
var<workgroup> told: vec4<u32>;

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
    return bitcast<f32>(bitcast<u32>(x) & word(ALL_ONES));
}

fn word(at: u32) -> u32 { return sampling[settings_at + at]; }
fn setting(at: u32) -> f32 { return bitcast<f32>(word(at)); }

fn may_be_picked(id: u32) -> bool {
    if (word(CONSTRAINED) == 0u) { return true; }
    let bits = occurrences[seen_at + info[0] + id / 32u];
    return ((bits >> (id % 32u)) & 1u) != 0u;
}

fn penalised(id: u32) -> f32 {
    var logit = logits[row_at + id];
    if (word(PENALTIES) == 0u) { return logit; }
    let seen = occurrences[seen_at + id];
    if (seen == 0u) { return logit; }
    let by = select(setting(REPETITION), setting(BY_REPETITION), logit > 0.0);
    logit = rounded(logit * by);
    let times = seen & ~IN_PROMPT;
    if (times > 0u) {
        logit = rounded(logit - setting(PRESENCE));
        logit -= rounded(setting(FREQUENCY) * f32(times));
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
    var left = goal;
    for (var bin = 0u; bin < BINS; bin += 1u) {
        let have = bin_amount(bin, by_mass);
        if (at_least(have, left)) { return vec3<u32>(bin, left); }
        left = minus(left, have);
    }
    return vec3<u32>(BINS, left);
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
    let v = info[0];
    var digits = 0u;
    var goal = vec2<u32>(word(TOP_K), 0u);
    for (var digit = 0u; digit < DIGITS; digit += 1u) {
        let shift = (DIGITS - 1u - digit) * DIGIT_BITS;
        if (lane < BINS) {
            atomicStore(&bin_counts[lane], 0u);
            atomicStore(&bin_lows[lane], 0u);
            atomicStore(&bin_highs[lane], 0u);
        }
        workgroupBarrier();
        for (var i = lane; i < v; i += LANES) {
            let distance = distances[row_at + i];
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
                goal = plus(scaled(total, word(TOP_P)), vec2<u32>(1u, 0u));
            }
            let reached = reach(goal, by_mass);
            goal = reached.yz;
            told = vec4<u32>(reached.x, reached.y, 0u, 0u);
            if (by_mass && digit == DIGITS - 1u && reached.x < BINS) {
                let of_each = weight((digits << DIGIT_BITS) | reached.x);
                let most = atomicLoad(&bin_counts[reached.x]);
                told.y = how_many(of_each, goal, most);
            }
        }
        let found = workgroupUniformLoad(&told);
        // Fewer than K ids are left, so keep all of them.
        if (found.x == BINS) { return cut; }
        digits = (digits << DIGIT_BITS) | found.x;
    }
    let last = workgroupUniformLoad(&told);
    return vec2<u32>(digits, last.y);
}

// Returns the smallest number of equal weights that reach `goal`, but at most `most`.
fn how_many(of_each: u32, goal: vec2<u32>, most: u32) -> u32 {
    var low = 1u;
    var high = most;
    while (low < high) {
        let middle = (low + high) / 2u;
        if (at_least(wide(middle, of_each), goal)) { high = middle; } else { low = middle + 1u; }
    }
    return low;
}

// Takes the ids first, first + LANES, .. below `end` as this lane's share. Writes the mass of those that are
// kept to `masses`, and to `ties` how many of the `keep` ids at the cut are among them.
fn share(lane: u32, first: u32, end: u32, cut: u32, keep: u32) {
    var mass = vec2<u32>();
    var at_cut = 0u;
    for (var i = first; i < end; i += LANES) {
        let distance = distances[row_at + i];
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
    return select(0u, w, w >= word(MIN_WEIGHT));
}

// Returns the lane whose share contains `point`, and the offset of `point` in that share.
fn find(point: vec2<u32>) -> vec3<u32> {
    var left = point;
    for (var i = 0u; i < LANES; i += 1u) {
        if (!at_least(left, masses[i])) { return vec3<u32>(i, left); }
        left = minus(left, masses[i]);
    }
    return vec3<u32>(0u, 0u, 0u);
}

// Returns a random word for this seed and draw (pcg4d, JCGT 9(3), 2020).
fn random() -> u32 {
    var r = vec4<u32>(word(SEED), word(SEED + 1u), word(DRAW), word(DRAW + 1u));
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
    let v = info[0];
    let slot = row_word(row_of(group.x), ROW_SLOT);
    row_at = group.x * v;
    seen_at = slot * (v + (v + 31u) / 32u);
    settings_at = slot * SETTINGS;
    var id = NONE;
    var value = 0.0;
    for (var i = lane; i < v; i += LANES) {
        var bits = INFINITE;
        if (may_be_picked(i)) { bits = bitcast<u32>(penalised(i)); }
        distances[row_at + i] = bits;
        let x = bitcast<f32>(bits);
        if (is_finite(x) && wins(i, x, id, value)) {
            id = i;
            value = x;
        }
    }
    gather_best(lane, id, value);
    if (lane == 0u) {
        let drawn = word(SCALE) != 0u && best_id[0] != NONE;
        told = vec4<u32>(select(0u, 1u, drawn), word(TOP_K), word(TOP_P), 0u);
    }
    let plan = workgroupUniformLoad(&told);
    if (plan.x == 0u) {
        if (lane == 0u) { take(group.x, best_id[0]); }
        return;
    }

    let largest = best_value[0];
    let scale = setting(SCALE);
    for (var i = lane; i < v; i += LANES) {
        let x = bitcast<f32>(distances[row_at + i]);
        var distance = FAR;
        if (is_finite(x)) { distance = u32(min((largest - x) * scale, f32(FAR))); }
        distances[row_at + i] = distance;
    }
    var cut = vec2<u32>(FAR, 0u);
    if (plan.y > 0u) { cut = narrow(lane, cut, false); }
    if (plan.z > 0u) { cut = narrow(lane, cut, true); }

    share(lane, lane, v, cut.x, cut.y);
    if (lane == 0u) {
        var total = vec2<u32>();
        for (var i = 0u; i < LANES; i += 1u) { total = plus(total, masses[i]); }
        let found = find(scaled(total, random()));
        told = vec4<u32>(found, ties[found.x]);
    }
    // Then search that lane's ids, of which each lane takes a part.
    let column = workgroupUniformLoad(&told);
    let rows = (v + LANES - 1u) / LANES;
    let part = (rows + LANES - 1u) / LANES * LANES;
    let first = column.x + lane * part;
    share(lane, first, min(v, first + part), cut.x, column.w);
    if (lane == 0u) {
        let found = find(column.yz);
        var left = found.yz;
        var keep = ties[found.x];
        var i = column.x + found.x * part;
        loop {
            let distance = distances[row_at + i];
            var w = vec2<u32>();
            if (distance < cut.x) { w.x = kept_weight(distance); }
            if (distance == cut.x && keep > 0u) {
                w.x = kept_weight(distance);
                keep -= 1u;
            }
            if (!at_least(left, w) || i + LANES >= v) { break; }
            left = minus(left, w);
            i += LANES;
        }
        let draw = word(DRAW) + 1u;
        sampling[settings_at + DRAW] = draw;
        if (draw == 0u) { sampling[settings_at + DRAW + 1u] += 1u; }
        take(group.x, i);
    }
}

fn take(n: u32, id: u32) {
    if (id != NONE && word(PENALTIES) != 0u) { occurrences[seen_at + id] += 1u; }
    pick(n, id);
}
