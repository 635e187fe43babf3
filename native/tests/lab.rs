//! `llamaglass lab`: what each experiment says, against what was put in.

mod common;
#[path = "common/lab.rs"]
mod lab;
#[path = "common/schema.rs"]
mod schema;

use std::fs;
use std::sync::PoisonError;

use common::{BACKENDS, family_arg, json, run, shape_arg, stderr, stdout, tiny_shape};
use lab::{MODEL, Ran, lab, lab_on, number, read};
use serde_json::{Value, json};

fn close(a: f64, b: f64, what: &str) {
    assert!(
        (a - b).abs() <= 1e-9 * b.abs().max(1.0),
        "{what}: {a}, not {b}"
    );
}

/// A dataset whose texts have known lengths for a tokenizer of bytes.
fn dataset(folder: &std::path::Path, lengths: &[(usize, usize)]) -> String {
    let rows: Vec<Value> = lengths
        .iter()
        .map(|(input, output)| json!({ "instruction": "a".repeat(*input), "output": "b".repeat(*output) }))
        .collect();
    let path = folder.join("known.json");
    fs::write(&path, Value::from(rows).to_string()).expect("writes");
    path.to_string_lossy().into_owned()
}

#[test]
fn the_committed_schema_is_that_of_the_results() {
    let generated = schemars::schema_for!(llamaglass_engine::lab::LabResult);
    let generated = serde_json::to_value(&generated).expect("JSON");
    if std::env::var_os("LLAMAGLASS_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&generated).expect("JSON");
        fs::write("../docs/lab-result.schema.json", text + "\n").expect("writes");
    }
    assert_eq!(
        lab::schema(),
        generated,
        "run this test with LLAMAGLASS_BLESS=1 where the change is meant"
    );
}

#[test]
fn stats_are_those_computed_by_hand() {
    let shape = tiny_shape();
    let data = dataset(shape.path(), &[(2, 10), (4, 12), (4, 10), (9, 20)]);
    let words = [
        "stats",
        "--random-weights",
        &shape_arg(&shape),
        "--dataset",
        &data,
    ];
    let Ran { result, folder } = lab_on(&words);
    let input = &result["input_tokens"];
    assert_eq!(
        [&input["max"], &input["min"], &input["mode"]],
        [&json!(9), &json!(2), &json!(4)]
    );
    close(number(input, "/mean"), 4.75, "mean");
    close(number(input, "/median"), 4.0, "median");
    // Squares of -2.75, -0.75, -0.75, 4.25 over four.
    close(number(input, "/variance"), 6.6875, "variance");
    close(number(input, "/std"), 6.6875f64.sqrt(), "std");
    let output = &result["output_tokens"];
    assert_eq!([&output["max"], &output["mode"]], [&json!(20), &json!(10)]);
    assert_eq!(result["longest"], 29);
    assert_eq!(read(folder.path(), "stats.csv").lines().count(), 5);
}

#[test]
fn the_studys_queue_is_the_one_computed_by_hand() {
    let shape = tiny_shape();
    let data = dataset(shape.path(), &[(2, 100), (4, 10), (4, 10)]);
    let words = [
        "simulate",
        "--random-weights",
        &shape_arg(&shape),
        "--dataset",
        &data,
    ];
    let more = ["--ms-per-token", "27", "--qps", "0.625"];
    let Ran { result, .. } = lab_on(&[&words[..], &more].concat());
    close(number(&result, "/infer_s"), 3.24, "infer_s");
    close(number(&result, "/bubble_s"), 2.66, "bubble_s");
    close(number(&result, "/total_s"), 3.24, "total_s");
    close(number(&result, "/max_wait_s"), 2.7, "max_wait_s");
}

