//! Waterfall of a load: where its time went.

use leptos::prelude::*;
use llamaglass_types::timing::{LoadPart, LoadTiming};

use super::status::clock_text;
use crate::format;
use crate::state::app;

/// One row per part of the load; nothing until a model is loaded.
#[component]
pub fn Waterfall() -> impl IntoView {
    let app = app();
    let load = Memo::new(move |_| app.model().map(|model| model.info.load));
    let total = move || load.with(|load| load.as_ref().map(|load| format::millis(load.total_ms())));
    view! {
        <Show when=move || load.with(Option::is_some)>
            <details class="waterfall" data-testid="waterfall">
                <summary>
                    "Loaded in "<span class="numbers" data-testid="load-total">{total}</span>
                </summary>
                {move || load.get().map(|load| table(&load))}
            </details>
        </Show>
    }
}

fn table(load: &LoadTiming) -> impl IntoView + use<> {
    let total = load.total_ms().max(f64::MIN_POSITIVE);
    let rows = load.parts.iter().map(|part| row(part, total));
    let clock = load.clock.map(|clock| {
        format!(
            "The engine\u{2019}s {}. Overlapping bars ran in parallel; figures show busy time, as does the dark part of a bar.",
            clock_text(clock)
        )
    });
    view! {
        <table aria-label="Time per part of the load"><tbody>{rows.collect_view()}</tbody></table>
        <p class="clocks">{clock}</p>
    }
}

fn row(part: &LoadPart, total: f64) -> impl IntoView + use<> {
    let percent = |ms: f64, of: f64| format!("{:.2}%", 100.0 * ms / of);
    let whole_ms = part.end_ms - part.start_ms;
    let (left, width) = (percent(part.start_ms, total), percent(whole_ms, total));
    // A part that waits for others is not busy from its start to its end.
    let busy = percent(part.busy_ms.min(whole_ms), whole_ms.max(f64::MIN_POSITIVE));
    view! {
        <tr data-span=part.span.name()>
            <th scope="row">{part.span.name()}</th>
            <td class="lane" aria-hidden="true">
                <span class="lane-whole" style:margin-left=left style:width=width>
                    <span class="lane-busy" style:width=busy></span>
                </span>
            </td>
            <td class="numbers">{format::millis(part.busy_ms)}</td>
        </tr>
    }
}
