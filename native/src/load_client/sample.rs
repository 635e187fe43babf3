//! Measurements of one request.

use llamaglass_engine::stats::Summary;
use llamaglass_engine::timing::Clock;
use serde::{Deserialize, Serialize};

/// Measured contents of one piece of an answer; an answer that is not streamed is one piece.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AnswerPiece {
    /// True if the piece has text.
    pub text: bool,
    /// Reason why the answer ended.
    pub finish_reason: Option<String>,
    /// Number of prompt tokens.
    pub prompt_tokens: Option<usize>,
    /// Number of generated tokens.
    pub tokens: Option<usize>,
    /// The server's own statistics of the answer; only llamaglass servers send them.
    pub summary: Option<Summary>,
    /// End of the token's step on the server's clock, in milliseconds; only llamaglass servers send it.
    pub step_end_ms: Option<f64>,
    /// True if the answer ends with this piece.
    pub end: bool,
}

/// Measurements of one request. Unless said otherwise, times are milliseconds since the run began, on the client's
/// clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Index in the plan.
    pub index: usize,
    /// Row in the dataset.
    pub row: usize,
    /// Scheduled sending time.
    pub scheduled_ms: f64,
    /// Actual sending time.
    pub sent_ms: Option<f64>,
    /// Delay of sending relative to the schedule, in milliseconds.
    pub send_delay_ms: Option<f64>,
    /// Time when the response's headers arrived.
    pub headers_ms: Option<f64>,
    /// Time when the first piece with text arrived; `None` for answers that are not streamed.
    pub first_text_ms: Option<f64>,
    /// Time when the answer ended or was given up.
    pub end_ms: Option<f64>,
    /// HTTP status of the response.
    pub status: Option<u16>,
    /// Reason why there is no complete answer.
    pub error: Option<String>,
    /// Reason why the answer ended, in the protocol's words.
    pub finish_reason: Option<String>,
    /// Number of prompt tokens, if the server sends it.
    pub prompt_tokens: Option<usize>,
    /// Number of generated tokens, if the server sends it.
    pub tokens: Option<usize>,
    /// Number of pieces with text.
    pub pieces: usize,
    /// Arrival times of these pieces, as far as they are kept; several may arrive at once.
    pub pieces_ms: Vec<f64>,
    /// The server's own measurements.
    pub server: Option<ServerSide>,
}

/// Measurements of an answer that a llamaglass server sends, on its own clock.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerSide {
    /// The server's clock.
    pub clock: Option<Clock>,
    /// Milliseconds that the request waited for its first step.
    pub queue_ms: Option<f64>,
    /// Milliseconds to the first token.
    pub ttft_ms: Option<f64>,
    /// Milliseconds from each token to the next, as far as they are kept.
    pub itl_ms: Vec<f64>,
}

impl Sample {
    /// Creates the sample of a request that has not been sent yet.
    pub fn new(index: usize, row: usize, scheduled_ms: f64) -> Self {
        Self {
            index,
            row,
            scheduled_ms: rounded(scheduled_ms),
            ..Self::default()
        }
    }

    /// Records that the request is sent now.
    pub fn sent(&mut self, now_ms: f64) {
        let now_ms = rounded(now_ms);
        self.sent_ms = Some(now_ms);
        self.send_delay_ms = Some(rounded(now_ms - self.scheduled_ms));
    }

    /// Records a piece of the answer. A streamed piece's arrival time is kept if `keep` returns true.
    pub fn record(
        &mut self,
        piece: AnswerPiece,
        now_ms: f64,
        stream: bool,
        keep: impl FnOnce() -> bool,
    ) {
        if piece.text && stream {
            let now_ms = rounded(now_ms);
            self.first_text_ms.get_or_insert(now_ms);
            self.pieces += 1;
            if keep() {
                self.pieces_ms.push(now_ms);
            }
        }
        self.finish_reason = piece.finish_reason.or(self.finish_reason.take());
        self.prompt_tokens = piece.prompt_tokens.or(self.prompt_tokens);
        self.tokens = piece.tokens.or(self.tokens);
        if let Some(Summary {
            queue_ms,
            ttft_ms,
            clock,
            ..
        }) = piece.summary
        {
            let server = self.server.get_or_insert_default();
            server.clock = clock;
            server.queue_ms = queue_ms.map(rounded);
            server.ttft_ms = ttft_ms.map(rounded);
        }
    }

    /// Returns true if the answer is complete.
    pub const fn is_complete(&self) -> bool {
        self.error.is_none() && self.end_ms.is_some()
    }

    /// Returns the number of tokens that the server reports, or else the number of pieces.
    pub fn token_count(&self) -> usize {
        self.tokens.unwrap_or(self.pieces)
    }

    /// Returns the time from the schedule to the first text.
    pub fn ttft_ms(&self) -> Option<f64> {
        Some(self.first_text_ms? - self.scheduled_ms)
    }

    /// Returns the time from sending to the first text.
    pub fn ttft_from_send_ms(&self) -> Option<f64> {
        Some(self.first_text_ms? - self.sent_ms?)
    }

    /// Returns the time from the schedule to the end.
    pub fn e2e_ms(&self) -> Option<f64> {
        Some(self.end_ms? - self.scheduled_ms)
    }

    /// Returns the time from sending to the end.
    pub fn e2e_from_send_ms(&self) -> Option<f64> {
        Some(self.end_ms? - self.sent_ms?)
    }

    /// Returns the times from each piece with text to the next.
    pub fn itl_ms(&self) -> impl Iterator<Item = f64> + '_ {
        self.pieces_ms.windows(2).map(|pair| pair[1] - pair[0])
    }
}

/// Rounds to microseconds: no network is timed more finely, and the result file stays short.
pub fn rounded(ms: f64) -> f64 {
    (ms * 1e3).round() / 1e3
}
