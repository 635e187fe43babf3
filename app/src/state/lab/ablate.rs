//! Ablations of the page itself: requests from outside the worker, and drawing the token timeline.

use llamaglass_lab::LoadedModel;
use llamaglass_lab::bench::random_request;
use llamaglass_lab::experiments::ablate::{
    AblateData, AblateSettings, AblationEffect, Switch, Timed, pairs,
};
use llamaglass_lab::{Data, LabError};
use llamaglass_types::Request;

use super::super::app::{App, now};
use super::answers;
use super::layers::drawn;
use super::requests;
use super::watch::PageWatch;
use crate::lab::{Job, Spec};
use crate::protocol::EngineCommand;

/// Measures the selected switches of the page and adds them to the engine's own.
pub async fn with_page(
    app: App,
    engine_data: Data,
    spec: &Spec,
    info: &LoadedModel,
    watch: &mut PageWatch,
) -> Result<Data, LabError> {
    let Data::Ablate(AblateData {
        ablate,
        mut switches,
        left_out,
    }) = engine_data
    else {
        return Ok(engine_data);
    };
    for switch in [Switch::Worker, Switch::Overlay] {
        if spec.settings.switches.contains(&switch) {
            switches.push(measure(app, switch, &ablate, info, watch).await?);
        }
    }
    Ok(Data::Ablate(AblateData::of(ablate, switches, left_out)))
}

async fn measure(
    app: App,
    switch: Switch,
    settings: &AblateSettings,
    info: &LoadedModel,
    watch: &mut PageWatch,
) -> Result<AblationEffect, LabError> {
    let request = |number: u64| {
        let seed = settings.seed.wrapping_add(number);
        let vocab = info.config.vocab_size;
        random_request(seed, settings.prompt_tokens, settings.gen_tokens, vocab)
    };
    let changes = match switch {
        Switch::Overlay => {
            "the token timeline is drawn next to the answer; times end with the frame that shows its end"
        }
        _ => {
            "the page sends the request and receives every token as a message, on the page\u{2019}s clock; without, the worker sends it"
        }
    };
    let timed =
        async |_: &mut PageWatch, arm, number| timed(app, switch, arm, request(number)).await;
    pairs(switch, changes, settings.repeats, watch, timed).await
}

async fn timed(app: App, switch: Switch, arm: usize, request: Request) -> Result<Timed, LabError> {
    match (switch, arm) {
        (Switch::Overlay, arm) => {
            let (answer, end_ms) = drawn(app, request, arm == 1).await?;
            Ok(answer.timed(end_ms))
        }
        (_, 0) => {
            let (measured, _) = requests::measure(app, Job::Alone { request }).await?;
            let error = measured.record.and_then(|record| record.error);
            match error {
                Some(error) => Err(LabError::failed("a request in the worker", error)),
                None => Ok(Timed {
                    ttft_ms: measured.first_ms,
                    rest_ms: measured.ms - measured.first_ms,
                    ids: measured.ids,
                }),
            }
        }
        _ => {
            app.send(EngineCommand::ClearCache, &[]);
            let answer = answers::complete(app, request, |_, _| {}).await?;
            Ok(answer.timed(now()))
        }
    }
}
