//! Events to signals, once a frame: however fast tokens come, the page is drawn as often as the
//! screen is.

use leptos::prelude::*;
use llamaglass_engine::event::{Event, FinishReason};
use wasm_bindgen::prelude::*;
use web_sys::MessageChannel;

use super::{App, TurnState, now, storage};
use crate::protocol::{Opaque, Tag};
use crate::stats::{Heard, Outcome};

/// What waits for the next frame, each with its arrival on the page's clock.
#[derive(Default)]
pub struct Pending {
    heard: Vec<(Tag, Heard, f64)>,
    asked: bool,
}

/// Takes what is heard of an answer; it is drawn with the next frame.
pub(super) fn push(app: App, tag: Tag, heard: Heard, at: f64) {
    let inner = app.inner();
    let ask = {
        let mut pending = inner.frame.borrow_mut();
        pending.heard.push((tag, heard, at));
        !std::mem::replace(&mut pending.asked, true)
    };
    if !ask {
        return;
    }
    // A hidden page has no frames, but its answers still end.
    if document().hidden() {
        draw(app);
    } else {
        request_animation_frame(move || draw(app));
    }
}

fn draw(app: App) {
    let begin = now();
    let all = {
        let inner = app.inner();
        let mut pending = inner.frame.borrow_mut();
        pending.asked = false;
        std::mem::take(&mut pending.heard)
    };
    let mut tags: Vec<Tag> = all.iter().map(|(tag, ..)| *tag).collect();
    tags.dedup();
    let is_bar = |heard: &Heard| match heard {
        Heard::Event(event) => matches!(**event, Event::Token { .. }),
        Heard::Opaque(news) => matches!(news, Opaque::Text { .. }),
    };
    let drawn = all.iter().filter(|(_, heard, _)| is_bar(heard)).count();
    app.stats.update_value(|stats| {
        for (tag, heard, at) in &all {
            stats.apply(*tag, heard, *at);
        }
    });
    for &tag in &tags {
        refresh(app, tag);
    }
    if let ([tag], true) = (tags.as_slice(), drawn > 0) {
        measure(app, *tag, drawn, begin);
    }
}

/// Brings an answer's turn, and the timeline if it shows it, to what the statistics know.
fn refresh(app: App, tag: Tag) {
    let staged = app.lab.stage.get_untracked();
    let Some(turn) = app
        .turns
        .with_untracked(|turns| turns.iter().find(|t| t.tag == tag).copied())
        .or(staged.filter(|turn| turn.tag == tag))
    else {
        return;
    };
    let ended = app.stats.with_value(|stats| {
        let answer = stats.get(tag)?;
        if turn
            .text
            .with_untracked(|text| text.len() != answer.text.len())
        {
            turn.text.set(answer.text.clone());
        }
        turn.ids.set(
            answer
                .ids()
                .map(|id| id.to_string())
                .collect::<Vec<_>>()
                .join(","),
        );
        match &answer.outcome {
            Outcome::Running => None,
            Outcome::Failed(error) => Some(TurnState::Failed(error.clone())),
            Outcome::Finished(reason) => Some(match reason {
                FinishReason::Stop => TurnState::Done,
                FinishReason::Length | FinishReason::Deadline => TurnState::Cut,
                FinishReason::Abort => TurnState::Aborted,
            }),
        }
    });
    if let Some(state) = ended {
        turn.state.set(state);
        if app.running.get_untracked() == Some(tag) {
            app.running.set(None);
        }
        storage::save_chat(app);
    }
    if app.shown.get_untracked() == Some(tag) {
        summarise(app);
    }
}

fn summarise(app: App) {
    let summary = app.shown.get_untracked().and_then(|tag| {
        app.stats
            .with_value(|stats| stats.get(tag).map(crate::stats::AnswerStats::summary))
    });
    app.summary.set(summary.unwrap_or_default());
    app.revision.update(|revision| *revision += 1);
}

/// Shows an answer's tokens in the timeline.
pub fn show(app: App, tag: Option<Tag>) {
    app.focused.set(None);
    app.shown.set(tag);
    summarise(app);
}

/// Ends an answer that its engine can't end any more.
pub(super) fn fail(app: App, tag: Tag, why: &str) {
    app.stats.update_value(|stats| {
        if let Some(answer) = stats.get_mut(tag) {
            answer.outcome = Outcome::Failed(why.into());
        }
    });
    refresh(app, tag);
    app.running.set(None);
}

/// Books the time from the frame's begin to the first task after it: our own work and the
/// browser's style, layout and paint on this thread.
fn measure(app: App, tag: Tag, tokens: usize, begin: f64) {
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let (receiver, sender) = (channel.port1(), channel.port2());
    let closing = sender.clone();
    let after = Closure::once_into_js(move || {
        let ms = now() - begin;
        app.stats.update_value(|stats| {
            if let Some(answer) = stats.get_mut(tag) {
                answer.painted(tokens, ms);
            }
        });
        closing.close();
    });
    receiver.set_onmessage(Some(after.unchecked_ref()));
    let _ = sender.post_message(&JsValue::NULL);
}
