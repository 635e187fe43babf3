//! Turns events into signals once per frame: however fast tokens arrive, the page is drawn at most once per
//! frame, less often if drawing is expensive, and its figures less often still.

use std::time::Duration;

use leptos::prelude::*;
use llamaglass_types::event::{Event, FinishReason};
use wasm_bindgen::prelude::*;
use web_sys::MessageChannel;

use super::app::{App, now};
use super::data::{NextDraw, TurnState};
use crate::protocol::{EngineCommand, OpaqueEvent, Tag};
use crate::repetition::ends_in_loop;
use crate::stats::{AnswerStats, Outcome, ReceivedEvent};

/// Minimum time between updates of the figures, in milliseconds; faster changes can't be read.
const FIGURES_MS: f64 = 500.0;

/// Queues a received event. It is drawn with the next frame, or a few frames later if drawing is expensive
/// ([`DrawPace`](super::data)). The end of an answer never waits.
pub(super) fn push(app: App, tag: Tag, event: ReceivedEvent, at: f64) {
    let ends = event.is_last();
    let inner = app.inner();
    let mut queue = inner.frame.borrow_mut();
    queue.events.push((tag, event, at));
    match &queue.next_draw {
        NextDraw::Frame => return,
        NextDraw::Delayed(_) if !ends => return,
        NextDraw::Delayed(timer) => timer.clear(),
        NextDraw::Idle => {}
    }
    let wait = queue.pace.wait(at).filter(|_| !ends);
    let later = wait.and_then(|ms| {
        let pause = Duration::from_secs_f64(ms / 1000.0);
        set_timeout_with_handle(move || request_draw(app), pause).ok()
    });
    queue.next_draw = later.map_or(NextDraw::Frame, NextDraw::Delayed);
    drop(queue);
    if later.is_none() {
        request_draw(app);
    }
}

fn request_draw(app: App) {
    app.inner().frame.borrow_mut().next_draw = NextDraw::Frame;
    // A hidden page gets no frames, but its answers still end.
    if document().hidden() {
        draw(app);
    } else {
        request_animation_frame(move || draw(app));
    }
}

fn draw(app: App) {
    let begin = now();
    let events = {
        let inner = app.inner();
        let mut queue = inner.frame.borrow_mut();
        queue.next_draw = NextDraw::Idle;
        std::mem::take(&mut queue.events)
    };
    let mut tags: Vec<Tag> = events.iter().map(|(tag, ..)| *tag).collect();
    tags.dedup();
    let is_bar = |event: &ReceivedEvent| match event {
        ReceivedEvent::Event(event) => matches!(**event, Event::Token { .. }),
        ReceivedEvent::Opaque(event) => matches!(event, OpaqueEvent::Text { .. }),
    };
    let drawn = events.iter().filter(|(_, event, _)| is_bar(event)).count();
    app.stats.update_value(|stats| {
        for (tag, event, at) in &events {
            stats.apply(*tag, event, *at);
        }
    });
    let ended = tags.iter().filter(|&&tag| refresh(app, tag)).count() > 0;
    let drawn_tokens = match (tags.as_slice(), drawn) {
        (&[tag], 1..) => Some(DrawnTokens { tag, count: drawn }),
        _ => None,
    };
    let record = move |end| app.inner().frame.borrow_mut().pace.record_draw(begin, end);
    measure_paint(app, drawn_tokens, begin, record);
    let shown = app.shown.get_untracked();
    match shown.filter(|tag| tags.contains(tag)) {
        None => {}
        Some(_) if ended || document().hidden() => update_summary(app),
        // Parts far from the answer are drawn one frame later: without a GPU, WebKit paints everything between two
        // places that change in one frame.
        Some(tag) => request_animation_frame(move || draw_timeline(app, tag)),
    }
}

fn draw_timeline(app: App, tag: Tag) {
    let begin = now();
    app.revision.update(|revision| *revision += 1);
    schedule_figures(app, begin);
    let record = move |end| app.inner().frame.borrow_mut().pace.add_cost(end - begin);
    measure_paint(app, Some(DrawnTokens { tag, count: 0 }), begin, record);
}

/// Stops the answer `tag` because it repeats itself without end; its turn then says so.
fn stop_repetition(app: App, tag: Tag) {
    if app.running.get_untracked() == Some(tag) && app.inner().repeating.replace(tag) != tag {
        app.send(EngineCommand::Abort { tag }, &[]);
    }
}

