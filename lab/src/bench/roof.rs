//! What share of what the device can do at most each stage reaches.

use serde::{Deserialize, Serialize};

use super::runs::Settings;
use llamaglass_engine::ModelInfo;
use llamaglass_engine::forward::Roofline;

/// What a device can do, and how much of it was done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct UnderRoof {
    /// What the device can do.
    #[serde(flatten)]
    pub roofline: Roofline,
    /// Bytes of weights, keys and values that a decode step reads, on average.
    pub decode_bytes_a_token: f64,
    /// 10^9 of them a second.
    pub decode_gb_s: f64,
    /// Of the copy's.
    pub decode_share: f64,
    /// Floating-point operations of a prompt.
    pub prefill_flop: f64,
    /// 10^9 of them a second.
    pub prefill_gflop_s: f64,
    /// Of the device's.
    pub prefill_share: f64,
}

impl UnderRoof {
    /// The shares of these median rates.
    pub fn new(
        roofline: Roofline,
        info: &ModelInfo,
        settings: &Settings,
        (prefill_tok_s, decode_tok_s): (f64, f64),
    ) -> Self {
        let [prompt, generated] =
            [settings.prompt_tokens, settings.gen_tokens].map(|tokens| tokens as f64);
        // The first token comes of the prompt; the steps after it begin where it ends.
        let decode_bytes_a_token = info.decode_bytes(prompt + generated / 2.0);
        let decode_gb_s = decode_bytes_a_token * decode_tok_s / 1e9;
        let prefill_flop = info.prefill_flop(prompt);
        let prefill_gflop_s = prefill_flop / prompt * prefill_tok_s / 1e9;
        Self {
            roofline,
            decode_bytes_a_token,
            decode_gb_s,
            decode_share: decode_gb_s / roofline.copy_gb_s,
            prefill_flop,
            prefill_gflop_s,
            prefill_share: prefill_gflop_s / roofline.gflop_s,
        }
    }
}
