//! WGSL kernels of Llamaglass, assembled from the files of `wgsl/`, with a CPU reference of each in [`cpu`].
//! This crate knows no device; the engine launches the kernels.

mod attention;
pub mod cpu;
mod format;
mod kernel;
mod linear;
mod pack;
pub mod params;
mod roofline;
mod sampling;
pub mod step;
mod subgroups;
mod variant;

pub use attention::{
    ATTENTION_MAX_D, ATTENTION_TILE_ROWS, Heads, KV_BLOCK, Kv, attention, attention_groups,
    attention_merge, attention_part, attention_tile,
};
pub use format::{BLOCK, Format};
pub use kernel::{Kernel, KernelKey};
use kernel::{constants, parts};
pub use linear::{MatmulKernel, MatrixLayout, Store, linear};
pub use pack::{pack_row, scale_min};
use params::{CopyBlockParams, EmbedParams, LogprobsParams, NormParams, Params};
pub use roofline::{COPY, FMA, FMA_FLOPS_PER_ROUND};
pub use sampling::{FULL_WEIGHT, IN_PROMPT, Sampling, exp2_table, mask_words, occurrence_words};
pub use subgroups::{SUBGROUP_PROBE, SUBGROUP_PROBE_WORDS, subgroup_size};
pub use variant::Variant;

const BEST: &str = include_str!("../wgsl/best.wgsl");
const STORE_SAMPLE: &str = include_str!("../wgsl/store_sample.wgsl");
const STEP: &str = include_str!("../wgsl/step.wgsl");

/// Selects the id of the largest finite logit of each row. Buffers `logits` [N, V] f32, `sampled` `[N]` u32 (the
/// ids, or [`NO_SAMPLE`]) and `step` ([`step`]); no parameters. One workgroup per sample. If `step` is chained,
/// it becomes the next step.
pub const fn argmax(vocab: usize) -> Kernel {
    let argmax = include_str!("../wgsl/argmax.wgsl");
    Kernel {
        constants: constants([("VOCAB", vocab)]),
        ..Kernel::new::<(), 4>("argmax", [STEP, BEST, STORE_SAMPLE, argmax], [256, 1, 1])
    }
}

/// Samples an id with a mask, penalties, filters and a random draw. Buffers `logits`, `occurrences` [SLOTS,
/// [`occurrence_words`]] u32, `sampling` `[SLOTS]` of [`SamplingState`](params::SamplingState), [N, V] words of
/// scratch, [`exp2_table`], `sampled` and `step`; no parameters. One workgroup per sample. Advances `sampling`
/// to the next draw, counts the id in `occurrences` if penalties are on, and updates `step` like [`argmax`].
pub const fn sample(vocab: usize) -> Kernel {
    let sample = include_str!("../wgsl/sample.wgsl");
    Kernel {
        constants: constants([("VOCAB", vocab)]),
        ..Kernel::new::<(), 4>("sample", [STEP, BEST, STORE_SAMPLE, sample], [256, 1, 1])
    }
}

/// Computes log-probabilities of the sampled ids and of the most probable ids. Buffers `logits` [N, V] f32,
/// `sampled` `[N]` u32 and `logprobs` [N, 1 + 2 TOP] u32 (that of the sampled id, then pairs of id and
/// log-probability; [`NO_SAMPLE`] for missing ids); [`LogprobsParams`]. One workgroup per sample.
pub const fn logprobs(vocab: usize) -> Kernel {
    let logprobs = include_str!("../wgsl/logprobs.wgsl");
    Kernel {
        constants: constants([("VOCAB", vocab)]),
        ..Kernel::new::<LogprobsParams, 2>("logprobs", [BEST, logprobs], [256, 1, 1])
    }
}

/// Number of words that [`logprobs`] writes per sample, with those of the `top` most probable ids.
pub const fn logprob_words(top: usize) -> usize {
    1 + 2 * top
}

/// Maximum number of most probable ids reported per sample.
pub const MAX_TOP_LOGPROBS: usize = 20;

/// Sampled id if no logit is finite.
pub const NO_SAMPLE: u32 = u32::MAX;