/// Updates an answer's turn from the statistics. Returns whether the answer has ended.
fn refresh(app: App, tag: Tag) -> bool {
    let staged = app.lab.stage.get_untracked();
    let Some(turn) = app
        .turns
        .with_untracked(|turns| turns.iter().find(|t| t.tag == tag).cloned())
        .or(staged.filter(|turn| turn.tag == tag))
    else {
        return false;
    };
    let ended = app.stats.with_value(|stats| {
        let answer = stats.get(tag)?;
        if turn
            .text
            .with_untracked(|text| text.len() != answer.text.len())
        {
            turn.text.set(answer.text.clone());
            let is_guarded = app.settings.with_untracked(|s| s.stop_repetition);
            if is_guarded && answer.outcome == Outcome::Running && ends_in_loop(&answer.text) {
                stop_repetition(app, tag);
            }
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
                FinishReason::Length => limit(app, answer),
                FinishReason::Deadline => TurnState::Cut,
                FinishReason::Abort if app.inner().repeating.get() == tag => TurnState::Repeating,
                FinishReason::Abort => TurnState::Aborted,
            }),
        }
    });
    let Some(state) = ended else { return false };
    turn.state.set(state);
    if app.running.get_untracked() == Some(tag) {
        app.running.set(None);
    }
    app.save_chat();
    true
}

fn update_summary(app: App) {
    update_figures(app);
    app.revision.update(|revision| *revision += 1);
}

/// Returns the state of an answer that reached a token limit, which names the limit if it is known.
fn limit(app: App, answer: &AnswerStats) -> TurnState {
    let Some(tokens) = answer.tokens() else {
        return TurnState::Cut;
    };
    let max_tokens = app.settings.with_untracked(|settings| settings.max_tokens);
    if max_tokens == Some(tokens) {
        return TurnState::TokenLimit;
    }
    let context = app.loaded_untracked().and_then(|it| it.context_length());
    match answer.prompt_tokens.zip(context) {
        Some((prompt, context)) if prompt + tokens >= context => TurnState::ContextEnd,
        _ => TurnState::Cut,
    }
}

/// Updates the figures now, or as soon as the last ones have stood long enough to be read.
fn schedule_figures(app: App, now_ms: f64) {
    let wait = {
        let inner = app.inner();
        let mut queue = inner.frame.borrow_mut();
        if queue.figures_scheduled {
            return;
        }
        let shown_ms = queue.figures_updated_ms.map(|updated| now_ms - updated);
        let wait = shown_ms
            .map(|shown_ms| FIGURES_MS - shown_ms)
            .filter(|ms| *ms > 0.0);
        queue.figures_scheduled = wait.is_some();
        wait
    };
    match wait {
        None => update_figures(app),
        Some(ms) => set_timeout(
            move || update_figures(app),
            Duration::from_secs_f64(ms / 1000.0),
        ),
    }
}

fn update_figures(app: App) {
    {
        let inner = app.inner();
        let mut queue = inner.frame.borrow_mut();
        queue.figures_updated_ms = Some(now());
        queue.figures_scheduled = false;
    }
    let summary = app.shown.get_untracked().and_then(|tag| {
        app.stats
            .with_value(|stats| stats.get(tag).map(AnswerStats::summary))
    });
    app.summary.set(summary.unwrap_or_default());
}

/// Shows an answer's tokens in the timeline.
pub fn show(app: App, tag: Option<Tag>) {
    app.focused.set(None);
    app.shown.set(tag);
    update_summary(app);
}

/// Fails an answer that its engine can no longer end.
pub(super) fn fail(app: App, tag: Tag, why: &str) {
    app.stats.update_value(|stats| {
        if let Some(answer) = stats.get_mut(tag) {
            answer.outcome = Outcome::Failed(why.into());
        }
    });
    refresh(app, tag);
    if app.shown.get_untracked() == Some(tag) {
        update_summary(app);
    }
    app.running.set(None);
}

/// Tokens of one answer that a frame draws.
#[derive(Clone, Copy)]
struct DrawnTokens {
    tag: Tag,
    count: usize,
}

/// Measures the time from `begin` to the first task after the frame: our own work and the browser's style, layout
/// and paint on this thread. Passes the time of that task to `record`, and adds the duration to the statistics of
/// the answer whose tokens were drawn.
fn measure_paint(
    app: App,
    drawn: Option<DrawnTokens>,
    begin: f64,
    record: impl FnOnce(f64) + 'static,
) {
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let (receiver, sender) = (channel.port1(), channel.port2());
    let closing = sender.clone();
    let after = Closure::once_into_js(move || {
        let end = now();
        record(end);
        app.stats.update_value(|stats| {
            if let Some(drawn) = drawn
                && let Some(answer) = stats.get_mut(drawn.tag)
            {
                answer.add_paint(drawn.count, end - begin);
            }
        });
        closing.close();
    });
    receiver.set_onmessage(Some(after.unchecked_ref()));
    let _ = sender.post_message(&JsValue::NULL);
}
