//! The study's client against `llamaglass serve`, written from the protocol's description.

mod common;
#[path = "common/server.rs"]
mod server;

use std::io::{BufRead, BufReader};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::{Server, tiny};
use ureq::Agent;

/// Number of tokens per answer.
const TOKENS: usize = 12;

/// An answer as the client receives it.
struct Answer {
    first_token: Duration,
    total: Duration,
    /// `data` of each line.
    pieces: Vec<Value>,
    ignored: Option<String>,
}

fn body(full_text: bool) -> Value {
    json!({
        "inputs": "The licence says",
        "parameters": {
            "do_sample": false, "max_new_tokens": TOKENS, "repetition_penalty": 1.0, "temperature": 0.8,
            "top_k": 3, "topk_k": 3, "top_p": 1.0, "return_full_text": full_text,
        },
        "return_protocol": "sse",
        "stream": true,
    })
}

/// Sends a request over its own connection, as the client's threads do.
fn ask(server: &Server, body: &Value) -> Answer {
    let agent = Agent::new_with_defaults();
    let begin = Instant::now();
    let request = agent.post(server.url("/models/llama2/generate_stream"));
    let request = request
        .header("content-type", "application/json")
        .header("accept", "*/*")
        .header("connection", "close");
    let response = request.send(body.to_string()).expect("an answer");
    let ignored = response.headers().get("x-llamaglass-ignored");
    let ignored = ignored.map(|names| names.to_str().expect("text").to_owned());
    let mut first_token = None;
    let mut pieces = Vec::new();
    for line in BufReader::new(response.into_body().into_reader()).lines() {
        let line = line.expect("UTF-8");
        if line.trim().is_empty() {
            continue;
        }
        first_token.get_or_insert_with(|| begin.elapsed());
        let mut piece: Value = serde_json::from_str(&line).expect("a line of JSON");
        assert_eq!(piece["event"], "message", "{piece}");
        assert_eq!(piece["retry"], 30_000, "{piece}");
        pieces.push(piece["data"].take());
    }
    Answer {
        first_token: first_token.expect("a token"),
        total: begin.elapsed(),
        pieces,
        ignored,
    }
}

fn joined(pieces: &[Value]) -> String {
    let texts = pieces.iter().map(|piece| &piece["generated_text"]);
    texts.map(|text| text.as_str().expect("text")).collect()
}

fn check_tokens(pieces: &[Value], what: &str) {
    for piece in pieces {
        assert!(piece["details"].is_null(), "{what}: {piece}");
        let tokens = piece["top_tokens"].as_array().expect("a list");
        for token in tokens.iter().chain([&piece["tokens"]]) {
            assert!(token["id"].is_u64(), "{what}: {piece}");
            assert!(
                token["logprob"].as_f64().is_some_and(|of| of <= 0.0),
                "{what}: {piece}"
            );
            assert!(token["special"].is_boolean(), "{what}: {piece}");
            assert!(token["text"].is_string(), "{what}: {piece}");
        }
        assert_eq!(piece["tokens"]["text"], piece["generated_text"], "{what}");
    }
}

#[test]
fn study_client_reads_complete_streams_at_every_stub_level() {
    for level in ["1", "2", "3", "4", "5", "6", "100"] {
        let server = tiny(&["--stub", level]);
        let answers: Vec<Answer> = thread::scope(|scope| {
            let asked: Vec<_> = (0..5)
                .map(|_| scope.spawn(|| ask(&server, &body(true))))
                .collect();
            let answers = asked.into_iter();
            answers.map(|one| one.join().expect("answered")).collect()
        });
        assert_eq!(answers.len(), 5, "level {level}");
        for answer in answers {
            let what = format!("level {level}");
            assert!(answer.first_token <= answer.total, "{what}");
            let (last, pieces) = answer.pieces.split_last().expect("pieces");
            check_tokens(pieces, &what);
            assert_eq!(last["generated_text"], joined(pieces), "{what}");
            assert_eq!(last["generated_tokens"], pieces.len(), "{what}");
            assert!(last["finish_reason"].is_string(), "{what}: {last}");
            assert!(last["seed"].is_u64(), "{what}: {last}");
            let tokens = pieces.iter().map(|piece| piece["tokens"].clone());
            assert_eq!(last["tokens"], tokens.collect::<Value>(), "{what}");
            assert_eq!(last["prefill"], json!([pieces[0]["tokens"]]), "{what}");
        }
    }
}