/// RMSNorm of consecutive rows of `hidden` values (C). Buffers `x` [.., C], `weight` `[C]`, `y` [T, Y_STRIDE];
/// [`NormParams`]. One workgroup per row.
pub const fn rms_norm(variant: Variant, hidden: usize) -> Kernel {
    let rows = include_str!("../wgsl/norm_rows/in_order.wgsl");
    norm(variant, hidden, "", ["", rows])
}

/// Like [`rms_norm`], for the rows that a step samples from: has the additional buffer `step` ([`step`]).
pub const fn rms_norm_sampled(variant: Variant, hidden: usize) -> Kernel {
    let rows = include_str!("../wgsl/norm_rows/sampled.wgsl");
    norm(variant, hidden, "sampled", [STEP, rows])
}

const fn norm(
    variant: Variant,
    hidden: usize,
    name: &'static str,
    [step, rows]: [&'static str; 2],
) -> Kernel {
    let (lanes, reduce) = match variant {
        Variant::Lanes => (16, include_str!("../wgsl/reduce/few.wgsl")),
        _ => (64, variant.gather()),
    };
    let norm = include_str!("../wgsl/rms_norm.wgsl");
    Kernel {
        name: ["rms_norm", name, variant.name()],
        parts: parts([reduce, step, rows, norm]),
        constants: constants([("HIDDEN", hidden), ("LANES", lanes)]),
        params: NormParams::LAYOUT,
        workgroup_size: [lanes as u32, 1, 1],
        subgroups: variant.subgroups(),
        reference: "rms_norm",
    }
}

/// Copies a cache block over another. Buffer `cache`; [`CopyBlockParams`]. One invocation per word.
pub const COPY_BLOCK: Kernel = Kernel::new::<CopyBlockParams, 1>(
    "copy_block",
    [include_str!("../wgsl/copy_block.wgsl")],
    [64, 1, 1],
);

/// Looks up ids in an embedding of rows of `hidden` values (C) in `format`. Buffers `step` ([`step`]), the
/// embedding's `quants` and `scales`, `x` [T, C]; [`EmbedParams`]. One invocation per block.
pub const fn embed(format: Format, hidden: usize) -> Kernel {
    let [values, scales] = format.sources();
    let embed = include_str!("../wgsl/embed.wgsl");
    let files = [format::BLOCK_SOURCE, values, scales, STEP, embed];
    Kernel {
        name: ["embed", format.name(), ""],
        constants: constants([("HIDDEN", hidden), ("BLOCKS", Format::blocks(hidden))]),
        ..Kernel::new::<EmbedParams, 5>("embed", files, [64, 1, 1])
    }
}

/// Returns all kernels, as for a model of SmolLM2's dimensions.
pub fn kernels() -> Vec<Kernel> {
    let (vocab, hidden) = (49_152, 576);
    let heads = Heads {
        queries: 9,
        kv: 3,
        dim: 64,
    };
    let mut all = vec![
        argmax(vocab),
        sample(vocab),
        logprobs(vocab),
        SUBGROUP_PROBE,
        attention_merge(heads),
        COPY,
        COPY_BLOCK,
        FMA,
    ];
    for variant in Variant::ALL {
        all.extend([rms_norm(variant, hidden), rms_norm_sampled(variant, hidden)]);
    }
    for kv in Kv::ALL {
        all.push(attention_tile(kv, heads));
        // Lanes has no attention kernels of its own.
        for variant in [Variant::Workgroups, Variant::Subgroups] {
            all.extend([
                attention(kv, variant, heads),
                attention_part(kv, variant, heads),
            ]);
        }
    }
    for format in Format::ALL {
        all.push(embed(format, hidden));
        let blocks = Format::blocks(hidden);
        let qkv = Kv::ALL.map(|kv| Store::Qkv(kv, heads));
        for method in MatmulKernel::ALL {
            for (bias, store) in [
                (true, Store::Plain { add: true }),
                (false, Store::Plain { add: false }),
                (true, qkv[0]),
                (false, qkv[1]),
                (true, Store::Swiglu),
            ] {
                let matrix = MatrixLayout {
                    format,
                    blocks,
                    bias,
                };
                all.push(linear(method, matrix, store));
            }
        }
    }
    all
}
