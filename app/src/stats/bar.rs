//! Bars of the timeline: the steps of an answer, or pieces of its text.

use std::ops::Range;

use llamaglass_types::timing::{StepKind, StepTiming};

/// A bar of the timeline.
#[allow(
    clippy::large_enum_variant,
    reason = "an answer's bars are of one kind: steps would gain nothing by a box each"
)]
#[derive(Clone, Debug)]
pub enum Bar {
    /// A step of the engine.
    Step(StepRecord),
    /// A piece of text from unknown steps.
    Piece(PieceRecord),
}

impl Bar {
    /// Returns the duration: the wall time of a step on its engine's clock, or the time since the previous piece on
    /// the page's clock.
    pub const fn ms(&self) -> f64 {
        match self {
            Self::Step(step) => step.timing.wall_ms,
            Self::Piece(piece) => piece.wait_ms,
        }
    }

    /// Returns whether the bar includes work on the prompt, which takes far longer than a token.
    pub fn has_prompt(&self) -> bool {
        match self {
            Self::Step(step) => step.timing.kind == StepKind::Prefill,
            Self::Piece(piece) => piece.index == 0,
        }
    }

    /// Returns the bytes of the answer that the bar completed.
    pub fn text(&self) -> Option<Range<usize>> {
        match self {
            Self::Step(step) => step.token.as_ref().map(|token| token.text.clone()),
            Self::Piece(piece) => Some(piece.text.clone()),
        }
    }
}

/// Text that arrived at once and has an unknown number of tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct PieceRecord {
    /// Index among the answer's pieces.
    pub index: usize,
    /// Bytes of the answer that the piece covers.
    pub text: Range<usize>,
    /// Time since the previous piece arrived, or since submission; on the page's clock.
    pub wait_ms: f64,
}

/// One step of an answer: a prefill chunk, or a token.
#[derive(Clone, Debug)]
pub struct StepRecord {
    /// The token that the step sampled; `None` for a prefill chunk that is not the last.
    pub token: Option<TokenRecord>,
    /// The engine's timing of the step.
    pub timing: StepTiming,
}

/// A sampled token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Index among the answer's tokens.
    pub index: usize,
    /// Token id.
    pub id: u32,
    /// Bytes of the answer that the token completed; may be empty.
    pub text: Range<usize>,
}
