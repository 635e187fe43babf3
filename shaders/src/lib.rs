//! WGSL kernels of Llamaglass, assembled from the files of `wgsl/`, with a CPU reference of each in [`cpu`].
//! This crate knows no device; the engine launches the kernels.

mod attention;
pub mod cpu;
mod format;
mod kernel;
mod linear;
mod roofline;
mod sampling;
pub mod step;
mod subgroups;
mod variant;

pub use attention::{
    ATTENTION_MAX_D, ATTENTION_MERGE, ATTENTION_TILE_ROWS, KV_BLOCK, Kv, attention,
    attention_groups, attention_part, attention_tile,
};
pub use format::{BLOCK, Format};
pub use kernel::Kernel;
use kernel::parts;
pub use linear::{ADD, Store, WITH_BIAS, Way, linear};
pub use roofline::{COPY, FMA, FMA_FLOP_A_ROUND};
pub use sampling::{
    FULL_WEIGHT, IN_PROMPT, SAMPLING_WORDS, Sampling, exp2_table, mask_words, occurrence_words,
};
pub use subgroups::{SUBGROUP_PROBE, SUBGROUP_PROBE_WORDS, subgroup_size};
pub use variant::Variant;

const BEST: &str = include_str!("../wgsl/best.wgsl");
const PICK: &str = include_str!("../wgsl/pick.wgsl");
const STEP: &str = include_str!("../wgsl/step.wgsl");

/// Selects the id of the largest finite logit of each row. Buffers `logits` [N, V] f32, `picked` `[N]` u32 (the
/// ids, or [`NO_PICK`]) and `step` ([`step`]); info: V. One workgroup per sample. If `step` is chained, it
/// becomes the next step.
pub const ARGMAX: Kernel = Kernel::of(
    "argmax",
    [STEP, BEST, PICK, include_str!("../wgsl/argmax.wgsl")],
    [256, 1, 1],
    "argmax",
);

/// Samples an id with a mask, penalties, filters and a random draw. Buffers `logits`, `occurrences` [SLOTS,
/// [`occurrence_words`]] u32, `sampling` [SLOTS, [`Sampling::words`]], [N, V] words of scratch, [`exp2_table`],
/// `picked` and `step`; info: V. One workgroup per sample. Advances `sampling` to the next draw, counts the id
/// in `occurrences` if penalties are on, and updates `step` like [`ARGMAX`].
pub const SAMPLE: Kernel = Kernel::of(
    "sample",
    [STEP, BEST, PICK, include_str!("../wgsl/sample.wgsl")],
    [256, 1, 1],
    "sample",
);

/// Computes log-probabilities of the sampled ids and of the most probable ids. Buffers `logits` [N, V] f32,
/// `picked` `[N]` u32 and `logprobs` [N, 1 + 2 TOP] u32 (that of the sampled id, then pairs of id and
/// log-probability; [`NO_PICK`] for missing ids); info: V, TOP. One workgroup per sample.
pub const LOGPROBS: Kernel = Kernel::of(
    "logprobs",
    [BEST, include_str!("../wgsl/logprobs.wgsl")],
    [256, 1, 1],
    "logprobs",
);

/// Number of words that [`LOGPROBS`] writes per sample, with those of the `top` most probable ids.
pub const fn logprob_words(top: usize) -> usize {
    1 + 2 * top
}

/// Maximum number of most probable ids reported per sample.
pub const MAX_TOP_LOGPROBS: usize = 20;

/// Sampled id if no logit is finite.
pub const NO_PICK: u32 = u32::MAX;

/// RMSNorm of consecutive rows. Buffers `x` [.., C], `weight` `[C]`, `y` [T, Y_STRIDE]; info: C, the bits of
/// eps, Y_STRIDE, the row of `x` that becomes row 0 of `y`. One workgroup per row.
pub const fn rms_norm(variant: Variant) -> Kernel {
    norm(
        variant,
        "",
        ["", include_str!("../wgsl/norm_rows/in_order.wgsl")],
    )
}

/// Like [`rms_norm`], for the rows that a step samples from: has the additional buffer `step` ([`step`]) and no
/// row in info.
pub const fn rms_norm_picked(variant: Variant) -> Kernel {
    let rows = include_str!("../wgsl/norm_rows/picked.wgsl");
    norm(variant, "picked", [STEP, rows])
}

const fn norm(variant: Variant, name: &'static str, [step, rows]: [&'static str; 2]) -> Kernel {
    let (invocations, lanes, reduce) = match variant {
        Variant::Lanes => (
            16,
            "const LANES: u32 = 16u;\n",
            include_str!("../wgsl/reduce/few.wgsl"),
        ),
        _ => (64, "const LANES: u32 = 64u;\n", variant.gather()),
    };
    let norm = include_str!("../wgsl/rms_norm.wgsl");
    Kernel {
        name: ["rms_norm", name, variant.name()],
        parts: parts([lanes, reduce, step, rows, norm]),
        workgroup_size: [invocations, 1, 1],
        subgroups: variant.subgroups(),
        reference: "rms_norm",
    }
}

/// Copies a cache block over another. Buffer `cache`; info: first word of the source, first word of the
/// destination, number of words. One invocation per word.
pub const COPY_BLOCK: Kernel = Kernel::one(
    "copy_block",
    include_str!("../wgsl/copy_block.wgsl"),
    [64, 1, 1],
    "copy_block",
);

/// Looks up ids in an embedding in `format`. Buffers `step` ([`step`]), the embedding's `quants` and `side`,
/// `x` [T, C]; info: T, C, blocks per row. One invocation per block.
pub const fn embed(format: Format) -> Kernel {
    let [values, scales] = format.sources();
    Kernel {
        name: ["embed", format.name(), ""],
        parts: parts([
            format::BLOCK_SOURCE,
            values,
            scales,
            STEP,
            include_str!("../wgsl/embed.wgsl"),
        ]),
        workgroup_size: [64, 1, 1],
        subgroups: false,
        reference: "embed",
    }
}

/// Returns all kernels.
pub fn kernels() -> Vec<Kernel> {
    let mut all = vec![
        ARGMAX,
        SAMPLE,
        LOGPROBS,
        SUBGROUP_PROBE,
        ATTENTION_MERGE,
        COPY,
        COPY_BLOCK,
        FMA,
    ];
    all.extend(Variant::ALL.map(rms_norm));
    all.extend(Variant::ALL.map(rms_norm_picked));
    for kv in Kv::ALL {
        all.push(attention_tile(kv));
        // Lanes has no attention kernels of its own.
        for variant in [Variant::Workgroups, Variant::Subgroups] {
            all.extend([attention(kv, variant), attention_part(kv, variant)]);
        }
    }
    for format in Format::ALL {
        all.push(embed(format));
        for way in Way::ALL {
            all.extend(Store::ALL.map(|store| linear(way, format, store)));
        }
    }
    all
}
