//! One turn of the conversation.

use leptos::html::Div;
use leptos::prelude::*;

use super::answer::{AnswerView, clear_highlight};
use super::header::Icon;
use crate::state::{self, Turn, TurnState, app};

/// What the user said: plain text.
#[component]
pub fn UserTurn(turn: Turn) -> impl IntoView {
    view! {
        <article class="turn user" aria-label="You">
            <p class="plain">{move || turn.text.get()}</p>
        </article>
    }
}

/// What the model said.
#[component]
pub fn Answer(turn: Turn) -> impl IntoView {
    let app = app();
    let body = NodeRef::<Div>::new();
    let drawn = StoredValue::new_local(None::<AnswerView>);

    Effect::new(move || {
        let Some(root) = body.get() else { return };
        let finished = turn.state.with(|state| *state != TurnState::Streaming);
        turn.text.with(|text| {
            drawn.update_value(|drawn| {
                drawn
                    .get_or_insert_with(|| AnswerView::new(root.into()))
                    .update(text, finished);
            });
        });
    });
    Effect::new(move || {
        let step = app.focused.get();
        if app.shown.get() != Some(turn.tag) {
            return;
        }
        let source = step.and_then(|step| {
            app.stats
                .with_value(|stats| stats.get(turn.tag)?.bars.get(step)?.text())
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

    let streaming = move || turn.state.with(|state| *state == TurnState::Streaming);
    let waiting = move || streaming() && turn.text.with(String::is_empty);
    view! {
        <article
            class="turn answer"
            aria-label="Answer"
            data-testid="answer"
            data-state=move || turn.state.with(|state| state.name())
            data-ids=move || turn.ids.get()
        >
            <div class="markdown" class:streaming=streaming node_ref=body></div>
            <Show when=waiting>
                <p class="waiting" aria-label="Reading the prompt"><span></span><span></span><span></span></p>
            </Show>
            <Ending turn/>
            <Tools turn/>
        </article>
    }
}

/// How the answer ended, where that needs a word.
#[component]
fn Ending(turn: Turn) -> impl IntoView {
    move || {
        match turn.state.get() {
        TurnState::Streaming | TurnState::Done => None,
        TurnState::Cut => Some(view! { <p class="ending">"Cut off: the most tokens that the settings or the context allow."</p> }.into_any()),
        TurnState::Aborted => Some(view! { <p class="ending">"Stopped."</p> }.into_any()),
        TurnState::Failed(error) => Some(
            view! { <p class="ending failed" role="alert" data-testid="answer-error">"This answer failed: " {error}</p> }
                .into_any(),
        ),
    }
    }
}

#[component]
fn Tools(turn: Turn) -> impl IntoView {
    let app = app();
    let ended = move || turn.state.with(|state| *state != TurnState::Streaming);
    let is_last = move || {
        app.turns
            .with(|turns| turns.last().is_some_and(|last| last.tag == turn.tag))
    };
    let shown = move || app.shown.get() == Some(turn.tag);
    let timed = move || {
        app.shown.track();
        app.stats.with_value(|stats| stats.get(turn.tag).is_some())
    };
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = turn.text.get_untracked();
        let _ = window().navigator().clipboard().write_text(&text);
        copied.set(true);
        set_timeout(
            move || copied.set(false),
            std::time::Duration::from_millis(1500),
        );
    };
    view! {
        <Show when=ended>
            <div class="turn-tools">
                <button class="quiet" on:click=copy aria-live="polite">
                    <Icon path="M9 9h10v11H9zM15 9V4H5v11h4"/>
                    {move || if copied.get() { "Copied" } else { "Copy" }}
                </button>
                <Show when=is_last>
                    <button
                        class="quiet"
                        data-testid="regenerate"
                        disabled=move || !app.can_send()
                        on:click=move |_| state::regenerate(app)
                    >
                        <Icon path="M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6"/>
                        "Regenerate"
                    </button>
                </Show>
                <Show when=move || timed() && !shown()>
                    <button class="quiet" on:click=move |_| state::show(app, Some(turn.tag))>
                        <Icon path="M4 20V10M9 20V4M14 20v-7M19 20V7"/>
                        "Show its timeline"
                    </button>
                </Show>
            </div>
        </Show>
    }
}
