//! Client of a server that speaks OpenAI's protocol.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use llamaglass_openai::ClientRequest;
use llamaglass_types::Request;
use wasm_bindgen_futures::spawn_local;
use web_sys::{AbortController, AbortSignal};

use super::event_decoder::EventDecoder;
use super::http;
use super::{Client, Listener, PageFile};
use crate::lab::LabEnd;
use crate::protocol::{
    Command, EngineCommand, EngineReply, LabCommand, LabReply, ModelSource, Reply, Tag,
};
use crate::server::{ApiKey, ServerError, ServerModel};

/// Error for commands that need an engine in the page.
const NEEDS_ENGINE: &str = "this measures an engine in this page, but a server answers now";

/// Client of the server that the last load named.
pub struct ServerClient {
    shared: Rc<Shared>,
}

struct Shared {
    listener: Listener,
    server: RefCell<Option<(ServerModel, Option<ApiKey>)>>,
    /// Running answers, each with the controller that aborts it. Replies for tags that are not here are dropped.
    running: RefCell<HashMap<Tag, AbortController>>,
}

impl ServerClient {
    /// Creates a client without a server; its replies go to `listener`.
    pub fn new(listener: Listener) -> Self {
        let shared = Rc::new(Shared {
            listener,
            server: RefCell::new(None),
            running: RefCell::new(HashMap::new()),
        });
        Self { shared }
    }

    /// Aborts every answer without a reply.
    pub fn stop(&self) {
        let running = std::mem::take(&mut *self.shared.running.borrow_mut());
        for controller in running.values() {
            controller.abort();
        }
    }

    fn send_engine(&self, command: &EngineCommand) {
        let shared = &self.shared;
        match command {
            EngineCommand::Load {
                source: ModelSource::Server { server, key },
                ..
            } => {
                self.stop();
                let chosen = (server.clone(), key.clone());
                shared.server.replace(Some(chosen));
                let server = Box::new(server.clone());
                shared.reply(EngineReply::Connected { server });
            }
            EngineCommand::Load { .. } => shared.reply(EngineReply::LoadFailed {
                error: "a server has its own models".into(),
            }),
            EngineCommand::Submit { tag, request } => {
                spawn_local(Rc::clone(shared).answer(*tag, request.clone()));
            }
            // The server notices the closed connection and ends the answer within a step.
            EngineCommand::Abort { tag } => {
                if let Some(controller) = shared.running.borrow().get(tag) {
                    controller.abort();
                }
            }
            EngineCommand::Probe { .. } => shared.reply(EngineReply::ProbeFailed {
                error: "a server does not report what it runs on".into(),
            }),
            EngineCommand::SetStub { .. } => shared.reply(EngineReply::StubSet {
                error: Some(NEEDS_ENGINE.into()),
            }),
            // A server's cache belongs to all of its clients.
            EngineCommand::ClearCache => {}
        }
    }
}

impl Client for ServerClient {
    fn send(&self, command: &Command, _: &[PageFile]) {
        let shared = &self.shared;
        match command {
            Command::Engine(command) => self.send_engine(command),
            Command::Lab(LabCommand::Bench { .. }) => shared.reply(LabReply::BenchFailed {
                error: "The benchmark measures an engine in this page, but a server answers now."
                    .into(),
            }),
            Command::Lab(LabCommand::Run { .. }) => {
                shared.reply(LabReply::Ended(LabEnd::Failed {
                    error: NEEDS_ENGINE.into(),
                }));
            }
            Command::Lab(LabCommand::Measure { tag, .. }) => shared.reply(LabReply::Measured {
                tag: *tag,
                outcome: Err(NEEDS_ENGINE.into()),
            }),
            Command::Lab(LabCommand::StopBench | LabCommand::Stop)
            | Command::Storage(_)
            | Command::Window(_) => {}
        }
    }

    fn restart(&self) {
        self.stop();
        self.shared.reply(EngineReply::Ready);
    }
}

impl Drop for ServerClient {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn reply(&self, reply: impl Into<Reply>) {
        (self.listener)(reply.into());
    }

    async fn answer(self: Rc<Self>, tag: Tag, request: Request) {
        let chosen = self.server.borrow().clone();
        let mut decoder = EventDecoder::new(tag);
        let controller = AbortController::new();
        let (Some((server, key)), Ok(controller)) = (chosen, controller) else {
            return self.reply(decoder.failed("no server is connected"));
        };
        let signal = controller.signal();
        self.running.borrow_mut().insert(tag, controller);
        let outcome = self
            .receive(&server, key.as_ref(), &request, &signal, &mut decoder)
            .await;
        if self.running.borrow_mut().remove(&tag).is_none() {
            return;
        }
        self.reply(match outcome {
            _ if signal.aborted() => decoder.aborted(),
            Ok(()) => decoder.ended(&server.host()),
            Err(error) => decoder.failed(&error.to_string()),
        });
    }

    /// Receives the answer to its end.
    async fn receive(
        &self,
        server: &ServerModel,
        key: Option<&ApiKey>,
        request: &Request,
        signal: &AbortSignal,
        decoder: &mut EventDecoder,
    ) -> Result<(), ServerError> {
        let outgoing = ClientRequest {
            model: &server.model.id,
            request,
            stream: true,
            timings: server.model.sends_timings,
        };
        let url = format!("{}{}", server.url, outgoing.path());
        let body = outgoing.body().to_string();
        let response = http::request(&url, key, Some(&body), signal).await?;
        let tag = decoder.tag();
        http::pieces(&response, &server.host(), |item| {
            for reply in decoder.decode(item) {
                if self.running.borrow().contains_key(&tag) {
                    self.reply(reply);
                }
            }
        })
        .await
    }
}
