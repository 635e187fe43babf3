//! Tests of `llamaglass inspect`.

mod common;

use common::{GGUF, assert_contains, family_arg, json, run, split, stderr, stdout, succeeds};
use serde_json::Value;

#[test]
fn gguf_json_has_types_shape_and_fit() {
    let model = family_arg(GGUF);
    let facts = json(&["inspect", &model, "--backend", "cpu", "--json"]);
    assert_eq!(facts["format"], "GGUF v3");
    let config = &facts["config"];
    for (key, value) in [
        ("n_layers", 3),
        ("hidden_size", 96),
        ("n_heads", 6),
        ("n_kv_heads", 2),
        ("vocab_size", 600),
    ] {
        assert_eq!(config[key], value, "{key}");
    }
    assert_eq!(config["tied"], true);
    let types: Vec<&str> = facts["tensor_types"]
        .as_array()
        .expect("types")
        .iter()
        .filter_map(|kind| kind["name"].as_str())
        .collect();
    assert!(
        types.contains(&"Q5_0") && types.contains(&"Q8_0"),
        "{types:?}"
    );
    let tensors = facts["tensors"].as_array().expect("tensors");
    assert!(
        tensors.iter().any(|t| t["name"] == "token_embd.weight"),
        "{tensors:?}"
    );
    assert_eq!(facts["tokenizer"]["has_chat_template"], true);
    assert!(facts["memory"]["weights"].as_u64().expect("weights") > 0);
    assert_eq!(facts["backend"]["backend"], "cpu");
    assert!(
        facts["fit"]["why"]
            .as_str()
            .is_some_and(|why| !why.is_empty())
    );
}

#[test]
fn table_lists_tensors_only_when_requested() {
    let model = family_arg("llama3-tiny");
    let words = ["inspect", &model, "--backend", "cpu"];
    let page = succeeds(&words);
    for part in [
        "safetensors",
        "parameters",
        "head size 16",
        "theta 500000",
        "fits",
        "KV cache",
        "cpu (CPU, ",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("q_proj"));
    let page = succeeds(&[&words[..], &["--tensors"]].concat());
    assert_contains(&page, "model.layers.0.self_attn.q_proj.weight");
}

#[test]
fn large_shape_is_inspected_without_creating_weights() {
    let words = split("inspect --random-weights llama-2-7b --quant Q4_0 --backend cpu --json");
    let facts = json(&words);
    assert_eq!(facts["parameters"], 6_738_415_616_u64);
    let weights = facts["memory"]["weights"].as_u64().expect("weights");
    // Q4_0 as stored takes 4.5 bits per weight.
    assert!(
        (3_700_000_000..3_900_000_000).contains(&weights),
        "{weights}"
    );
}

#[test]
fn old_name_of_cpu_backend_is_accepted_with_one_note() {
    let model = family_arg("llama3-tiny");
    let output = run(&["inspect", &model, "--backend", "flex", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let facts: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(facts["backend"]["backend"], "cpu");
    let note = "--backend flex is called --backend cpu now";
    assert_eq!(stderr(&output).matches(note).count(), 1);
}
