//! Bars of the timeline: one element per step or piece, appended once per frame and never rebuilt.

use std::cell::Cell;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

use crate::protocol::Tag;
use crate::state::app;
use crate::stats::{AnswerStats, Bar, StepRecord};
use crate::timeline::{Part, gradient, label, scale as scale_of};

/// Maximum distance from the end of the bars, in pixels, that counts as the end.
const NEAR: i32 = 24;

/// Bars of the shown answer. Sets `scale` to the milliseconds of the chart's full height.
#[component]
pub fn Bars(all: RwSignal<bool>, scale: RwSignal<f64>, has_bars: Memo<bool>) -> impl IntoView {
    let app = app();
    let list = NodeRef::<Div>::new();
    let drawn =
        StoredValue::new_local((Cell::new(None::<Tag>), Cell::new(0usize), Cell::new(true)));

    Effect::new(move || {
        app.revision.track();
        let all = all.get();
        let Some(list) = list.get() else { return };
        let tag = app.shown.get();
        drawn.with_value(|(shown, count, at_end)| {
            if shown.get() != tag {
                list.set_text_content(None);
                shown.set(tag);
                count.set(0);
                at_end.set(true);
            }
            app.stats.with_value(|stats| {
                let Some(answer) = tag.and_then(|tag| stats.get(tag)) else {
                    list.set_text_content(None);
                    count.set(0);
                    return;
                };
                append(&list, answer, count.get());
                let full = scale_of(&answer.bars, all);
                let changed = full != scale.get_untracked();
                if changed {
                    scale.set(full);
                }
                if changed || count.get() == 0 {
                    let _ = HtmlElement::style(&list).set_property("--full-ms", &full.to_string());
                }
                mark_clipped(&list, answer, if changed { 0 } else { count.get() }, full);
                count.set(answer.bars.len());
                let inside = document()
                    .active_element()
                    .is_some_and(|el| list.contains(Some(&el)));
                if at_end.get() && !inside && app.focused.get_untracked().is_none() {
                    // Runs after everything else is drawn, so that the page is laid out once.
                    spawn_local(async move { list.set_scroll_left(list.scroll_width()) });
                }
            });
        });
    });

    // A user who scrolls back stays there.
    let scrolled = move |_| {
        if let Some(list) = list.try_get_untracked().flatten() {
            let left = list.scroll_width() - list.scroll_left() - list.client_width();
            drawn.with_value(|(_, _, at_end)| at_end.set(left < NEAR));
        }
    };
    let step_under = move |target: Option<web_sys::EventTarget>| -> Option<usize> {
        let element: Element = target?.dyn_into().ok()?;
        element
            .closest(".bar")
            .ok()??
            .get_attribute("data-step")?
            .parse()
            .ok()
    };
    let focus = move |to: Option<Element>| {
        if let Some(bar) = to.and_then(|bar| bar.dyn_into::<HtmlElement>().ok()) {
            let _ = bar.focus();
        }
    };
    let empty = move || match app.running.get().is_some() {
        true => "Reading the prompt: each chunk of it and then every token becomes a bar here.",
        false => "Ask something: every token becomes a bar here, split by where its time went.",
    };
    view! {
        <div
            class="bars"
            role="listbox"
            aria-label="Steps or pieces of the answer; arrow keys move between them"
            aria-orientation="horizontal"
            node_ref=list
            on:scroll=scrolled
            on:pointerover=move |event| {
                if let Some(step) = step_under(event.target()) {
                    app.focused.set(Some(step));
                }
            }
            on:pointerleave=move |_| app.focused.set(None)
            on:focusin=move |event| app.focused.set(step_under(event.target()))
            on:focusout=move |_| app.focused.set(None)
            on:keydown=move |event| {
                let Some(list) = list.get_untracked() else { return };
                let here = document().active_element().filter(|el| el.class_list().contains("bar"));
                let to = match (event.key().as_str(), here) {
                    ("ArrowRight", Some(here)) => here.next_element_sibling(),
                    ("ArrowLeft", Some(here)) => here.previous_element_sibling(),
                    ("Home", _) => list.first_element_child(),
                    ("End", _) => list.last_element_child(),
                    _ => return,
                };
                event.prevent_default();
                focus(to);
            }
        ></div>
        <Show when=move || !has_bars.get()>
            <p class="bars-empty"><span>{empty}</span></p>
        </Show>
    }
}

/// Appends the bars from index `from` on.
fn append(list: &HtmlElement, answer: &AnswerStats, from: usize) {
    let fragment = document().create_document_fragment();
    for (index, bar) in answer.bars.iter().enumerate().skip(from) {
        if let Ok(bar) = draw(index, bar, answer) {
            let _ = fragment.append_child(&bar);
        }
    }
    let _ = list.append_child(&fragment);
}

fn draw(index: usize, bar: &Bar, answer: &AnswerStats) -> Result<Element, JsValue> {
    let element = document().create_element("div")?;
    element.set_class_name("bar");
    element.set_attribute("role", "option")?;
    element.set_attribute("tabindex", if index == 0 { "0" } else { "-1" })?;
    element.set_attribute("data-step", &index.to_string())?;
    let kind = if bar.has_prompt() {
        "prefill"
    } else {
        "decode"
    };
    element.set_attribute("data-kind", kind)?;
    let text = bar.text().and_then(|text| answer.text.get(text));
    element.set_attribute("aria-label", &label(bar, text.unwrap_or_default()))?;
    // Sets styles through the object model, which a strict content security policy allows.
    let style = element.unchecked_ref::<HtmlElement>().style();
    style.set_property("--ms", &format!("{:.4}", bar.ms().max(0.0)))?;
    match bar {
        Bar::Step(step) => {
            say_step(&element, step)?;
            style.set_property("background-image", &gradient(&step.timing))?;
        }
        Bar::Piece(piece) => {
            element.set_attribute("data-testid", "piece-bar")?;
            element.set_attribute("data-wait-ms", &piece.wait_ms.to_string())?;
        }
    }
    Ok(element)
}

/// Sets the attributes from which programs, such as tests, read a step.
fn say_step(element: &Element, step: &StepRecord) -> Result<(), JsValue> {
    if let Some(token) = &step.token {
        element.set_attribute("data-testid", "bar")?;
        element.set_attribute("data-token-index", &token.index.to_string())?;
        element.set_attribute("data-token-id", &token.id.to_string())?;
    } else {
        element.set_attribute("data-testid", "prefill-bar")?;
    }
    element.set_attribute("data-wall-ms", &step.timing.wall_ms.to_string())?;
    for part in Part::ALL {
        let name = format!("data-{}-ms", part.name());
        element.set_attribute(&name, &part.of(&step.timing).to_string())?;
    }
    Ok(())
}

/// Marks the bars that are higher than the chart, which the style sheet draws with a cap.
fn mark_clipped(list: &HtmlElement, answer: &AnswerStats, from: usize, full: f64) {
    let bars = list.children();
    for (index, bar) in answer.bars.iter().enumerate().skip(from) {
        if let Some(element) = bars.item(index as u32) {
            let _ = element
                .class_list()
                .toggle_with_force("clipped", bar.ms() > full);
        }
    }
}
