//! `llamaglass lab`: experiments through threads, text and HTTP, and `lab all`.

mod common;
#[path = "common/lab.rs"]
mod lab;
#[path = "common/schema.rs"]
mod schema;

use std::sync::PoisonError;

use common::{args, family_arg, json, run, shape_arg, split, stderr, tiny_shape};
use lab::{MODEL, Ran, close, lab, number, read};
use serde_json::{Value, json};

#[test]
fn ladder_compares_every_layer_with_the_one_below() {
    let words = ["--backend", "cpu", "--lengths", "1,4", "--repeats", "3"];
    let Ran { result, .. } = lab("ladder", &words);
    let layers = result["layers"].as_array().expect("layers");
    let names: Vec<&str> = layers
        .iter()
        .filter_map(|layer| layer["name"].as_str())
        .collect();
    assert_eq!(
        names,
        ["bare", "thread", "text", "scheduler", "stream", "http"]
    );
    assert!(layers[0]["excess"].is_null());
    for pair in layers.windows(2) {
        let pairs = pair[1]["excess"]["pairs"].as_array().expect("pairs");
        assert_eq!(pairs.len(), 3);
        // The first of each pair is the layer below.
        let mut below: Vec<f64> = pairs.iter().map(|pair| number(pair, "/0")).collect();
        below.sort_by(f64::total_cmp);
        close(
            below[1],
            number(&pair[0], "/ms_per_token/median"),
            "the layer below",
        );
    }
}

#[test]
fn load_sends_rate_times_duration_requests() {
    let words = split("--backend cpu --qps 7,20 --duration 0.5 --max-tokens 3");
    let Ran { result, folder } = lab("load", &words);
    let runs = result["runs"].as_array().expect("runs");
    for (run, (requests, file)) in runs
        .iter()
        .zip([(3, "result_7_x.json"), (10, "result_20_x.json")])
    {
        assert_eq!(
            [&run["requested"], &run["completed"]],
            [&json!(requests), &json!(requests)]
        );
        assert_eq!(run["tokens"], 3 * requests);
        let own: Value = serde_json::from_str(&read(folder.path(), file)).expect("JSON");
        assert_eq!(own["figures"]["from_schedule"]["e2e_ms"], run["e2e_ms"]);
    }
}

#[test]
fn load_in_study_protocol_measures_first_token_times() {
    let words = ["--backend", "cpu", "--protocol", "study"];
    let more = ["--qps", "20", "--duration", "0.25", "--max-tokens", "3"];
    let Ran { result, folder } = lab("load", &[&words[..], &more].concat());
    let run = &result["runs"][0];
    assert_eq!([&run["completed"], &run["tokens"]], [&json!(5), &json!(15)]);
    assert!(number(run, "/ttft_ms/p50") > 0.0);
    let own: Value = serde_json::from_str(&read(folder.path(), "result_20_x.json")).expect("JSON");
    assert_eq!(own["settings"]["protocol"], "study");
}

#[test]
fn simulated_scheduler_matches_measured_duration() {
    let words = ["--backend", "cpu", "--take", "12"];
    let Ran { result, .. } = lab("simulate", &words);
    let run = &result["scheduler"];
    assert_eq!(run["stub"], 99);
    assert_eq!(run["measured"]["completed"], 12);
    let error = number(run, "/execution_error_percent");
    assert!(error.abs() <= 5.0, "{error} %: {run:#}");
    let measured = number(run, "/measured/execution_s");
    let simulated = number(run, "/simulated_execution_s");
    close(error, (simulated / measured - 1.0) * 100.0, "the error");
}

#[test]
fn stub_runs_every_level_under_every_load() {
    let words = split("--backend cpu --loads 20/0.2,40/0.1 --repeats 4 --max-tokens 2");
    let Ran { result, folder } = lab("stub", &words);
    let cells = result["cells"].as_array().expect("cells");
    assert_eq!(cells.len(), 8 * 2 * 2);
    for cell in cells {
        assert_eq!(cell["requested"], 4);
        assert_eq!(cell["completed"], json!([4, 4, 4, 4]));
        let mut runs: Vec<f64> = (0..4)
            .map(|run| number(cell, &format!("/execution_s/{run}")))
            .collect();
        runs.sort_by(f64::total_cmp);
        close(number(cell, "/min_s"), runs[0], "min");
        close(
            number(cell, "/median_s"),
            f64::midpoint(runs[1], runs[2]),
            "median",
        );
    }
    // The whole model takes longer than a stub without it.
    let levels = result["levels"].as_array().expect("levels");
    assert_eq!(levels.len(), 16);
    let ms = |level: u64| {
        let found = levels
            .iter()
            .find(|of| of["level"] == level && of["stream"] == true);
        number(found.expect("measured"), "/request_ms/median")
    };
    assert!(ms(100) > ms(4), "{} {}", ms(100), ms(4));
    assert_eq!(read(folder.path(), "stub.csv").lines().count(), 33);
}

