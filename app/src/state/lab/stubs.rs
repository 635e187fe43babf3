//! Loads at each stub level, sent from the page.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use leptos::prelude::*;
use llamaglass_lab::StubLevel;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::load::{LoadPlan, LoadRun, LoadSample};
use llamaglass_lab::experiments::stub::{StubLoad, StubRun, Stubbed};
use llamaglass_lab::{Arrivals, LabError, asking, request_count};
use llamaglass_types::event::Event;

use super::super::app::App;
use super::super::data::{Turn, TurnState};
use super::answers;
use super::loads;
use super::requests;
use crate::protocol::EngineCommand;
use crate::stats::ReceivedEvent;

/// Sends loads to this page's engine.
pub struct PageStubs {
    app: App,
    dataset: Dataset,
    chat: bool,
}

impl PageStubs {
    /// Uses the prompts of `dataset`; `chat` is true if the model has a chat template.
    pub const fn new(app: App, dataset: Dataset, chat: bool) -> Self {
        Self { app, dataset, chat }
    }

    /// Sets the stub level back to `level`.
    pub async fn restore(&self, level: StubLevel) -> Result<(), LabError> {
        requests::set_stub(self.app, level).await
    }

    /// Answers a request and draws the answer as it arrives if `stream`, otherwise whole at its end.
    async fn answer(
        &self,
        index: usize,
        due_ms: f64,
        stream: bool,
        tokens: usize,
    ) -> Result<LoadSample, LabError> {
        let row = &self.dataset.rows[index % self.dataset.rows.len()];
        let request = asking(self.chat, &row.prompt, tokens);
        let turn = Turn::new(0, false, String::new(), TurnState::Streaming);
        self.app.lab.stage.set(Some(turn.clone()));
        let mut whole = String::new();
        let answer = answers::receive(self.app, request, |event, _| {
            let ReceivedEvent::Event(event) = event else {
                return;
            };
            if let Event::Token { text, .. } | Event::Done { text, .. } = &**event {
                match stream {
                    true => turn.text.update(|all| all.push_str(text)),
                    false => whole.push_str(text),
                }
            }
        })
        .await?;
        if !stream {
            turn.text.set(whole);
        }
        turn.state.set(TurnState::Done);
        let mut sample = answer.sample;
        sample.due_ms = due_ms;
        Ok(sample)
    }
}

impl Stubbed for PageStubs {
    async fn run(
        &mut self,
        level: StubLevel,
        load: StubLoad,
        stream: bool,
        tokens: usize,
    ) -> Result<StubRun, LabError> {
        let StubLoad { qps, duration_s } = load;
        let count = request_count(qps, duration_s)?;
        requests::set_stub(self.app, level).await?;
        self.app.send(EngineCommand::ClearCache, &[]);
        let due = Arrivals::Constant.offsets_ms(qps, count, 0);
        let stubs = &*self;
        let answers: FuturesUnordered<_> = loads::at(&due)
            .enumerate()
            .map(|(index, due)| async move {
                let due_ms = due.wait(stubs.app).await;
                stubs.answer(index, due_ms, stream, tokens).await
            })
            .collect();
        let samples: Vec<Result<LoadSample, LabError>> = answers.collect().await;
        let samples = samples.into_iter().collect::<Result<Vec<_>, _>>()?;
        let run = LoadRun::of_samples(
            LoadPlan {
                qps,
                duration_s,
                arrivals: Arrivals::Constant,
            },
            &samples,
        );
        let Some((e2e, execution_s)) = run.e2e_ms.zip(run.execution_s) else {
            let why = run
                .errors
                .first()
                .map_or_else(String::new, |of| of.0.clone());
            let what = "a load at a stub level, which got no answer";
            return Err(LabError::failed(what, why));
        };
        Ok(StubRun {
            requested: run.requested,
            completed: run.completed,
            execution_s,
            request_ms: e2e.p50,
        })
    }
}
