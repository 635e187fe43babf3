//! `llamaglass bench`: its JSON for scripts and its table for people.

mod common;

use common::{
    BACKENDS, GGUF, args, command, family_arg, json, run, shape_arg, split, stderr, stdout,
    succeeds, tiny_shape,
};
use serde_json::{Value, json};

const SMALL: [&str; 8] = [
    "--prompt-tokens",
    "40",
    "--gen-tokens",
    "5",
    "--repeat",
    "3",
    "--warmup",
    "1",
];

fn positive(value: &Value) -> f64 {
    let number = value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"));
    assert!(number > 0.0, "{number}");
    number
}

#[test]
fn json_has_all_fields_and_ordered_ranges() {
    for backend in BACKENDS {
        let model = family_arg(GGUF);
        let head = ["bench", &model, "--backend", backend, "--json"];
        let report = json(&[&head[..], &SMALL[..]].concat());
        assert_eq!(report["schema_version"], 2);
        assert_eq!(report["backend"], backend);
        for text in split("model format quantisation api adapter driver") {
            assert!(
                report[text].as_str().is_some_and(|t| !t.is_empty()),
                "{text}"
            );
        }
        for range in ["prefill_tok_s", "decode_tok_s", "ttft_ms"] {
            let [min, median, max] = ["min", "median", "max"].map(|f| positive(&report[range][f]));
            assert!(
                min <= median && median <= max,
                "{range}: {min} {median} {max}"
            );
        }
        assert!(positive(&report["tpot_ms"]["p50"]) <= positive(&report["tpot_ms"]["p95"]));
        assert!(report["clock"]["source"].is_string());
        assert!(report["clock"]["resolution_ms"].is_number());
        let parts = report["load"]["parts"].as_array().expect("parts");
        let spans: Vec<&Value> = parts.iter().map(|part| &part["span"]).collect();
        for span in ["parse", "open", "read", "warm_up"] {
            assert!(spans.contains(&&json!(span)), "{span}: {parts:?}");
        }
        let settings = &report["settings"];
        assert_eq!(settings["prompt_tokens"], 40);
        assert_eq!(settings["gen_tokens"], 5);
        assert_eq!(settings["repeat"], 3);
        assert_eq!(settings["seed"], 0);
        steps(&report, backend);
    }
}

#[test]
fn drivers_are_quiet_without_a_display() {
    let model = family_arg(GGUF);
    for backend in BACKENDS {
        let bench = ["bench", &model, "--repeat", "1", "--gen-tokens", "2"];
        let chat = ["chat", &model, "--prompt", "Hi", "--max-tokens", "2"];
        let inspect = ["inspect", &model];
        for words in [&bench[..], &chat[..], &inspect[..]] {
            let words = [words, &["--backend", backend]].concat();
            let mut command = command(&words);
            for variable in ["XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"] {
                command.env_remove(variable);
            }
            let output = command.output().expect("runs");
            let said = stderr(&output);
            assert!(output.status.success(), "{words:?}: {said}");
            assert!(!said.contains("XDG_RUNTIME_DIR"), "{words:?}: {said}");
        }
    }
}

/// Checks stages and spans of both kinds of step: 3 runs of 40 prompt ids and 4 decode steps each.
fn steps(report: &Value, backend: &str) {
    for (kind, tokens) in [("prefill", 120), ("decode", 12)] {
        let stats = &report[kind];
        assert_eq!(stats["tokens"], tokens, "{kind}");
        let names = |list: &Value| -> Vec<String> {
            let list = list.as_array().expect("a list");
            list.iter()
                .filter_map(|n| n["name"].as_str().map(Into::into))
                .collect()
        };
        let stages = names(&stats["stages"]);
        assert_eq!(
            stages,
            ["preprocess", "forward", "sampling", "text", "rest"]
        );
        let spans = names(&stats["spans"]);
        let has = |span: &str| spans.contains(&span.to_owned());
        let on_cpu = backend == "cpu";
        assert_eq!(has("compute"), on_cpu, "{kind}: {spans:?}");
        for of_device in ["encode", "submit", "gpu"] {
            assert_eq!(has(of_device), !on_cpu, "{kind}: {spans:?}");
        }
        for stage in stats["stages"].as_array().expect("stages") {
            let p50 = stage["ms"]["p50"].as_f64().expect("p50");
            assert!(
                p50 <= stage["ms"]["p95"].as_f64().expect("p95"),
                "{kind} {stage}"
            );
        }
        positive(&stats["wall_ms"]["p50"]);
    }
}

