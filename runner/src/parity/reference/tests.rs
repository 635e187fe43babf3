#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;

fn model(name: &str, sha256: Option<&str>) -> Vec<ModelFile> {
    vec![ModelFile {
        name: name.into(),
        sha256: sha256.map(Into::into),
    }]
}

fn greedy(sum: &str, id: u32) -> Vec<u8> {
    format!(
        r#"{{"meta": {{"gguf_sha256": "{sum}"}}, "cases": [{{"name": "a", "text": "t", "prompt_ids": [1, 2],
        "ids": [{id}], "first_eos": null, "top1_logit": [1], "margin": [1], "second_id": [9]}}]}}"#
    )
    .into_bytes()
}

fn files() -> Vec<(String, Vec<u8>)> {
    vec![
        ("tokenizer.json".into(), br#"{"cases": []}"#.to_vec()),
        ("Q4_K/greedy.json".into(), greedy("aa", 4)),
        ("Q4_K_M/greedy.json".into(), greedy("bb", 5)),
        ("M/greedy.json".into(), greedy("cc", 6)),
        ("README.md".into(), b"not JSON".to_vec()),
        ("Q4_K/cross_check_llama_cpp.json".into(), b"{}".to_vec()),
    ]
}

fn picked(name: &str, sha256: Option<&str>) -> Option<u32> {
    let reference = Reference::from_files(files(), &model(name, sha256)).unwrap();
    assert!(reference.tokenizer.is_some());
    reference.greedy.map(|greedy| greedy.cases[0].ids[0])
}

#[test]
fn sub_folder_is_found_by_longest_suffix_of_model_name() {
    assert_eq!(picked("tiny.Q4_K_M.gguf", None), Some(5));
    assert_eq!(picked("tiny-q4_k.gguf", None), Some(4));
    assert_eq!(picked("tiny.Q8_0.gguf", None), None);
}

#[test]
fn sub_folder_match_by_sum_takes_precedence() {
    assert_eq!(picked("tiny.Q4_K_M.gguf", Some("aa")), Some(4));
}

#[test]
fn model_without_sub_folder_gets_a_note() {
    let reference = Reference::from_files(files(), &model("tiny.Q8_0.gguf", None)).unwrap();
    assert!(
        reference.notes()[0].contains("Q4_K_M"),
        "{:?}",
        reference.notes()
    );
}

#[test]
fn longest_sequence_is_prompt_and_completion() {
    let reference = Reference::from_files(files(), &model("tiny.Q4_K.gguf", None)).unwrap();
    assert_eq!(reference.longest(&Kind::ALL), 3);
    assert_eq!(reference.longest(&[Kind::Tokenizer]), 0);
}

#[test]
fn folder_without_reference_files_is_rejected() {
    let error = Reference::from_files(vec![("a.json".into(), b"{}".to_vec())], &[]).unwrap_err();
    assert!(error.to_string().contains("greedy.json"), "{error}");
}

#[test]
fn malformed_file_is_named() {
    let broken = vec![(
        "chat.json".to_owned(),
        br#"{"cases": [{"name": 3}]}"#.to_vec(),
    )];
    let error = Reference::from_files(broken, &[]).unwrap_err().to_string();
    assert!(error.starts_with("chat.json: "), "{error}");
    let torn = vec![("logits.json".to_owned(), b"{\"cases".to_vec())];
    let error = Reference::from_files(torn, &[]).unwrap_err().to_string();
    assert!(error.starts_with("logits.json: "), "{error}");
}
