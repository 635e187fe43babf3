//! Tests of `llamaglass serve` over HTTP.

mod common;
#[path = "common/server.rs"]
mod server;

use common::{GGUF, case, family_arg};
use serde_json::{Value, json};
use server::{Server, tiny};

const GREEDY: &str = "llama-tied-gguf/reference/Q4_K_M/greedy.json";

fn text_of(choice: &Value) -> &str {
    let text = choice["message"]["content"].as_str();
    text.or(choice["text"].as_str()).expect("text")
}

/// Returns the joined text of a stream's choice `index`.
fn joined(pieces: &[Value], index: u64) -> String {
    let choices = pieces.iter().filter_map(|piece| piece["choices"].get(0));
    let own = choices.filter(|choice| choice["index"] == index);
    let text = |choice: &Value| {
        let text = choice["delta"]["content"].as_str();
        text.or(choice["text"].as_str())
            .unwrap_or_default()
            .to_owned()
    };
    own.map(text).collect()
}

#[test]
fn chat_matches_reference_greedy_text_whole_and_streamed() {
    let server = tiny(&[]);
    let case = case(GREEDY, "chat");
    let steps = case["ids"].as_array().expect("ids").len();
    let wanted = case["text_out"].as_str().expect("text");
    let body = json!({
        "model": "tiny", "messages": case["messages"], "temperature": 0, "max_tokens": steps,
    });
    let (status, whole) = server.post("/v1/chat/completions", &body);
    assert_eq!(status, 200, "{whole}");
    assert_eq!(text_of(&whole["choices"][0]), wanted);
    assert_eq!(whole["object"], "chat.completion");
    assert_eq!(whole["usage"]["completion_tokens"], steps);
    let timings = &whole["usage"]["timings"][0];
    assert!(
        timings["ttft_ms"].as_f64().expect("measured") > 0.0,
        "{timings}"
    );
    assert_eq!(timings["clock"]["source"], "monotonic");

    let mut streamed = body.clone();
    streamed["stream"] = true.into();
    streamed["stream_options"] = json!({ "include_usage": true, "include_timings": true });
    let pieces = server.stream("/v1/chat/completions", &streamed);
    assert_eq!(joined(&pieces, 0), wanted);
    assert_eq!(pieces[0]["choices"][0]["delta"]["role"], "assistant");
    let started = &pieces[1]["started"];
    assert_eq!(
        started["prompt_tokens"], whole["usage"]["prompt_tokens"],
        "{started}"
    );
    assert!(started["timing"]["clock"].is_object(), "{started}");
    let ids: Vec<&Value> = pieces
        .iter()
        .filter_map(|piece| piece["timing"].get("id"))
        .collect();
    let wanted: Vec<&Value> = case["ids"].as_array().expect("ids").iter().collect();
    assert_eq!(
        ids, wanted,
        "ids through the shell are those of the bare engine"
    );
    let (last, before) = pieces.split_last().expect("pieces");
    assert_eq!(last["usage"]["completion_tokens"], steps);
    assert_eq!(last["choices"], json!([]));
    let end = &before.last().expect("pieces")["choices"][0];
    assert_eq!(end["finish_reason"], whole["choices"][0]["finish_reason"]);
    assert!(
        pieces
            .iter()
            .all(|piece| piece["object"] == "chat.completion.chunk")
    );
}

#[test]
fn completions_return_n_answers_per_prompt() {
    let server = tiny(&[]);
    let body = json!({
        "prompt": ["The licence", "Once"], "n": 2, "max_tokens": 6, "seed": 5, "logprobs": 2,
        "temperature": 0.8, "ignore_eos": true,
    });
    let (status, whole) = server.post("/v1/completions", &body);
    assert_eq!(status, 200, "{whole}");
    let choices = whole["choices"].as_array().expect("choices");
    assert_eq!(choices.len(), 4);
    assert_eq!(whole["usage"]["completion_tokens"], 24);
    assert_ne!(text_of(&choices[0]), text_of(&choices[1]));
    for choice in choices {
        let logprobs = &choice["logprobs"];
        for list in ["tokens", "token_logprobs", "top_logprobs", "text_offset"] {
            assert_eq!(
                logprobs[list].as_array().map(Vec::len),
                Some(6),
                "{logprobs}"
            );
        }
        assert_eq!(choice["finish_reason"], "length");
    }
    // The same seed gives the same texts, also when all are streamed together.
    let mut streamed = body;
    streamed["stream"] = true.into();
    let pieces = server.stream("/v1/completions", &streamed);
    for (index, choice) in choices.iter().enumerate() {
        assert_eq!(joined(&pieces, index as u64), text_of(choice));
    }
}

