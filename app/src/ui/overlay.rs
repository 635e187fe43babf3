//! The token timeline: where every token's time went, while it streams.

use leptos::prelude::*;

use super::bars::Bars;
use super::detail::Detail;
use super::header::Icon;
use super::stats::Figures;
use super::status::resolution;
use super::waterfall::Waterfall;
use crate::format;
use crate::state::{self, app};
use crate::timeline::Part;

/// The panel beside (or below) the conversation.
#[component]
pub fn Overlay() -> impl IntoView {
    let app = app();
    let all = RwSignal::new(false);
    let scale = RwSignal::new(1.0);
    view! {
        <aside class="overlay" data-testid="overlay" aria-label="Token timeline">
            <div class="overlay-head">
                <h2>"Token timeline"</h2>
                <button
                    class="quiet"
                    aria-pressed=move || all.get().to_string()
                    title="Fit the height to the tokens, or to the prompt's steps too"
                    on:click=move |_| all.update(|all| *all = !*all)
                >
                    {move || if all.get() { "Fit: all" } else { "Fit: tokens" }}
                </button>
                <button
                    class="quiet"
                    title="Hide the timeline"
                    aria-label="Hide the timeline"
                    on:click=move |_| {
                        app.settings.update(|s| s.overlay = false);
                        state::save_settings(app);
                    }
                >
                    <Icon path="M6 6l12 12M18 6L6 18"/>
                </button>
            </div>
            <Figures/>
            <div class="chart">
                <div
                    class="axis numbers"
                    aria-hidden="true"
                    style:visibility=move || if app.summary.with(|s| s.clock.is_some()) { "visible" } else { "hidden" }
                >
                    <span>{move || format::millis(scale.get())}</span>
                    <span>{move || format::millis(scale.get() / 2.0)}</span>
                    <span>"0"</span>
                </div>
                <Bars all scale/>
            </div>
            <Legend/>
            <Detail/>
            <Clocks/>
            <Waterfall/>
        </aside>
    }
}

/// The colours, and the mean of each part over the tokens.
#[component]
fn Legend() -> impl IntoView {
    let app = app();
    let mean = move |part: Part| {
        app.summary.with(|s| match part {
            Part::Stage(stage) => llamaglass_engine::timing::Stage::STEP
                .iter()
                .position(|known| *known == stage)
                .and_then(|at| s.stage_mean_ms[at]),
            Part::Rest => s.rest_mean_ms,
        })
    };
    view! {
        <ul class="legend" aria-label="Mean of a token, by stage">
            {Part::ALL
                .map(|part| {
                    view! {
                        <li title=part.help()>
                            <span class="swatch" data-part=part.name() aria-hidden="true"></span>
                            <span>{part.name()}</span>
                            <span class="numbers">
                                {move || mean(part).map_or("–".into(), format::millis)}
                            </span>
                        </li>
                    }
                })}
        </ul>
    }
}

/// Which clock says what, and how finely; the page's own cost.
#[component]
fn Clocks() -> impl IntoView {
    let app = app();
    let engine = move || {
        app.summary.with(|s| s.clock).map(|clock| {
            format!(
                "Stages: the engine's {}, which moves in steps of {}. ",
                clock.source.name(),
                resolution(clock.resolution_ms)
            )
        })
    };
    let device = move || {
        app.summary.with(|s| s.device).map(|device| {
            format!(
                "On the device, within the forward bar: forward {}, sampling {} a token, by its own timestamps, which move in steps of {}. ",
                format::millis(device.forward_ms),
                format::millis(device.sampling_ms),
                resolution(device.clock.resolution_ms)
            )
        })
    };
    let paint = move || {
        app.summary.with(|s| s.paint_ms).map(|ms| {
            format!(
                "Drawing a token costs the page {}, not part of the bars.",
                format::millis(ms)
            )
        })
    };
    view! {
        <p class="clocks" data-testid="clocks">
            {engine}
            <span data-testid="device-clock">{device}</span>
            "TTFT, TPOT and tok/s: the page's clock, from submitting to the tokens' arrival. "
            {paint}
        </p>
    }
}
