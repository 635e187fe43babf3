//! `llamaglass load` against servers that answer.

mod common;
#[path = "common/fake.rs"]
mod fake;
#[path = "common/load.rs"]
mod load;
#[path = "common/schema.rs"]
mod schema;
#[path = "common/server.rs"]
mod server;

use common::{GGUF, args, assert_contains, family_arg, split, stderr, stdout};
use fake::{Behaviour, Fake};
use load::{Loaded, ms};
use serde_json::Value;
use server::Server;

#[test]
fn measures_known_delays() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 3,
        each_ms: 40,
    });
    let loaded = Loaded::run(
        &fake.url(),
        &split("--qps 8,20 --duration 1 --arrivals constant --max-tokens 3"),
    );
    loaded.ends_with(0);
    assert_eq!(fake.asked(), 28);
    let result = loaded.result("20");
    assert_eq!(
        (&result["requested"], &result["completed"]),
        (&20.into(), &20.into())
    );
    let figures = &result["figures"];
    // A busy machine may add time, but figures can't be below the known delays.
    assert!(
        (39.0..400.0).contains(&ms(figures, "/from_send/ttft_ms/p50")),
        "{figures}"
    );
    assert!(
        (35.0..300.0).contains(&ms(figures, "/itl_ms/p50")),
        "{figures}"
    );
    assert!(
        (155.0..800.0).contains(&ms(figures, "/from_schedule/e2e_ms/p50")),
        "{figures}"
    );
    assert!(ms(figures, "/from_schedule/e2e_ms/max") >= ms(figures, "/from_schedule/e2e_ms/p99"));
    assert!(
        (1100.0..4000.0).contains(&ms(figures, "/execution_ms")),
        "{figures}"
    );
    // Usage counts the end-of-sequence id, which has no text.
    assert_eq!(figures["tokens"], 80);
    assert_eq!(figures["server"]["queue_ms"], Value::Null);
    for request in result["requests"].as_array().expect("rows") {
        assert_eq!(request["pieces"], 3);
        assert_eq!(request["finish_reason"], "stop");
        assert_eq!(request["prompt_tokens"], 7);
    }
    // The figures can be recomputed from the requests' samples.
    let rows = result["requests"].as_array().expect("rows").iter();
    let late = rows.map(|row| ms(row, "/sent_ms") - ms(row, "/scheduled_ms"));
    let most = late.fold(0.0, f64::max);
    assert!((most - ms(figures, "/send_delay_ms/max")).abs() < 0.01);
    let floor = &result["client"]["floor"];
    assert_eq!(
        (&floor["requests"], &floor["pieces"]),
        (&20.into(), &3.into())
    );
    assert!(ms(floor, "/figures/from_send/e2e_ms/p50") < ms(figures, "/from_send/e2e_ms/p50"));
}

#[test]
fn result_matches_documented_schema() {
    let fake = Fake::start(Behaviour::FailsEveryThird);
    let loaded = Loaded::run(&fake.url(), &["--qps", "10", "--duration", "0.6", "--json"]);
    let schema = std::fs::read_to_string("../docs/load-result.schema.json").expect("the schema");
    let schema: Value = serde_json::from_str(&schema).expect("JSON");
    let file = loaded.result("10");
    assert_eq!(schema::violations(&schema, &file), None);
    // The schema does detect violations.
    let mut other = file.clone();
    other["figures"]["execution_ms"] = "soon".into();
    other["more"] = 1.into();
    let violations = schema::violations(&schema, &other).expect("violations");
    for word in ["'/figures/execution_ms'", "'more'"] {
        assert!(violations.contains(word), "{violations}");
    }
    // stdout has the same result and nothing else.
    let printed: Value = serde_json::from_str(&stdout(&loaded.output)).expect("only JSON");
    assert_eq!(printed["results"], Value::Array(vec![file]));
}

#[test]
fn unstreamed_answers_have_no_time_to_first_text() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 2,
        each_ms: 20,
    });
    let loaded = Loaded::run(
        &fake.url(),
        &["--qps", "10", "--duration", "0.5", "--whole"],
    );
    loaded.ends_with(0);
    let figures = &loaded.result("10")["figures"];
    assert_eq!(figures["from_send"]["ttft_ms"], Value::Null);
    assert_eq!(figures["itl_ms"], Value::Null);
    assert_eq!(figures["tokens"], 15);
    assert!(ms(figures, "/from_send/e2e_ms/p50") >= 39.0);
}

#[test]
fn slow_server_does_not_delay_sending() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 4,
        each_ms: 200,
    });
    let loaded = Loaded::run(
        &fake.url(),
        &split("--qps 30 --duration 1 --arrivals uniform --no-self-test"),
    );
    loaded.ends_with(0);
    let result = loaded.result("30");
    let rows = result["requests"].as_array().expect("rows");
    let sent_before = rows
        .iter()
        .filter(|row| ms(row, "/sent_ms") < ms(&rows[0], "/end_ms"));
    // An answer takes a second; a client that waited for it would have sent one request.
    assert!(sent_before.count() > 15, "{rows:?}");
}

