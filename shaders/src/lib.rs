//! WGSL kernels of Llamaglass, put together from the files of `wgsl/`, and a CPU reference of each in
//! [`cpu`]. No device in sight: launching is the engine's.

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

/// Logits to the id of the largest finite one, row by row: buffers `logits` [N, V] f32, `picked` `[N]` u32
/// (the ids, or [`NO_PICK`]) and `step` ([`step`]); info: V. A workgroup a pick. `step` becomes the next one.
pub const ARGMAX: Kernel = Kernel::of(
    "argmax",
    [STEP, BEST, PICK, include_str!("../wgsl/argmax.wgsl")],
    [256, 1, 1],
    "argmax",
);

/// The same with a mask, penalties, filters and a draw: buffers `logits`, `occurrences` [SLOTS,
/// [`occurrence_words`]] u32, `sampling` [SLOTS, [`Sampling::words`]], [N, V] words of scratch, [`exp2_table`],
/// `picked` and `step`; info: V. A workgroup a pick. `sampling` becomes that of the next draw, and
/// `occurrences` counts the id.
pub const SAMPLE: Kernel = Kernel::of(
    "sample",
    [STEP, BEST, PICK, include_str!("../wgsl/sample.wgsl")],
    [256, 1, 1],
    "sample",
);

/// Natural logarithms of the probabilities of picked ids and of the most probable ones: buffers `logits`
/// [N, V] f32, `picked` `[N]` u32 and `logprobs` [N, 1 + 2 TOP] u32 (the picked id's, then ids and theirs;
/// [`NO_PICK`] for ids that there are not); info: V, TOP. A workgroup a pick.
pub const LOGPROBS: Kernel = Kernel::of(
    "logprobs",
    [BEST, include_str!("../wgsl/logprobs.wgsl")],
    [256, 1, 1],
    "logprobs",
);

/// Words that [`LOGPROBS`] leaves of a pick, with those of the `top` most probable ids.
pub const fn logprob_words(top: usize) -> usize {
    1 + 2 * top
}

/// The most probable ids that are told of a pick, at most.
pub const MAX_TOP_LOGPROBS: usize = 20;

/// What is picked where no logit is finite.
pub const NO_PICK: u32 = u32::MAX;

/// Buffers `x` [.., C], `weight` `[C]`, `y` [T, Y_STRIDE]; info: C, the bits of eps, Y_STRIDE, the row of
/// `x` that is row 0 of `y`. A workgroup a row.
pub const fn rms_norm(variant: Variant) -> Kernel {
    norm(
        variant,
        "",
        ["", include_str!("../wgsl/norm_rows/in_order.wgsl")],
    )
}

/// The same for the rows that a step picks from: a buffer more, `step` ([`step`]), and no row in info.
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

/// A block of a cache in place of another: a buffer; info: the first word of the one, of the other, and
/// how many. An invocation a word.
pub const COPY_BLOCK: Kernel = Kernel::one(
    "copy_block",
    include_str!("../wgsl/copy_block.wgsl"),
    [64, 1, 1],
    "copy_block",
);

/// Ids to rows of an embedding in `format`: buffers `step` ([`step`]), the embedding's `quants` and `side`, `x` [T, C]; info: T, C, blocks a row. An invocation a block.
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

/// Every kernel there is.
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
        // There is none of its own for lanes.
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
