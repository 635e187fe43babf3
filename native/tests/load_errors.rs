//! `llamaglass load` with invalid settings, and against servers that fail.

mod common;
#[path = "common/fake.rs"]
mod fake;
#[path = "common/load.rs"]
mod load;

use common::{assert_contains, split, stderr};
use fake::{Behaviour, Fake};
use load::Loaded;
use serde_json::Value;

#[test]
fn failed_requests_are_grouped_and_fail_the_run() {
    let fake = Fake::start(Behaviour::FailsEveryThird);
    let loaded = Loaded::run(
        &fake.url(),
        &split("--qps 30 --duration 1 --arrivals constant --no-self-test"),
    );
    loaded.ends_with(1);
    let result = loaded.result("30");
    assert_eq!(
        (&result["sent"], &result["completed"]),
        (&30.into(), &20.into())
    );
    let errors = result["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert_eq!(errors[0]["count"], 10);
    assert_eq!(
        errors[0]["words"],
        "HTTP 429: <script>alert(1)</script> full"
    );
    assert_eq!(result["client"]["floor"], Value::Null);
    // A server's texts are escaped in the report.
    let html = loaded.text("load.html");
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("<b>fake"), "{html}");
    assert!(html.contains("&lt;b&gt;fake&lt;/b&gt;"));
    assert!(html.contains("<svg"));
    for outside in ["src=", "href=", "@import", "url("] {
        assert!(
            !html.contains(outside),
            "the report is to need nothing: {outside}"
        );
    }
}

/// Returns the reason of the only error group in a run without any answer.
#[track_caller]
fn only_error(behaviour: Behaviour, words: &[&str]) -> String {
    let fake = Fake::start(behaviour);
    let own = ["--qps", "20", "--duration", "0.3", "--no-self-test"];
    let loaded = Loaded::run(&fake.url(), &[&own[..], words].concat());
    loaded.ends_with(1);
    let result = loaded.result("20");
    assert_eq!(result["completed"], 0);
    assert_eq!(result["errors"][0]["count"], 6, "{result}");
    assert_eq!(result["figures"]["from_send"]["e2e_ms"], Value::Null);
    result["errors"][0]["words"]
        .as_str()
        .expect("words")
        .to_owned()
}

#[test]
fn hanging_server_times_out() {
    let words = only_error(Behaviour::Hangs, &["--timeout", "0.5"]);
    assert_eq!(words, "no complete answer within 0.5 s");
}

#[test]
fn truncated_stream_is_an_error() {
    let words = only_error(Behaviour::ClosesInMidStream, &[]);
    assert_eq!(words, "the stream ended before the answer did");
}

#[test]
fn invalid_data_is_quoted_in_the_error() {
    let words = only_error(Behaviour::SaysNonsense, &[]);
    assert!(
        words.contains("invalid response") && words.contains("<html>"),
        "{words}"
    );
}

#[test]
fn wrong_key_is_reported_and_keys_are_not_written_to_files() {
    let words = only_error(Behaviour::FailsEveryThird, &["--api-key", "wrong-key"]);
    assert_eq!(words, "HTTP 401: no key");
    let fake = Fake::start(Behaviour::Answers {
        pieces: 1,
        each_ms: 1,
    });
    let words = ["--qps", "10", "--duration", "0.3", "--api-key", "let-me-in"];
    let loaded = Loaded::run(&fake.url(), &words);
    loaded.ends_with(0);
    for name in ["result_10_x.json", "load.csv", "load.html"] {
        assert!(!loaded.text(name).contains("let-me-in"), "{name}");
    }
}

#[test]
fn invalid_settings_are_refused_before_sending() {
    let said = |url: &str, words: &[&str]| {
        let loaded = Loaded::run(url, words);
        loaded.ends_with(1);
        stderr(&loaded.output)
    };
    let nobody = "http://127.0.0.1:1/v1";
    let none = said(nobody, &["--qps", "0.1", "--duration", "9"]);
    assert_contains(&none, "0.1 requests per second for 9 s give no requests");
    let twice = said(nobody, &["--qps", "1,2,1"]);
    assert!(twice.contains("--qps contains 1 twice"), "{twice}");
    let many = said(nobody, &["--qps", "1e9"]);
    assert!(many.contains("at most 1000000"), "{many}");
    let nobody = said(nobody, &["--qps", "1"]);
    assert_contains(&nobody, "http://127.0.0.1:1/v1/models can't be reached");
}
