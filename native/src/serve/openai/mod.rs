//! OpenAI's protocol: `/v1/chat/completions`, `/v1/completions` and `/v1/models`.

mod chat;
mod completions;
mod ignored;
mod message;
mod reply;
mod request;
mod response_format;
mod stream;
mod unsupported;

pub use chat::chat;
pub use completions::completions;
pub use ignored::{IGNORED, with_ignored};
pub use reply::finish;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use llamaglass_openai::{ModelCard, ModelList};
use serde_json::json;

use super::api_error::ApiError;
use super::app::App;

/// `GET /v1/models`
pub async fn models(State(app): State<Arc<App>>) -> Json<ModelList> {
    Json(ModelList::new(vec![card(&app)]))
}

/// `GET /v1/models/{name}`
pub async fn model(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ModelCard>, ApiError> {
    app.check_model(Some(&name))?;
    Ok(Json(card(&app)))
}

fn card(app: &App) -> ModelCard {
    let runs_on = &app.info.backend;
    // Lets a measurement name exactly the server and model that it measured.
    let details = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "quantisation": app.info.quantisation,
        "backend": runs_on.backend.name(),
        "api": runs_on.api,
        "adapter": runs_on.adapter,
        "driver": runs_on.driver,
        "threads": runs_on.threads,
        "instruction_set": runs_on.instruction_set,
        "path": app.info.path.name(),
        "stub": app.info.stub,
    });
    ModelCard::own(&app.model_name, app.info.context_length, details)
}
