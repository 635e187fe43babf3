//! Choice of the dataset for all experiments.

use leptos::prelude::*;
use llamaglass_web::error_message;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{File, HtmlInputElement};

use crate::lab::Source;
use crate::state::{self, app};

/// Maximum size of a dataset; a larger file is probably a model.
const MAX_BYTES: f64 = 20e6;

/// The built-in prompts, or a file of the user.
#[component]
pub fn DatasetField() -> impl IntoView {
    let app = app();
    let name = move || match app.lab.source.get() {
        Source::BuiltIn => "Built-in prompts".to_owned(),
        Source::File { name, .. } => name,
    };
    let is_custom = move || app.lab.source.with(|source| *source != Source::BuiltIn);
    let running = move || app.lab.running.with(Option::is_some);
    view! {
        <div class="lab-dataset">
            <span class="lab-dataset-name" data-testid="lab-dataset">{name}</span>
            <label class="secondary file-button" class:disabled=running>
                "Choose a dataset…"
                <input type="file" accept=".json,.jsonl,.ndjson,.txt"
                    aria-label="Dataset: Alpaca JSON, JSON lines, or one prompt per line"
                    data-testid="lab-dataset-file" disabled=running
                    on:change=move |event| {
                        let input: HtmlInputElement = event_target(&event);
                        let file = input.files().and_then(|files| files.get(0));
                        input.set_value("");
                        if let Some(file) = file {
                            leptos::task::spawn_local(async move {
                                match text(&file).await {
                                    Ok(text) => {
                                        let name = file.name();
                                        state::choose_dataset(app, Source::File { name, text });
                                    }
                                    Err(why) => app.lab.source_error.set(Some(why)),
                                }
                            });
                        }
                    }
                />
            </label>
            <Show when=is_custom>
                <button class="quiet" disabled=running
                    on:click=move |_| state::choose_dataset(app, Source::BuiltIn)
                >
                    "Use the built-in prompts"
                </button>
            </Show>
            <p class="help" role="status">{move || app.lab.source_error.get()}</p>
        </div>
    }
}

async fn text(file: &File) -> Result<String, String> {
    if file.size() > MAX_BYTES {
        return Err(format!(
            "{}: larger than 20 MB, the maximum for a dataset",
            file.name()
        ));
    }
    let text = JsFuture::from(file.unchecked_ref::<web_sys::Blob>().text()).await;
    let text = text.map_err(|error| format!("{}: {}", file.name(), error_message(&error)))?;
    Ok(text.as_string().unwrap_or_default())
}
