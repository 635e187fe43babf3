//! Parameters of kernels: structs with the same names and fields in WGSL, which a test compares.

use bytemuck::{Pod, Zeroable};

/// Memory layout of a struct that host and kernels share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Name of the struct; empty for `()`, the parameters of kernels that have none.
    pub name: &'static str,
    /// Size in bytes.
    pub size: usize,
    /// Name and offset in bytes of each field.
    pub fields: &'static [(&'static str, usize)],
}

/// A struct that host and kernels share.
pub trait Params: Pod {
    /// Its memory layout.
    const LAYOUT: Layout;
}

impl Params for () {
    const LAYOUT: Layout = Layout {
        name: "",
        size: 0,
        fields: &[],
    };
}

macro_rules! params {
    ($(
        $(#[$struct_doc:meta])*
        struct $name:ident {
            $($(#[$field_doc:meta])* $field:ident: $type:ty,)+
        }
    )+) => {
        $(
            $(#[$struct_doc])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
            pub struct $name {
                $($(#[$field_doc])* pub $field: $type,)+
            }

            impl Params for $name {
                const LAYOUT: Layout = Layout {
                    name: stringify!($name),
                    size: size_of::<Self>(),
                    fields: &[$((stringify!($field), std::mem::offset_of!(Self, $field)),)+],
                };
            }
        )+

        /// Layouts of all shared structs.
        pub const LAYOUTS: &[Layout] = &[$($name::LAYOUT,)+];
    };
}

params! {
    /// Parameters of [`linear`](crate::linear()).
    struct LinearParams {
        /// T: number of rows of `x` and `y`.
        rows: u32,
        /// Row of `x` that becomes row 0 of `y`.
        x_row: u32,
        /// Number of rows of w.
        out: u32,
        /// Word of `scales` at which the bias begins.
        bias_offset: u32,
        /// Column of `y` that row 0 of w yields.
        y_column: u32,
        /// Number of values per row of `y`.
        y_stride: u32,
    }

    /// Parameters of [`rms_norm`](crate::rms_norm) and [`rms_norm_sampled`](crate::rms_norm_sampled).
    struct NormParams {
        /// Added to the mean square.
        eps: f32,
        /// Number of values per row of `y`.
        y_stride: u32,
        /// Row of `x` that becomes row 0 of `y`; ignored by [`rms_norm_sampled`](crate::rms_norm_sampled).
        first_row: u32,
    }

    /// Parameters of [`attention`](crate::attention()), [`attention_part`](crate::attention_part) and
    /// [`attention_merge`](crate::attention_merge).
    struct AttentionParams {
        /// Number of values per row of `attn_out`.
        out_stride: u32,
        /// Number of workgroups that share a row's positions.
        splits: u32,
        /// First row of the step to compute.
        first_row: u32,
    }

    /// Parameters of [`attention_tile`](crate::attention_tile).
    struct AttentionTileParams {
        /// Number of values per row of `attn_out`.
        out_stride: u32,
        /// T: number of rows.
        rows: u32,
    }

    /// Parameters of [`embed`](crate::embed).
    struct EmbedParams {
        /// T: number of rows.
        rows: u32,
    }

    /// Parameters of [`logprobs`](crate::logprobs).
    struct LogprobsParams {
        /// TOP: number of most probable ids per sample.
        top: u32,
    }

    /// Parameters of [`COPY_BLOCK`](crate::COPY_BLOCK).
    struct CopyBlockParams {
        /// First word of the source.
        source: u32,
        /// First word of the destination.
        destination: u32,
        /// Number of words.
        words: u32,
    }

    /// Parameters of [`COPY`](crate::COPY).
    struct CopyParams {
        /// Number of vec4.
        count: u32,
    }

    /// Parameters of [`FMA`](crate::FMA).
    struct FmaParams {
        /// Number of rounds.
        rounds: u32,
    }

    /// Settings and state of a sequence that [`sample`](crate::sample) reads and updates. See
    /// [`Sampling`](crate::Sampling) for the settings.
    struct SamplingState {
        /// 2^16 log2(e) / temperature.
        scale: f32,
        /// Number of ids to keep.
        top_k: u32,
        /// Fraction of the mass to keep.
        top_p: u32,
        /// Minimum weight to keep.
        min_weight: u32,
        /// 1 if any penalty is enabled, otherwise 0.
        penalties: u32,
        /// Factor for negative logits of ids that have occurred.
        repetition: f32,
        /// Factor for positive ones. The host computes it because devices may round divisions differently.
        inverse_repetition: f32,
        /// Subtracted from logits of ids in the completion.
        presence: f32,
        /// Subtracted from them once per occurrence.
        frequency: f32,
        /// Lower half of the seed.
        seed_low: u32,
        /// Upper half of the seed.
        seed_high: u32,
        /// Lower half of the number of the next draw.
        draw_low: u32,
        /// Upper half of the number of the next draw.
        draw_high: u32,
        /// 1 if only ids in the mask may be sampled, otherwise 0.
        constrained: u32,
        /// A word of ones, which compilers do not know to be that: it keeps them from fusing operations.
        all_ones: u32,
    }
}
