//! Limits of `llamaglass serve`: refused requests, aborted clients, and shutdown.

mod common;
#[path = "common/server.rs"]
mod server;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{GGUF, family_arg, run, stderr};
use serde_json::json;
use server::{endless, long_answer, tiny};

#[test]
fn bad_input_returns_error_object_and_server_continues() {
    let server = tiny(&["--max-body", "100000", "--strict"]);
    let chat = "/v1/chat/completions";
    let long = format!("{{\"prompt\": \"{}\"}}", "a".repeat(10 << 20));
    let text = "/v1/completions";
    let not_text = b"{\"messages\": [{\"role\": \"user\", \"content\": \"\xff\xfe\"}]}";
    let image = br#"{"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}"#;
    let other_model = br#"{"messages": [{"role": "user"}], "model": "gpt"}"#;
    let unknown = br#"{"messages": [{"role": "user"}], "nonsense": 1}"#;
    for (path, body, status, words) in [
        (chat, &br#"{"messages": [}"#[..], 400, "not a JSON object"),
        (chat, b"[1]", 400, "not a JSON object"),
        (chat, b"", 400, "not a JSON object"),
        (chat, not_text, 400, "not a JSON object"),
        (chat, b"{}", 400, "messages is missing"),
        (chat, br#"{"messages": []}"#, 400, "messages is empty"),
        (chat, image, 400, "image_url"),
        (chat, unknown, 400, "nonsense"),
        (chat, other_model, 404, "\"gpt\" is not served here"),
        (
            text,
            br#"{"prompt": "a", "max_tokens": 999999}"#,
            400,
            "lower max_tokens",
        ),
        (
            text,
            br#"{"prompt": [1, 99999999]}"#,
            400,
            "outside the vocabulary",
        ),
        (text, long.as_bytes(), 413, "longer than 100000 bytes"),
        ("/v1/models", b"{}", 405, "does not accept POST"),
        ("/v1/nonsense", b"{}", 404, "/v1/nonsense"),
    ] {
        let (got, reply) = server.post_bytes(path, body, &[]);
        let shown: String = String::from_utf8_lossy(body).chars().take(80).collect();
        assert_eq!(got, status, "{path} {shown}: {reply}");
        let message = reply["error"]["message"].as_str().expect("a message");
        assert!(message.contains(words), "{path} {shown}: {message}");
        assert!(reply["error"]["type"].is_string());
    }
    let (status, _) = server.post(text, &json!({ "prompt": "a", "max_tokens": 1 }));
    assert_eq!(status, 200);
}

#[test]
fn key_is_checked_and_required_for_public_address() {
    let server = tiny(&["--api-key", "secret"]);
    let body = json!({ "prompt": "a", "max_tokens": 1 }).to_string();
    for (header, status) in [
        (None, 401),
        (Some("Bearer wrong!"), 401),
        (Some("Bearer secret2"), 401),
        (Some("secret"), 401),
        (Some("Bearer secret"), 200),
    ] {
        let headers = header.map(|value| ("authorization", value));
        let headers: Vec<(&str, &str)> = headers.into_iter().collect();
        let (got, reply) = server.post_with("/v1/completions", &body, &headers);
        assert_eq!(got, status, "{header:?}: {reply}");
    }
    assert_eq!(server.get("/health").0, 200);
    assert_eq!(server.get("/metrics").0, 401);
    let model = family_arg(GGUF);
    let output = run(&["serve", &model, "--backend", "cpu", "--host", "0.0.0.0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("--api-key"), "{}", stderr(&output));
}

#[test]
fn pages_of_allowed_origins_may_send_a_key() {
    let server = tiny(&["--api-key", "secret", "--cors", "http://page.test"]);
    let allowed = |origin| server.preflight("/v1/models", origin, "authorization");
    assert_eq!(
        allowed("http://page.test"),
        [
            Some("http://page.test".into()),
            Some("authorization".into())
        ]
    );
    assert_eq!(allowed("http://other.test")[0], None);
}

#[test]
fn request_is_aborted_when_its_client_disconnects() {
    let (server, _shape) = endless(&["--batch", "2"]);
    // One client leaves during its answer; another has sent only part of its headers.
    let mut first = server.lines("/v1/completions", &long_answer());
    assert!(first.next().expect("a piece").starts_with("data: "));
    let mut half_open = TcpStream::connect(&server.address).expect("connects");
    half_open
        .write_all(b"POST /v1/completions HTTP/1.1\r\nHost:")
        .expect("writes");
    drop(first);
    server.wait_for_metric("llamaglass_requests_total{reason=\"disconnect\"} 1");
    server.wait_for_metric("llamaglass_requests_running 0");
    let short = json!({ "prompt": "a", "max_tokens": 3, "ignore_eos": true });
    assert_eq!(server.post("/v1/completions", &short).0, 200);
    // Its headers exceed the time limit.
    half_open
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("a timeout");
    let mut rest = Vec::new();
    half_open.read_to_end(&mut rest).expect("it is closed");
}

#[test]
fn clients_that_never_read_or_die_do_not_block_others() {
    let (server, _shape) = endless(&["--batch", "2", "--max-connections", "8"]);
    let ask = || server.post_unread("/v1/completions", &long_answer());
    let silent = ask();
    server.wait_for_metric("llamaglass_requests_running 1");
    // Dropping a socket with unread data resets the connection, as when a client's process is killed.
    let killed = ask();
    server.wait_for_metric("llamaglass_requests_running 2");
    std::thread::sleep(Duration::from_millis(300));
    drop(killed);
    server.wait_for_metric("llamaglass_requests_total{reason=\"disconnect\"} 1");
    let short = json!({ "prompt": "b", "max_tokens": 3, "ignore_eos": true });
    for _ in 0..3 {
        assert_eq!(server.post("/v1/completions", &short).0, 200);
    }
    drop(silent);
    server.wait_for_metric("llamaglass_requests_running 0");
    server.wait_for_metric("llamaglass_kv_blocks_used 0");
}

#[test]
fn oversized_headers_are_refused() {
    let server = tiny(&[]);
    let send = |header: String| {
        let mut stream = TcpStream::connect(&server.address).expect("connects");
        let request = format!(
            "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).expect("writes");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(send("X-A: b".into()).starts_with("HTTP/1.1 200"));
    let many: Vec<String> = (0..200).map(|n| format!("X-{n}: b")).collect();
    for header in [many.join("\r\n"), format!("X-A: {}", "b".repeat(200_000))] {
        let answer = send(header);
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    }
}

#[test]
fn answer_ends_at_max_seconds() {
    let (server, _shape) = endless(&["--max-seconds", "0.5"]);
    let body = json!({ "prompt": "a", "max_tokens": 1900, "ignore_eos": true, "temperature": 0 });
    let (status, answer) = server.post("/v1/completions", &body);
    assert_eq!(
        (status, &answer["choices"][0]["finish_reason"]),
        (200, &json!("length"))
    );
    assert!(
        answer["usage"]["completion_tokens"].as_u64() < Some(1900),
        "{answer}"
    );
    server.wait_for_metric("llamaglass_requests_total{reason=\"deadline\"} 1");
}

#[test]
fn full_queue_returns_429() {
    let (server, _shape) = endless(&["--batch", "1", "--max-queue", "1"]);
    let body = long_answer();
    let mut running = server.lines("/v1/completions", &body);
    running.next().expect("a piece");
    let _waits = server.lines("/v1/completions", &body);
    server.wait_for_metric("llamaglass_requests_waiting 1");
    let (status, reply) = server.post("/v1/completions", &json!({ "prompt": "a" }));
    assert_eq!(
        (status, &reply["error"]["code"]),
        (429, &json!("queue_full"))
    );
}

#[cfg(unix)]
#[test]
fn running_answers_finish_before_shutdown() {
    let (server, _shape) = endless(&[]);
    let body = json!({
        "prompt": "a", "max_tokens": 60, "ignore_eos": true, "stream": true, "temperature": 0,
        "stream_options": { "include_usage": true },
    });
    let mut lines = server.lines("/v1/completions", &body);
    lines.next().expect("a piece");
    let ending = std::thread::spawn(move || server.terminate());
    let rest: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
    assert_eq!(rest.last().map(String::as_str), Some("data: [DONE]"));
    let usage = &rest[rest.len() - 2];
    assert!(usage.contains("\"completion_tokens\":60"), "{usage}");
    assert_eq!(ending.join().expect("it ends"), Some(0));
}