#[test]
fn bare_adds_up_and_has_as_many_tokens_as_asked() {
    for backend in BACKENDS {
        let words = ["--backend", backend, "--take", "4", "--tokens", "6"];
        let Ran { result, folder } = lab("bare", &words);
        let rows = result["rows"].as_array().expect("rows");
        assert_eq!((rows.len(), &result["output_tokens"]), (4, &json!(24)));
        let total: f64 = rows.iter().map(|row| number(row, "/total_ms")).sum();
        close(number(&result, "/total_ms"), total, "total_ms");
        close(
            number(&result, "/ms_per_token"),
            total / 24.0,
            "ms_per_token",
        );
        for row in rows {
            let parts = ["encode_ms", "prefill_ms", "decode_ms", "detokenize_ms"];
            let sum: f64 = parts
                .iter()
                .map(|part| number(row, &format!("/{part}")))
                .sum();
            let whole = number(row, "/total_ms");
            assert!(sum <= whole && sum > 0.8 * whole, "{sum} of {whole}: {row}");
        }
        assert_eq!(result["machine"]["backend"], backend);
        assert_eq!(read(folder.path(), "bare.csv").lines().count(), 5);
    }
}

#[test]
fn without_a_flag_answers_are_as_long_as_the_references() {
    let model = family_arg(MODEL);
    let Ran { result, .. } = lab("bare", &["--backend", "flex", "--take", "5"]);
    let stats = lab("stats", &["--take", "5"]).result;
    let wanted = stats["lengths"].as_array().expect("rows");
    for (row, wanted) in result["rows"].as_array().expect("rows").iter().zip(wanted) {
        assert_eq!(row["output_tokens"], wanted[1], "{model}");
    }
    assert!(result["fit"]["slope"].is_number());
}

