//! Status line at the bottom, which always shows what runs the model.

use leptos::prelude::*;
use llamaglass_lab::StubLevel;
use llamaglass_types::timing::Clock;
use llamaglass_types::{Backend, BackendInfo};

use crate::engine::Engine;
use crate::format;
use crate::state::app;

/// Returns the backend's name for people.
fn backend_name(backend: Backend) -> &'static str {
    match backend {
        Backend::Wgpu => gpu_name(),
        Backend::Cpu => "CPU",
    }
}

/// Returns the backend's name and how the CPU computes, as in `CPU, AVX-512, 2 threads`.
pub fn backend_text(info: &BackendInfo) -> String {
    let name = backend_name(info.backend);
    match info.describe_cpu() {
        Some(cpu) => format!("{name}, {cpu}"),
        None => name.to_owned(),
    }
}

/// Returns the name of the GPU backend: the desktop program uses the adapter's own driver, a browser its WebGPU.
pub fn gpu_name() -> &'static str {
    let in_program = app().platform.with(Option::is_some);
    if in_program { "GPU" } else { "WebGPU" }
}

/// Backend, adapter, API, model, quantisation, context, memory and clock.
#[component]
pub fn StatusLine() -> impl IntoView {
    let app = app();
    // While a server answers, this machine's backend runs nothing.
    let here = move || app.server().is_none();
    let info = move || app.backend.get().filter(|_| here())?.ok();
    let backend = move || {
        here().then(|| match app.backend.get() {
            None => "…".to_owned(),
            Some(Ok(info)) => backend_text(&info),
            Some(Err(_)) => "none".to_owned(),
        })
    };
    let server = move || {
        app.server()
            .map(|server| format!("{}, which receives your messages", server.host()))
    };
    let steps = move || {
        app.server().map(|server| {
            match server.model.sends_timings {
                true => "reported by the server",
                false => "not reported by the server",
            }
            .to_owned()
        })
    };
    let adapter = move || info().map(|info| info.adapter);
    let api = move || info().map(|info| info.api);
    let memory = move || {
        app.model().map(|model| {
            let m = model.memory;
            format!(
                "{} = {} weights + {} KV cache + {} activations",
                format::bytes(m.total()),
                format::bytes(m.weights),
                format::bytes(m.kv_cache),
                format::bytes(m.activations)
            )
        })
    };
    let stub = move || {
        let level = app.model()?.stub;
        let cut = level != StubLevel::Whole;
        cut.then(|| format!("{level}: the path ends {}", level.place()))
    };
    let clock = move || app.summary.with(|s| s.clock).map(clock_text);
    view! {
        <footer class="status" aria-label="What runs the model" tabindex="0">
            <dl>
                <Item name="Server" id="status-server" value=Signal::derive(server)/>
                <Item name="Backend" id="status-backend" value=Signal::derive(backend)/>
                <Item name="Adapter" id="status-adapter" value=Signal::derive(adapter)/>
                <Item name="API" id="status-api" value=Signal::derive(api)/>
                <Item name="Model" id="status-model" value=Signal::derive(move || app.loaded().map(|m| m.name().to_owned()))/>
                <Item name="Weights" id="status-quantisation" value=Signal::derive(move || app.model().map(|m| m.info.quantisation))/>
                <Item name="Context" id="status-context"
                    value=Signal::derive(move || Some(format::count(app.loaded()?.context_length()? as u64)))
                />
                <Item name="Steps" id="status-steps" value=Signal::derive(steps)/>
                <Item name="Stub level" id="status-stub" value=Signal::derive(stub)/>
                <Item name="Memory" id="status-memory" value=Signal::derive(memory)/>
                <Item name="Clock" id="status-clock" value=Signal::derive(clock)/>
            </dl>
            <span class="engine-state" data-testid="status-engine" data-engine=move || engine_state(&app.engine.get())></span>
        </footer>
    }
}

const fn engine_state(engine: &Engine) -> &'static str {
    match engine {
        Engine::Starting => "starting",
        Engine::Empty => "empty",
        Engine::Loading(_) => "loading",
        Engine::Loaded(_) => "ready",
        Engine::Crashed(_) => "crashed",
    }
}

/// Formats a clock's resolution without meaningless digits.
pub fn resolution(ms: f64) -> String {
    match ms {
        ms if ms >= 1.0 => format!("{ms:.0} ms"),
        ms if ms >= 0.001 => format!("{:.0} µs", ms * 1000.0),
        ms => format!("{:.0} ns", ms * 1e6),
    }
}

/// Names a clock with its resolution.
pub fn clock_text(clock: Clock) -> String {
    format!(
        "{}, resolution {}",
        clock.source.name(),
        resolution(clock.resolution_ms)
    )
}

#[component]
fn Item(name: &'static str, id: &'static str, value: Signal<Option<String>>) -> impl IntoView {
    view! {
        <Show when=move || value.with(Option::is_some)>
            <div class="status-item">
                <dt>{name}</dt>
                <dd data-testid=id>{move || value.get()}</dd>
            </div>
        </Show>
    }
}
