//! What came of one request.

use llamaglass_engine::stats::Summary;
use llamaglass_engine::timing::Clock;
use serde::{Deserialize, Serialize};

use super::protocol::Heard;

/// What came of one request. Times are milliseconds since the run began, on the client's clock, if
/// nothing else is said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Its place in the plan.
    pub index: usize,
    /// Its row in the dataset.
    pub row: usize,
    /// When it was to be sent.
    pub scheduled_ms: f64,
    /// When it was sent.
    pub sent_ms: Option<f64>,
    /// How much later than planned, in milliseconds.
    pub send_delay_ms: Option<f64>,
    /// When the answer's headers were there.
    pub headers_ms: Option<f64>,
    /// When the first piece with text was there; answers that come at once have none.
    pub first_text_ms: Option<f64>,
    /// When the answer had ended, or was given up.
    pub end_ms: Option<f64>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Why there is no whole answer, where there is none.
    pub error: Option<String>,
    /// Why the answer ended, in the protocol's words.
    pub finish_reason: Option<String>,
    /// Ids of the prompt, where the server says so.
    pub prompt_tokens: Option<usize>,
    /// Ids picked, where the server says so.
    pub tokens: Option<usize>,
    /// Pieces with text.
    pub pieces: usize,
    /// When each of them was there, as far as they are kept; several may come at once.
    pub pieces_ms: Vec<f64>,
    /// What the server says of itself.
    pub server: Option<ServerSide>,
}

/// What a server of ours says of an answer, on its own clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerSide {
    /// That clock.
    pub clock: Option<Clock>,
    /// Milliseconds that the request waited for its first step.
    pub queue_ms: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds from each token to the next, as far as they are kept.
    pub itl_ms: Vec<f64>,
}

impl Sample {
    /// A request that is to be sent.
    pub fn new(index: usize, row: usize, scheduled_ms: f64) -> Self {
        Self {
            index,
            row,
            scheduled_ms: rounded(scheduled_ms),
            ..Self::default()
        }
    }

    /// It is sent now.
    pub fn sent(&mut self, now_ms: f64) {
        let now_ms = rounded(now_ms);
        self.sent_ms = Some(now_ms);
        self.send_delay_ms = Some(rounded(now_ms - self.scheduled_ms));
    }

    /// Something came; a piece's time is kept where `keep` says so.
    pub fn heard(&mut self, heard: Heard, now_ms: f64, stream: bool, keep: impl FnOnce() -> bool) {
        if heard.text && stream {
            let now_ms = rounded(now_ms);
            self.first_text_ms.get_or_insert(now_ms);
            self.pieces += 1;
            if keep() {
                self.pieces_ms.push(now_ms);
            }
        }
        self.finish_reason = heard.finish_reason.or(self.finish_reason.take());
        self.prompt_tokens = heard.prompt_tokens.or(self.prompt_tokens);
        self.tokens = heard.tokens.or(self.tokens);
        if let Some(Summary {
            queue_ms,
            ttft_ms,
            clock,
            ..
        }) = heard.summary
        {
            let server = self.server.get_or_insert_default();
            server.clock = clock;
            server.queue_ms = queue_ms.map(rounded);
            server.ttft_ms = ttft_ms.map(rounded);
        }
    }

    /// Whether there is a whole answer.
    pub const fn is_complete(&self) -> bool {
        self.error.is_none() && self.end_ms.is_some()
    }

    /// Tokens of the answer: what the server says, or else the pieces that came.
    pub fn token_count(&self) -> usize {
        self.tokens.unwrap_or(self.pieces)
    }

    /// From when it was to be sent to its first text.
    pub fn ttft_ms(&self) -> Option<f64> {
        Some(self.first_text_ms? - self.scheduled_ms)
    }

    /// From when it was sent to its first text.
    pub fn ttft_from_send_ms(&self) -> Option<f64> {
        Some(self.first_text_ms? - self.sent_ms?)
    }

    /// From when it was to be sent to its end.
    pub fn e2e_ms(&self) -> Option<f64> {
        Some(self.end_ms? - self.scheduled_ms)
    }

    /// From when it was sent to its end.
    pub fn e2e_from_send_ms(&self) -> Option<f64> {
        Some(self.end_ms? - self.sent_ms?)
    }

    /// From each piece with text to the next.
    pub fn itl_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.pieces_ms.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// To microseconds: no network is timed more finely, and the result stays short.
pub fn rounded(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
