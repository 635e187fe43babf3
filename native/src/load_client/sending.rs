//! One request: sends it, reads its answer and records the times.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use llamaglass_engine::platform::Stopwatch;
use llamaglass_openai::response_error;
use reqwest::{Client, Request, Response};
use tokio::sync::watch;

use super::fault::{Fault, seconds};
use super::protocol::AnswerReader;
use super::sample::{AnswerPiece, Sample, rounded};
use super::settings::RequestSettings;

/// Maximum bytes of an answer that is not streamed.
const MAX_BODY: usize = 64 << 20;
/// Maximum bytes to read of an error response.
const MAX_ERROR_BODY: usize = 64 << 10;
/// Maximum time to read the rest of a response after its answer, so that the connection can be reused.
const DRAIN: Duration = Duration::from_secs(5);

/// State that all requests of a run share.
#[derive(Debug)]
pub struct Sender {
    /// HTTP client with the connections.
    pub client: Client,
    /// Settings of the requests.
    pub settings: RequestSettings,
    /// Maximum duration of an answer.
    pub timeout: Duration,
    /// Clock of the run.
    pub watch: Stopwatch,
    /// Number of piece and token times that may still be kept.
    pub remaining: AtomicUsize,
    /// Turns true when the run is to stop.
    pub stop: watch::Receiver<bool>,
}

impl Sender {
    /// Sends `request` now, waits for its end and returns the completed sample.
    pub async fn send(self: Arc<Self>, request: Request, mut sample: Sample) -> Sample {
        let mut stop = self.stop.clone();
        sample.sent(self.watch.ms());
        let outcome = tokio::select! {
            outcome = self.answer(request, &mut sample) => outcome,
            () = tokio::time::sleep(self.timeout) => Err(Fault::Timeout {
                seconds: seconds(self.timeout.as_secs_f64()),
            }),
            () = stop_requested(&mut stop) => Err(Fault::Stopped),
        };
        sample.end_ms = Some(rounded(self.watch.ms()));
        match outcome {
            Ok(Some(rest)) => drop(tokio::spawn(drain(rest))),
            Ok(None) => {}
            Err(fault) => sample.error = Some(fault.to_string()),
        }
        sample
    }

    /// Reads the answer. Returns the rest of the response if the answer ends before it.
    async fn answer(
        &self,
        request: Request,
        sample: &mut Sample,
    ) -> Result<Option<Response>, Fault> {
        let response = self.client.execute(request).await;
        let mut response = response.map_err(Fault::of_http)?;
        sample.headers_ms = Some(rounded(self.watch.ms()));
        let status = response.status();
        sample.status = Some(status.as_u16());
        if !status.is_success() {
            return Err(refused(status.as_u16(), response).await);
        }
        let mut reader = AnswerReader::new(&self.settings);
        let mut step_end_ms = None;
        while let Some(bytes) = response.chunk().await.map_err(Fault::of_http)? {
            let now_ms = self.watch.ms();
            for piece in reader.push(&bytes)? {
                if self.record(piece, now_ms, &mut step_end_ms, sample) {
                    return Ok(Some(response));
                }
            }
            if reader.buffered() > MAX_BODY {
                return Err(Fault::TooLong { limit: MAX_BODY });
            }
        }
        let now_ms = self.watch.ms();
        if let Some(piece) = reader.finish()?
            && self.record(piece, now_ms, &mut step_end_ms, sample)
        {
            return Ok(None);
        }
        // Some servers send no [DONE].
        match sample.finish_reason {
            Some(_) => Ok(None),
            None => Err(Fault::Cut),
        }
    }

    /// Records a piece that arrived at `now_ms`; returns true if it is the last.
    fn record(
        &self,
        piece: AnswerPiece,
        now_ms: f64,
        step_end_ms: &mut Option<f64>,
        sample: &mut Sample,
    ) -> bool {
        if let Some(end_ms) = piece.step_end_ms {
            let before = step_end_ms.replace(end_ms);
            if let Some(before) = before.filter(|_| self.keep()) {
                let server = sample.server.get_or_insert_default();
                server.itl_ms.push(rounded(end_ms - before));
            }
        }
        let end = piece.end;
        sample.record(piece, now_ms, self.settings.stream, || self.keep());
        end
    }

    /// Returns true, and counts it, if one more time may be kept.
    fn keep(&self) -> bool {
        let decrement = |remaining: usize| remaining.checked_sub(1);
        let kept = self
            .remaining
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, decrement);
        kept.is_ok()
    }
}

async fn refused(status: u16, mut response: Response) -> Fault {
    let mut body = Vec::new();
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() > MAX_ERROR_BODY {
            break;
        }
    }
    let message = response_error(&body);
    Fault::Refused { status, message }
}

/// Reads a response to its end, within [`DRAIN`].
async fn drain(mut rest: Response) {
    let reading = async { while let Ok(Some(_)) = rest.chunk().await {} };
    // After the time limit, the connection is closed.
    let _in_time = tokio::time::timeout(DRAIN, reading).await;
}

/// Waits until the run is to stop.
pub async fn stop_requested(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        // The sender is gone, so the run can't be stopped any more.
        std::future::pending::<()>().await;
    }
}
