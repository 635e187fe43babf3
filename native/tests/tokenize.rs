//! `llamaglass tokenize`, against the committed reference.

mod common;

use common::{
    GGUF, family_arg, json, reference, run, run_with_input, shape_arg, stdout, succeeds, tiny_shape,
};

fn ids(value: &serde_json::Value) -> String {
    let ids: Vec<u64> = serde_json::from_value(value.clone()).expect("ids");
    ids.iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn text_encodes_to_reference_ids_and_decodes_again() {
    let model = family_arg("llama2-tiny");
    let file = reference("llama2-tiny/reference/tokenizer.json");
    let cases = file["cases"].as_array().expect("cases");
    let special = cases
        .iter()
        .find(|case| case.get("ids_special_as_text").is_some());
    let special = special.expect("a case with special text");
    let text = special["text"].as_str().expect("text");
    // Through stdin, because the text may begin with a dash.
    let encode = |flags: &[&str]| {
        let output = run_with_input(&[&["tokenize", &model, "--ids"], flags].concat(), text);
        stdout(&output).trim_end().to_owned()
    };
    assert_eq!(encode(&[]), ids(&special["ids"]));
    assert_eq!(
        encode(&["--no-special"]),
        ids(&special["ids_special_as_text"])
    );
    assert_eq!(encode(&["--bos"]), ids(&special["ids_with_bos"]));
    let decoded = succeeds(&["tokenize", &model, "--decode", &ids(&special["ids"])]);
    assert_eq!(
        decoded,
        format!("{}\n", special["decoded"].as_str().expect("decoded"))
    );
}

#[test]
fn pieces_are_listed_as_table_and_json() {
    let model = family_arg(GGUF);
    let tokens = json(&["tokenize", &model, "a<|eot_id|>", "--json"]);
    assert_eq!(tokens["count"], 2);
    assert_eq!(tokens["pieces"][0]["bytes_hex"], "61");
    assert_eq!(tokens["pieces"][1]["special"], true);
    let listed = succeeds(&["tokenize", &model, "a<|eot_id|>"]);
    assert!(listed.contains("\"<|eot_id|>\"  special"), "{listed}");
    let listed = succeeds(&["tokenize", &model, "ö"]);
    assert!(listed.contains("\"\\xc3\""), "{listed}");
}

#[test]
fn conversation_is_rendered_and_encoded() {
    let model = family_arg(GGUF);
    let file = reference("llama-tied-gguf/reference/chat.json");
    let case = &file["cases"][0];
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("messages.json");
    std::fs::write(&path, case["messages"].to_string()).expect("writes");
    let path = path.to_string_lossy().into_owned();
    let tokens = json(&["tokenize", &model, "--chat", &path, "--json"]);
    assert_eq!(tokens["text"], case["rendered"]);
    assert_eq!(tokens["ids"], case["ids"]);
}

#[test]
fn random_weights_use_a_byte_tokenizer() {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    let words = ["tokenize", "--random-weights", &config, "--ids", "Az"];
    assert_eq!(succeeds(&words), "65 122\n");
}

#[test]
fn refuses_invalid_token_ids() {
    let model = family_arg(GGUF);
    for text in ["1 x", "99999", "-1", "4294967296"] {
        let output = run_with_input(&["tokenize", &model, "--decode"], text);
        assert_eq!(output.status.code(), Some(1), "{text}");
    }
    assert_eq!(
        run(&["tokenize", &model, "--decode", "--ids", "1"])
            .status
            .code(),
        Some(2)
    );
}
