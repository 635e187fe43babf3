//! Roofline utilisation: the share of the device's peak rates that prefill and decode reach.

use serde::{Deserialize, Serialize};

use super::runs::Settings;
use llamaglass_types::{ModelInfo, Roofline};

/// Peak rates of a device, and the shares of them that were reached.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct UnderRoof {
    /// Peak rates of the device.
    #[serde(flatten)]
    pub roofline: Roofline,
    /// Bytes of weights, keys and values that a decode step reads, on average.
    pub decode_bytes_a_token: f64,
    /// Memory throughput of decode, in 10^9 bytes per second.
    pub decode_gb_s: f64,
    /// Share of the measured memory bandwidth that decode reaches. More than 1 if caches hold a part of the weights.
    pub decode_share: f64,
    /// Number of floating-point operations of a prompt.
    pub prefill_flop: f64,
    /// Arithmetic throughput of prefill, in 10^9 operations per second.
    pub prefill_gflop_s: f64,
    /// Share of the device's peak arithmetic throughput that prefill reaches.
    pub prefill_share: f64,
}

impl UnderRoof {
    /// Computes the shares from median rates.
    pub fn new(
        roofline: Roofline,
        info: &ModelInfo,
        settings: &Settings,
        prefill_tok_s: f64,
        decode_tok_s: f64,
    ) -> Self {
        let [prompt, generated] =
            [settings.prompt_tokens, settings.gen_tokens].map(|tokens| tokens as f64);
        // Prefill samples the first token; the decode steps begin at the end of the prompt.
        let decode_bytes_a_token = info.decode_bytes(prompt + generated / 2.0);
        let decode_gb_s = decode_bytes_a_token * decode_tok_s / 1e9;
        let prefill_flop = info.prefill_flop(prompt);
        let prefill_gflop_s = prefill_flop / prompt * prefill_tok_s / 1e9;
        Self {
            decode_share: decode_gb_s / roofline.gb_s(),
            prefill_share: prefill_gflop_s / roofline.gflop_s,
            roofline,
            decode_bytes_a_token,
            decode_gb_s,
            prefill_flop,
            prefill_gflop_s,
        }
    }
}
