// x / sqrt(mean(x^2) + eps) * weight (RMSNorm, arXiv:1910.07467), a workgroup a row.
// CPU reference: src/cpu/rms_norm.rs.

// [.., C] f32
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
// [C] f32
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
// [T, Y_STRIDE] f32; what a row has after its C values is left alone
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
// [4]: C, the bits of eps, the row of x that is row 0 of y, Y_STRIDE
@group(0) @binding(3) var<storage, read_write> info: array<u32>;
