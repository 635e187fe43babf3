//! Tokenizers of a few dozen tokens, built here to test the variants of tokenizer files.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::fixtures::{byte_char, config, gguf, llama_data as llama, smollm_data as smollm};
use super::*;
use crate::weights::GgufTokenizer;

fn tokens(tokenizer: &Tokenizer, text: &str, special: SpecialText) -> Vec<String> {
    let ids = tokenizer.encode(text, special).expect("ids");
    ids.iter()
        .map(|&id| tokenizer.id_to_token(id).expect("a token"))
        .collect()
}

#[test]
fn smollm_splits_digits_and_parses_special_text_on_request() {
    let tokenizer = gguf(smollm()).expect("a tokenizer");
    let parse = |text| tokens(&tokenizer, text, SpecialText::Parse);
    assert_eq!(parse("hi hi 12"), ["hi", "Ġhi", "Ġ", "1", "2"]);
    assert_eq!(
        parse("<|im_start|>hi<|im_end|>"),
        ["<|im_start|>", "hi", "<|im_end|>"]
    );
    let as_text = |text| tokens(&tokenizer, text, SpecialText::AsText);
    assert_eq!(as_text("<|im_end|>").len(), 10);
    // A user-defined token is not special text, so it is parsed in both modes.
    assert_eq!(as_text("hi<tool é>"), ["hi", "<tool é>"]);
    let with_bos = tokenizer.encode_with_bos("hi", SpecialText::Parse);
    assert_eq!(with_bos, tokenizer.encode("hi", SpecialText::Parse));
    // No merges lead to it, and this pre-tokenizer does not ignore merges.
    assert_eq!(parse(" unreached").len(), 10);
}

#[test]
fn llama_bpe_ignores_merges_and_adds_bos() {
    let data = GgufTokenizer {
        pre: Some("llama-bpe".into()),
        add_bos: None,
        ..smollm()
    };
    let tokenizer = gguf(data).expect("a tokenizer");
    assert_eq!(
        tokens(&tokenizer, " unreached", SpecialText::Parse),
        ["Ġunreached"]
    );
    assert_eq!(
        tokenizer.encode_with_bos("", SpecialText::Parse),
        Ok(vec![1])
    );
}

#[test]
fn sentence_piece_adds_space_after_every_special_token() {
    let tokenizer = gguf(llama()).expect("a tokenizer");
    let parse = |text| tokens(&tokenizer, text, SpecialText::Parse);
    assert_eq!(parse("x<s>y"), ["▁x", "<s>", "▁y"]);
    assert_eq!(parse("<s>"), ["<s>"]);
    assert_eq!(parse(" x"), ["▁", "▁x"]);
    assert_eq!(parse("x▁y"), parse("x y"));
    let ids = tokenizer
        .encode_with_bos("x", SpecialText::Parse)
        .expect("ids");
    assert_eq!(ids[0], 1);
    assert_eq!(tokenizer.decode(&ids, true), "x");
    assert_eq!(tokenizer.decode(&ids, false), "<s> x");
    assert_eq!(tokenizer.piece(ids[1]), Ok(&b" x"[..]));
    let bare = GgufTokenizer {
        add_space_prefix: Some(false),
        add_eos: Some(true),
        ..llama()
    };
    let bare = gguf(bare).expect("a tokenizer");
    assert_eq!(tokens(&bare, "x y", SpecialText::Parse), ["x", "▁y"]);
    assert_eq!(bare.encode_with_bos("", SpecialText::Parse), Ok(vec![1, 2]));
}

#[test]
fn typed_byte_token_stays_text() {
    let tokenizer = gguf(llama()).expect("a tokenizer");
    let ids = tokenizer.encode("<0x41>", SpecialText::Parse).expect("ids");
    assert_eq!(tokenizer.decode(&ids, false), "<0x41>");
    assert_eq!(tokenizer.decode(&[3 + 0x41], false), "A");
}

#[test]
fn eos_ids_are_declared_or_known_by_text() {
    assert_eq!(gguf(smollm()).map(|t| t.eos_ids().to_vec()), Ok(vec![2, 0]));
    let mut data = smollm();
    // A token of the normal type ends nothing.
    data.token_types[0] = 1;
    data.eot_id = Some(1);
    assert_eq!(gguf(data).map(|t| t.eos_ids().to_vec()), Ok(vec![2, 1]));
    let data = GgufTokenizer {
        eos_id: Some(90_000),
        ..smollm()
    };
    assert_eq!(gguf(data).map(|t| t.eos_ids().to_vec()), Ok(vec![0, 2]));
}

