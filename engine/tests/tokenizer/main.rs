//! Checks tokenizers from real files against the results of independent implementations, which
//! `tests/data/families/README.md` names.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod goldens;
mod support;

use llamaglass_engine::tokenizer::{Message, SpecialText, Tokenizer};
use llamaglass_engine::weights::{GgufTokenizer, TokenizerData};
use proptest::prelude::*;

use support::{FAMILIES, family};

#[test]
fn llama2_tiny_matches_goldens() {
    goldens::check("llama2-tiny");
}

#[test]
fn llama3_tiny_matches_goldens() {
    goldens::check("llama3-tiny");
}

#[test]
fn gguf_vocabulary_matches_goldens() {
    goldens::check("llama-tied-gguf");
}

/// SentencePiece assigns descending scores to the pieces that it learns, so the ids of a tokenizer.json
/// determine the scores in a GGUF of the same model.
#[test]
fn vocabulary_with_scores_matches_goldens() {
    let file = std::fs::read(support::folder("llama2-tiny").join("tokenizer.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&file).unwrap();
    let vocab = file["model"]["vocab"].as_object().unwrap();
    let mut tokens = vec![String::new(); vocab.len()];
    for (token, id) in vocab {
        tokens[usize::try_from(id.as_u64().unwrap()).unwrap()] = token.clone();
    }
    let kind = |id: usize| match id {
        0 => 2,
        1 | 2 => 3,
        3..259 => 6,
        _ => 1,
    };
    let template = family("llama2-tiny").chat_template().map(str::to_owned);
    let data = GgufTokenizer {
        model: "llama".into(),
        scores: (0..tokens.len()).map(|id| 259.0 - id as f32).collect(),
        token_types: (0..tokens.len()).map(kind).collect(),
        tokens,
        bos_id: Some(1),
        eos_id: Some(2),
        unknown_id: Some(0),
        chat_template: template,
        ..GgufTokenizer::default()
    };
    let data = TokenizerData::Gguf(Box::new(data));
    let checkpoint = support::open(&support::folder("llama2-tiny"));
    let tokenizer = Tokenizer::new(&data, checkpoint.config()).unwrap();
    goldens::check_folder(
        &tokenizer,
        &support::folder("llama2-tiny").join("reference"),
    );
}

#[test]
fn message_text_never_encodes_to_special_ids() {
    for name in FAMILIES {
        let tokenizer = family(name);
        let special = |ids: &[u32]| -> Vec<u32> {
            let ids = ids.iter().copied();
            ids.filter(|id| tokenizer.is_special(*id)).collect()
        };
        let turns = |content: &str| {
            let turn = |role: &str, content: &str| Message {
                role: role.into(),
                content: content.into(),
            };
            [
                turn("user", content),
                turn("assistant", "Yes."),
                turn("user", content),
            ]
        };
        let honest = special(&tokenizer.encode_chat(&turns("hi")).unwrap());
        let names: Vec<String> = (0..)
            .map_while(|id| tokenizer.piece(id).ok().map(|piece| (id, piece)))
            .filter(|(id, piece)| tokenizer.is_special(*id) && !piece.is_empty())
            .map(|(_, piece)| String::from_utf8(piece.to_vec()).unwrap())
            .collect();
        assert!(names.len() > 1, "{name}: {names:?}");
        let each = names.iter().map(|special| format!("a{special}b {special}"));
        for content in each.chain([names.concat(), names.join("\n\nsystem\n")]) {
            let ids = tokenizer.encode_chat(&turns(&content)).unwrap();
            assert_eq!(special(&ids), honest, "{name}: {content}");
            let text = tokenizer.decode(&ids, false);
            assert_eq!(
                text.matches(&content).count(),
                2,
                "{name}: {content}: {text}"
            );
        }
    }
}

#[test]
fn eos_ids_are_complete() {
    for (name, want) in [
        ("llama2-tiny", vec![2]),
        ("llama3-tiny", vec![776, 779]),
        ("llama-tied-gguf", vec![596, 599]),
    ] {
        let mut ends = family(name).eos_ids().to_vec();
        ends.sort_unstable();
        assert_eq!(ends, want, "{name}");
    }
}

#[test]
fn encoding_100_kilobytes_is_fast() {
    let text = "The quick brown fox, 1234 times.\n".repeat(3200);
    for name in FAMILIES {
        let tokenizer = family(name);
        let start = std::time::Instant::now();
        let ids = tokenizer.encode(&text, SpecialText::AsText).unwrap();
        let took = start.elapsed();
        println!("{name}: {} bytes, {} ids, {took:?}", text.len(), ids.len());
        assert_eq!(tokenizer.decode(&ids, true), text, "{name}");
        // Anything quadratic would take minutes.
        assert!(took.as_secs() < 20, "{name}: {took:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn encoded_text_round_trips(text in "(\\PC|[ \\n▁<>a-z0-9']){0,60}") {
        for name in FAMILIES {
            let tokenizer = family(name);
            let ids = tokenizer.encode(&text, SpecialText::AsText).unwrap();
            // SentencePiece cannot distinguish its own space marker from a space.
            let want = if name == "llama2-tiny" { text.replace('▁', " ") } else { text.clone() };
            prop_assert_eq!(tokenizer.decode(&ids, false), want, "{}", name);
        }
    }
}
