//! `llamaglass serve`: a model behind HTTP, in the protocol of OpenAI and in the study's own.

mod answering;
mod api_error;
mod app;
mod auth;
mod body;
mod metrics;
mod openai;
mod settings;
mod study;
mod tokens;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::cli::ServeArgs;
use crate::engine_thread::EngineThread;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output::note;
use crate::trace;
pub use app::{App, router};
pub use settings::ServeSettings;

/// How long a client may take to send a request's headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what runs may go on after the first signal to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may not read what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The most headers of a request, and their bytes.
const MAX_HEADERS: (usize, usize) = (100, 64 << 10);

/// Runs the command.
pub fn run(args: &ServeArgs) -> Result<ExitCode> {
    check_host(args)?;
    let _trace = trace::start(&args.trace)?;
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let mut options = args.backend.load_options()?;
    options.batch = Some(args.batch);
    options.kv_blocks = args.kv_blocks;
    options.policy = args.policy;
    options.stub = args.stub.stub;
    let engine = EngineThread::spawn(move || {
        let mut bars = LoadBars::default();
        let engine = model.load(&options, &mut |progress| bars.update(progress));
        bars.finish();
        engine
    })?;
    announce(&label, engine.info());
    let name = args.model_name.clone().unwrap_or(label);
    let settings = ServeSettings::from(args);
    let app = Arc::new(App::new(&engine, name, &settings)?);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the server")?;
    let address = SocketAddr::new(args.host, args.port);
    runtime.block_on(serve(address, app, &settings))?;
    Ok(ExitCode::SUCCESS)
}

/// Whoever can reach the server can use it: other machines only with a key, or where that is wanted.
fn check_host(args: &ServeArgs) -> Result<()> {
    if !args.host.is_loopback() && args.api_key.is_none() && !args.insecure {
        bail!(
            "--host {} lets other machines use the model: give --api-key KEY, or --insecure if anyone may",
            args.host
        );
    }
    Ok(())
}

async fn serve(address: SocketAddr, app: Arc<App>, settings: &ServeSettings) -> Result<()> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} can't be used: choose another port with --port"))?;
    let address = listener.local_addr()?;
    let router = router(Arc::clone(&app), settings)?;
    note(&format!(
        "serving  http://{address}/v1 as {}",
        app.model_name
    ));
    let graceful = GracefulShutdown::new();
    accept_until(listener, router, settings, &graceful, stop_signal()).await;
    note("stopping: what runs is finished; once more stops at once");
    app.stop();
    let finished = tokio::select! {
        () = graceful.shutdown() => true,
        () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => false,
        () = stop_signal() => false,
    };
    if !finished {
        note("stopped before all was finished");
    }
    Ok(())
}

/// Hears all who come to `listener`, until `stop`.
pub async fn accept_until(
    listener: TcpListener,
    router: Router,
    settings: &ServeSettings,
    graceful: &GracefulShutdown,
    stop: impl Future<Output = ()>,
) {
    let mut stop = std::pin::pin!(stop);
    let places = Arc::new(Semaphore::new(
        settings.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let accept = async || {
        // It is never closed.
        let place = Arc::clone(&places).acquire_owned().await.ok();
        let accepted = listener.accept().await;
        accepted.map(|(stream, _)| (stream, place))
    };
    loop {
        tokio::select! {
            accepted = accept() => match accepted {
                Ok((stream, place)) => answer(stream, place, router.clone(), graceful),
                // One client's fault, or too many open files: others are to be heard again soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            () = &mut stop => break,
        }
    }
}

/// Hears one connection until it ends.
fn answer(
    stream: TcpStream,
    place: Option<OwnedSemaphorePermit>,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Small pieces of a stream are to be sent as they come.
    let _slower = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let service = TowerToHyperService::new(
        router.map_request(|request: hyper::Request<Incoming>| request.map(axum::body::Body::new)),
    );
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(MAX_HEADERS.0)
        .max_buf_size(MAX_HEADERS.1)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        // A client that left or sent nonsense: nobody is there to be told.
        let _ended = connection.await;
        drop(place);
    });
}

/// Until somebody wants the program to end.
async fn stop_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _heard = interrupt.await;
}
