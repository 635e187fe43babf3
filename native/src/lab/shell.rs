//! A model with everything around it: the engine's thread, and a server in this program.

use llamaglass_lab::{LoadedModel, StubLevel};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use axum::Router;
use hyper_util::server::graceful::GracefulShutdown;
use llamaglass_driver::{EngineHandle, SharedEngine};
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::{Engine, LoadOptions};
use llamaglass_lab::{LabError, Machine};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::observer::TerminalObserver;
use crate::load::{LoadBars, announce, display_name};
use crate::load_client::Target;
use crate::model::Model;
use crate::serve::{App, ServeSettings, accept_until, router};

/// A loaded model and a server for it.
pub struct Shell {
    /// Name of the model in results.
    pub model: String,
    /// Router of the server.
    pub router: Router,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: Option<JoinHandle<()>>,
    /// Dropped last, because the server needs it.
    engine: SharedEngine,
}

impl Shell {
    /// Loads `model` and starts a server for this program only.
    ///
    /// # Errors
    /// Fails if the model can't be loaded or no port is free.
    pub fn start(model: Model, options: LoadOptions, stub: StubLevel) -> Result<Self> {
        let label = model.label();
        let engine = SharedEngine::spawn(stub, move || {
            let mut bars = LoadBars::default();
            let engine = model.load(&options, stub, &mut |progress| bars.update(progress));
            bars.finish();
            engine
        })?;
        announce(&label, engine.info(), stub);
        let name = display_name(engine.info(), &label);
        let settings = ServeSettings::for_ourselves();
        let app = Arc::new(App::new(&engine, label, &settings));
        let router = router(app, &settings)?;
        let (stop, stopped) = oneshot::channel();
        let (bound, address) = std::sync::mpsc::channel();
        let routes = router.clone();
        let server = std::thread::Builder::new().name("server".into());
        let server = server.spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let served = runtime.map(|runtime| {
                runtime.block_on(async {
                    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
                    let address = listener.as_ref().map_err(ToString::to_string);
                    let address = address.and_then(|l| l.local_addr().map_err(|e| e.to_string()));
                    let _nobody_waits = bound.send(address);
                    if let Ok(listener) = listener {
                        let graceful = GracefulShutdown::new();
                        let stop = async {
                            let _either_way = stopped.await;
                        };
                        accept_until(listener, routes, &settings, &graceful, stop).await;
                    }
                });
            });
            // If there is no runtime, `bound` is dropped without an address, which the caller notices.
            drop(served);
        });
        let server = server.context("starting the server\u{2019}s thread")?;
        let address = address.recv().context("the server did not start")?;
        Ok(Self {
            engine,
            model: name,
            router,
            address: address.map_err(anyhow::Error::msg)?,
            stop: Some(stop),
            server: Some(server),
        })
    }

    /// Returns the loaded model and its device.
    pub const fn info(&self) -> &LoadedModel {
        self.engine.info()
    }

    /// Returns the model and device in the form of results.
    pub fn machine(&self) -> Machine {
        Machine::of(self.info(), &self.model)
    }

    /// Returns the model's tokenizer.
    pub const fn tokenizer(&self) -> &Arc<Tokenizer> {
        self.engine.tokenizer()
    }

    /// Returns the handle to the engine.
    pub const fn handle(&self) -> &EngineHandle {
        self.engine.handle()
    }

    /// Connects to the server as a client.
    ///
    /// # Errors
    /// Fails if the server does not answer.
    pub async fn target(&self) -> Result<Target> {
        Target::find(&format!("http://{}/v1", self.address), None, None).await
    }

    /// Runs `work` with the engine on its thread; `watch` shows the progress.
    ///
    /// # Errors
    /// Returns the error of `work`, or fails if the engine's thread has ended.
    pub fn on_engine<T: Send + 'static>(
        &self,
        watch: &TerminalObserver,
        work: impl AsyncFnOnce(&mut Engine, &mut TerminalObserver) -> Result<T, LabError>
        + Send
        + 'static,
    ) -> Result<T> {
        let mut watch = watch.clone();
        let done = self
            .handle()
            .with(move |engine| pollster::block_on(work(engine, &mut watch)))?;
        Ok(done?)
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ended_already = stop.send(());
        }
        if let Some(server) = self.server.take() {
            // A panic has already printed its message.
            let _ended = server.join();
        }
    }
}
