//! Turns events into signals once per frame: however fast tokens arrive, the page is drawn at most once per
//! frame, less often if drawing is expensive, and its figures less often still.

use std::time::Duration;

use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use llamaglass_types::event::{Event, FinishReason};
use wasm_bindgen::prelude::*;
use web_sys::MessageChannel;

use super::pace::Pace;
use super::{App, TurnState, chat, now, storage};
use crate::protocol::{Opaque, Tag};
use crate::repetition::ends_in_loop;
use crate::stats::{Heard, Outcome};

/// Minimum time between updates of the figures, in milliseconds; faster changes can't be read.
const FIGURES_MS: f64 = 500.0;

/// Events that wait for the next frame, each with its arrival on the page's clock.
#[derive(Default)]
pub struct Pending {
    heard: Vec<(Tag, Heard, f64)>,
    asked: Asked,
    pace: Pace,
    /// Time of the last update of the figures; `will_tell` is set while another one is scheduled.
    told_ms: Option<f64>,
    will_tell: bool,
}

/// State of the next draw.
#[derive(Default)]
enum Asked {
    #[default]
    Nothing,
    /// Waits for this timer.
    Later(TimeoutHandle),
    /// Comes with the next frame.
    Frame,
}

/// Queues a received event. It is drawn with the next frame, or a few frames later if drawing is expensive
/// ([`Pace`]). The end of an answer never waits.
pub(super) fn push(app: App, tag: Tag, heard: Heard, at: f64) {
    let ends = heard.is_last();
    let inner = app.inner();
    let mut pending = inner.frame.borrow_mut();
    pending.heard.push((tag, heard, at));
    match &pending.asked {
        Asked::Frame => return,
        Asked::Later(_) if !ends => return,
        Asked::Later(timer) => timer.clear(),
        Asked::Nothing => {}
    }
    let wait = pending.pace.wait(at).filter(|_| !ends);
    let later = wait.and_then(|ms| {
        let pause = Duration::from_secs_f64(ms / 1000.0);
        set_timeout_with_handle(move || ask_for_frame(app), pause).ok()
    });
    pending.asked = later.map_or(Asked::Frame, Asked::Later);
    drop(pending);
    if later.is_none() {
        ask_for_frame(app);
    }
}

fn ask_for_frame(app: App) {
    app.inner().frame.borrow_mut().asked = Asked::Frame;
    // A hidden page gets no frames, but its answers still end.
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
        pending.asked = Asked::Nothing;
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
    let ended = tags.iter().filter(|&&tag| refresh(app, tag)).count() > 0;
    let tokens_of = match (tags.as_slice(), drawn) {
        (&[tag], 1..) => Some((tag, drawn)),
        _ => None,
    };
    let drew = move |end| app.inner().frame.borrow_mut().pace.drew(begin, end);
    measure(app, tokens_of, begin, drew);
    let shown = app.shown.get_untracked();
    match shown.filter(|tag| tags.contains(tag)) {
        None => {}
        Some(_) if ended || document().hidden() => summarise(app),
        // Parts far from the answer are drawn one frame later: without a GPU, WebKit paints everything between two
        // places that change in one frame.
        Some(tag) => request_animation_frame(move || draw_timeline(app, tag)),
    }
}

fn draw_timeline(app: App, tag: Tag) {
    let begin = now();
    app.revision.update(|revision| *revision += 1);
    tell_figures_soon(app, begin);
    let drew = move |end| app.inner().frame.borrow_mut().pace.also(end - begin);
    measure(app, Some((tag, 0)), begin, drew);
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
            let guarded = app.settings.with_untracked(|s| s.stop_repetition);
            if guarded && answer.outcome == Outcome::Running && ends_in_loop(&answer.text) {
                chat::stop_repetition(app, tag);
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
                FinishReason::Length | FinishReason::Deadline => TurnState::Cut,
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
    storage::save_chat(app);
    true
}

fn summarise(app: App) {
    tell_figures(app);
    app.revision.update(|revision| *revision += 1);
}

/// Updates the figures now, or as soon as the last ones have stood long enough to be read.
fn tell_figures_soon(app: App, now_ms: f64) {
    let wait = {
        let inner = app.inner();
        let mut pending = inner.frame.borrow_mut();
        if pending.will_tell {
            return;
        }
        let stood = pending.told_ms.map(|told| now_ms - told);
        let wait = stood.map(|stood| FIGURES_MS - stood).filter(|ms| *ms > 0.0);
        pending.will_tell = wait.is_some();
        wait
    };
    match wait {
        None => tell_figures(app),
        Some(ms) => set_timeout(
            move || tell_figures(app),
            Duration::from_secs_f64(ms / 1000.0),
        ),
    }
}

fn tell_figures(app: App) {
    {
        let inner = app.inner();
        let mut pending = inner.frame.borrow_mut();
        pending.told_ms = Some(now());
        pending.will_tell = false;
    }
    let summary = app.shown.get_untracked().and_then(|tag| {
        app.stats
            .with_value(|stats| stats.get(tag).map(crate::stats::AnswerStats::summary))
    });
    app.summary.set(summary.unwrap_or_default());
}

/// Shows an answer's tokens in the timeline.
pub fn show(app: App, tag: Option<Tag>) {
    app.focused.set(None);
    app.shown.set(tag);
    summarise(app);
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
        summarise(app);
    }
    app.running.set(None);
}

/// Measures the time from `begin` to the first task after the frame: our own work and the browser's style, layout
/// and paint on this thread. Passes the time of that task to `drew`, and records the duration for the answer in
/// `tokens_of`, along with the number of its tokens that were drawn.
fn measure(
    app: App,
    tokens_of: Option<(Tag, usize)>,
    begin: f64,
    drew: impl FnOnce(f64) + 'static,
) {
    let Ok(channel) = MessageChannel::new() else {
        return;
    };
    let (receiver, sender) = (channel.port1(), channel.port2());
    let closing = sender.clone();
    let after = Closure::once_into_js(move || {
        let end = now();
        drew(end);
        app.stats.update_value(|stats| {
            let answer = tokens_of.and_then(|(tag, tokens)| Some((stats.get_mut(tag)?, tokens)));
            if let Some((answer, tokens)) = answer {
                answer.painted(tokens, end - begin);
            }
        });
        closing.close();
    });
    receiver.set_onmessage(Some(after.unchecked_ref()));
    let _ = sender.post_message(&JsValue::NULL);
}
