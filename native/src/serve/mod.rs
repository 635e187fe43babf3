//! `llamaglass serve`: a model behind HTTP, in the protocol of OpenAI and in the study's own.

mod answering;
mod api_error;
mod app;
mod auth;
mod body;
mod client;
mod connections;
mod metrics;
mod openai;
mod origin;
mod page;
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
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

use crate::cli::ServeArgs;
use crate::engine_thread::EngineThread;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output::note;
use crate::trace;
pub use app::{App, router};
use client::Client;
use connections::{Connection, Connections};
pub use settings::ServeSettings;

/// How long a client may take to send a request's headers.
const HEADERS_TIMEOUT: Duration = Duration::from_secs(10);
/// How long what runs may go on after the first signal to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long answers that were cut off may take to say so.
const CUT_TIMEOUT: Duration = Duration::from_secs(1);
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
    let mut engine = EngineThread::spawn(move || {
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
    let ended = engine.ended();
    let ending = runtime.block_on(serve(address, app, &settings, ended));
    // Work that nobody waits for any more is not waited for here either.
    runtime.shutdown_background();
    match ending? {
        Ending::Finished => {}
        Ending::Cut => engine.end_at_once(),
        Ending::EngineEnded => bail!("the engine ended unexpectedly: start the server again"),
    }
    Ok(ExitCode::SUCCESS)
}

/// How serving came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It was stopped, and every answer is finished.
    Finished,
    /// It was stopped, and answers were cut off.
    Cut,
    /// There is no engine any more.
    EngineEnded,
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

async fn serve(
    address: SocketAddr,
    app: Arc<App>,
    settings: &ServeSettings,
    engine_ended: impl Future<Output = ()>,
) -> Result<Ending> {
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
        note("stopping: what runs is finished; once more stops at once");
        tokio::select! {
            () = &mut shutdown => return Ok(ending),
            () = tokio::time::sleep(SHUTDOWN_TIMEOUT) => {}
            () = stop_signal() => {}
        }
        note("stopped before all was finished");
        ending = Ending::Cut;
    }
    app.cut_answers();
    // Clients that don't read what was cut off are not waited for.
    let _slow = tokio::time::timeout(CUT_TIMEOUT, shutdown).await;
    Ok(ending)
}

/// Answers the clients that come to `listener` until `stop`, whose value is returned.
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
                    answer(stream, client, connection, router.clone(), graceful);
                }
                Ok(_) => {}
                // One client's fault, or too many open files: others are to be heard again soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            stopped = &mut stop => return stopped,
        }
    }
}

/// Answers one connection until it ends, or has to make room for another one.
fn answer(
    stream: TcpStream,
    client: Client,
    connection: Arc<Connection>,
    router: Router,
    graceful: &GracefulShutdown,
) {
    // Small pieces of a stream are to be sent as they come.
    let _slower = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(WRITE_TIMEOUT));
    let owner = Arc::clone(&connection);
    let service = tower::service_fn(move |request: hyper::Request<Incoming>| {
        let busy = owner.answer();
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(client);
        let response = router.clone().oneshot(request);
        async move {
            let response = response.await?;
            // The request lasts until its answer's last piece is written.
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
        .max_headers(MAX_HEADERS.0)
        .max_buf_size(MAX_HEADERS.1)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            TowerToHyperService::new(service),
        );
    let served = graceful.watch(served);
    tokio::spawn(async move {
        tokio::select! {
            // A client that left or sent nonsense: nobody is there to be told.
            _ended = served => {}
            () = connection.evicted() => {}
        }
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

#[cfg(test)]
mod tests;