#[test]
fn dataset_rows_are_sent_in_turn_and_invalid_ones_reported() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 1,
        each_ms: 1,
    });
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("d.jsonl");
    let arg = path.to_string_lossy().into_owned();
    std::fs::write(&path, "{\"q\": \"a\"}\n{\"q\": \"b\"}\n{\"q\": \"c\"}\n").expect("writes");
    let words = args(
        &[
            "--qps",
            "10",
            "--duration",
            "0.5",
            "--no-self-test",
            "--dataset",
            &arg,
        ],
        "--take 2",
    );
    let loaded = Loaded::run(&fake.url(), &[&words[..], &["--field", "q"]].concat());
    loaded.ends_with(0);
    let result = loaded.result("10");
    let rows = result["requests"].as_array().expect("rows").iter();
    let rows: Vec<u64> = rows.filter_map(|row| row["row"].as_u64()).collect();
    assert_eq!(rows, [0, 1, 0, 1, 0]);
    assert_eq!(result["settings"]["dataset_rows"], 2);
    let asked = fake.asked();
    let loaded = Loaded::run(&fake.url(), &words);
    loaded.ends_with(1);
    let said = stderr(&loaded.output);
    assert_contains(&said, "d.jsonl: line 1 has none of the fields");
    assert_eq!(fake.asked(), asked, "nothing is sent");
}

#[test]
fn own_server_reports_queue_and_token_times() {
    let model = family_arg(GGUF);
    let server = Server::start(&[&model, "--backend", "cpu", "--batch", "1"]);
    let words = split("--qps 20 --duration 0.5 --max-tokens 6 --ignore-eos --take 3");
    let loaded = Loaded::run(&server.url("/v1"), &words);
    loaded.ends_with(0);
    let result = loaded.result("20");
    let figures = &result["figures"];
    assert_eq!(figures["tokens"], 60);
    assert_eq!(figures["server"]["queue_ms"]["count"], 10);
    assert_eq!(figures["server"]["itl_ms"]["count"], 50);
    let server_ttft = ms(figures, "/server/ttft_ms/p50");
    assert!(server_ttft > 0.0 && server_ttft < ms(figures, "/from_send/e2e_ms/max"));
    assert_eq!(result["server_clock"]["source"], "monotonic");
    assert_eq!(result["server_card"]["llamaglass"]["backend"], "cpu");
    assert_eq!(result["settings"]["timings"], true);

    // The study's protocol gives the same.
    let words = [&words[..6], &["--protocol", "study", "--no-self-test"]].concat();
    for form in ["--stream", "--whole"] {
        let loaded = Loaded::run(&server.url("/v1"), &[&words[..], &[form]].concat());
        loaded.ends_with(0);
        let figures = &loaded.result("20")["figures"];
        assert!(
            figures["tokens"].as_u64().is_some_and(|tokens| tokens > 10),
            "{figures}"
        );
        assert_eq!(figures["server"]["queue_ms"]["count"], 10, "{figures}");
        assert_eq!(figures["itl_ms"].is_null(), form == "--whole");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_stops_sending_and_writes_results_so_far() {
    let fake = Fake::start(Behaviour::Answers {
        pieces: 1,
        each_ms: 1,
    });
    let out = tempfile::tempdir().expect("a folder");
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("llamaglass"))
        .args([
            "load",
            "--url",
            &fake.url(),
            "--qps",
            "10,20",
            "--duration",
            "60",
        ])
        .args(["--arrivals", "constant", "--no-self-test", "--out"])
        .arg(out.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("it starts");
    while fake.asked() < 5 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    common::send_signal(&child, "-INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let result = std::fs::read_to_string(out.path().join("result_10_x.json")).expect("a result");
    let result: Value = serde_json::from_str(&result).expect("JSON");
    assert_eq!(result["interrupted"], true);
    assert_eq!(result["requested"], 600);
    assert!(
        result["completed"]
            .as_u64()
            .is_some_and(|count| (4..600).contains(&count))
    );
    assert!(out.path().join("load.html").exists());
    assert!(!out.path().join("result_20_x.json").exists());
}

#[test]
fn report_names_the_stub_level() {
    let server = server::tiny(&["--stub", "4"]);
    let words = split("--qps 20 --duration 0.5 --max-tokens 6 --no-self-test");
    let loaded = Loaded::run(&server.url("/v1"), &words);
    loaded.ends_with(0);
    assert_eq!(loaded.result("20")["figures"]["tokens"], 60);
    let html = std::fs::read_to_string(loaded.out.path().join("load.html")).expect("a report");
    assert!(html.contains("4: the path of requests ends"), "{html}");
}
