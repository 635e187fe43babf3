//! The token timeline: where every token's time went, while it streams.

use leptos::prelude::*;
use llamaglass_engine::platform::clock;

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
    let opaque = Memo::new(move |_| app.summary.with(|s| s.pieces.is_some()));
    let fit = move || match (all.get(), opaque.get()) {
        (true, _) => "Fit: all",
        (false, false) => "Fit: tokens",
        (false, true) => "Fit: pieces",
    };
    let scale = RwSignal::new(1.0);
    view! {
        <aside class="overlay" data-testid="overlay" aria-label="Token timeline">
            <div class="overlay-head">
                <h2>"Token timeline"</h2>
                <button
                    class="quiet"
                    aria-pressed=move || all.get().to_string()
                    title="Fit the height to the tokens, or to what has the prompt in it too"
                    on:click=move |_| all.update(|all| *all = !*all)
                >
                    {fit}
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
                    style:visibility=move || if app.summary.with(|s| s.ttft_ms.is_some()) { "visible" } else { "hidden" }
                >
                    <span>{move || format::millis(scale.get())}</span>
                    <span>{move || format::millis(scale.get() / 2.0)}</span>
                    <span>"0"</span>
                </div>
                <Bars all scale/>
            </div>
            <Show when=move || !opaque.get() fallback=OpaqueLegend>
                <Legend/>
            </Show>
            <Detail/>
            <Show when=move || !opaque.get() fallback=OpaqueClocks>
                <Clocks/>
            </Show>
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

/// What a bar stands for where nothing is known of steps.
#[component]
fn OpaqueLegend() -> impl IntoView {
    view! {
        <ul class="legend">
            <li>
                <span class="swatch" data-part="rest" aria-hidden="true"></span>
                <span>"wait for a piece of text"</span>
            </li>
        </ul>
    }
}

/// What the page knows of a server that says nothing of its steps, and by which clock.
#[component]
fn OpaqueClocks() -> impl IntoView {
    let clock = clock();
    let words = format!(
        "This server tells nothing of its steps, so there are no stages and no token ids: only when text reached this page, by the page\u{2019}s {}, which moves in steps of {}, with the way through the network in it. A piece may hold several tokens; tokens are counted by the server, at the end. ",
        clock.source.name(),
        resolution(clock.resolution_ms)
    );
    view! {
        <p class="clocks" data-testid="opaque">{words} <Paint of="a piece"/></p>
    }
}

/// What the page takes to draw.
#[component]
fn Paint(of: &'static str) -> impl IntoView {
    let app = app();
    move || {
        app.summary.with(|s| s.paint_ms).map(|ms| {
            format!(
                "Drawing {of} costs the page {}, not part of the bars.",
                format::millis(ms)
            )
        })
    }
}

/// Which clock says what, and how finely; the page's own cost.
#[component]
fn Clocks() -> impl IntoView {
    let app = app();
    let engine = move || {
        let summary = app.summary.get();
        let clock = summary.clock?;
        let whose = if summary.at_server {
            "server"
        } else {
            "engine"
        };
        Some(format!(
            "Stages: the {whose}'s {}, which moves in steps of {}. ",
            clock.source.name(),
            resolution(clock.resolution_ms)
        ))
    };
    let own = move || {
        let own = app.summary.with(|s| s.own)?;
        let between = own.tpot_p50_ms.map_or(String::new(), |ms| {
            format!(", TPOT p50 {}", format::millis(ms))
        });
        Some(format!(
            "On the server itself, without the way here: TTFT {}{between}. ",
            format::millis(own.ttft_ms)
        ))
    };
    let network = move || {
        app.summary
            .with(|s| s.at_server)
            .then_some("The network is in them. ")
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
    view! {
        <p class="clocks" data-testid="clocks">
            {engine}
            <span data-testid="device-clock">{device}</span>
            "TTFT, TPOT and tok/s: the page's clock, from submitting to the tokens' arrival. "
            {network}
            <span data-testid="servers-own">{own}</span>
            <Paint of="a token"/>
        </p>
    }
}
