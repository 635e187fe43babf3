//! Figures of one answer.

use llamaglass_types::timing::{Clock, DeviceTiming};

use super::segment::Segment;

/// Figures of one answer. `None` means "not known yet", never zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// Number of tokens sampled.
    pub tokens: Option<usize>,
    /// Number of pieces of text, if the server does not report its steps. Timings then refer to pieces instead of
    /// tokens.
    pub pieces: Option<usize>,
    /// True if a server answers, not an engine in this page.
    pub at_server: bool,
    /// Figures that the server itself measured, if it reports them.
    pub server_figures: Option<ServerFigures>,
    /// Number of tokens in the prompt.
    pub prompt_tokens: Option<usize>,
    /// Number of prompt tokens from the KV cache.
    pub reused_tokens: Option<usize>,
    /// Time from submission in the page to the first token's event in the page.
    pub ttft_ms: Option<f64>,
    /// Tokens after the first, divided by the time since it arrived; on the page's clock. For pieces: all tokens
    /// divided by the time from submission to the last piece, because the arrival of the first token is unknown.
    pub tokens_per_s: Option<f64>,
    /// Median time between two token events in the page.
    pub tpot_p50_ms: Option<f64>,
    /// 95th percentile of the time between two token events in the page.
    pub tpot_p95_ms: Option<f64>,
    /// Median wall time of a decode step; the engine's clock.
    pub step_p50_ms: Option<f64>,
    /// Prompt tokens computed (not reused) per second of prefill steps; the engine's clock.
    pub prefill_per_s: Option<f64>,
    /// Mean duration of each segment of a decode step, in the order of [`Segment::ALL`].
    pub segment_mean_ms: [Option<f64>; Segment::ALL.len()],
    /// Mean time for the page to draw one token; the page's clock.
    pub paint_ms: Option<f64>,
    /// Clock of the engine's figures.
    pub clock: Option<Clock>,
    /// Mean times of a decode step on the device's own clock, if it has one.
    pub device: Option<DeviceTiming>,
}

/// Figures of an answer on its server's own clock, without the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerFigures {
    /// Time from the receipt of the request to the first token.
    pub ttft_ms: f64,
    /// Median time between tokens.
    pub tpot_p50_ms: Option<f64>,
}
