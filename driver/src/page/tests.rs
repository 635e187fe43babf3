use std::cell::RefCell;

use futures::channel::mpsc::{UnboundedSender, unbounded};
use llamaglass_engine::bytes::FileSource;
use llamaglass_engine::event::FinishReason;
use llamaglass_engine::scheduler::Input;
use llamaglass_engine::{BackendChoice, LoadOptions, LoadProgress};
use llamaglass_lab::Experiment;
use llamaglass_session::lab::{Job, LabSettings, Source, Spec};
use llamaglass_session::protocol::{ModelSource, Reply};

use super::*;

/// The page as a test plays it: returns the commands that follow a reply, or `None` to close the page.
type Page<'a> = dyn Fn(&Reply) -> Option<Vec<Command>> + 'a;

struct TestHost<'a> {
    commands: RefCell<Option<UnboundedSender<Incoming<()>>>>,
    page: &'a Page<'a>,
}

impl Host for TestHost<'_> {
    type Files = ();

    fn send(&self, reply: impl Into<Reply>) {
        let Some(next) = (self.page)(&reply.into()) else {
            return drop(self.commands.take());
        };
        if let Some(commands) = &*self.commands.borrow() {
            for command in next {
                let command = Box::new(command);
                let incoming = Incoming { command, files: () };
                commands.unbounded_send(incoming).expect("the driver runs");
            }
        }
    }

    async fn yield_now(&self) {}

    async fn sleep(&self, _ms: f64) {}

    async fn fetch(
        &self,
        source: ModelSource,
        (): (),
        _progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<ModelFiles, String> {
        let ModelSource::Local { path } = source else {
            return Err("tests load paths".into());
        };
        let file = FileSource::open(path.as_ref()).map_err(|error| format!("{path}: {error}"))?;
        Ok(ModelFiles {
            files: vec![Box::new(file)],
            stored_digest: None,
        })
    }

    async fn distrust(&self, _digest: &str) {}

    async fn stored_bytes(&self) -> Option<u64> {
        None
    }

    async fn delete_stored(&self) -> Result<(), String> {
        Ok(())
    }
}

/// Runs a driver with a loaded model for a page. The page sees only what follows the load.
fn run_page(page: &Page<'_>) {
    let (sender, inbox) = unbounded();
    let with_load = |reply: &Reply| match reply {
        Reply::Engine(EngineReply::Ready) => Some(vec![load(
            "../engine/tests/data/families/llama-tied-gguf/llama-tied-gguf.Q4_K_M.gguf",
        )]),
        reply => page(reply),
    };
    let host = TestHost {
        commands: RefCell::new(Some(sender)),
        page: &with_load,
    };
    pollster::block_on(run(&host, inbox));
}

fn load(path: &str) -> Command {
    let path = path.into();
    let load = EngineCommand::Load {
        source: ModelSource::Local { path },
        options: LoadOptions {
            backend: BackendChoice::Cpu,
            ..LoadOptions::default()
        },
        stub: Default::default(),
    };
    load.into()
}

/// A request for more tokens than a test waits for.
fn long_request() -> Request {
    Request {
        max_tokens: Some(200),
        ignore_eos: true,
        ..Request::new(Input::Text("Once".into()))
    }
}

fn submit(tag: Tag) -> Command {
    let request = long_request();
    EngineCommand::Submit { tag, request }.into()
}

#[test]
fn aborted_request_ends_with_its_own_tag() {
    let ended = RefCell::new(None);
    run_page(&|reply| {
        let next = match reply {
            Reply::Engine(EngineReply::Loaded { .. }) => vec![submit(3), submit(4)],
            Reply::Engine(EngineReply::Event { tag: 4, event }) => match &**event {
                Event::Token { .. } => vec![EngineCommand::Abort { tag: 4 }.into()],
                Event::Done { finish_reason, .. } => {
                    ended.replace(Some(*finish_reason));
                    return None;
                }
                _ => vec![],
            },
            _ => vec![],
        };
        Some(next)
    });
    assert_eq!(ended.take(), Some(FinishReason::Abort));
}

#[test]
fn measurement_waits_for_the_device_and_so_refuses_a_busy_engine() {
    let outcome = RefCell::new(None);
    run_page(&|reply| {
        let next = match reply {
            Reply::Engine(EngineReply::Loaded { .. }) => vec![submit(1)],
            Reply::Engine(EngineReply::Event { event, .. })
                if matches!(**event, Event::Queued { .. }) =>
            {
                let request = long_request();
                let job = Job::Alone { request };
                vec![LabCommand::Measure { tag: 2, job }.into()]
            }
            Reply::Lab(LabReply::Measured {
                tag: 2,
                outcome: found,
            }) => {
                outcome.replace(Some(found.clone()));
                return None;
            }
            _ => vec![],
        };
        Some(next)
    });
    let error = outcome.take().expect("an outcome").expect_err("it is busy");
    assert!(error.starts_with("waiting for the device: "), "{error}");
}

#[test]
fn load_during_an_experiment_stops_it_and_follows() {
    let ends = RefCell::new(Vec::new());
    run_page(&|reply| {
        let next = match reply {
            Reply::Engine(EngineReply::Loaded { .. }) => {
                let spec = Spec {
                    experiment: Experiment::Chain,
                    settings: LabSettings::of(Experiment::Chain),
                    source: Source::BuiltIn,
                };
                let spec = Box::new(spec);
                vec![LabCommand::Run { spec }.into(), load("/nowhere/a.gguf")]
            }
            Reply::Lab(LabReply::Ended(end)) => {
                ends.borrow_mut().push(format!("{end:?}"));
                vec![]
            }
            Reply::Engine(EngineReply::LoadFailed { error }) => {
                ends.borrow_mut().push(error.clone());
                return None;
            }
            _ => vec![],
        };
        Some(next)
    });
    let ends = ends.take();
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert_eq!(ends[0], "Stopped");
    assert!(ends[1].starts_with("/nowhere/a.gguf: "), "{}", ends[1]);
}
