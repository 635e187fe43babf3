//! One turn of the conversation.

use leptos::html::Div;
use leptos::prelude::*;

use super::answer::{AnswerView, clear_highlight};
use super::copy::CopyButton;
use super::icon::{Icon, TIMELINE};
use crate::state::{self, Turn, TurnState, app};

/// Message of the user, as plain text.
#[component]
pub fn UserTurn(turn: Turn) -> impl IntoView {
    let text = turn.text;
    view! {
        <article class="turn user" aria-label="You">
            <p class="plain">{move || text.get()}</p>
        </article>
    }
}

/// Answer of the model.
#[component]
pub fn Answer(turn: Turn) -> impl IntoView {
    let app = app();
    let body = NodeRef::<Div>::new();
    let drawn = StoredValue::new_local(None::<AnswerView>);
    let Turn {
        tag,
        text,
        state,
        ids,
        ..
    } = turn.clone();

    let (shown_text, shown_state) = (text.clone(), state.clone());
    Effect::new(move || {
        let Some(root) = body.get() else { return };
        let finished = shown_state.with(|state| *state != TurnState::Streaming);
        shown_text.with(|text| {
            drawn.update_value(|drawn| {
                drawn
                    .get_or_insert_with(|| AnswerView::new(root.into()))
                    .update(text, finished);
            });
        });
    });
    Effect::new(move || {
        let step = app.focused.get();
        if app.shown.get() != Some(tag) {
            return;
        }
        let source = step.and_then(|step| {
            app.stats
                .with_value(|stats| stats.get(tag)?.bars.get(step)?.text())
        });
        match source {
            Some(source) => drawn.with_value(|drawn| {
                if let Some(drawn) = drawn {
                    drawn.highlight(&source);
                }
            }),
            None => clear_highlight(),
        }
    });

    let current = state.clone();
    let streaming = Memo::new(move |_| current.with(|state| *state == TurnState::Streaming));
    let waiting = move || streaming.get() && text.with(String::is_empty);
    view! {
        <article class="turn answer" aria-label="Answer" data-testid="answer"
            data-state=move || state.with(|state| state.name()) data-ids=move || ids.get()
        >
            <div class="markdown" class:streaming=move || streaming.get() node_ref=body></div>
            <Show when=waiting>
                <p class="waiting" aria-label="Reading the prompt"><span></span><span></span><span></span></p>
            </Show>
            <Ending turn=turn.clone()/>
            <Tools turn streaming/>
        </article>
    }
}

/// Note on how the answer ended, unless the model ended it.
#[component]
fn Ending(turn: Turn) -> impl IntoView {
    let note = |text: &'static str| view! { <p class="ending">{text}</p> }.into_any();
    move || {
        match turn.state.get() {
        TurnState::Streaming | TurnState::Done => None,
        TurnState::TokenLimit => Some(note(
            "Stopped at the token limit: Max tokens in the settings.",
        )),
        TurnState::ContextEnd => Some(note("Stopped at the end of the context.")),
        TurnState::Cut => Some(note(
            "Stopped at the token limit: Max tokens in the settings, or the end of the context.",
        )),
        TurnState::Aborted => Some(note("Stopped.")),
        TurnState::Repeating => Some(note(
            "Stopped: the answer kept repeating itself. Regenerate it, or turn the repetition guard off in the settings.",
        )),
        TurnState::Failed(error) => Some(
            view! { <p class="ending failed" role="alert" data-testid="answer-error">"This answer failed: " {error}</p> }
                .into_any(),
        ),
    }
    }
}

/// Buttons of an answer that has ended: Copy, Regenerate, and one that shows its timeline.
#[component]
fn Tools(turn: Turn, streaming: Memo<bool>) -> impl IntoView {
    let app = app();
    let Turn { tag, text, .. } = turn;
    let is_last = move || {
        app.turns
            .with(|turns| turns.last().is_some_and(|last| last.tag == tag))
    };
    let shown = move || app.shown.get() == Some(tag);
    let timed = move || {
        app.shown.track();
        app.stats.with_value(|stats| stats.get(tag).is_some())
    };
    let text = StoredValue::new(text);
    let copied = move || text.with_value(ArcRwSignal::get_untracked);
    view! {
        <Show when=move || !streaming.get()>
            <div class="turn-tools">
                <CopyButton id="copy-answer" label="Copy" text=copied/>
                <Show when=is_last>
                    <button class="quiet" data-testid="regenerate" disabled=move || !app.can_send()
                        on:click=move |_| state::regenerate(app)
                    >
                        <Icon path="M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6"/>
                        "Regenerate"
                    </button>
                </Show>
                <Show when=move || timed() && !shown()>
                    <button class="quiet" data-testid="show-timeline" on:click=move |_| state::show(app, Some(tag))>
                        <Icon path=TIMELINE/>
                        "Show timeline"
                    </button>
                </Show>
            </div>
        </Show>
    }
}