#[test]
fn first_token_arrives_long_before_the_last() {
    let (server, _shape) = server::endless(&[]);
    let mut long = body(false);
    long["parameters"]["max_new_tokens"] = 200.into();
    ask(&server, &long);
    let answer = ask(&server, &long);
    let (first, total) = (answer.first_token, answer.total);
    assert!(first < total / 2, "{first:?} of {total:?}");
}

#[test]
fn stream_has_only_tokens_without_return_full_text() {
    let server = tiny(&["--stub", "4"]);
    let answer = ask(&server, &body(false));
    assert_eq!(answer.pieces.len(), TOKENS);
    check_tokens(&answer.pieces, "tokens");
    let numbers: Vec<String> = (0..TOKENS).map(|number| format!("{number} ")).collect();
    assert_eq!(joined(&answer.pieces), numbers.concat());
}

#[test]
fn parameters_without_effect_are_named_in_a_header() {
    let server = tiny(&["--stub", "4", "--strict"]);
    let answer = ask(&server, &body(false));
    let ignored = answer.ignored.expect("a header");
    assert_eq!(ignored, "topk_k, temperature, top_k, top_p");
    let mut sampled = body(false);
    sampled["parameters"]["do_sample"] = true.into();
    assert_eq!(ask(&server, &sampled).ignored.as_deref(), Some("topk_k"));
}

#[test]
fn text_held_back_until_the_end_is_not_lost() {
    let server = tiny(&[]);
    let mut held = body(true);
    held["parameters"]["max_new_tokens"] = 6.into();
    let whole = ask(&server, &held);
    let text = joined(&whole.pieces[..6]);
    // The last character of the text begins a stop string that never completes.
    let last = text.chars().next_back().expect("text");
    held["parameters"]["stop"] = json!([format!("{last}never")]);
    let (end, pieces) = {
        let mut pieces = ask(&server, &held).pieces;
        (pieces.pop().expect("an end"), pieces)
    };
    assert_eq!(pieces.len(), 6);
    assert_eq!(joined(&pieces), text);
    assert_eq!(end["generated_text"], text);
}

#[test]
fn stream_is_server_sent_events_when_accept_header_asks() {
    let server = tiny(&[]);
    let path = "/models/any-name/generate_stream";
    let header = |accept: &str| {
        let headers = [("accept", accept)];
        server.post_header(path, &body(true), &headers, "content-type")
    };
    let events = Some("text/event-stream".to_owned());
    assert_eq!(header("application/json, text/event-stream;q=0.9"), events);
    let lines = Some("application/x-ndjson".to_owned());
    assert_eq!(header("*/*"), lines);
    let pieces = server.stream(path, &body(true));
    let (last, tokens) = pieces.split_last().expect("pieces");
    assert_eq!(tokens.len(), last["generated_tokens"]);
    assert!(tokens.iter().all(|piece| piece["token"]["id"].is_u64()));
}

#[test]
fn sampled_stream_has_the_most_probable_token_beside_its_own() {
    let server = tiny(&[]);
    let mut sampled = body(true);
    sampled["parameters"] = json!({
        "do_sample": true, "temperature": 2.0, "seed": 5, "max_new_tokens": TOKENS,
        "return_full_text": true,
    });
    let answer = ask(&server, &sampled);
    let (last, pieces) = answer.pieces.split_last().expect("pieces");
    assert_eq!(last["seed"], 5);
    check_tokens(pieces, "sampled");
    for piece in pieces {
        let top = piece["top_tokens"][0]["logprob"]
            .as_f64()
            .expect("a number");
        let own = piece["tokens"]["logprob"].as_f64().expect("a number");
        assert!(own <= top, "{piece}");
    }
}
