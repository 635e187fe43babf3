//! The conversation and its composer.

use leptos::html::Div;
use leptos::prelude::*;

use super::alerts::{Alerts, Crashed};
use super::composer::Composer;
use super::icon::Icon;
use super::message::{Answer, UserTurn};
use super::model_picker::Welcome;
use super::progress::LoadPanel;
use super::unsupported::FallbackNote;
use crate::engine::Engine;
use crate::state::app;

/// Maximum distance from the end, in pixels, that counts as the end.
const END_TOLERANCE_PX: i32 = 48;

/// Column with the conversation.
#[component]
pub fn Chat() -> impl IntoView {
    let app = app();
    let log = NodeRef::<Div>::new();
    // The log follows new text until the user scrolls up.
    let follow = RwSignal::new(true);
    // This also runs in later frames and tasks, when the lab may have replaced the conversation.
    let to_end = move || {
        if let Some(log) = log.try_get_untracked().flatten() {
            log.set_scroll_top(log.scroll_height());
        }
    };
    let scrolled = move |_| {
        if let Some(log) = log.try_get_untracked().flatten() {
            let distance = log.scroll_height() - log.scroll_top() - log.client_height();
            let near = distance <= END_TOLERANCE_PX;
            if follow.get_untracked() != near {
                follow.set(near);
            }
        }
    };
    Effect::new(move || {
        app.revision.track();
        app.turns.with(|turns| {
            if let Some(last) = turns.last() {
                last.text.track();
                last.state.track();
            }
        });
        app.engine.track();
        let has_turns = app.turns.with_untracked(|turns| !turns.is_empty());
        if has_turns && follow.get_untracked() {
            // Runs after the effects that draw the new text, but in the same frame.
            leptos::task::spawn_local(async move { to_end() });
        }
    });
    Effect::new(move |before: Option<usize>| {
        let turns = app.turns.with(Vec::len);
        // A user who sends a message wants to see the answer.
        if before.is_some_and(|before| turns > before) {
            follow.set(true);
            request_animation_frame(to_end);
        }
        turns
    });

    let welcome = move || matches!(app.engine.get(), Engine::Starting | Engine::Empty);
    let empty = move || app.turns.with(Vec::is_empty);
    let ready = move || matches!(app.engine.get(), Engine::Loaded(_));
    let shows_jump = move || !follow.get() && !empty();
    view! {
        <section class="chat" aria-label="Conversation">
            <div class="log" node_ref=log on:scroll=scrolled tabindex="-1">
                <div class="column">
                    <Turns/>
                    <Show when=move || empty() && ready()><Hint/></Show>
                    <Crashed/>
                    <LoadPanel/>
                    <Show when=welcome><Welcome/></Show>
                    <FallbackNote/>
                </div>
            </div>
            <Show when=shows_jump>
                <JumpToEnd
                    on_click=move || {
                        follow.set(true);
                        to_end();
                    }
                />
            </Show>
            <div class="chat-alerts"><Alerts/></div>
            <Composer/>
        </section>
    }
}

/// Button that scrolls to the end.
#[component]
fn JumpToEnd(on_click: impl Fn() + 'static) -> impl IntoView {
    view! {
        <button class="jump" data-testid="jump-latest" on:click=move |_| on_click()>
            <Icon path="M12 5v14M6 13l6 6l6-6"/>
            "Latest"
        </button>
    }
}

/// The turns in order.
#[component]
fn Turns() -> impl IntoView {
    let app = app();
    let busy = move || app.running.get().is_some().to_string();
    view! {
        <div class="turns" role="log" aria-live="polite" aria-busy=busy>
            <For each=move || app.turns.get() key=|turn| turn.tag let:turn>
                {if turn.is_user {
                    view! { <UserTurn turn/> }.into_any()
                } else {
                    view! { <Answer turn/> }.into_any()
                }}
            </For>
        </div>
    }
}

/// Suggestions for an empty conversation with a model that is ready.
#[component]
fn Hint() -> impl IntoView {
    let app = app();
    let name = move || {
        let loaded = app.loaded();
        loaded.map_or(String::new(), |loaded| loaded.name().to_owned())
    };
    let where_it_runs = move || match app.server() {
        Some(server) => format!(
            "Ask something. The model runs on the server at {}: your messages leave this browser.",
            server.host()
        ),
        None => {
            "Ask something. The model runs on this machine; nothing you type leaves it.".to_owned()
        }
    };
    let without_template = move || app.model().is_some_and(|model| !model.has_chat_template);
    view! {
        <div class="hint">
            <h2>{name} " is ready"</h2>
            <p data-testid="where-it-runs">{where_it_runs}</p>
            <Show when=without_template>
                <p class="warning">"This model has no chat template, so it can't hold a conversation."</p>
            </Show>
            <div class="suggestions">
                <Suggestion text="What is the capital of France?"/>
                <Suggestion text="Explain how a rainbow forms, in three sentences."/>
                <Suggestion text="Write a haiku about measuring time."/>
            </div>
        </div>
    }
}

#[component]
fn Suggestion(text: &'static str) -> impl IntoView {
    let app = app();
    view! {
        <button class="suggestion" data-testid="suggestion" disabled=move || !app.can_send()
            on:click=move |_| crate::state::send(app, text.into())
        >
            {text}
        </button>
    }
}
