//! Checks all cases of `reference/tokenizer.json` and `reference/chat.json`, and reports all failures together.

use std::path::Path;

use llamaglass_engine::text::TextStream;
use llamaglass_engine::tokenizer::{
    Message, SpecialText, TemplateOptions, Tokenizer, TokenizerError,
};
use serde_json::Value;

use crate::support;

/// Checks a family under `tests/data/families`.
pub(crate) fn check(name: &'static str) {
    let reference = support::folder(name).join("reference");
    check_folder(&support::family(name), &reference);
}

/// Checks a tokenizer against a folder of goldens.
pub(crate) fn check_folder(tokenizer: &Tokenizer, reference: &Path) {
    let mut failures = Vec::new();
    let texts = read(&reference.join("tokenizer.json"));
    for case in texts["cases"].as_array().unwrap() {
        text(tokenizer, case, &mut failures);
    }
    let chats = read(&reference.join("chat.json"));
    assert_eq!(tokenizer.chat_template(), chats["template"].as_str());
    for case in chats["cases"].as_array().unwrap() {
        chat(tokenizer, case, &mut failures);
    }
    for case in chats["must_fail"].as_array().into_iter().flatten() {
        let got = tokenizer.apply_template(&messages(case), &options(case));
        let want = case["message"].as_str().unwrap();
        if !matches!(&got, Err(TokenizerError::Template { message, .. }) if message == want) {
            failures.push(format!("{}: {got:?}, not {want:?}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn text(tokenizer: &Tokenizer, case: &Value, failures: &mut Vec<String>) {
    let text = case["text"].as_str().unwrap();
    let want = ids(&case["ids"]);
    let other = |key: &str| case.get(key).map_or_else(|| want.clone(), ids);
    let pieces = |ids: &[u32]| -> Vec<String> {
        let piece = |id: &u32| hex(tokenizer.piece(*id).unwrap());
        ids.iter().map(piece).collect()
    };
    let want_pieces: Vec<String> = serde_json::from_value(case["pieces_hex"].clone()).unwrap();
    let mut expect = |what: &str, same: bool, got: String| {
        if !same {
            failures.push(format!("{text:?}: {what}: {got}"));
        }
    };
    let got = tokenizer.encode(text, SpecialText::Parse).unwrap();
    expect("ids", got == want, format!("{got:?}, not {want:?}"));
    let got = tokenizer.encode(text, SpecialText::AsText).unwrap();
    let same = got == other("ids_special_as_text");
    expect("as text", same, format!("{got:?}"));
    let got = tokenizer.encode_with_bos(text, SpecialText::Parse).unwrap();
    expect("with BOS", got == other("ids_with_bos"), format!("{got:?}"));
    let got = pieces(&want);
    expect("pieces", got == want_pieces, format!("{got:?}"));
    let got = tokenizer.decode(&want, false);
    expect("decoded", case["decoded"] == got.as_str(), got);
    let mut stream = TextStream::new(tokenizer, &[]);
    let texts = want.iter().map(|&id| stream.push(tokenizer, id).text);
    let got = texts.collect::<String>() + &stream.finish();
    expect("streamed", got == tokenizer.decode(&want, true), got);
}

fn chat(tokenizer: &Tokenizer, case: &Value, failures: &mut Vec<String>) {
    let name = &case["name"];
    match tokenizer.apply_template(&messages(case), &options(case)) {
        Ok(text) if case["rendered"] == text.as_str() => {
            let got = tokenizer.encode(&text, SpecialText::Parse).unwrap();
            if got != ids(&case["ids"]) {
                failures.push(format!("{name}: {got:?}, not {}", case["ids"]));
            }
        }
        got => failures.push(format!("{name}: {got:?}, not {}", case["rendered"])),
    }
}

fn options(case: &Value) -> TemplateOptions {
    TemplateOptions {
        add_generation_prompt: case["add_generation_prompt"].as_bool().unwrap_or(true),
    }
}

fn messages(case: &Value) -> Vec<Message> {
    serde_json::from_value(case["messages"].clone()).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
