//! Tests of the open loop against servers with known delays.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use futures::stream;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::figures::Figures;
use super::run::{Counts, Plan, run};
use super::sample::Sample;
use super::settings::RequestSettings;
use super::target::Target;

const PIECE: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const END: &str = "data: [DONE]\n\n";

/// Starts a server on its own thread that sends a piece `ms` milliseconds after a request, and the end another `ms`
/// milliseconds later.
fn server(ms: u64) -> SocketAddr {
    let (sender, receiver) = std::sync::mpsc::channel();
    let answer = move || async move {
        let frames = stream::unfold(0, move |sent| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            let frame = [PIECE, END].get(sent)?;
            Some((
                Ok::<_, Infallible>(Bytes::from_static(frame.as_bytes())),
                sent + 1,
            ))
        });
        Body::from_stream(frames)
    };
    let serve = async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        sender
            .send(listener.local_addr().expect("bound"))
            .expect("received");
        axum::serve(listener, Router::new().fallback(answer)).await
    };
    std::thread::spawn(move || runtime().block_on(serve));
    receiver.recv().expect("it listens")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn plan(target: &Target, offsets_ms: Vec<f64>) -> Plan {
    let request = |prompt| {
        target
            .prepare(&RequestSettings::TEST, prompt)
            .expect("a URL")
    };
    Plan {
        offsets_ms,
        requests: vec![request("a"), request("b")],
        settings: RequestSettings::TEST,
        timeout: Duration::from_secs(20),
    }
}

/// Runs a plan, and `concurrently` on the same thread.
fn samples(
    address: SocketAddr,
    offsets_ms: Vec<f64>,
    concurrently: impl Future<Output = ()>,
) -> Vec<Sample> {
    let (_hold, stop) = watch::channel(false);
    runtime().block_on(async {
        let target = Target::new(&format!("http://{address}"), None, "m").expect("a target");
        let plan = plan(&target, offsets_ms);
        let mut on_progress = |_| {};
        let running = run(&target.client, &plan, stop, &mut on_progress);
        let (samples, ()) = tokio::join!(running, concurrently);
        samples.expect("it runs")
    })
}

#[test]
fn requests_are_sent_on_time_before_any_answer_ends() {
    let offsets: Vec<f64> = (0..20).map(|index| f64::from(index) * 20.0).collect();
    let samples = samples(server(600), offsets, async {});
    for (index, sample) in samples.iter().enumerate() {
        assert_eq!((sample.index, sample.row), (index, index % 2));
        assert!(sample.is_complete(), "{sample:?}");
        let e2e = sample.e2e_ms().expect("ended");
        assert!((1190.0..5000.0).contains(&e2e), "{e2e}");
        assert!(sample.ttft_from_send_ms().expect("text") >= 590.0);
        assert_eq!((sample.pieces, sample.token_count()), (1, 1));
    }
    let first_end = samples[0].end_ms.expect("ended");
    let last_sent = samples[19].sent_ms.expect("sent");
    assert!(
        last_sent < first_end,
        "sent at {last_sent}, ended at {first_end}"
    );
}

#[test]
fn client_stall_shows_in_latencies_from_schedule() {
    let offsets: Vec<f64> = (0..10).map(|index| f64::from(index) * 20.0).collect();
    let stall = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        // Blocks the thread that sends the requests.
        std::thread::sleep(Duration::from_millis(500));
    };
    let samples = samples(server(10), offsets, stall);
    let figures = Figures::of(&samples);
    let late = figures.send_delay_ms.expect("sent").max;
    assert!(late > 350.0, "{late}");
    let worst = |of: super::figures::Latencies| of.e2e_ms.expect("answers").max;
    let hidden = worst(figures.from_schedule) - figures.from_send.e2e_ms.expect("answers").p50;
    assert!(hidden > 300.0, "{figures:?}");
    let late = samples.iter().max_by(|a, b| {
        a.send_delay_ms
            .partial_cmp(&b.send_delay_ms)
            .expect("finite")
    });
    let late = late.expect("samples");
    let difference = late.e2e_ms().expect("ended") - late.e2e_from_send_ms().expect("ended");
    assert!((difference - late.send_delay_ms.expect("sent")).abs() < 0.01);
}

#[test]
fn stopped_run_returns_samples_so_far() {
    let address = server(150);
    let (stop, stopped) = watch::channel(false);
    let mut last = Counts::default();
    let samples = runtime().block_on(async {
        let target = Target::new(&format!("http://{address}"), None, "m").expect("a target");
        let plan = plan(&target, vec![0.0, 450.0, 60_000.0]);
        let mut on_progress = |counts| last = counts;
        let running = run(&target.client, &plan, stopped, &mut on_progress);
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(600)).await;
            stop.send(true).expect("it runs");
        };
        let (samples, ()) = tokio::join!(running, stopping);
        samples.expect("it runs")
    });
    assert!(samples[0].is_complete(), "{samples:?}");
    assert_eq!(samples[1].error.as_deref(), Some("stopped"));
    assert_eq!(samples[2].error.as_deref(), Some("stopped before sending"));
    assert_eq!(samples[2].sent_ms, None);
    let expected = Counts {
        sent: 2,
        completed: 1,
        failed: 1,
    };
    assert_eq!(last, expected);
}