#[test]
fn chat_honours_stop_strings_and_logprobs() {
    let server = tiny(&[]);
    let ask = |more: Value| {
        let mut body = json!({
            "messages": [{ "role": "user", "content": [{ "type": "text", "text": "Who?" }] }],
            "temperature": 0, "max_tokens": 12, "ignore_eos": true,
        });
        for (name, value) in more.as_object().expect("an object") {
            body[name] = value.clone();
        }
        let (status, reply) = server.post("/v1/chat/completions", &body);
        assert_eq!(status, 200, "{reply}");
        reply
    };
    let all = ask(json!({ "logprobs": true, "top_logprobs": 2 }));
    let entries = all["choices"][0]["logprobs"]["content"]
        .as_array()
        .expect("logprobs");
    assert_eq!(entries.len(), 12);
    for entry in entries {
        let top = entry["top_logprobs"].as_array().expect("top");
        assert_eq!(top.len(), 2);
        // Greedy decoding samples the most probable token.
        assert_eq!(top[0]["logprob"], entry["logprob"]);
    }
    let text = text_of(&all["choices"][0]);
    let middle: String = text.chars().skip(3).take(2).collect();
    let cut = ask(json!({ "stop": [middle] }));
    assert_eq!(cut["choices"][0]["finish_reason"], "stop");
    let (before, _) = text.split_once(&middle).expect("it is in there");
    assert_eq!(text_of(&cut["choices"][0]), before);
}

#[test]
fn study_protocol_gives_same_answer_whole_and_streamed() {
    let server = tiny(&[]);
    let body = json!({ "inputs": "The licence", "parameters": { "max_new_tokens": 5, "return_full_text": true } });
    let (status, whole) = server.post("/models/any-name/generate", &body);
    assert_eq!(status, 200, "{whole}");
    let tokens = whole["tokens"].as_array().expect("tokens");
    assert_eq!(whole["generated_tokens"], tokens.len());
    assert_eq!(whole["prefill"], json!([tokens[0]]));
    assert!(tokens[0]["logprob"].as_f64().expect("a number") < 0.0);
    let text = whole["generated_text"].as_str().expect("text");
    assert!(text.starts_with("The licence"));
    let pieces = server.stream("/models/tiny/generate_stream", &body);
    let (last, rest) = pieces.split_last().expect("pieces");
    assert_eq!(last["generated_text"], text);
    assert_eq!(rest.len(), tokens.len());
    for (piece, token) in rest.iter().zip(tokens) {
        assert_eq!(piece["token"]["id"], token["id"]);
    }
}

#[test]
fn models_tokenize_health_and_metrics_endpoints_respond() {
    let server = tiny(&[]);
    let (status, models) = server.get("/v1/models");
    let models: Value = serde_json::from_str(&models).expect("JSON");
    assert_eq!((status, &models["data"][0]["id"]), (200, &json!("tiny")));
    assert_eq!(server.get("/v1/models/tiny").0, 200);
    assert_eq!(server.get("/v1/models/other").0, 404);
    assert_eq!(server.get("/health"), (200, "ok".into()));
    let (_, tokens) = server.post(
        "/tokenize",
        &json!({ "prompt": "The licence", "add_special_tokens": false }),
    );
    assert_eq!(
        tokens["count"],
        tokens["tokens"].as_array().expect("ids").len()
    );
    let (_, text) = server.post("/detokenize", &json!({ "tokens": tokens["tokens"] }));
    assert_eq!(text["prompt"], "The licence");
    server.post(
        "/v1/completions",
        &json!({ "prompt": "a", "max_tokens": 3, "ignore_eos": true }),
    );
    server.wait_for_metric("llamaglass_completion_tokens_total 3");
    server.wait_for_metric("llamaglass_requests_total{reason=\"length\"} 1");
    server.wait_for_metric("llamaglass_ttft_seconds_count 1");
    server.wait_for_metric("llamaglass_itl_seconds_count 2");
    server.wait_for_metric("llamaglass_requests_running 0");
    server.wait_for_metric("llamaglass_kv_blocks_used 0");
}

#[test]
fn sampling_settings_out_of_range_are_refused_by_name() {
    let server = tiny(&[]);
    let completion = json!({ "prompt": "Once", "temperature": 9 });
    let study = json!({ "inputs": "a", "parameters": { "do_sample": true, "temperature": 9 } });
    for (path, body) in [
        ("/v1/completions", completion),
        ("/models/tiny/generate", study),
    ] {
        let (status, reply) = server.post(path, &body);
        assert_eq!(
            (status, &reply["error"]["param"]),
            (400, &json!("temperature"))
        );
        let message = &reply["error"]["message"];
        assert_eq!(
            message, "temperature must be between 0 and 2, not 9",
            "{path}"
        );
    }
}