#[test]
fn bench_runs_on_random_weights() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let more = "--quant F16 --backend cpu --json";
    let head = args(&["bench", "--random-weights", &config], more);
    let report = json(&[&head[..], &SMALL[..]].concat());
    assert_eq!(report["quantisation"], "F16");
    assert_eq!(report["format"], "random weights");
}

#[test]
fn bench_prints_a_table_without_json_flag() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let head = ["bench", "--random-weights", &config, "--backend", "cpu"];
    let table = succeeds(&[&head[..], &SMALL[..]].concat());
    let all = "prefill tok/s | decode tok/s | median | preprocess | rest | clock | cpu (CPU, ";
    for part in all.split(" | ") {
        assert!(table.contains(part), "{part} in {table}");
    }
}

#[test]
fn failed_bench_writes_no_json() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let more = "--backend cpu --json";
    let words = args(&["bench", "--random-weights", &config], more);
    let output = run(&[
        &words[..],
        &["--prompt-tokens", "2048", "--gen-tokens", "1"],
    ]
    .concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output), "");
}

#[test]
fn report_has_positions_kernels_roofline_and_comparison_when_requested() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("before.json");
    let model = family_arg(GGUF);
    let head = ["bench", &model, "--backend", "wgpu", "--json"];
    let head = [&head[..], &SMALL[..]].concat();
    let asked =
        split("--positions 60,20,60 --kernels --roofline --kv f16 --readback-depth 3 --batch 3,2");
    let report = json(&[&head[..], &asked[..]].concat());
    assert_eq!(report["settings"]["kv"], "f16");
    let positions = report["positions"].as_array().expect("positions");
    let lengths: Vec<&Value> = positions.iter().map(|at| &at["position"]).collect();
    assert_eq!(lengths, [20, 60]);
    for at in positions {
        positive(&at["tpot_ms"]["p50"]);
    }
    let batches = report["batches"].as_array().expect("batches");
    let counts: Vec<&Value> = batches.iter().map(|at| &at["batch"]).collect();
    assert_eq!(counts, [2, 3]);
    for at in batches {
        positive(&at["decode_tok_s"]["median"]);
        positive(&at["tpot_ms"]["p50"]);
    }
    let kernels = report["kernels"].as_array().expect("kernels");
    for kind in ["prefill", "decode"] {
        let of_kind: Vec<&Value> = kernels.iter().filter(|k| k["kind"] == kind).collect();
        let launches = |part: &str| -> u64 {
            let named = of_kind
                .iter()
                .filter(|k| k["name"].as_str().is_some_and(|n| n.starts_with(part)));
            named.filter_map(|k| k["launches"].as_u64()).sum()
        };
        let blocks = launches("attention");
        assert!(blocks > 0, "{kind}: {of_kind:?}");
        // One norm before attention and one before the feed-forward layer of each block, and the last norm.
        assert_eq!(launches("rms_norm"), 2 * blocks + 1, "{kind}: {of_kind:?}");
        assert_eq!((launches("embed"), launches("argmax")), (1, 1), "{kind}");
    }
    // Every weight is read at least once, whatever the kernel.
    for kernel in kernels {
        positive(&kernel["bytes"]);
    }
    let decode_bytes: u64 = kernels
        .iter()
        .filter(|k| k["kind"] == "decode")
        .filter_map(|k| k["bytes"].as_u64())
        .sum();
    let weights = report["memory"]["weights"].as_u64().expect("weights");
    assert!(decode_bytes >= weights, "{decode_bytes}, {weights}");
    let roof = &report["roofline"];
    let share = positive(&roof["decode_gb_s"]) / positive(&roof["copy_gb_s"]);
    assert!((share / positive(&roof["decode_share"]) - 1.0).abs() < 1e-9);
    assert!(positive(&roof["gflop_s"]) > positive(&roof["prefill_gflop_s"]));
    assert_eq!(report["runs"].as_array().map(Vec::len), Some(3));
    assert!(report["comparison"].is_null());

    std::fs::write(&file, report.to_string()).expect("written");
    let before = file.to_str().expect("a path");
    let after = json(&[&head[..], &["--compare", before]].concat());
    let ratio = positive(&after["comparison"]["decode"]["of_medians"]);
    let medians =
        positive(&after["decode_tok_s"]["median"]) / positive(&report["decode_tok_s"]["median"]);
    assert!((ratio / medians - 1.0).abs() < 1e-9);
    let differs = after["comparison"]["differs"].to_string();
    assert!(
        differs.contains("context")
            && differs.contains("KV cache: f32, before f16")
            && !differs.contains("model"),
        "{differs}"
    );
}

