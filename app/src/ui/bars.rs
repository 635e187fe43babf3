//! Bars of the timeline: one element per step or piece, appended once per frame and never rebuilt.

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement, KeyboardEvent};

use crate::protocol::Tag;
use crate::state::app;
use crate::stats::{AnswerStats, Bar, Segment, StepRecord};
use crate::timeline::{gradient, label, scale as scale_of};

/// Maximum distance from the end of the bars, in pixels, that counts as the end.
const END_TOLERANCE_PX: i32 = 24;

/// Bars that the chart has drawn so far.
#[derive(Default)]
struct Drawn {
    tag: Option<Tag>,
    count: usize,
    /// True if the user has scrolled back, which stops the chart from following the end.
    scrolled_back: bool,
}

/// Bars of the shown answer. Sets `scale` to the milliseconds of the chart's full height.
#[component]
pub fn Bars(all: RwSignal<bool>, scale: RwSignal<f64>, has_bars: Memo<bool>) -> impl IntoView {
    let app = app();
    let list = NodeRef::<Div>::new();
    let drawn = StoredValue::new_local(Drawn::default());
    Effect::new(move || {
        app.revision.track();
        let all = all.get();
        let Some(list) = list.get() else { return };
        let tag = app.shown.get();
        drawn.update_value(|drawn| {
            if drawn.tag != tag {
                list.set_text_content(None);
                *drawn = Drawn {
                    tag,
                    ..Drawn::default()
                };
            }
            app.stats.with_value(|stats| {
                if let Some(answer) = tag.and_then(|tag| stats.get(tag)) {
                    update(&list, answer, drawn, all, scale);
                } else {
                    list.set_text_content(None);
                    drawn.count = 0;
                }
            });
            let active = document().active_element();
            let is_inside = active.is_some_and(|element| list.contains(Some(&element)));
            let has_bars = drawn.count > 0;
            let is_idle = !is_inside && app.focused.get_untracked().is_none();
            if has_bars && !drawn.scrolled_back && is_idle {
                // Runs after everything else is drawn, so that the page is laid out once.
                spawn_local(async move { list.set_scroll_left(list.scroll_width()) });
            }
        });
    });

    let scrolled = move |_| {
        if let Some(list) = list.try_get_untracked().flatten() {
            let distance = list.scroll_width() - list.scroll_left() - list.client_width();
            drawn.update_value(|drawn| drawn.scrolled_back = distance >= END_TOLERANCE_PX);
        }
    };
    let empty = move || match app.running.get().is_some() {
        true => "Reading the prompt: each prefill chunk and each token becomes a bar here.",
        false => "Ask something: each token becomes a bar here, split by where its time went.",
    };
    view! {
        <div class="bars" role="listbox"
            aria-label="Steps or pieces of the answer; arrow keys move between them"
            aria-orientation="horizontal" node_ref=list on:scroll=scrolled
            on:pointerover=move |event| {
                if let Some(step) = step_under(event.target()) {
                    app.focused.set(Some(step));
                }
            }
            on:pointerleave=move |_| app.focused.set(None)
            on:focusin=move |event| app.focused.set(step_under(event.target()))
            on:focusout=move |_| app.focused.set(None)
            on:keydown=move |event| {
                if let Some(list) = list.get_untracked() {
                    move_focus(&list, &event);
                }
            }
        ></div>
        <Show when=move || !has_bars.get()><p class="bars-empty"><span>{empty}</span></p></Show>
    }
}

/// Appends the answer's new bars and adapts the scale.
fn update(
    list: &HtmlElement,
    answer: &AnswerStats,
    drawn: &mut Drawn,
    all: bool,
    scale: RwSignal<f64>,
) {
    append(list, answer, drawn.count);
    let full_ms = scale_of(&answer.bars, all);
    let changed = full_ms != scale.get_untracked();
    if changed {
        scale.set(full_ms);
    }
    if changed || drawn.count == 0 {
        let _ = HtmlElement::style(list).set_property("--full-ms", &full_ms.to_string());
    }
    let first = if changed { 0 } else { drawn.count };
    mark_clipped(list, answer, first, full_ms);
    drawn.count = answer.bars.len();
}

/// Returns the index of the step whose bar is, or contains, `target`.
fn step_under(target: Option<web_sys::EventTarget>) -> Option<usize> {
    let element: Element = target?.dyn_into().ok()?;
    let bar = element.closest(".bar").ok()??;
    bar.get_attribute("data-step")?.parse().ok()
}

/// Moves the focus between bars with the arrow keys, Home and End.
fn move_focus(list: &HtmlElement, event: &KeyboardEvent) {
    let focused = document().active_element();
    let focused = focused.filter(|element| element.class_list().contains("bar"));
    let bar = match (event.key().as_str(), focused) {
        ("ArrowRight", Some(focused)) => focused.next_element_sibling(),
        ("ArrowLeft", Some(focused)) => focused.previous_element_sibling(),
        ("Home", _) => list.first_element_child(),
        ("End", _) => list.last_element_child(),
        _ => return,
    };
    event.prevent_default();
    if let Some(bar) = bar.and_then(|bar| bar.dyn_into::<HtmlElement>().ok()) {
        let _ = bar.focus();
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
            set_step_data(&element, step)?;
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
fn set_step_data(element: &Element, step: &StepRecord) -> Result<(), JsValue> {
    if let Some(token) = &step.token {
        element.set_attribute("data-testid", "bar")?;
        element.set_attribute("data-token-index", &token.index.to_string())?;
        element.set_attribute("data-token-id", &token.id.to_string())?;
    } else {
        element.set_attribute("data-testid", "prefill-bar")?;
    }
    element.set_attribute("data-wall-ms", &step.timing.wall_ms.to_string())?;
    for segment in Segment::ALL {
        let name = format!("data-{}-ms", segment.name());
        element.set_attribute(&name, &segment.ms(&step.timing).to_string())?;
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
