//! Answers to the lab's requests, as the page hears them.

use llamaglass_engine::event::Event;
use llamaglass_lab::LabError;
use llamaglass_lab::experiments::ablate::Timed;
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;

use super::super::{App, now};
use super::talk::{self, News};
use crate::lab::Sample;
use crate::protocol::Opaque;
use crate::stats::Heard;

/// An answer, and when the page heard what of it. Times are milliseconds of the page's clock.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// When it was asked for.
    pub begin_ms: f64,
    /// What came of it, and when.
    pub sample: Sample,
    /// What an engine's events say of it.
    pub record: Record,
}

impl Answer {
    /// From the request to the first token and on to `end_ms`.
    pub fn timed(&self, end_ms: f64) -> Timed {
        let first = self.sample.heard_ms.first().copied();
        let first = first.unwrap_or(end_ms);
        Timed {
            ttft_ms: first - self.begin_ms,
            rest_ms: end_ms - first,
            ids: self.record.ids.clone(),
        }
    }
}

/// Asks, and hears the answer to its end; `each` hears everything as it comes. What went wrong with the
/// request itself is in its sample.
///
/// # Errors
/// [`LabError`] where nothing more is heard, or it was stopped.
pub async fn heard(
    app: App,
    request: Request,
    mut each: impl FnMut(&Heard, f64),
) -> Result<Answer, LabError> {
    let mut answer = Answer {
        begin_ms: now(),
        ..Answer::default()
    };
    answer.sample.due_ms = answer.begin_ms;
    let mut asked = talk::submit(app, request);
    while answer.sample.end_ms.is_none() {
        let (news, at) = asked.next("an answer").await?;
        let News::Heard(heard) = news else { continue };
        each(&heard, at);
        answer.take(&heard, at);
    }
    Ok(answer)
}

/// [`heard`], where a request that fails ends the experiment.
///
/// # Errors
/// [`LabError`].
pub async fn whole(
    app: App,
    request: Request,
    each: impl FnMut(&Heard, f64),
) -> Result<Answer, LabError> {
    let answer = heard(app, request, each).await?;
    match answer.sample.error {
        Some(error) => Err(LabError::failed("an answer", error)),
        None => Ok(answer),
    }
}

impl Answer {
    fn take(&mut self, heard: &Heard, at: f64) {
        let sample = &mut self.sample;
        match heard {
            Heard::Event(event) => {
                self.record.push(event);
                match &**event {
                    Event::Token { .. } => {
                        sample.are_tokens = true;
                        sample.heard_ms.push(at);
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
            Heard::Opaque(Opaque::Text { .. }) => sample.heard_ms.push(at),
            Heard::Opaque(Opaque::Done { usage, .. }) => {
                sample.tokens = usage.map(|usage| usage.completion_tokens);
                sample.end_ms = Some(at);
            }
        }
    }
}