#[test]
fn concurrent_requests_get_the_same_answers_as_single_ones() {
    let server = tiny(&["--batch", "3", "--policy", "balanced"]);
    let body = |n: usize| {
        json!({
            "prompt": format!("The licence {}", "says so ".repeat(n)), "max_tokens": 4 + n % 9,
            "temperature": 1.0, "seed": n, "ignore_eos": true,
        })
    };
    let ask = |n: usize| server.post("/v1/completions", &body(n)).1["choices"][0]["text"].clone();
    let alone: Vec<Value> = (0..12).map(ask).collect();
    let together: Vec<Value> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12).map(|n| scope.spawn(move || ask(n))).collect();
        asked
            .into_iter()
            .map(|one| one.join().expect("answered"))
            .collect()
    });
    assert_eq!(together, alone);
}

/// Covers byte-level and SentencePiece tokenizers; the weights are as good as random.
#[test]
fn answers_follow_json_schema_whole_and_streamed() {
    let schema = json!({
        "type": "object",
        "properties": {
            "on": { "type": "boolean" },
            "kind": { "enum": ["é", "日本", 7, null] },
            "word": { "type": "string", "maxLength": 5 },
        },
        "required": ["on", "kind", "word"],
        "additionalProperties": false,
    });
    let check = |text: &str, what: &str| {
        let value: Value =
            serde_json::from_str(text).unwrap_or_else(|e| panic!("{what}: {e}, {text}"));
        assert!(value["on"].is_boolean(), "{what}: {value}");
        let kinds = [json!("é"), json!("日本"), json!(7), Value::Null];
        assert!(kinds.contains(&value["kind"]), "{what}: {value}");
        let word = value["word"].as_str().expect("a word");
        assert!(word.chars().count() <= 5, "{what}: {value}");
        assert_eq!(
            value.as_object().map(|object| object.len()),
            Some(3),
            "{what}"
        );
    };
    for model in [GGUF, "llama2-tiny", "llama3-tiny"] {
        let folder = family_arg(model);
        let server = Server::start(&[&folder, "--backend", "cpu", "--batch", "2"]);
        let mut body = json!({
            "temperature": 1.1, "seed": 3, "n": 2, "max_tokens": 110,
            "response_format": { "type": "json_schema", "json_schema": {
                "name": "answer", "strict": true, "schema": schema,
            } },
        });
        for (path, ask, said) in [
            (
                "/v1/chat/completions",
                "messages",
                json!([{ "role": "user", "content": "Hi" }]),
            ),
            ("/v1/completions", "prompt", json!("Hi")),
        ] {
            let what = format!("{model} {path}");
            let mut body = body.clone();
            body[ask] = said;
            let (status, whole) = server.post(path, &body);
            assert_eq!(status, 200, "{what}: {whole}");
            body["stream"] = true.into();
            let pieces = server.stream(path, &body);
            for (index, choice) in whole["choices"]
                .as_array()
                .expect("choices")
                .iter()
                .enumerate()
            {
                check(text_of(choice), &what);
                assert_eq!(choice["finish_reason"], "stop", "{what}");
                assert_eq!(joined(&pieces, index as u64), text_of(choice), "{what}");
            }
        }
        body["prompt"] = "Hi".into();
        for (format, words) in [
            (
                json!({ "type": "json_schema", "json_schema": { "name": "a", "schema": { "not": {} } } }),
                "not",
            ),
            (
                json!({ "type": "json_schema", "json_schema": { "name": "a" } }),
                "response_format",
            ),
            (json!({ "type": "xml" }), "response_format"),
        ] {
            body["response_format"] = format;
            let (status, reply) = server.post("/v1/completions", &body);
            assert_eq!(status, 400, "{reply}");
            let message = reply["error"]["message"].as_str().expect("words");
            assert!(message.contains(words), "{message}");
        }
        body["response_format"] = json!({ "type": "json_object" });
        body["max_tokens"] = 3.into();
        let (status, cut) = server.post("/v1/completions", &body);
        assert_eq!(status, 200, "{cut}");
        let choice = &cut["choices"][0];
        assert!(text_of(choice).starts_with('{'), "{choice}");
        assert!(
            ["stop", "length"]
                .map(Value::from)
                .contains(&choice["finish_reason"])
        );
    }
}
