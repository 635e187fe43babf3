//! The settings dialog. Every change takes effect and is saved at once.

use leptos::prelude::*;
use llamaglass_lab::StubLevel;
use llamaglass_types::BackendChoice;

use super::modal::Modal;
use super::program::AdapterSetting;
use super::settings_field::SettingsField;
use super::status::gpu_name;
use crate::format;
use crate::protocol::StorageCommand;
use crate::settings::{Field, Settings};
use crate::state::{self, app};

/// The settings dialog.
#[component]
pub fn SettingsDialog() -> impl IntoView {
    let app = app();
    let generation = RwSignal::new(0);
    Effect::new(move || {
        if app.settings_open.get() {
            generation.update(|n| *n += 1);
        }
    });
    view! {
        <Modal id="settings" classes="dialog settings" title="Settings" close="Close the settings"
            open=app.settings_open
        >
            <section>
                <h3>"Where the model runs"</h3>
                <Show when=move || app.server().is_some()>
                    <p class="help">
                        "A server answers now and decides where its models run. These settings apply to models in this page:"
                    </p>
                </Show>
                <BackendSetting/>
                <AdapterSetting/>
                <SettingsField field=Field::ContextLength generation/>
                <Reload/>
            </section>
            <section>
                <h3><label for="settings-system-prompt">"System prompt"</label></h3>
                <textarea id="settings-system-prompt" data-testid="settings-system-prompt" rows="3"
                    placeholder="Empty: the default of the model's chat template"
                    prop:value=move || app.settings.with(|s| s.system_prompt.clone())
                    on:input=move |event| {
                        app.settings.update(|s| s.system_prompt = event_target_value(&event));
                        app.save_settings();
                    }
                ></textarea>
            </section>
            <SamplingSettings generation/>
            <section>
                <h3><label for="settings-stub">"Stub level"</label></h3>
                <StubSetting/>
            </section>
            <Show when=move || app.platform.with(Option::is_none)>
                <section>
                    <h3>"Stored in this browser"</h3>
                    <StoredModels/>
                </section>
            </Show>
        </Modal>
    }
}

/// Sampling settings, and a button that resets them.
#[component]
fn SamplingSettings(generation: RwSignal<u32>) -> impl IntoView {
    let app = app();
    let reset = move |_| {
        app.settings.update(Settings::reset_sampling);
        app.save_settings();
        generation.update(|n| *n += 1);
    };
    let sampling = Field::ALL
        .into_iter()
        .filter(|field| *field != Field::ContextLength);
    view! {
        <section>
            <div class="section-head">
                <h3>"Sampling"</h3>
                <button class="quiet" data-testid="settings-reset" on:click=reset>"Reset"</button>
            </div>
            <div class="settings-grid">
                {sampling.map(|field| view! { <SettingsField field generation/> }).collect_view()}
            </div>
            <label class="bench-choice" for="settings-stop-repetition">
                <input id="settings-stop-repetition" data-testid="settings-stop-repetition"
                    type="checkbox" prop:checked=move || app.settings.with(|s| s.stop_repetition)
                    on:change=move |event| {
                        let on = event_target_checked(&event);
                        app.settings.update(|s| s.stop_repetition = on);
                        app.save_settings();
                    }
                />
                "Stop endlessly repeating answers"
            </label>
        </section>
    }
}

/// Choice of the backend: Auto, WebGPU or CPU.
#[component]
pub fn BackendSetting() -> impl IntoView {
    let app = app();
    let choices = [
        (BackendChoice::Auto, "settings-backend-auto"),
        (BackendChoice::Wgpu, "settings-backend-wgpu"),
        (BackendChoice::Cpu, "settings-backend-cpu"),
    ];
    view! {
        <fieldset class="segments" data-testid="settings-backend">
            <legend class="hidden">"Backend"</legend>
            {choices
                .map(|(choice, id)| {
                    let name = move || match choice {
                        BackendChoice::Auto => "Auto",
                        BackendChoice::Wgpu => gpu_name(),
                        BackendChoice::Cpu => "CPU",
                    };
                    view! {
                        <label>
                            <input type="radio" name="backend" data-testid=id
                                prop:checked=move || app.settings.with(|s| s.backend == choice)
                                on:change=move |_| state::choose_backend(app, choice)
                            />
                            <span>{name}</span>
                        </label>
                    }
                })}
        </fieldset>
        <p class="help">
            "Auto uses a graphics adapter if one works, otherwise the CPU. Changing it reloads the model."
        </p>
    }
}

/// Choice of the stub level, at which the path of requests ends.
#[component]
fn StubSetting() -> impl IntoView {
    let app = app();
    let chosen = move || app.settings.with(|s| s.stub);
    let choices = StubLevel::ALL.map(|level| {
        view! {
            <option value=level.to_string() prop:selected=move || chosen() == level>
                {match level {
                    StubLevel::Whole => "Off (full model)".to_owned(),
                    level => format!("{level}: the path ends {}", level.place()),
                }}
            </option>
        }
    });
    view! {
        <div class="settings-field">
            <select id="settings-stub" data-testid="settings-stub" aria-describedby="settings-stub-help"
                on:change=move |event| {
                    if let Ok(level) = event_target_value(&event).parse() {
                        state::choose_stub(app, level);
                    }
                }
            >
                {choices}
            </select>
            <p class="help" id="settings-stub-help">
                "Measures the cost of each part of a request's path: everything after the chosen point is simulated. Changing it reloads the model."
            </p>
        </div>
    }
}

/// Button that loads the model again, shown if its context length differs from the settings.
#[component]
fn Reload() -> impl IntoView {
    let app = app();
    let differs = move || {
        let options = app.settings.with(Settings::load_options);
        app.model()
            .is_some_and(|info| options.context_for(&info.config) != info.context_length)
    };
    view! {
        <Show when=differs>
            <button class="secondary" data-testid="settings-reload"
                on:click=move |_| {
                    app.settings_open.set(false);
                    state::reload(app);
                }
            >
                "Reload the model"
            </button>
        </Show>
    }
}

#[component]
fn StoredModels() -> impl IntoView {
    let app = app();
    let bytes = move || app.stored.get().unwrap_or_default();
    view! {
        <div class="stored">
            <p data-testid="settings-stored">
                {move || match app.stored.get() {
                    None | Some(0) => "No downloaded models.".to_owned(),
                    Some(bytes) => format!("{} of downloaded models.", format::bytes(bytes)),
                }}
            </p>
            <button class="secondary" data-testid="settings-clear-models" disabled=move || bytes() == 0
                on:click=move |_| app.send(StorageCommand::Clear, &[])
            >
                "Delete downloads"
            </button>
        </div>
    }
}