#[test]
fn every_layer_answers_and_is_compared_with_the_one_below() {
    let words = ["--backend", "flex", "--lengths", "1,4", "--repeats", "3"];
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
fn a_load_is_as_many_requests_as_the_rate_and_the_time() {
    let words = [
        "--backend",
        "flex",
        "--qps",
        "7,20",
        "--duration",
        "0.5",
        "--max-tokens",
        "3",
    ];
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
fn logits_are_those_of_the_reference_and_ids_those_of_the_bare_engine() {
    for backend in BACKENDS {
        let words = ["--backend", backend, "--take", "2", "--tokens", "5"];
        let Ran { result, folder } = lab("parity", &words);
        assert_eq!(
            (&result["pass"], &result["same_ids"]),
            (&json!(true), &json!(2))
        );
        assert!(number(&result, "/max_abs") <= 5e-3);
        for row in result["rows"].as_array().expect("rows") {
            let ids = row["ids"].as_u64().expect("a count");
            let mut wanted: Vec<u64> = (0..ids).step_by(100).collect();
            if wanted.last() != Some(&(ids - 1)) {
                wanted.push(ids - 1);
            }
            assert_eq!(row["positions"], json!(wanted));
        }
        // What was frozen is used again, and a logit that is another is found.
        let frozen = folder.path().join("parity/reference");
        let path = frozen.join("row-1.f32");
        let mut bytes = fs::read(&path).expect("logits");
        let first = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) + 0.5;
        bytes[..4].copy_from_slice(&first.to_le_bytes());
        fs::write(&path, bytes).expect("writes");
        let model = family_arg(MODEL);
        let out = folder.path().join("again").to_string_lossy().into_owned();
        let reference = frozen.to_string_lossy().into_owned();
        let all = [
            &[
                "lab",
                "parity",
                &model,
                "--json",
                "--out",
                &out,
                "--reference",
                &reference,
            ],
            &words[..],
        ];
        let output = run(&all.concat());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let result: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert!((number(&result, "/rows/0/max_abs") - 0.5).abs() < 1e-2);
        assert_eq!(result["rows"][0]["within"], false);
    }
}

#[test]
fn a_chain_names_eager_formatting_and_what_it_costs() {
    let words = [
        "--take",
        "5",
        "--tokens",
        "8",
        "--with",
        "eager-logs",
        "--log-ms",
        "7",
    ];
    for backend in BACKENDS {
        let Ran { result, .. } = lab("chain", &[&["--backend", backend], &words[..]].concat());
        let worst = &result["diff"]["spans"][0];
        assert_eq!(worst["path"], json!(["decode", "preprocess", "plan"]));
        let growth = number(worst, "/growth_each_ms");
        assert!((growth - 7.0).abs() <= 0.7, "{backend}: {growth}");
        let text = result["findings"][0]["text"].as_str().expect("a text");
        assert!(text.starts_with("plan of decode grew most: by 7"), "{text}");
        let spans = number(&result, "/tree/total_ms");
        let residue = number(&result, "/residue_ms");
        assert!(
            residue.abs() < 0.1 * spans,
            "{backend}: {residue} of {spans}"
        );
    }
}

#[test]
fn a_chain_names_padding_and_what_it_costs() {
    // On the CPU the arithmetic of a step is booked as encode; on a device it is waited for.
    let shape = tiny_shape();
    let data = dataset(shape.path(), &[(40, 4), (41, 4), (42, 4), (43, 4), (44, 4)]);
    for (backend, span) in [("flex", "encode"), ("wgpu", "gpu")] {
        let words = [
            "chain",
            "--random-weights",
            &shape_arg(&shape),
            "--backend",
            backend,
        ];
        let more = ["--dataset", &data, "--tokens", "3", "--context", "2048"];
        let with = ["--with", "pad-to-max", "--pad-to", "2000"];
        let Ran { result, .. } = lab_on(&[&words[..], &more, &with].concat());
        let worst = &result["diff"]["spans"][0];
        assert_eq!(
            worst["path"],
            json!(["prefill", "forward", span]),
            "{backend}"
        );
        assert_eq!(worst["positions"][1], 2000.0, "{backend}: {worst}");
        // What the request takes longer is what is named.
        let finding = &result["findings"][0];
        let cost = number(finding, "/numbers/0/value");
        let whole = number(&result, "/diff/request/difference/median");
        assert!(
            (cost / whole - 1.0).abs() < 0.1,
            "{backend}: {cost} of {whole}"
        );
        let text = finding["text"].as_str().expect("a text");
        assert!(text.starts_with("prefill grew most: by "), "{text}");
        let named = "with 2,000 positions computed instead of 42";
        assert!(
            text.contains(named) && text.contains(&format!("; {span} is ")),
            "{text}"
        );
    }
}

#[test]
fn every_switch_is_measured_in_pairs_with_the_same_answers() {
    let words = [
        "--prompt-tokens",
        "12",
        "--gen-tokens",
        "4",
        "--repeats",
        "3",
        "--batch",
        "2",
    ];
    for backend in BACKENDS {
        let Ran { result, .. } = lab("ablate", &[&["--backend", backend], &words[..]].concat());
        let switches = result["switches"].as_array().expect("switches");
        let names = |list: &[Value], key: &str| {
            let names = list
                .iter()
                .filter_map(|of| of[key].as_str().map(str::to_owned));
            names.collect::<Vec<String>>()
        };
        let mut measured = names(switches, "switch");
        measured.sort();
        let wanted: &[&str] = match backend {
            "flex" => &[
                "batch",
                "concatenated-cache",
                "eager-logs",
                "pad-to-max",
                "worker",
            ],
            _ => &[
                "batch",
                "concatenated-cache",
                "eager-logs",
                "host-pick",
                "no-replay",
                "pad-to-max",
                "readback-depth",
                "worker",
            ],
        };
        assert_eq!(measured, wanted, "{backend}: {}", result["left_out"]);
        for of in switches {
            assert_eq!(of["same_answers"], true, "{of}");
            assert_eq!(of["whole_ms"]["pairs"].as_array().map(Vec::len), Some(3));
        }
        let padded = switches
            .iter()
            .find(|of| of["switch"] == "pad-to-max")
            .expect("measured");
        assert_eq!(padded["per_request_ms"]["verdict"], "slower", "{padded}");
    }
}

#[test]
fn the_simulated_scheduler_ends_when_the_measured_one_does() {
    let words = ["--backend", "flex", "--take", "12"];
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
fn every_stub_level_is_run_under_every_load_streamed_and_whole() {
    let words = [
        "--backend",
        "flex",
        "--loads",
        "20/0.2,40/0.1",
        "--repeats",
        "4",
        "--max-tokens",
        "2",
    ];
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
    // The whole model takes longer than none of it.
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
fn kernels_add_up_to_their_step_and_layers_to_the_kernels() {
    let words = [
        "--backend",
        "wgpu",
        "--prompt-tokens",
        "20",
        "--repeats",
        "2",
        "--layers",
    ];
    let Ran { result, .. } = lab("kernels", &words);
    let steps = result["steps"].as_array().expect("steps");
    assert_eq!(steps.len(), 2);
    for step in steps {
        let rows = step["kernels"].as_array().expect("kernels");
        let sum: f64 = rows.iter().map(|row| number(row, "/device_ms")).sum();
        close(number(step, "/kernels_ms"), sum, "kernels");
        let shares: f64 = rows.iter().map(|row| number(row, "/share")).sum();
        close(shares, 1.0, "shares");
        let layers = step["profile"]["layers"].as_array().expect("layers");
        let of_layers: f64 = layers.iter().map(|layer| number(layer, "/ms")).sum();
        assert!((of_layers / sum - 1.0).abs() < 1e-6, "{of_layers} {sum}");
        let plain = number(step, "/profile/plain/wall_ms");
        let profiled = number(step, "/profile/profiled/wall_ms");
        close(
            number(step, "/profiler_cost_percent"),
            (profiled / plain - 1.0) * 100.0,
            "the profiler's cost",
        );
        let row = &rows[0];
        close(
            number(row, "/gb_s"),
            number(row, "/bytes") / number(row, "/device_ms") / 1e6,
            "GB/s",
        );
    }
    let model = family_arg(MODEL);
    let here = run(&[
        "lab",
        "kernels",
        &model,
        "--backend",
        "flex",
        "--out",
        "/dev/null/x",
    ]);
    assert!(!here.status.success());
}

#[test]
fn kernels_of_a_cpu_are_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let output = run(&[
        "lab",
        "kernels",
        &family_arg(MODEL),
        "--backend",
        "flex",
        "--out",
        &out,
    ]);
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("kernels can't be measured here"), "{said}");
}

#[test]
fn all_of_them_make_one_report() {
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

#[cfg(unix)]
#[test]
fn ctrl_c_ends_an_experiment() {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    let (folder, shape) = (tempfile::tempdir().expect("a folder"), tiny_shape());
    let out = folder.path().to_string_lossy().into_owned();
    let shape = shape_arg(&shape);
    let words = [
        "lab",
        "bare",
        "--random-weights",
        &shape,
        "--backend",
        "flex",
    ];
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
    let id = child.id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(killed.expect("kill is there").success());
    let rest: Vec<String> = lines.collect();
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line == "stopped"), "{rest:?}");
    assert!(!folder.path().join("bare.json").exists());
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_loaded() {
    let model = family_arg(MODEL);
    let fault = |words: &[&str]| {
        let output = run(&[&["lab"], words].concat());
        assert!(!output.status.success(), "{words:?}");
        stderr(&output)
    };
    assert!(fault(&["bares", &model]).contains("unrecognized subcommand"));
    assert!(fault(&["chain", &model, "--with", "logs"]).contains("is no switch"));
    assert!(fault(&["bare", "no-such-model"]).contains("no-such-model"));
    let file = format!("{model}/x");
    assert!(fault(&["stats", &model, "--out", &file]).contains("can't be made"));
    assert!(fault(&["stats", &model, "--dataset", "no.json"]).contains("no.json"));
}
