//! Simulated scheduling on a virtual clock: step costs, resources and requests.

use serde::{Deserialize, Serialize};

use llamaglass_types::Policy;

/// Cost of steps, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StepCost {
    /// Fixed cost of a step with prefill rows.
    pub prefill_step_ms: f64,
    /// Cost per prefill row.
    pub prefill_row_ms: f64,
    /// Fixed cost of a step with decode rows.
    pub decode_step_ms: f64,
    /// Cost per decode row.
    pub decode_row_ms: f64,
}

/// Resources of the simulated scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Room {
    /// Maximum number of concurrent requests.
    pub batch: usize,
    /// Maximum number of prompt tokens per step.
    pub prefill_chunk: usize,
    /// Positions in the KV cache, shared by all requests.
    pub kv_positions: usize,
    /// Policy for sharing steps between prefill and decode.
    pub policy: Policy,
}

/// Arrival of a simulated request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Arrival {
    /// Arrival time in milliseconds since the start.
    pub at_ms: f64,
    /// Prompt tokens, at least 1.
    pub input_tokens: usize,
    /// Answer tokens, at least 1.
    pub output_tokens: usize,
}

/// Times of a served request, in milliseconds since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Served {
    /// Time of its first token.
    pub first_token_ms: f64,
    /// Time of its last token.
    pub end_ms: f64,
}
