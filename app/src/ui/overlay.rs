//! The token timeline, which shows where each token's time goes while it streams.

use leptos::prelude::*;
use llamaglass_types::clock::clock;
use llamaglass_types::timing::Stage;

use super::bars::Bars;
use super::detail::Detail;
use super::icon::{CLOSE, Icon};
use super::stats::Figures;
use super::status::{clock_text, resolution};
use super::waterfall::Waterfall;
use crate::format;
use crate::state::app;
use crate::stats::Segment;

/// The panel beside (or below) the conversation.
#[component]
pub fn Overlay() -> impl IntoView {
    let app = app();
    let all = RwSignal::new(false);
    let opaque = Memo::new(move |_| app.summary.with(|s| s.pieces.is_some()));
    let scale_label = move || match (all.get(), opaque.get()) {
        (true, _) => "Scale: include prompt",
        (false, false) => "Scale: tokens",
        (false, true) => "Scale: pieces",
    };
    let has_bars = Memo::new(move |_| {
        app.revision.track();
        app.shown.get().is_some_and(|tag| {
            app.stats
                .with_value(|stats| stats.get(tag).is_some_and(|answer| !answer.bars.is_empty()))
        })
    });
    let scale = RwSignal::new(1.0);
    view! {
        <aside class="overlay" data-testid="overlay" aria-label="Token timeline">
            <div class="overlay-head">
                <h2>"Token timeline"</h2>
                <button class="quiet" aria-pressed=move || all.get().to_string()
                    data-testid="timeline-scale"
                    title="Scale the chart to the tokens, or to the prompt's steps too"
                    on:click=move |_| all.update(|all| *all = !*all)
                >
                    {scale_label}
                </button>
                <button class="quiet" data-testid="timeline-hide" title="Hide the timeline"
                    aria-label="Hide the timeline"
                    on:click=move |_| {
                        app.settings.update(|s| s.overlay = false);
                        app.save_settings();
                    }
                >
                    <Icon path=CLOSE/>
                </button>
            </div>
            <Figures/>
            <div class="chart">
                <div class="axis numbers" aria-hidden="true"
                    style:visibility=move || if has_bars.get() { "visible" } else { "hidden" }
                >
                    <span>{move || format::millis(scale.get())}</span>
                    <span>{move || format::millis(scale.get() / 2.0)}</span>
                    <span>"0"</span>
                </div>
                <Bars all scale has_bars/>
            </div>
            <Show when=move || !opaque.get() fallback=OpaqueLegend><Legend/></Show>
            <Detail/>
            <Show when=move || !opaque.get() fallback=OpaqueClocks><Clocks/></Show>
            <Waterfall/>
        </aside>
    }
}

/// Legend of the colours, with the mean of each part over the decode steps.
#[component]
fn Legend() -> impl IntoView {
    let app = app();
    let device_samples = Memo::new(move |_| {
        let device = app.summary.with(|s| s.device);
        device.is_some_and(|device| device.sampling_ms > 0.0)
    });
    let label = move |segment: Segment| match segment {
        Segment::Stage(Stage::Sampling) if device_samples.get() => {
            "sampling (device\u{2019}s clock)"
        }
        segment => segment.label(),
    };
    let items = Segment::ALL
        .into_iter()
        .enumerate()
        .map(|(index, segment)| {
            let mean = move || app.summary.with(|s| s.segment_mean_ms[index]);
            view! {
                <li title=segment.help() data-testid=format!("legend-{}", segment.name())>
                    <span class="swatch" data-part=segment.name() aria-hidden="true"></span>
                    <span>{move || label(segment)}</span>
                    <span class="numbers">{move || mean().map_or("–".into(), format::millis)}</span>
                </li>
            }
        });
    view! {
        <ul class="legend" aria-label="Mean of a decode step, by stage">{items.collect_view()}</ul>
    }
}

/// Legend of a bar if the server does not report its steps.
#[component]
fn OpaqueLegend() -> impl IntoView {
    view! {
        <ul class="legend">
            <li>
                <span class="swatch" data-part="rest" aria-hidden="true"></span>
                <span>"wait for text"</span>
            </li>
        </ul>
    }
}

/// Explains what the page knows of a server that does not report its steps, and the clock of the figures.
#[component]
fn OpaqueClocks() -> impl IntoView {
    let clock = clock();
    let text = format!(
        "This server does not report its steps, so stages and token ids are unknown. Times are arrivals of text in this page on the page\u{2019}s {} (resolution {}), network included. A piece may contain several tokens; the server counts tokens at the end. ",
        clock.source.name(),
        resolution(clock.resolution_ms)
    );
    view! {
        <p class="clocks" data-testid="opaque">{text} <Paint per="piece"/></p>
    }
}

/// Time that the page takes to draw.
#[component]
fn Paint(per: &'static str) -> impl IntoView {
    let app = app();
    move || {
        app.summary.with(|s| s.paint_ms).map(|ms| {
            format!(
                "Drawing takes the page {}/{per}, which the bars do not include.",
                format::millis(ms)
            )
        })
    }
}

/// Explains the clocks of the figures with their resolutions, and the page's own cost.
#[component]
fn Clocks() -> impl IntoView {
    let app = app();
    let engine = move || {
        let summary = app.summary.get();
        let clock = summary.clock?;
        let owner = if summary.at_server {
            "server"
        } else {
            "engine"
        };
        let clock = clock_text(clock);
        Some(format!("Stages: the {owner}'s {clock}. "))
    };
    let own = move || {
        let own = app.summary.with(|s| s.server_figures)?;
        let between = own.tpot_p50_ms.map_or(String::new(), |ms| {
            format!(", TPOT p50 {}", format::millis(ms))
        });
        Some(format!(
            "On the server\u{2019}s own clock, without the network: TTFT {}{between}. ",
            format::millis(own.ttft_ms)
        ))
    };
    let network = move || {
        app.summary
            .with(|s| s.at_server)
            .then_some("They include the network. ")
    };
    let device = move || {
        app.summary.with(|s| s.device).map(|device| {
            format!(
                "Device timestamps (resolution {}): forward {}, sampling {} per token. Sampling is subtracted from the wait for the device. ",
                resolution(device.clock.resolution_ms),
                format::millis(device.forward_ms),
                format::millis(device.sampling_ms)
            )
        })
    };
    view! {
        <p class="clocks" data-testid="clocks">
            {engine}
            <span data-testid="device-clock">{device}</span>
            "TTFT, TPOT and tok/s: the page's clock, from submission to the tokens' arrival. "
            {network}
            <span data-testid="servers-own">{own}</span>
            <Paint per="token"/>
        </p>
    }
}
