//! Settings of requests.

use serde::{Deserialize, Serialize};

use crate::cli::Protocol;

/// Settings that all requests of a run share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequestSettings {
    /// Protocol of requests and answers.
    pub protocol: Protocol,
    /// If true, answers are streamed.
    pub stream: bool,
    /// If true, the prompt is completed as it is, without a chat template.
    pub raw: bool,
    /// Maximum number of tokens of an answer.
    pub max_tokens: usize,
    /// Sampling temperature; 0 samples greedily.
    pub temperature: f32,
    /// Seed of the gaps between requests and of the server's sampling.
    pub seed: u64,
    /// If true, answers continue past end-of-sequence ids.
    pub ignore_eos: bool,
    /// If true, a llamaglass server is asked for the timing of each token.
    pub timings: bool,
}

#[cfg(test)]
impl RequestSettings {
    /// Streamed answers of 5 tokens in OpenAI's protocol.
    pub const TEST: Self = Self {
        protocol: Protocol::Openai,
        stream: true,
        raw: false,
        max_tokens: 5,
        temperature: 0.0,
        seed: 1,
        ignore_eos: false,
        timings: false,
    };
}
