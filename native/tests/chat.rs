//! `llamaglass chat`, as used by people and scripts.

mod common;

use common::{
    BACKENDS, GGUF, args, assert_contains, case, command, family_arg, run, run_with_input,
    shape_arg, stderr, stdout, succeeds, tiny_shape,
};
use predicates::prelude::*;
use serde_json::Value;

const GREEDY: &str = "llama-tied-gguf/reference/Q4_K_M/greedy.json";

/// Returns the user's text of a case.
fn content(case: &Value) -> &str {
    case["messages"][0]["content"].as_str().expect("content")
}

#[test]
fn prompt_prints_only_the_reference_greedy_text() {
    let case = case(GREEDY, "chat");
    let steps = case["ids"].as_array().expect("ids").len().to_string();
    for backend in BACKENDS {
        let model = family_arg(GGUF);
        let words = [
            "chat",
            &model,
            "--prompt",
            content(&case),
            "--max-tokens",
            &steps,
        ];
        let output = run(&[&words[..], &["--backend", backend]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let expected = format!("{}\n", case["text_out"].as_str().expect("text"));
        assert_eq!(stdout(&output), expected, "{backend}");
        let named = predicate::str::contains(format!("backend  {backend} ("));
        assert!(named.eval(&stderr(&output)), "{}", stderr(&output));
    }
}

#[test]
fn raw_completion_ends_at_eos_id() {
    let case = case(GREEDY, "licence");
    let text = case["text"].as_str().expect("text");
    let out = case["text_out"].as_str().expect("text");
    let (expected, _) = out
        .split_once("<|eot_id|>")
        .expect("the case has an end id");
    let model = family_arg(GGUF);
    let words = args(&["chat", &model, "--prompt", text], "--backend cpu --raw");
    assert_eq!(succeeds(&words), format!("{expected}\n"));
    let read = run_with_input(
        &args(&["chat", &model], "--backend cpu --raw --prompt -"),
        text,
    );
    assert_eq!(stdout(&read), format!("{expected}\n"));
}

#[test]
fn hugging_face_layouts_match_reference_ids() {
    for folder in ["llama2-tiny", "llama3-tiny"] {
        let case = case(&format!("{folder}/reference/greedy.json"), "chat");
        let ids: Vec<u64> = serde_json::from_value(case["ids"].clone()).expect("ids");
        let until = case["first_eos"]
            .as_u64()
            .map_or(ids.len(), |at| at as usize + 1);
        let steps = ids.len().to_string();
        let model = family_arg(folder);
        let more = "--backend cpu";
        let words = args(&["chat", &model, "--prompt", content(&case)], more);
        let events = succeeds(&[&words[..], &["--max-tokens", &steps, "--json"]].concat());
        assert_eq!(token_ids(&events), ids[..until], "{folder}");
    }
}

/// Parses the events that `--json` prints.
fn events(text: &str) -> Vec<Value> {
    let events = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    events.collect()
}

fn token_ids(text: &str) -> Vec<u64> {
    let tokens = events(text)
        .into_iter()
        .filter(|event| event["type"] == "token");
    tokens
        .map(|event| event["id"].as_u64().expect("id"))
        .collect()
}

#[test]
fn json_prints_events_with_timing_from_queued_to_done() {
    let model = family_arg(GGUF);
    let more = "--backend cpu --prompt Hi --max-tokens 3";
    let words = args(&["chat", &model], more);
    let text = succeeds(&[&words[..], &["--json"]].concat());
    let events = events(&text);
    let types: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(types.first(), Some(&"queued"), "{types:?}");
    assert_eq!(types.last(), Some(&"done"), "{types:?}");
    let tokens = events.iter().filter(|event| event["type"] == "token");
    for token in tokens {
        let wall = token["timing"]["wall_ms"].as_f64().expect("wall time");
        let spans = token["timing"]["spans"].as_array().expect("spans");
        let booked: f64 = spans.iter().filter_map(|span| span[1].as_f64()).sum();
        assert!(wall > 0.0 && booked <= wall * 1.001, "{booked} of {wall}");
    }
    assert_eq!(events[events.len() - 1]["usage"]["completion_tokens"], 3);
}

#[test]
fn timing_prints_tokens_and_summary_on_stderr() {
    let model = family_arg(GGUF);
    let more = "--backend cpu --prompt Hi --max-tokens 4";
    let words = args(&["chat", &model], more);
    let output = run(&[&words[..], &["--timing=tokens"]].concat());
    let shown = stderr(&output);
    let all = "preprocess | forward | sampling | rest | tok/s | first token | p95 | clock";
    for part in all.split(" | ") {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!stdout(&output).contains("preprocess"));
    let plain = run(&words);
    assert!(
        !stderr(&plain).contains("preprocess"),
        "timing is off by default"
    );
}

#[test]
fn same_seed_repeats_text_and_other_seed_changes_it() {
    let model = family_arg(GGUF);
    let answer = |seed: &str| {
        let more = "--backend cpu --prompt Hi --max-tokens 12";
        let words = args(&["chat", &model], more);
        succeeds(&[&words[..], &["--temperature", "1", "--seed", seed]].concat())
    };
    assert_eq!(answer("7"), answer("7"));
    assert_ne!(answer("7"), answer("8"));
}

#[test]
fn stop_string_ends_answer_and_is_left_out() {
    let case = case(GREEDY, "chat");
    let model = family_arg(GGUF);
    let stop = " Work";
    let more = "--backend cpu";
    let words = args(
        &["chat", &model, "--prompt", content(&case), "--stop", stop],
        more,
    );
    let (before, _) = case["text_out"]
        .as_str()
        .and_then(|t| t.split_once(stop))
        .expect("has it");
    assert_eq!(succeeds(&words), format!("{before}\n"));
}

#[test]
fn conversation_reads_lines_and_commands() {
    let model = family_arg(GGUF);
    let words = ["chat", &model, "--backend", "cpu", "--max-tokens", "4"];
    let typed = "/help\n/set top_q 1\n/sing\n\nHi\n/timing on\n/regenerate\n/clear\n/regenerate\n/quit\nunheard\n";
    let output = run_with_input(&words, typed);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    let all = "/system TEXT | top_q | /sing | first token | no prompt to answer again";
    for part in all.split(" | ") {
        assert!(said.contains(part), "{part} in {said}");
    }
    let once = succeeds(&[&words[..], &["--prompt", "Hi"]].concat());
    let answers = stdout(&output);
    assert!(
        answers.contains(once.trim_end()),
        "{answers:?} has {once:?}"
    );
}

#[test]
fn model_without_chat_template_completes_raw_text() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let more = "--backend cpu --prompt abc";
    let words = args(&["chat", "--random-weights", &config], more);
    let output = run(&[&words[..], &["--max-tokens", "3"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    assert_contains(&stderr(&output), "no chat template");
}

#[cfg(unix)]
#[test]
fn ctrl_c_aborts_the_answer() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let more = "--backend cpu --prompt abc --json";
    let words = args(&["chat", "--random-weights", &config], more);
    let mut child = Command::new(command(&[]).get_program())
        .args(words)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
    let first = lines
        .by_ref()
        .map(|line| line.expect("reads"))
        .find(|line| line.contains("token"));
    assert!(first.is_some(), "no token came");
    common::send_signal(&child, "-INT");
    let last = lines
        .map(|line| line.expect("reads"))
        .last()
        .expect("events go on");
    let last: Value = serde_json::from_str(&last).expect("JSON");
    assert_eq!(last["type"], "done", "{last}");
    assert_eq!(last["finish_reason"], "abort", "{last}");
    assert_eq!(child.wait().expect("ends").code(), Some(130));
}

/// Runs in a terminal, where the line editor handles Ctrl-C too: the answer stops, the program continues.
#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_in_terminal_stops_only_the_answer() {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    let shape = tiny_shape();
    let program = command(&[]).get_program().to_string_lossy().into_owned();
    let config = shape_arg(&shape);
    // exec: a shell that waits for its child (dash does, bash does not) would itself be killed by Ctrl-C.
    let chat = format!("exec '{program}' chat --backend cpu --random-weights '{config}'");
    // script (from Debian's bsdutils) runs the command in a pseudo-terminal.
    let mut child = Command::new("script")
        .args(["-qec", &chat, "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script starts");
    let mut keys = child.stdin.take().expect("stdin");
    let mut screen = child.stdout.take().expect("stdout");
    let mut seen = Vec::new();
    let mut wait = |what: &str, mark: &dyn Fn(&str, usize) -> bool| {
        let from = seen.len();
        let mut some = [0; 4096];
        while !mark(&String::from_utf8_lossy(&seen[from..]), seen.len() - from) {
            let read = screen.read(&mut some).expect("reads");
            let text = String::from_utf8_lossy(&seen);
            assert!(read > 0, "{what} did not come in {text}");
            seen.extend_from_slice(&some[..read]);
        }
    };
    wait("the prompt", &|text, _| text.contains("Ctrl-D leaves"));
    for _ in 0..2 {
        keys.write_all(b"Hello\r").expect("types");
        // Far more than the editor's echo of five keys, far less than an answer of 2048 tokens.
        wait("text", &|_, len| len > 1000);
        keys.write_all(b"\x03").expect("types");
        wait("the stop", &|text, _| text.contains("(stopped)"));
    }
    keys.write_all(b"/quit\r").expect("types");
    drop(keys);
    let mut rest = Vec::new();
    screen.read_to_end(&mut rest).expect("reads");
    let status = child.wait().expect("ends");
    let rest = String::from_utf8_lossy(&rest);
    assert!(status.success(), "{status}: {rest}");
}

#[test]
fn answer_follows_json_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("schema.json");
    std::fs::write(
        &file,
        r#"{"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 2}"#,
    )
    .expect("writes");
    let file = file.to_string_lossy();
    let model = family_arg(GGUF);
    let more = "--backend cpu --prompt Hi --max-tokens 100";
    let words = args(&["chat", &model], more);
    let text = succeeds(&[&words[..], &["--json-schema", &file]].concat());
    let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e} in {text}"));
    assert_eq!(answer, serde_json::json!([null, null]));
    let output = run(&[&words[..], &["--json-schema", &model]].concat());
    assert!(!output.status.success());
    assert_contains(&stderr(&output), "is not JSON");
}
