//! Compares token ids through the whole page with those of the model's bare loop.

use leptos::prelude::*;
use llamaglass_lab::LoadedModel;
use llamaglass_lab::experiments::parity::{ParityData, ParityRow, first_divergence};
use llamaglass_lab::{Data, LabError, Observer, Progress, asking};
use llamaglass_types::stats::Record;

use super::super::app::App;
use super::answers;
use super::requests;
use super::watch::PageWatch;
use crate::lab::{Job, Records, Spec};
use crate::protocol::EngineCommand;
use crate::settings::Settings;

/// Shown in place of a reference's name.
const NO_REFERENCE: &str = "none in the page: comparing logits needs a second engine on the CPU; `llamaglass lab parity` does that";

/// Compares the two for each row of the dataset.
pub async fn run(
    app: App,
    spec: &Spec,
    info: &LoadedModel,
    watch: &mut PageWatch,
) -> Result<(Data, Vec<Record>), LabError> {
    let dataset = spec.source.dataset(spec.settings.rows)?;
    let tokens = spec.settings.tokens;
    let total = dataset.rows.len();
    let mut records = Records::default();
    let mut rows = Vec::with_capacity(total);
    for (index, row) in dataset.rows.iter().enumerate() {
        if !watch.yield_now().await {
            return Err(LabError::Stopped);
        }
        watch.notify(Progress {
            what: format!("row {}/{total}", index + 1),
            done: index,
            total,
            point: None,
        });
        let prompt = row.prompt.clone();
        let (encoded, _) = requests::measure(app, Job::Encode { prompt }).await?;
        let ids = encoded.ids.len();
        let job = Job::Bare {
            ids: encoded.ids,
            tokens,
            reports_tokens: false,
        };
        let (bare, _) = requests::measure(app, job).await?;
        app.send(EngineCommand::ClearCache, &[]);
        let request = asking(info.has_chat_template, &row.prompt, tokens);
        let answer = answers::complete(app, request, |_, _| {}).await?;
        rows.push(ParityRow {
            ids,
            picked: answer.record.ids.len(),
            first_divergence: first_divergence(&bare.ids, &answer.record.ids),
            ..ParityRow::default()
        });
        records.push(&answer.record);
    }
    let kv = app.settings.with_untracked(Settings::load_options).kv;
    let data = ParityData::of(dataset.name, NO_REFERENCE.into(), kv, rows);
    Ok((Data::Parity(data), records.into_vec()))
}