#[test]
fn report_of_the_cpu_has_kernels_and_peak_rates_by_threads() {
    let model = family_arg(GGUF);
    let head = ["bench", &model, "--backend", "cpu"];
    let head = [&head[..], &SMALL[..]].concat();
    let words = split("--kernels --roofline --kv f16 --threads 2");
    let report = json(&[&head[..], &words[..], &["--json"]].concat());
    assert_eq!(report["settings"]["kv"], "f16");
    let kernels = report["kernels"].as_array().expect("kernels");
    for kind in ["prefill", "decode"] {
        let launches = |name: &str| {
            let named = kernels
                .iter()
                .filter(|of| of["kind"] == kind && of["name"] == name);
            named.filter_map(|of| of["launches"].as_u64()).sum::<u64>()
        };
        let blocks = launches("attention");
        assert!(blocks > 0, "{kind}: {kernels:?}");
        assert_eq!(launches("norm"), 2 * blocks + 1, "{kind}");
        assert_eq!((launches("embedding"), launches("head")), (1, 1), "{kind}");
    }
    let roof = &report["roofline"];
    assert!(roof["copy_gb_s"].is_null(), "{roof}");
    let by_threads = roof["by_threads"].as_array().expect("rates");
    let counts: Vec<&Value> = by_threads.iter().map(|of| &of["threads"]).collect();
    assert_eq!(counts, [1, 2]);
    for rate in ["read_gb_s", "gflop_s"] {
        assert_eq!(positive(&roof[rate]), positive(&by_threads[1][rate]));
    }
    let share = positive(&roof["decode_gb_s"]) / positive(&roof["read_gb_s"]);
    assert!((share / positive(&roof["decode_share"]) - 1.0).abs() < 1e-9);
    assert!(positive(&roof["gflop_s"]) > positive(&roof["prefill_gflop_s"]));

    let table = succeeds(&[&head[..], &words[..]].concat());
    for part in [
        "% of a read's",
        "peak rates of 1 thread: ",
        "of 2 threads: ",
    ] {
        assert!(table.contains(part), "{part} in {table}");
    }
}

#[test]
fn refuses_impossible_measurements_and_comparisons() {
    let model = family_arg(GGUF);
    let head = ["bench", &model, "--backend", "cpu"];
    for (extra, reason) in [
        (&["--path", "reference", "--roofline"][..], "--path fast"),
        (&["--path", "reference", "--kernels"], "--path fast"),
        (&["--path", "reference", "--kv", "f16"], "KV cache is f32"),
        (&["--kv", "q4"], "expected one of: f32, f16"),
        (&["--readback-depth", "5"], "at most 4"),
        (&["--threads", "0"], "at least 1"),
        (&["--threads", "257"], "at most 256"),
        (&["--isa", "sse9"], "expected one of: avx512, avx2"),
        (&["--activations", "i8"], "expected one of: f32, i16"),
        (
            &["--path", "reference", "--threads", "2"],
            "--threads is for the fast path",
        ),
        (&["--positions", "0"], "at least 1"),
        (&["--compare", "/nowhere.json"], "/nowhere.json"),
    ] {
        let output = run(&[&head[..], &SMALL[..], extra].concat());
        assert!(!output.status.success(), "{extra:?}");
        let said = stderr(&output);
        assert!(said.contains(reason), "{extra:?}: {said}");
    }
}
