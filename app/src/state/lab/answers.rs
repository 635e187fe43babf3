//! Answers to the lab's requests, as the page receives them.

use llamaglass_lab::LabError;
use llamaglass_lab::experiments::ablate::Timed;
use llamaglass_lab::experiments::load::LoadSample;
use llamaglass_types::Request;
use llamaglass_types::event::Event;
use llamaglass_types::stats::Record;

use super::super::app::{App, now};
use super::super::data::LabEvent;
use super::requests;
use crate::protocol::OpaqueEvent;
use crate::stats::ReceivedEvent;

/// An answer with the times at which the page received it, in milliseconds of the page's clock.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Time at which the request was sent.
    pub begin_ms: f64,
    /// Outcome and arrival times.
    pub sample: LoadSample,
    /// Record of the engine's events.
    pub record: Record,
}

impl Answer {
    /// Returns the time from the request to the first token, and from there to `end_ms`.
    pub fn timed(&self, end_ms: f64) -> Timed {
        let first = self.sample.arrivals_ms.first().copied();
        let first = first.unwrap_or(end_ms);
        Timed {
            ttft_ms: first - self.begin_ms,
            rest_ms: end_ms - first,
            ids: self.record.ids.clone(),
        }
    }

    fn apply(&mut self, event: &ReceivedEvent, at: f64) {
        let sample = &mut self.sample;
        match event {
            ReceivedEvent::Event(event) => {
                self.record.push(event);
                match &**event {
                    Event::Token { .. } => {
                        sample.are_tokens = true;
                        sample.arrivals_ms.push(at);
                    }
                    Event::Started { .. } => sample.queue_ms = self.record.queue_ms(),
                    Event::Done { usage, .. } => {
                        sample.tokens = Some(usage.completion_tokens);
                        sample.end_ms = Some(at);
                    }
                    Event::Failed { error, .. } => {
                        sample.error = Some(error.clone());
                        sample.end_ms = Some(at);
                    }
                    _ => {}
                }
            }
            ReceivedEvent::Opaque(OpaqueEvent::Text { .. }) => sample.arrivals_ms.push(at),
            ReceivedEvent::Opaque(OpaqueEvent::Done { usage, .. }) => {
                sample.tokens = usage.map(|usage| usage.completion_tokens);
                sample.end_ms = Some(at);
            }
        }
    }
}

/// Sends a request and receives the answer to its end. `each` is called for everything that arrives. An error of
/// the request itself is in its sample.
/// Fails if the rest of the answer is lost or the experiment is stopped.
pub async fn receive(
    app: App,
    request: Request,
    mut each: impl FnMut(&ReceivedEvent, f64),
) -> Result<Answer, LabError> {
    let mut answer = Answer {
        begin_ms: now(),
        ..Answer::default()
    };
    answer.sample.due_ms = answer.begin_ms;
    let mut open = requests::submit(app, request);
    while answer.sample.end_ms.is_none() {
        let (event, at) = open.next("an answer").await?;
        let LabEvent::Answer(event) = event else {
            continue;
        };
        each(&event, at);
        answer.apply(&event, at);
    }
    Ok(answer)
}

/// Like [`receive`], but a failed request ends the experiment.
pub async fn complete(
    app: App,
    request: Request,
    each: impl FnMut(&ReceivedEvent, f64),
) -> Result<Answer, LabError> {
    let answer = receive(app, request, each).await?;
    match answer.sample.error {
        Some(error) => Err(LabError::failed("an answer", error)),
        None => Ok(answer),
    }
}
