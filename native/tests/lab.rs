//! `llamaglass lab`: results of experiments compared with known inputs.

mod common;
#[path = "common/lab.rs"]
mod lab;
#[path = "common/schema.rs"]
mod schema;

use std::fs;

use common::{BACKENDS, args, family_arg, run, shape_arg, split, stderr, stdout, tiny_shape};
use lab::{MODEL, Ran, close, lab, lab_on, number, read};
use serde_json::{Value, json};

/// Writes a dataset whose texts have known lengths for a byte tokenizer.
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
fn committed_schema_matches_result_types() {
    let generated = schemars::schema_for!(llamaglass_lab::LabResult);
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
fn stats_match_hand_computed_values() {
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
    // Mean of the squares of -2.75, -0.75, -0.75 and 4.25.
    close(number(input, "/variance"), 6.6875, "variance");
    close(number(input, "/std"), 6.6875f64.sqrt(), "std");
    let output = &result["output_tokens"];
    assert_eq!([&output["max"], &output["mode"]], [&json!(20), &json!(10)]);
    assert_eq!(result["longest"], 29);
    assert_eq!(read(folder.path(), "stats.csv").lines().count(), 5);
}

#[test]
fn study_queue_matches_hand_computed_values() {
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
fn bare_times_add_up_and_token_counts_match() {
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
fn bare_answers_default_to_reference_length() {
    let model = family_arg(MODEL);
    let Ran { result, .. } = lab("bare", &["--backend", "cpu", "--take", "5"]);
    let stats = lab("stats", &["--take", "5"]).result;
    let wanted = stats["lengths"].as_array().expect("rows");
    for (row, wanted) in result["rows"].as_array().expect("rows").iter().zip(wanted) {
        assert_eq!(row["output_tokens"], wanted[1], "{model}");
    }
    assert!(result["fit"]["slope"].is_number());
}

#[test]
fn parity_finds_equal_logits_and_ids_and_detects_changes() {
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
        // The saved reference can be used again, and a changed logit is found.
        let frozen = folder.path().join("parity/reference");
        let path = frozen.join("row-1.f32");
        let mut bytes = fs::read(&path).expect("logits");
        let first = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) + 0.5;
        bytes[..4].copy_from_slice(&first.to_le_bytes());
        fs::write(&path, bytes).expect("writes");
        let model = family_arg(MODEL);
        let out = folder.path().join("again").to_string_lossy().into_owned();
        let reference = frozen.to_string_lossy().into_owned();
        let again = args(
            &[
                "lab",
                "parity",
                &model,
                "--out",
                &out,
                "--reference",
                &reference,
            ],
            "--json",
        );
        let output = run(&[&again[..], &words].concat());
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let result: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        assert!((number(&result, "/rows/0/max_abs") - 0.5).abs() < 1e-2);
        assert_eq!(result["rows"][0]["within"], false);
    }
}

#[test]
fn chain_names_eager_logs_and_their_cost() {
    let words = split("--take 5 --tokens 8 --with eager-logs --log-ms 7");
    for backend in BACKENDS {
        let Ran { result, .. } = lab("chain", &[&["--backend", backend], &words[..]].concat());
        let worst = &result["diff"]["spans"][0];
        assert_eq!(worst["path"], json!(["decode", "preprocess", "plan"]));
        let growth = number(worst, "/growth_each_ms");
        assert!((growth - 7.0).abs() <= 0.7, "{backend}: {growth}");
        let text = result["findings"][0]["text"].as_str().expect("a text");
        assert!(
            text.starts_with("plan of decode grew the most: by 7"),
            "{text}"
        );
        let spans = number(&result, "/tree/total_ms");
        let residue = number(&result, "/residue_ms");
        assert!(
            residue.abs() < 0.1 * spans,
            "{backend}: {residue} of {spans}"
        );
    }
}

#[test]
fn chain_names_padding_and_its_cost() {
    // The CPU backend books the arithmetic as `compute`. With a device it is part of the wait, either for the
    // result or, as padding is submitted ahead, for a software adapter to accept the next submit.
    let shape = tiny_shape();
    let data = dataset(shape.path(), &[(40, 4), (41, 4), (42, 4), (43, 4), (44, 4)]);
    for (backend, spans) in [("cpu", &["compute"][..]), ("wgpu", &["gpu", "submit"])] {
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
        let span = worst["path"][2].as_str().expect("a span");
        assert!(spans.contains(&span), "{backend}: {worst}");
        assert_eq!(worst["path"], json!(["prefill", "forward", span]));
        assert_eq!(worst["positions"][1], 2000.0, "{backend}: {worst}");
        // The named cost is the request's additional time.
        let finding = &result["findings"][0];
        let cost = number(finding, "/numbers/0/value");
        let whole = number(&result, "/diff/request/difference/median");
        assert!(
            (cost / whole - 1.0).abs() < 0.1,
            "{backend}: {cost} of {whole}"
        );
        let text = finding["text"].as_str().expect("a text");
        assert!(text.starts_with("prefill grew the most: by "), "{text}");
        let named = "with 2,000 positions computed instead of 42";
        assert!(
            text.contains(named) && text.contains(&format!("; {span} is ")),
            "{text}"
        );
    }
}

#[test]
fn ablate_measures_every_switch_in_pairs_with_same_answers() {
    let words = split("--prompt-tokens 12 --gen-tokens 4 --repeats 3 --batch 2");
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
            "cpu" => &split("batch concatenated-cache eager-logs pad-to-max worker"),
            _ => &split(
                "batch concatenated-cache eager-logs host-pick no-replay pad-to-max readback-depth worker",
            ),
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
fn kernel_times_add_up_to_step_and_layers() {
    for backend in BACKENDS {
        let words = split("--prompt-tokens 20 --repeats 2 --layers");
        let words = [&["--backend", backend], &words[..]].concat();
        let Ran { result, .. } = lab("kernels", &words);
        let measured = if backend == "cpu" {
            "read_gb_s"
        } else {
            "copy_gb_s"
        };
        assert!(number(&result, &format!("/roofline/{measured}")) > 0.0);
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
    }
}

#[test]
fn kernels_are_refused_on_reference_path() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_string_lossy().into_owned();
    let model = family_arg(MODEL);
    let output = run(&args(
        &["lab", "kernels", &model, "--out", &out],
        "--backend cpu --path reference",
    ));
    assert!(!output.status.success());
    let said = stderr(&output);
    assert!(said.contains("kernels can't be measured here"), "{said}");
}