#[test]
fn templates_use_special_tokens_and_broken_ones_do_not_prevent_encoding() {
    let tokenizer = gguf(smollm()).expect("a tokenizer");
    let turn = [Message {
        role: "user".into(),
        content: "hi".into(),
    }];
    assert_eq!(
        tokenizer.render_chat(&turn).as_deref(),
        Ok("<|im_start|>hi<|im_end|>")
    );
    assert_eq!(tokenizer.encode_chat(&turn).map(|ids| ids.len()), Ok(3));
    let broken = GgufTokenizer {
        chat_template: Some("{% if %}".into()),
        ..smollm()
    };
    let broken = gguf(broken).expect("a tokenizer all the same");
    assert!(broken.has_chat_template() && broken.encode("hi", SpecialText::Parse).is_ok());
    assert!(matches!(
        broken.encode_chat(&turn),
        Err(TokenizerError::Template { .. })
    ));
    let none = gguf(llama()).expect("a tokenizer");
    assert_eq!(none.encode_chat(&turn), Err(TokenizerError::NoTemplate));
}

#[test]
fn ids_without_row_are_rejected_and_unknown_ids_have_no_text() {
    let data = smollm();
    let rows = 4;
    let tokenizer = Tokenizer::new(&TokenizerData::Gguf(Box::new(data)), &config(rows));
    let tokenizer = tokenizer.expect("a tokenizer");
    let error = tokenizer
        .encode("hi", SpecialText::Parse)
        .expect_err("hi has no row");
    assert!(
        matches!(error, TokenizerError::IdOutOfRange { rows: 4, .. }),
        "{error}"
    );
    assert_eq!(tokenizer.decode(&[u32::MAX, 9999], false), "");
    assert!(tokenizer.piece(u32::MAX).is_err());
    assert_eq!(tokenizer.id_to_token(u32::MAX), None);
}

#[test]
fn damaged_gguf_vocabularies_are_rejected() {
    type Change = fn(&mut GgufTokenizer);
    let cases: [(&str, Change); 9] = [
        ("tokenizer.ggml.tokens", |data| data.tokens.clear()),
        ("bert", |data| data.model = "bert".into()),
        ("mystery", |data| data.pre = Some("mystery".into())),
        ("3 types", |data| data.token_types = vec![1, 2, 3]),
        ("merge 0", |data| data.merges = vec!["nospace".into()]),
        ("\"hiĠ\"", |data| data.merges = vec!["hi Ġ".into()]),
        ("no BOS", |data| {
            (data.add_bos, data.bos_id) = (Some(true), None)
        }),
        ("no EOS", |data| {
            (data.add_eos, data.eos_id) = (Some(true), None)
        }),
        ("scores", |data| data.model = "llama".into()),
    ];
    for (want, change) in cases {
        let mut data = smollm();
        change(&mut data);
        let error = gguf(data).map(|_| ()).expect_err(want).to_string();
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn odd_vocabularies_do_not_panic() {
    let mut data = smollm();
    // A duplicate token, an empty token and a duplicate control token.
    data.tokens
        .extend(["hi", "", "<|im_end|>"].map(String::from));
    data.token_types.extend([1, 5, 3]);
    let tokenizer = gguf(data).expect("a tokenizer");
    assert_eq!(tokens(&tokenizer, "hi", SpecialText::Parse), ["hi"]);
    let all: Vec<u32> = (0..300).collect();
    assert!(tokenizer.decode(&all, false).contains("hi"));
}

/// Returns a byte-level tokenizer.json with two added tokens.
fn tokenizer_json() -> Value {
    let mut vocab = serde_json::Map::new();
    for byte in 0..=255u8 {
        vocab.insert(byte_char(byte), json!(byte));
    }
    vocab.insert("hi".into(), json!(256));
    let added = |id: u32, content: &str, special: bool| {
        json!({"id": id, "content": content, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false, "special": special})
    };
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
        "padding": null,
        "added_tokens": [added(257, "<s>", true), added(258, "<é>", false)],
        "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true},
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                  "vocab": vocab, "merges": ["h i"]},
    })
}

fn folder(
    tokenizer_json: &Value,
    tokenizer_config: Option<Value>,
    generation_config: Option<Value>,
) -> Result<Tokenizer, TokenizerError> {
    let data = TokenizerData::HuggingFace {
        tokenizer_json: tokenizer_json.to_string().into_bytes(),
        tokenizer_config,
        chat_template: None,
        generation_config,
    };
    Tokenizer::new(&data, &config(259))
}

