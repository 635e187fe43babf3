//! The running figures.

use leptos::prelude::*;

use crate::format;
use crate::state::app;

/// Figures of the shown answer, as it is made.
#[component]
pub fn Figures() -> impl IntoView {
    let app = app();
    let summary = app.summary;
    let ms = |value: Option<f64>| value.map_or("–".into(), format::millis);
    let rate = |value: Option<f64>| value.map_or("–".into(), format::rate);
    let count = |n: usize| format::count(n as u64);
    view! {
        <dl class="figures">
            <Figure name="tok/s" id="stat-tok-s" big=true
                help="Tokens after the first, over the time since it came (page's clock)"
                value=Signal::derive(move || rate(summary.with(|s| s.tokens_per_s)))/>
            <Figure name="TTFT" id="stat-ttft" big=true
                help="Time to the first token: from submitting in the page to its arrival in the page (page's clock)"
                value=Signal::derive(move || ms(summary.with(|s| s.ttft_ms)))/>
            <Figure name="TPOT p50" id="stat-tpot-p50"
                help="Median time between two tokens' arrivals (page's clock)"
                value=Signal::derive(move || ms(summary.with(|s| s.tpot_p50_ms)))/>
            <Figure name="TPOT p95" id="stat-tpot-p95"
                help="95 of 100 times between two tokens' arrivals are below this (page's clock)"
                value=Signal::derive(move || ms(summary.with(|s| s.tpot_p95_ms)))/>
            <Figure name="step p50" id="stat-step-p50"
                help="Median wall time of a decode step (engine's clock)"
                value=Signal::derive(move || ms(summary.with(|s| s.step_p50_ms)))/>
            <Figure name="prefill tok/s" id="stat-prefill"
                help="Prompt tokens computed in a second of prefill steps; reused ones don't count (engine's clock)"
                value=Signal::derive(move || rate(summary.with(|s| s.prefill_per_s)))/>
            <Figure name="prompt" id="stat-prompt"
                help="Tokens of the prompt"
                value=Signal::derive(move || count(summary.with(|s| s.prompt_tokens)))/>
            <Figure name="reused" id="stat-reused"
                help="Prompt tokens that were still in the KV cache and were not computed again"
                value=Signal::derive(move || count(summary.with(|s| s.reused_tokens)))/>
            <Figure name="generated" id="stat-generated"
                help="Tokens of the answer"
                value=Signal::derive(move || count(summary.with(|s| s.tokens)))/>
        </dl>
    }
}

#[component]
fn Figure(
    name: &'static str,
    id: &'static str,
    help: &'static str,
    #[prop(optional)] big: bool,
    value: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="figure" class:big=big title=help>
            <dt>{name}</dt>
            <dd class="numbers" data-testid=id>{move || value.get()}</dd>
        </div>
    }
}
