//! `llamaglass serve`: an HTTP server for one model, with OpenAI's protocol and the study's own.

mod api_error;
mod app;
mod auth;
mod body;
mod client;
mod connections;
mod json;
mod metrics;
mod openai;
mod origin;
mod page;
mod response_stream;
mod routes;
mod settings;
mod study;
mod tokens;
mod workers;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use llamaglass_driver::SharedEngine;
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::cli::ServeArgs;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output::note;
use crate::trace;
pub use app::App;
use client::Client;
use connections::{Connection, Connections};
pub use routes::router;
pub use settings::ServeSettings;

/// Time limit for receiving a request's headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that open requests get to finish after the first stop signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that cut-off answers get to send their error.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);
/// Time after which a connection is closed if its client reads nothing of what is written to it.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// Maximum number of headers per request.
const MAX_HEADERS: usize = 100;
/// Maximum size of a connection's read buffer in bytes, and so of a request's headers.
const MAX_READ_BUFFER: usize = 64 << 10;
/// Delay before accepting again after a failure, which is one client's fault or too many open files.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// Runs the `serve` command.
pub fn run(args: &ServeArgs) -> Result<ExitCode> {
    check_host(args)?;
    let _trace = trace::start(&args.trace)?;
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let mut options = args.backend.load_options()?;
    options.batch = Some(args.batch);
    options.kv_blocks = args.kv_blocks;
    options.policy = args.policy;
    let stub = args.stub.stub;
    let mut engine = SharedEngine::spawn(stub, move || {
        let mut bars = LoadBars::default();
        let engine = model.load(&options, stub, &mut |progress| bars.update(progress));
        bars.finish();
        engine
    })?;
    announce(&label, engine.info(), stub);
    let name = args.model_name.clone().unwrap_or(label);
    let settings = ServeSettings::from(args);
    let app = Arc::new(App::new(&engine, name, &settings));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the server")?;
    let address = SocketAddr::new(args.host, args.port);
    let ended = engine.ended();
    let ending = runtime.block_on(serve(address, app, &settings, ended));
    // Does not wait for background work whose result is no longer needed.
    runtime.shutdown_background();
    match ending? {
        Ending::Finished => {}
        Ending::Cut => engine.end_at_once(),
        Ending::EngineEnded => bail!("the engine ended unexpectedly; start the server again"),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reason why serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// A stop signal came, and every answer was finished.
    Finished,
    /// A stop signal came, and some answers were cut off.
    Cut,
    /// The engine's thread has ended.
    EngineEnded,
}

/// Refuses an address that other machines can reach, unless a key is set or `--insecure` is given.
fn check_host(args: &ServeArgs) -> Result<()> {
    if !args.host.is_loopback() && args.api_key.is_none() && !args.insecure {
        bail!(
            "--host {} lets other machines use the model; set --api-key KEY, or --insecure to allow anyone",
            args.host
        );
    }
    Ok(())
}

async fn serve(
    address: SocketAddr,
    app: Arc<App>,
    settings: &ServeSettings,
    engine_ended: impl Future<Output = ()>,
) -> Result<Ending> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address}; choose another port with --port"))?;
    let address = listener.local_addr()?;
    let router = router(Arc::clone(&app), settings)?;
    note(&format!(
        "serving  http://{address}/v1 as {}",
        app.model_name
    ));
    let graceful = GracefulShutdown::new();
    let stop = async {
        tokio::select! {
            () = stop_signal() => Ending::Finished,
            () = engine_ended => Ending::EngineEnded,
        }
    };
    let mut ending = accept_until(listener, router, settings, &graceful, stop).await;
    app.stop();
    let mut shutdown = std::pin::pin!(graceful.shutdown());
    if ending == Ending::Finished {
        note("stopping after the open requests; interrupt again to stop now");
        tokio::select! {
            () = &mut shutdown => return Ok(ending),
            () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => {}
            () = stop_signal() => {}
        }
        note("stopped with requests unfinished");
        ending = Ending::Cut;
    }
    app.cut_answers();
    // Does not wait longer for clients that don't read the error.
    let _slow = tokio::time::timeout(CUT_TIMEOUT, shutdown).await;
    Ok(ending)
}

/// Accepts and serves connections until `stop` completes, and returns its value.
pub async fn accept_until<T>(
    listener: TcpListener,
    router: Router,
    settings: &ServeSettings,
    graceful: &GracefulShutdown,
    stop: impl Future<Output = T>,
) -> T {
    let mut stop = std::pin::pin!(stop);
    let connections = Connections::new(settings.max_connections);
    let accept = async || {
        let (stream, peer) = listener.accept().await?;
        let connection = connections.register().await;
        std::io::Result::Ok((stream, peer, connection))
    };
    loop {
        tokio::select! {
            accepted = accept() => match accepted {
                Ok((stream, peer, Some(connection))) => {
                    let client = Client(Some(peer.ip()));
                    spawn_connection(stream, client, connection, router.clone(), graceful);
                }
                Ok(_) => {}
                Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
            },
            stopped = &mut stop => return stopped,
        }
    }
}

/// Serves one connection until it ends or has to make room for another one.
fn spawn_connection(
    stream: TcpStream,
    client: Client,
    connection: Arc<Connection>,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Small pieces of a stream are sent at once.
    let _slower = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let owner = Arc::clone(&connection);
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let busy = owner.start_request();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(client);
        let response = router.clone().oneshot(request);
        async move {
            let response = response.await?;
            // The request is in progress until the last piece of its response is written.
            let keep = move |frame| {
                let _busy = &busy;
                frame
            };
            Ok::<_, Infallible>(response.map(|body| body.map_frame(keep)))
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_READ_BUFFER)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(service),
        );
    let served = graceful.watch(served);
    tokio::spawn(async move {
        tokio::select! {
            // The client left or sent invalid data: there is nobody to send an error to.
            _ended = served => {}
            () = connection.evicted() => {}
        }
    });
}

/// Waits for a signal to stop the program.
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
    let _interrupted = interrupt.await;
}

#[cfg(test)]
mod tests;
