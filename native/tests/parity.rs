//! `llamaglass parity`: results that agree pass, and results that differ fail.

mod common;

use std::path::Path;

use common::{
    BACKENDS, GGUF, GGUF_REFERENCE, args, assert_contains, family, family_arg, json, run, split,
    stderr, stdout,
};
use serde_json::{Value, json};

#[test]
fn gguf_agrees_with_its_reference_on_every_backend() {
    for backend in BACKENDS {
        let (reference, model) = (family_arg(GGUF_REFERENCE), family_arg(GGUF));
        let words = [
            "parity",
            "--reference",
            &reference,
            &model,
            "--backend",
            backend,
            "--json",
        ];
        let report = json(&words);
        assert_eq!(report["pass"], true, "{backend}: {report:#}");
        let model = &report["models"][0];
        assert_eq!(model["failed"], 0);
        assert_eq!(model["absent"], json!(["perplexity.json"]));
        assert_eq!(
            model["notes"],
            json!([]),
            "the files are those of the reference"
        );
        let cases = model["cases"].as_array().expect("cases");
        for kind in split("tokenizer chat quant_blocks logits greedy generate") {
            assert!(
                cases.iter().any(|case| case["kind"] == kind),
                "{backend}: no {kind}"
            );
        }
    }
}

#[test]
fn folder_of_models_is_compared_model_by_model() {
    for folder in ["llama2-tiny", "llama3-tiny"] {
        for backend in BACKENDS {
            let reference = family_arg(folder);
            let words = ["parity", "--reference", &reference, "--backend", backend];
            let output = run(&words);
            assert!(
                output.status.success(),
                "{}{}",
                stdout(&output),
                stderr(&output)
            );
            let printed = stdout(&output);
            let all = "pass  tokenizer | pass  chat | (must fail) | max_diff | absent | PASS";
            for part in all.split(" | ") {
                // Only Llama 2's template refuses conversations.
                let expected = part != "(must fail)" || folder == "llama2-tiny";
                assert!(
                    !expected || printed.contains(part),
                    "{folder}: {part} in {printed}"
                );
            }
        }
    }
}

/// Returns a copy of the GGUF's reference with one file changed.
fn perturbed(file: &str, change: impl Fn(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    copy(&family(GGUF_REFERENCE), folder.path());
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).expect(file);
    let mut value = serde_json::from_str(&text).expect(file);
    change(&mut value);
    std::fs::write(path, value.to_string()).expect(file);
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("reads") {
        let path = entry.expect("entry").path();
        let target = to.join(path.file_name().expect("name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copies");
        }
    }
}

/// Covers every way in which a result can be wrong, each slightly above its tolerance.
#[test]
fn deviating_reference_fails_with_status_1() {
    fn nudge(value: &mut Value, by: f64) {
        *value = json!(value.as_f64().expect("number") + by);
    }
    const LOGITS: &str = "Q4_K_M/logits.json";
    const GREEDY: &str = "Q4_K_M/greedy.json";
    const BLOCKS: &str = "Q4_K_M/quant_blocks.json";
    const TOKENIZER: &str = "tokenizer.json";
    const CHAT: &str = "chat.json";
    type Change = fn(&mut Value);
    let table: [(&str, &str, Change); 11] = [
        (LOGITS, "logits", |v| {
            nudge(&mut v["cases"][1]["at_indices"][7], 2.2e-3)
        }),
        (LOGITS, "logits", |v| {
            nudge(&mut v["cases"][0]["top_logits"][3], -2.2e-3)
        }),
        (LOGITS, "logits", |v| {
            nudge(&mut v["cases"][0]["logsumexp"], 1.2e-3)
        }),
        (GREEDY, "greedy", |v| v["cases"][0]["ids"][31] = json!(0)),
        (GREEDY, "generate", |v| v["cases"][0]["ids"][2] = json!(0)),
        (BLOCKS, "quant_blocks", |v| {
            nudge(&mut v["cases"][0]["values"][5], 1e-7)
        }),
        (TOKENIZER, "tokenizer", |v| {
            v["cases"][1]["ids"] = json!([1, 2])
        }),
        (TOKENIZER, "tokenizer", |v| {
            v["cases"][1]["pieces_hex"] = json!(["62"])
        }),
        (CHAT, "chat", |v| v["cases"][0]["rendered"] = json!("x")),
        (CHAT, "chat", |v| {
            let messages = json!([{"role": "user", "content": "A"}]);
            v["must_fail"] = json!([{"name": "x", "messages": messages, "message": "no"}]);
        }),
        (CHAT, "chat", |v| v["cases"] = json!([])),
    ];
    let model = family_arg(GGUF);
    for (index, (file, kind, change)) in table.into_iter().enumerate() {
        let folder = perturbed(file, change);
        let reference = folder.path().to_string_lossy().into_owned();
        let more = "--backend cpu";
        let words = args(&["parity", "--reference", &reference, &model], more);
        let output = run(&[&words[..], &["--only", kind]].concat());
        assert_eq!(
            output.status.code(),
            Some(1),
            "row {index}: {}",
            stdout(&output)
        );
        let printed = stdout(&output);
        assert!(printed.contains("FAIL"), "row {index}: {printed}");
    }
}

