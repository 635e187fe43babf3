//! Fields that real clients of OpenAI's protocol send to `llamaglass serve`.

mod common;
#[path = "common/server.rs"]
mod server;

use std::path::Path;

use serde_json::{Value, json};
use server::{Server, tiny};

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

#[track_caller]
fn accepts(server: &Server, path: &str, more: &Value) -> Value {
    let (status, reply) = server.post(path, &body(path, more));
    assert_eq!(status, 200, "{more}: {reply}");
    reply
}

#[test]
fn harmless_values_are_accepted() {
    let server = tiny(&["--strict"]);
    let tool = json!({ "type": "function", "function": { "name": "f", "parameters": {} } });
    for more in [
        json!({ "stream_options": { "include_usage": true, "continuous_usage_stats": true } }),
        json!({ "stream_options": null, "n": null, "stop": null, "seed": null }),
        json!({ "tools": [], "tool_choice": "none", "parallel_tool_calls": false }),
        json!({ "tools": [tool], "tool_choice": "none" }),
        json!({ "functions": [], "function_call": "none", "response_format": { "type": "text" } }),
        json!({ "best_of": 1, "echo": false, "suffix": "", "logit_bias": {} }),
        json!({ "service_tier": "auto", "reasoning_effort": "low", "verbosity": "medium" }),
        json!({ "store": false, "metadata": { "run": "1" }, "user": "u", "modalities": ["text"] }),
        json!({ "prompt_cache_key": "k", "safety_identifier": "s" }),
        json!({ "min_tokens": 0, "skip_special_tokens": true, "use_beam_search": false }),
        json!({ "top_k": -1, "min_p": 0, "repetition_penalty": 1, "length_penalty": 1 }),
    ] {
        for path in [CHAT, TEXT] {
            accepts(&server, path, &more);
        }
    }
    let turns = json!({ "messages": [
        { "role": "developer", "content": "Be brief." },
        { "role": "user", "content": "Hi", "name": "a" },
        { "role": "assistant", "content": null, "tool_calls": null, "function_call": null },
        { "role": "user", "content": [{ "type": "text", "text": "Go on" }] },
    ] });
    accepts(&server, CHAT, &turns);
}

#[test]
fn values_that_the_server_cannot_honour_are_refused_by_name() {
    let server = tiny(&[]);
    let tool = json!({ "type": "function", "function": { "name": "f" } });
    for (more, name) in [
        (json!({ "tools": [tool] }), "tools"),
        (json!({ "tools": [tool], "tool_choice": "auto" }), "tools"),
        (json!({ "tool_choice": "required" }), "tool_choice"),
        (json!({ "best_of": 4 }), "best_of"),
        (json!({ "logit_bias": { "5": 10 } }), "logit_bias"),
        (json!({ "service_tier": "flex" }), "service_tier"),
        (json!({ "store": true }), "store"),
        (json!({ "min_tokens": 1 }), "min_tokens"),
        (json!({ "echo": true }), "echo"),
    ] {
        for path in [CHAT, TEXT] {
            let (status, reply) = server.post(path, &body(path, &more));
            assert_eq!((status, &reply["error"]["param"]), (400, &json!(name)));
            let message = reply["error"]["message"].as_str().expect("words");
            assert!(message.contains(name), "{message}");
        }
    }
    let calls = json!({ "messages": [
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "1" }] },
    ] });
    let (status, reply) = server.post(CHAT, &body(CHAT, &calls));
    assert_eq!(
        (status, &reply["error"]["param"]),
        (400, &json!("messages"))
    );
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
