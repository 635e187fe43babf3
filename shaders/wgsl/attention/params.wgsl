// Parameters of row.wgsl and merge.wgsl.
struct AttentionParams {
    // Number of values per row of `attn_out`.
    out_stride: u32,
    // Number of workgroups that share a row's positions.
    splits: u32,
    // First row of the step to compute.
    first_row: u32,
}

@group(0) @binding(0) var<storage, read> params: AttentionParams;
// [T, HEADS HEAD_DIM] f32: queries, rotated
