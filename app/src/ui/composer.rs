//! The composer, where the user types.

use leptos::html::Textarea;
use leptos::prelude::*;

use super::icon::Icon;
use crate::engine::Engine;
use crate::format;
use crate::state::{self, app};

/// Text field, buttons, and the context meter.
#[component]
pub fn Composer() -> impl IntoView {
    let app = app();
    let field = NodeRef::<Textarea>::new();
    let text = app.draft;
    let ready = move || matches!(app.engine.get(), Engine::Loaded(_));
    let submit = move || {
        if app.can_send() && text.with_untracked(|text| !text.trim().is_empty()) {
            let message = text.get_untracked();
            text.set(String::new());
            state::send(app, message);
        }
    };
    Effect::new(move || {
        if ready()
            && let Some(field) = field.get()
        {
            let _ = field.focus();
        }
    });
    let placeholder = move || match (ready(), app.server()) {
        (_, Some(server)) => format!("Ask {}…", server.host()),
        (true, None) => "Ask something…".into(),
        (false, None) => "Load a model first".into(),
    };
    view! {
        <form class="composer"
            on:submit=move |event| {
                event.prevent_default();
                submit();
            }
        >
            <div class="field" data-value=move || text.get()>
                <textarea node_ref=field rows="1" data-testid="composer" aria-label="Message"
                    placeholder=placeholder disabled=move || !ready() prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))
                    on:keydown=move |event| {
                        let plain = !event.shift_key() && !event.is_composing();
                        if event.key() == "Enter" && plain {
                            event.prevent_default();
                            submit();
                        }
                    }
                ></textarea>
            </div>
            <div class="composer-row">
                <ContextMeter/>
                <Buttons/>
            </div>
        </form>
    }
}

/// Buttons that clear the conversation, send the message, and stop the answer.
#[component]
fn Buttons() -> impl IntoView {
    let app = app();
    let running = move || app.running.get().is_some();
    let sendable = move || app.can_send() && app.draft.with(|text| !text.trim().is_empty());
    let clear_title = move || match app.server() {
        Some(_) => "Clear the conversation here; the server may keep its own copy",
        None => "Clear the conversation",
    };
    view! {
        <button type="button" class="quiet" data-testid="clear" title=clear_title
            disabled=move || app.turns.with(Vec::is_empty) on:click=move |_| state::clear(app)
        >
            <Icon path="M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13"/>
            "Clear"
        </button>
        <Show when=running
            fallback=move || {
                view! {
                    <button
                        type="submit"
                        class="primary send"
                        data-testid="send"
                        disabled=move || !sendable()
                    >
                        "Send"
                        <Icon path="M12 19V5M6 11l6-6l6 6"/>
                    </button>
                }
            }
        >
            <button type="button" class="primary stop" data-testid="stop" title="Stop (Escape)"
                on:click=move |_| state::stop(app)
            >
                "Stop"
                <Icon path="M7 7h10v10H7z"/>
            </button>
        </Show>
    }
}

/// Share of the context above which the meter warns.
const NEARLY_FULL: f64 = 0.9;

/// Tokens of the conversation compared with the length of the context.
#[component]
fn ContextMeter() -> impl IntoView {
    let app = app();
    let total = move || app.loaded()?.context_length();
    // Uses the last answer, whichever one the timeline shows. A server may report its tokens only at the end, or
    // never.
    let used = move || {
        app.summary.track();
        let last = app.turns.with(|turns| turns.last().map(|turn| turn.tag));
        app.stats.with_value(|stats| {
            let Some(answer) = last.and_then(|tag| stats.get(tag)) else {
                return Some(0);
            };
            if answer.prompt_tokens.is_none() && answer.bars.is_empty() {
                return Some(0);
            }
            Some(answer.prompt_tokens? + answer.tokens().unwrap_or(0))
        })
    };
    let share = move || {
        let share = |total: usize| Some(used()? as f64 / total.max(1) as f64);
        total().and_then(share).unwrap_or(0.0)
    };
    let text = move || {
        total().map_or(String::new(), |total| {
            format!(
                "{} / {} tokens",
                used().map_or("–".into(), |used| format::count(used as u64)),
                format::count(total as u64)
            )
        })
    };
    view! {
        <div class="context" data-testid="context-meter" class:full=move || { share() > NEARLY_FULL }>
            <Show when=move || total().is_some()>
                <div class="meter" role="meter" aria-label="Context used" aria-valuemin="0"
                    aria-valuenow=move || used().map(|used| used.to_string())
                    aria-valuemax=move || total().unwrap_or_default().to_string()
                >
                    <div class="meter-fill" style:width=move || format!("{:.1}%", share().min(1.0) * 100.0)></div>
                </div>
                <span class="numbers">{text}</span>
            </Show>
        </div>
    }
}
