//! Attacks on `llamaglass serve`, and clients that it must not serve.

mod common;
#[path = "common/server.rs"]
mod server;

use common::split;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::{Server, endless, long_answer, tiny};

const COMPLETIONS: &str = "/v1/completions";

/// Number of schemas to compile during a stream; together they take seconds.
const GRAMMARS: usize = 10;

/// Returns a schema that takes about half a second to compile; each `number` gives a different one.
fn large_schema(number: usize) -> Value {
    let range = |n: usize| {
        let (low, high) = (n as f64 * 1000.123, (n + number) as f64 * 98_765.432);
        json!({ "type": "number", "minimum": -low, "maximum": high })
    };
    let items: Vec<Value> = (1..200).map(range).collect();
    json!({ "type": "array", "prefixItems": items })
}

fn ask_for_schema(number: usize) -> Value {
    json!({
        "prompt": "a", "max_tokens": 1,
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "large", "schema": large_schema(number) },
        },
    })
}

/// Sends a raw request and returns the whole response.
fn send(server: &Server, request: &str) -> String {
    let mut stream = TcpStream::connect(&server.address).expect("connects");
    stream.write_all(request.as_bytes()).expect("writes");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

#[test]
fn requests_from_foreign_pages_are_refused() {
    let server = tiny(&split(
        "--allow-host box.example --cors http://page.example",
    ));
    let body = json!({ "prompt": "a", "max_tokens": 1 }).to_string();
    let post = |headers: &[&str]| {
        let mut all = vec![
            "POST /v1/completions HTTP/1.1".to_owned(),
            "Connection: close".into(),
            format!("Content-Length: {}", body.len()),
        ];
        all.extend(headers.iter().map(|header| (*header).to_owned()));
        let answer = send(&server, &format!("{}\r\n\r\n{body}", all.join("\r\n")));
        answer[9..12].to_owned()
    };
    let own = format!("Host: {}", server.address);
    let json = "Content-Type: application/json";
    for (headers, status) in [
        (vec![&*own, json], "200"),
        (vec!["Host: box.example", json], "200"),
        (vec!["Host: rebound.example", json], "403"),
        (vec![&own, json, "Origin: http://page.example"], "200"),
        (vec![&own, json, "Origin: http://evil.example"], "403"),
        (vec![&own, json, "Origin: null"], "403"),
        (vec![&own, "Content-Type: text/plain"], "415"),
        (vec![&own], "200"),
    ] {
        assert_eq!(post(&headers), status, "{headers:?}");
    }
}

#[test]
fn foreign_host_is_accepted_when_key_is_required() {
    let server = tiny(&["--api-key", "secret"]);
    let get = "GET /v1/models HTTP/1.1\r\nHost: box.example\r\nConnection: close";
    let refused = send(&server, &format!("{get}\r\n\r\n"));
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let answered = send(
        &server,
        &format!("{get}\r\nAuthorization: Bearer secret\r\n\r\n"),
    );
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
}

#[test]
fn idle_connections_do_not_lock_out_new_clients() {
    let server = tiny(&["--max-connections", "8"]);
    let connect = || TcpStream::connect(&server.address).expect("connects");
    let mut silent: Vec<TcpStream> = (0..8).map(|_| connect()).collect();
    for stream in &mut silent[..4] {
        stream
            .write_all(b"GET /health HTTP/1.1\r\nX-Slow: ")
            .expect("writes");
    }
    let begin = Instant::now();
    assert_eq!(server.get("/health").0, 200);
    // If idle connections were not evicted, the first slot would free up after the header timeout of 10 s.
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn compiling_grammars_does_not_stall_a_stream() {
    let (server, _shape) = endless(&["--batch", "2", "--max-queue", "64"]);
    let mut stream = server.lines(COMPLETIONS, &long_answer());
    stream.next().expect("a piece");
    let done = AtomicBool::new(false);
    let (longest, pieces) = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut longest, mut last, mut pieces) = (Duration::ZERO, Instant::now(), 0);
            while !done.load(Ordering::Relaxed) && stream.next().is_some() {
                longest = longest.max(last.elapsed());
                last = Instant::now();
                pieces += 1;
            }
            (longest, pieces)
        });
        let askers: Vec<_> = (0..GRAMMARS)
            .map(|n| {
                scope.spawn({
                    let server = &server;
                    move || server.post(COMPLETIONS, &ask_for_schema(n))
                })
            })
            .collect();
        for asker in askers {
            let (status, reply) = asker.join().expect("an answer");
            assert_eq!(status, 200, "{reply}");
        }
        done.store(true, Ordering::Relaxed);
        reader.join().expect("pieces")
    });
    assert!(
        pieces > 2 * GRAMMARS,
        "{pieces} pieces while {GRAMMARS} grammars were compiled"
    );
    assert!(
        longest < Duration::from_millis(1500),
        "the stream stood still for {longest:?}"
    );
}

#[test]
fn long_text_is_refused_and_tokenizing_does_not_block_health() {
    let server = tiny(&["--max-body", "8000000"]);
    let text = "word ".repeat(800_000);
    let (status, reply) = server.post("/tokenize", &json!({ "prompt": text }));
    assert_eq!(status, 400);
    let message = reply["error"]["message"].as_str().expect("a message");
    assert!(message.contains("4000000 bytes"), "{message}");
    let text = "word ".repeat(200_000);
    thread::scope(|scope| {
        let asked = scope.spawn(|| server.post("/tokenize", &json!({ "prompt": text })));
        let mut answered = 0;
        while !asked.is_finished() {
            assert_eq!(server.get("/health").0, 200);
            answered += 1;
        }
        assert_eq!(asked.join().expect("an answer").0, 200);
        assert!(answered > 1, "health waited for the tokenizer");
    });
}

#[cfg(unix)]
#[test]
fn second_signal_ends_answers_with_error_and_program_immediately() {
    let (server, _shape) = endless(&["--max-queue", "64"]);
    let mut lines = server.lines(COMPLETIONS, &long_answer());
    lines.next().expect("a piece");
    let ask = |n| server.post_unread(COMPLETIONS, &ask_for_schema(n));
    let _waiting: Vec<TcpStream> = (0..16).map(ask).collect();
    thread::sleep(Duration::from_millis(300));
    server.signal_to_stop();
    thread::sleep(Duration::from_millis(300));
    let begin = Instant::now();
    server.signal_to_stop();
    let rest: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    let error = rest.iter().rev().find(|line| line.contains("error"));
    let error = error.unwrap_or_else(|| panic!("no error among {:?}", rest.last()));
    assert!(error.contains("cut short"), "{error}");
    server.wait();
    assert!(
        begin.elapsed() < Duration::from_secs(5),
        "{:?}",
        begin.elapsed()
    );
}