#[test]
fn all_experiments_make_one_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let shape = tiny_shape();
    let _alone = lab::ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let words = [
        "lab",
        "all",
        "--random-weights",
        &shape_arg(&shape),
        "--backend",
        "wgpu",
    ];
    let all = json(&[&words[..], &["--json", "--take", "4", "--out", &out]].concat());
    let results = all["results"].as_array().expect("results");
    let names: Vec<&str> = results
        .iter()
        .filter_map(|of| of["experiment"].as_str())
        .collect();
    let wanted = [
        "stats", "bare", "ladder", "load", "parity", "chain", "ablate", "simulate", "stub",
        "kernels",
    ];
    assert_eq!(names, wanted, "{}", all["left_out"]);
    results.iter().for_each(lab::check);
    let summary = &all["summary"];
    for finding in summary["findings"].as_array().expect("findings") {
        lab::check_finding(summary, finding);
    }
    let bars: Vec<&str> = summary["token"]
        .as_array()
        .expect("bars")
        .iter()
        .filter_map(|bar| bar["name"].as_str())
        .collect();
    assert!(
        bars.contains(&"bare") && bars.contains(&"shell"),
        "{bars:?}"
    );
    assert!(summary["roofline_share"].is_number());
    let html = read(folder.path(), "report.html");
    for name in names {
        assert!(
            folder.path().join(format!("{name}.html")).is_file(),
            "{name}"
        );
        assert!(
            html.contains(&format!("id=\"{name}\"")),
            "{name} in the report"
        );
    }
    let lab: Value = serde_json::from_str(&read(folder.path(), "lab.json")).expect("JSON");
    assert_eq!(lab["results"], all["results"]);
}

#[test]
fn committed_example_matches_schema_and_its_findings() {
    let text = std::fs::read_to_string("../docs/lab-example/lab.json").expect("the example");
    let example: Value = serde_json::from_str(&text).expect("JSON");
    let results = example["results"].as_array().expect("results");
    assert_eq!(results.len(), 10);
    results.iter().for_each(lab::check);
    for finding in example["summary"]["findings"].as_array().expect("findings") {
        lab::check_finding(&example["summary"], finding);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_experiment() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let (folder, shape) = (tempfile::tempdir().expect("a folder"), tiny_shape());
    let out = folder.path().to_string_lossy().into_owned();
    let shape = shape_arg(&shape);
    let more = "--backend cpu";
    let words = args(&["lab", "bare", "--random-weights", &shape], more);
    let more = ["--take", "64", "--tokens", "400", "--out", &out];
    let mut child = std::process::Command::new(assert_cmd::cargo::cargo_bin("llamaglass"))
        .args([&words[..], &more].concat())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let said = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut lines = said.lines().map(|line| line.expect("UTF-8"));
    assert!(lines.any(|line| line.starts_with("loaded")), "it loads");
    common::send_signal(&child, "-INT");
    let rest: Vec<String> = lines.collect();
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line == "stopped"), "{rest:?}");
    assert!(!folder.path().join("bare.json").exists());
}

#[test]
fn invalid_flags_are_refused_before_loading() {
    let model = family_arg(MODEL);
    let fault = |words: &[&str]| {
        let output = run(&[&["lab"], words].concat());
        assert!(!output.status.success(), "{words:?}");
        stderr(&output)
    };
    assert!(fault(&["bares", &model]).contains("unrecognized subcommand"));
    assert!(fault(&["chain", &model, "--with", "logs"]).contains("unknown switch"));
    assert!(fault(&["bare", "no-such-model"]).contains("no-such-model"));
    let file = format!("{model}/x");
    assert!(fault(&["stats", &model, "--out", &file]).contains("can't be made"));
    assert!(fault(&["stats", &model, "--dataset", "no.json"]).contains("no.json"));
}
