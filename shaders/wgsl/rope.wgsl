// Turns queries in place, and turns keys into the cache; values go there as they are.
// RoPE (arXiv:2104.09864) on pairs (i, i + D/2). CPU reference: src/cpu/rope.rs.

// [T, (H + 2 K) D] f32
@group(0) @binding(0) var<storage, read_write> qkv: array<f32>;
// Each [S, D/2] f32
@group(0) @binding(1) var<storage, read_write> cosines: array<f32>;
@group(0) @binding(2) var<storage, read_write> sines: array<f32>;
// Each [K, S, D] f32
@group(0) @binding(3) var<storage, read_write> keys: array<f32>;
@group(0) @binding(4) var<storage, read_write> values: array<f32>;
// [1 + T] u32: the position, then the ids
@group(0) @binding(5) var<storage, read_write> step: array<u32>;
// [5]: T, H, K, D, S
@group(0) @binding(6) var<storage, read_write> info: array<u32>;

@compute @workgroup_size(64, 1, 1)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let index = id.y * groups.x * 64u + id.x;
    let h = info[1];
    let k = info[2];
    let d = info[3];
    let s = info[4];
    let half = d / 2u;
    let pairs = (h + 2u * k) * half;
    let t = index / pairs;
    if (t >= info[0]) { return; }
    let head = index % pairs / half;
    let i = index % half;
    let at = (t * (h + 2u * k) + head) * d + i;
    let a = qkv[at];
    let b = qkv[at + half];
    let position = step[0] + t;
    if (head >= h + k) {
        let to = ((head - h - k) * s + position) * d + i;
        values[to] = a;
        values[to + half] = b;
        return;
    }
    let c = cosines[position * half + i];
    let n = sines[position * half + i];
    if (head < h) {
        qkv[at] = a * c - b * n;
        qkv[at + half] = b * c + a * n;
    } else {
        let to = ((head - h) * s + position) * d + i;
        keys[to] = a * c - b * n;
        keys[to + half] = b * c + a * n;
    }
}