#[test]
fn near_tie_passes_within_its_margin() {
    // Swaps first and second choices: allowed only if the margin between them is small.
    let swap = |margin: f64| {
        move |v: &mut Value| {
            let case = &mut v["cases"][0];
            let (first, second) = (case["ids"][31].clone(), case["second_id"][31].clone());
            case["ids"][31] = second;
            case["second_id"][31] = first;
            case["margin"][31] = json!(margin);
        }
    };
    let model = family_arg(GGUF);
    for (margin, status) in [(0.009, 0), (0.011, 1)] {
        let folder = perturbed("Q4_K_M/greedy.json", swap(margin));
        let reference = folder.path().to_string_lossy().into_owned();
        let more = "--backend cpu --only greedy";
        let words = args(&["parity", "--reference", &reference, &model], more);
        assert_eq!(run(&words).status.code(), Some(status), "margin {margin}");
    }
}

#[test]
fn fails_when_there_is_nothing_to_compare() {
    let model = family_arg(GGUF);
    let empty = tempfile::tempdir().expect("a folder");
    let empty = empty.path().to_string_lossy().into_owned();
    let reference = family_arg(GGUF_REFERENCE);
    let table: [&[&str]; 5] = [
        &["--reference", &empty, &model],
        &["--reference", &empty],
        &["--reference", "no such folder", &model],
        &["--reference", &model, &model],
        &["--reference", &reference, &model, "--only", "perplexity"],
    ];
    for words in table {
        let output = run(&[&["parity", "--backend", "cpu"], words].concat());
        assert_eq!(
            output.status.code(),
            Some(1),
            "{words:?}: {}",
            stdout(&output)
        );
    }
    let output = run(&args(
        &["parity", "--reference", &reference, &model],
        "--only logit",
    ));
    assert_eq!(
        output.status.code(),
        Some(2),
        "an unknown kind is a usage error"
    );
    assert_contains(&stderr(&output), "quant_blocks");
}

#[test]
fn model_file_with_other_checksum_is_noted() {
    let folder = perturbed("Q4_K_M/logits.json", |v| {
        v["meta"]["gguf_sha256"] = json!("00");
    });
    // Without the SHA-256 sums in the other files, the subfolder is found by its name.
    for file in ["greedy.json", "quant_blocks.json"] {
        std::fs::remove_file(folder.path().join("Q4_K_M").join(file)).expect("removes");
    }
    let reference = folder.path().to_string_lossy().into_owned();
    let model = family_arg(GGUF);
    let more = "--backend cpu --json";
    let words = args(&["parity", "--reference", &reference, &model], more);
    let report = json(&words);
    let notes = report["models"][0]["notes"].to_string();
    assert!(notes.contains("SHA-256 differs"), "{notes}");
    assert_eq!(
        report["models"][0]["absent"],
        json!(["quant_blocks.json", "greedy.json", "perplexity.json"])
    );
}

#[test]
fn bisect_finds_no_diverging_block() {
    let model = family_arg(GGUF);
    let report = json(&["parity", "--bisect", &model, "--backend", "wgpu", "--json"]);
    assert_eq!(report["pass"], true, "{report:#}");
    assert_eq!(
        (&report["path"], &report["first_apart"]),
        (&json!("fast"), &Value::Null)
    );
    let blocks = report["blocks"].as_array().expect("blocks");
    assert!(blocks.len() > 2);
    for block in blocks {
        assert!(
            block["largest"]
                .as_f64()
                .is_some_and(|largest| largest > 0.0)
        );
    }
    // The embedding is looked up, not computed, so it is equal.
    assert_eq!(blocks[0]["max_abs_diff"], 0.0);
    assert!(
        blocks.iter().any(|block| block["max_abs_diff"] != 0.0),
        "two of one path"
    );

    let output = run(&["parity", "--bisect"]);
    assert!(!output.status.success());
    assert!(stderr(&output).contains("MODEL"), "{}", stderr(&output));
}
