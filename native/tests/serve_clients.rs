//! Fields that real clients of OpenAI's protocol send to `llamaglass serve`.

mod common;
#[path = "common/server.rs"]
mod server;

use std::path::Path;

use serde_json::{Value, json};
use server::tiny;

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "/v1/completions";
const IGNORED: &str = "x-llamaglass-ignored";

/// Returns the body of a short request to `path`, with more fields.
fn body(path: &str, more: &Value) -> Value {
    let mut body = json!({ "model": "tiny", "max_tokens": 2, "temperature": 0 });
    match path {
        CHAT => body["messages"] = json!([{ "role": "user", "content": "Hi" }]),
        _ => body["prompt"] = "Hi".into(),
    }
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    body
}

#[test]
fn unknown_fields_are_named_in_a_header_and_refused_with_strict() {
    let server = tiny(&["--cors", "http://page.test"]);
    let more = json!({ "top_a": 1, "user": "u", "x\r\ny": 2 });
    for path in [CHAT, TEXT] {
        for stream in [false, true] {
            let mut body = body(path, &more);
            body["stream"] = stream.into();
            let header = server.post_header(path, &body, &[], IGNORED);
            assert_eq!(header.as_deref(), Some("top_a, x??y"), "{path} {stream}");
        }
        let known = body(path, &json!({}));
        assert_eq!(server.post_header(path, &known, &[], IGNORED), None);
    }
    let origin = [("origin", "http://page.test")];
    let name = "access-control-expose-headers";
    let exposed = server.post_header(TEXT, &body(TEXT, &more), &origin, name);
    assert_eq!(exposed.as_deref(), Some(IGNORED));

    let strict = tiny(&["--strict"]);
    for more in [
        json!({ "top_a": 1 }),
        json!({ "stream_options": { "top_a": 1 } }),
    ] {
        let (status, reply) = strict.post(TEXT, &body(TEXT, &more));
        assert_eq!(status, 400, "{reply}");
        let message = reply["error"]["message"].as_str().expect("words");
        assert!(
            message.contains("top_a") && message.contains("--strict"),
            "{message}"
        );
    }
}

#[test]
fn every_piece_has_usage_when_requested() {
    let server = tiny(&[]);
    let more = json!({
        "stream": true, "max_tokens": 8, "ignore_eos": true,
        "stream_options": { "include_usage": true, "continuous_usage_stats": true },
    });
    for path in [CHAT, TEXT] {
        let pieces = server.stream(path, &body(path, &more));
        let counts: Vec<u64> = pieces
            .iter()
            .map(|piece| {
                piece["usage"]["completion_tokens"]
                    .as_u64()
                    .expect("a count")
            })
            .collect();
        assert!(counts.is_sorted(), "{counts:?}");
        assert_eq!(counts.last(), Some(&8), "{counts:?}");
        assert!(
            counts
                .iter()
                .filter(|count| (1..8).contains(*count))
                .count()
                > 1,
            "{counts:?}"
        );
        for piece in &pieces {
            let usage = &piece["usage"];
            let sum = usage["prompt_tokens"].as_u64().expect("a count")
                + usage["completion_tokens"].as_u64().expect("a count");
            assert_eq!(usage["total_tokens"], sum);
        }
        let plain = json!({ "stream": true, "stream_options": { "include_usage": true } });
        let pieces = server.stream(path, &body(path, &plain));
        let (last, before) = pieces.split_last().expect("pieces");
        assert!(last["usage"].is_object());
        assert!(before.iter().all(|piece| piece.get("usage").is_none()));
    }
}

#[test]
fn guidellm_request_bodies_are_answered() {
    let server = tiny(&["--strict"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/guidellm");
    for (file, path) in [("chat.json", CHAT), ("text.json", TEXT)] {
        let text = std::fs::read_to_string(folder.join(file)).expect("the fixture");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        let tokens = body.get("max_completion_tokens").or(body.get("max_tokens"));
        let tokens = tokens.expect("a length").as_u64();
        let pieces = server.stream(path, &body);
        let usage = &pieces.last().expect("pieces")["usage"];
        assert_eq!(usage["completion_tokens"].as_u64(), tokens, "{file}");
    }
}
