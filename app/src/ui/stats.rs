//! Figures of the shown answer.

use leptos::prelude::*;

use crate::format;
use crate::state::app;
use crate::stats::Summary;

/// Figures of the shown answer, updated while it runs.
#[component]
pub fn Figures() -> impl IntoView {
    let app = app();
    let opaque = Memo::new(move |_| app.summary.with(|s| s.pieces.is_some()));
    view! {
        <Show when=move || opaque.get() fallback=TokenFigures><PieceFigures/></Show>
    }
}

/// Figures for an engine, or for a server that reports its steps.
#[component]
fn TokenFigures() -> impl IntoView {
    view! {
        <dl class="figures">
            <Figure name="tok/s" id="stat-tok-s" big=true
                help="Tokens after the first, divided by the time since the first arrived (page's clock)"
                value=|s| rate(s.tokens_per_s)/>
            <Figure name="TTFT" id="stat-ttft" big=true
                help="Time to first token, from submission to arrival in the page (page's clock)"
                value=|s| ms(s.ttft_ms)/>
            <Figure name="TPOT p50" id="stat-tpot-p50"
                help="Median time between two tokens' arrivals (page's clock)"
                value=|s| ms(s.tpot_p50_ms)/>
            <Figure name="TPOT p95" id="stat-tpot-p95"
                help="95th percentile of the time between two tokens' arrivals (page's clock)"
                value=|s| ms(s.tpot_p95_ms)/>
            <Figure name="step p50" id="stat-step-p50"
                help="Median wall time of a decode step (clock of the engine or server)"
                value=|s| ms(s.step_p50_ms)/>
            <Figure name="prefill tok/s" id="stat-prefill"
                help="Prompt tokens computed per second of prefill, without reused ones (clock of the engine or server)"
                value=|s| rate(s.prefill_per_s)/>
            <Figure name="prompt" id="stat-prompt" help="Tokens of the prompt"
                value=|s| count(s.prompt_tokens)/>
            <Figure name="reused" id="stat-reused"
                help="Prompt tokens found in the KV cache and not computed again"
                value=|s| count(s.reused_tokens)/>
            <Figure name="generated" id="stat-generated" help="Tokens of the answer"
                value=|s| count(s.tokens)/>
        </dl>
    }
}

/// Figures for a server that does not report its steps.
#[component]
fn PieceFigures() -> impl IntoView {
    view! {
        <dl class="figures">
            <Figure name="tok/s" id="stat-tok-s" big=true
                help="Tokens of the answer as counted by the server, divided by the time from submission to the last piece (page's clock)"
                value=|s| rate(s.tokens_per_s)/>
            <Figure name="first text" id="stat-ttft" big=true
                help="Time from submission to the first text's arrival in the page, network included (page's clock)"
                value=|s| ms(s.ttft_ms)/>
            <Figure name="gap p50" id="stat-tpot-p50"
                help="Median time between two pieces' arrivals, network included (page's clock)"
                value=|s| ms(s.tpot_p50_ms)/>
            <Figure name="gap p95" id="stat-tpot-p95"
                help="95th percentile of the time between two pieces' arrivals, network included (page's clock)"
                value=|s| ms(s.tpot_p95_ms)/>
            <Figure name="pieces" id="stat-pieces"
                help="Pieces of text received; each may contain several tokens"
                value=|s| count(s.pieces)/>
            <Figure name="prompt" id="stat-prompt"
                help="Tokens of the prompt, as counted by the server"
                value=|s| count(s.prompt_tokens)/>
            <Figure name="reused" id="stat-reused"
                help="Prompt tokens found in the server's cache, if it reports them"
                value=|s| count(s.reused_tokens)/>
            <Figure name="generated" id="stat-generated"
                help="Tokens of the answer, as counted by the server"
                value=|s| count(s.tokens)/>
        </dl>
    }
}

fn ms(value: Option<f64>) -> String {
    value.map_or("–".into(), format::millis)
}

fn rate(value: Option<f64>) -> String {
    value.map_or("–".into(), format::rate)
}

fn count(n: Option<usize>) -> String {
    n.map_or("–".into(), |n| format::count(n as u64))
}

#[component]
fn Figure(
    name: &'static str,
    id: &'static str,
    help: &'static str,
    #[prop(optional)] big: bool,
    value: fn(&Summary) -> String,
) -> impl IntoView {
    let app = app();
    view! {
        <div class="figure" class:big=big title=help>
            <dt>{name}</dt>
            <dd class="numbers" data-testid=id>{move || app.summary.with(value)}</dd>
        </div>
    }
}