#[test]
fn tokenizer_json_is_read_with_added_tokens() {
    let tokenizer = folder(&tokenizer_json(), None, None).expect("a tokenizer");
    // The truncation in the file is ignored.
    let ids = tokenizer
        .encode("hi<s>x<é>", SpecialText::Parse)
        .expect("ids");
    assert_eq!(ids, [256, 257, u32::from(b'x'), 258]);
    assert_eq!(tokenizer.decode(&ids, false), "hi<s>x<é>");
    assert_eq!(tokenizer.decode(&ids, true), "hix<é>");
    assert_eq!(tokenizer.vocab_size(), 259);
}

#[test]
fn special_tokens_come_from_other_files_of_folder() {
    let named = json!({
        "bos_token": {"content": "<s>"}, "eos_token": "hi", "pad_token": null,
        "chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "yes"}],
    });
    let generation = json!({"eos_token_id": [257, 3]});
    let tokenizer = folder(&tokenizer_json(), Some(named), Some(generation)).expect("a tokenizer");
    assert_eq!(tokenizer.bos_id(), Some(257));
    assert_eq!(tokenizer.eos_ids(), [256, 257, 3]);
    assert_eq!(tokenizer.chat_template(), Some("yes"));
    let error = folder(&tokenizer_json(), None, Some(json!({"eos_token_id": "x"})));
    assert!(error.is_err());
    let one = folder(&tokenizer_json(), None, Some(json!({"eos_token_id": 4})));
    assert_eq!(one.map(|t| t.eos_ids().to_vec()), Ok(vec![4]));
}

#[test]
fn damaged_tokenizer_files_are_rejected() {
    let change = |pointer: &str, value: Value| {
        let mut file = tokenizer_json();
        *file.pointer_mut(pointer).expect("a place in the file") = value;
        file
    };
    let precompiled = json!({"type": "Sequence", "normalizers": [{"type": "Precompiled"}]});
    let split = json!({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false});
    let cases = [
        ("added_tokens", change("/added_tokens/0/id", json!(300))),
        (
            "larger than any",
            change("/model/vocab/hi", json!(4_000_000_000_u32)),
        ),
        ("WordPiece", change("/model/type", json!("WordPiece"))),
        ("merge 0", change("/model/merges", json!(["h"]))),
        ("Precompiled", change("/normalizer", precompiled)),
        (
            "post_processor",
            change("/post_processor", json!({"type": "Magic"})),
        ),
        ("tokenizer.json", change("/pre_tokenizer", split)),
        ("tokenizer.json", change("/version", json!("9"))),
        ("tokenizer.json", json!([])),
        ("tokenizer.json", json!({})),
    ];
    for (want, file) in cases {
        let refused = folder(&file, None, None).map(|_| ());
        let error = refused.expect_err(want).to_string();
        assert!(error.contains(want), "{want}: {error}");
    }
}

#[test]
fn byte_tokenizer_uses_bytes_as_ids() {
    let tokenizer = Tokenizer::new(&TokenizerData::Bytes { vocab_size: 300 }, &config(300));
    let tokenizer = tokenizer.expect("a tokenizer");
    let ids = tokenizer
        .encode_with_bos("hé", SpecialText::Parse)
        .expect("ids");
    assert_eq!(ids, [0x68, 0xc3, 0xa9]);
    assert_eq!(tokenizer.decode(&[0x68, 0xc3, 0xa9, 299, 1000], true), "hé");
    assert_eq!(tokenizer.vocab_size(), 300);
    assert!(!tokenizer.has_chat_template());
    let small = Tokenizer::new(&TokenizerData::Bytes { vocab_size: 100 }, &config(100));
    let small = small.expect("a tokenizer");
    assert!(small.encode("é", SpecialText::Parse).is_err());
}

proptest! {
    #[test]
    fn decode_restores_every_encoded_text(text: String) {
        for tokenizer in [gguf(smollm()), folder(&tokenizer_json(), None, None), gguf(llama())] {
            let tokenizer = tokenizer.expect("a tokenizer");
            for special in [SpecialText::Parse, SpecialText::AsText] {
                let ids = tokenizer.encode(&text, special).expect("ids");
                let back = tokenizer.decode(&ids, false);
                prop_assert_eq!(back, text.replace('▁', if tokenizer.strip_spaces() > 0 { " " } else { "▁" }));
            }
        }
    }
}
