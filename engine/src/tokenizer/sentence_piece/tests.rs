//! Compares merging with a heap to a naive search over all pairs.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// Builds a vocabulary: ids 0 to 255 are the byte tokens, 256 is the unknown token, then come `tokens`.
fn model(tokens: &[(&str, f32, TokenType)], bytes: bool, space_prefix: bool) -> SentencePiece {
    let first = (0..256).map(|byte| {
        let kind = if bytes {
            TokenType::Byte
        } else {
            TokenType::Control
        };
        (format!("<0x{byte:02X}>"), 0.0, kind)
    });
    let unknown = [(String::from("<unk>"), 0.0, TokenType::Unknown)];
    let rest = tokens
        .iter()
        .map(|&(token, score, kind)| (token.to_owned(), score, kind));
    let all: Vec<(String, f32, TokenType)> = first.chain(unknown).chain(rest).collect();
    SentencePiece::new(
        all.iter().map(|it| it.0.clone()).collect(),
        all.iter().map(|it| it.1).collect(),
        all.iter().map(|it| it.2).collect(),
        Some(256),
        space_prefix,
    )
    .expect("a vocabulary")
}

/// Builds a vocabulary of normal tokens with byte tokens.
fn normal(tokens: &[(&str, f32)], space_prefix: bool) -> SentencePiece {
    let tokens = tokens
        .iter()
        .map(|&(token, score)| (token, score, TokenType::Normal));
    model(&tokens.collect::<Vec<_>>(), true, space_prefix)
}

fn texts(model: &SentencePiece, ids: &[u32]) -> Vec<String> {
    ids.iter()
        .map(|&id| model.id_to_token(id).expect("an id").to_owned())
        .collect()
}

/// Encodes a text naively: merges the pair with the highest score, the leftmost on a tie, until none is left. An
/// unused piece is split as it was joined.
fn slowly(model: &SentencePiece, text: &str) -> Vec<u32> {
    #[derive(Clone)]
    struct Piece(String, Option<Box<(Piece, Piece)>>);
    fn emit(model: &SentencePiece, piece: Piece, ids: &mut Vec<u32>) {
        let unused = |id: u32| model.types[id as usize] == TokenType::Unused;
        match (model.mergeable(&piece.0), piece.1) {
            (Some(id), Some(parts)) if unused(id) => {
                emit(model, parts.0, ids);
                emit(model, parts.1, ids);
            }
            (Some(id), _) => ids.push(id),
            (None, _) => model.emit_unknown(&piece.0, ids),
        }
    }
    let mut pieces: Vec<Piece> = text.chars().map(|c| Piece(c.to_string(), None)).collect();
    loop {
        let mut best: Option<(f32, usize)> = None;
        for (i, pair) in pieces.windows(2).enumerate() {
            let joined = format!("{}{}", pair[0].0, pair[1].0);
            if let Some(id) = model.mergeable(&joined) {
                let score = model.scores[id as usize];
                if best.is_none_or(|(highest, _)| score > highest) {
                    best = Some((score, i));
                }
            }
        }
        let Some((_, i)) = best else { break };
        let right = pieces.remove(i + 1);
        let left = pieces[i].clone();
        pieces[i] = Piece(
            format!("{}{}", left.0, right.0),
            Some(Box::new((left, right))),
        );
    }
    let mut ids = Vec::new();
    for piece in pieces {
        emit(model, piece, &mut ids);
    }
    ids
}

#[test]
fn highest_score_merges_first_and_leftmost_on_tie() {
    let model = normal(
        &[("a", -9.0), ("b", -9.0), ("aa", -1.0), ("ab", -0.5)],
        false,
    );
    assert_eq!(texts(&model, &model.encode("aaa")), ["aa", "a"]);
    assert_eq!(texts(&model, &model.encode("aab")), ["a", "ab"]);
}

#[test]
fn spaces_become_marks_and_one_is_prepended() {
    let tokens = [("▁", -1.0), ("x", -2.0), ("▁x", -0.5)];
    let with = normal(&tokens, true);
    assert_eq!(texts(&with, &with.encode("x")), ["▁x"]);
    assert_eq!(texts(&with, &with.encode(" x▁x")), ["▁", "▁x", "▁x"]);
    assert!(with.encode("").is_empty());
    let without = normal(&tokens, false);
    assert_eq!(texts(&without, &without.encode("x x")), ["x", "▁x"]);
}

#[test]
fn out_of_vocabulary_text_becomes_bytes_or_one_unknown() {
    use TokenType::Normal;
    let tokens = [("a", -1.0, Normal)];
    let bytes = model(&tokens, true, false);
    assert_eq!(bytes.encode("aé"), [257, 0xc3, 0xa9]);
    let none = model(&tokens, false, false);
    assert_eq!(none.encode("aéèa"), [257, 256, 257]);
}

#[test]
fn byte_and_control_token_texts_stay_text() {
    use TokenType::{Control, Normal};
    let tokens: Vec<(&str, f32, TokenType)> = [
        "<", "0", "x", "4", "1", ">", "<0", "<0x", "<0x4", "<0x41", "s", "<s",
    ]
    .map(|token| (token, -1.0, Normal))
    .into_iter()
    .chain([("<s>", 0.0, Control)])
    .collect();
    let model = model(&tokens, true, false);
    assert_eq!(texts(&model, &model.encode("<0x41>")), ["<0x41", ">"]);
    assert_eq!(texts(&model, &model.encode("<s>")), ["<s", ">"]);
}

#[test]
fn missing_and_nan_scores_are_rejected() {
    let a = || vec!["a".into()];
    let one = |score| SentencePiece::new(a(), vec![score], vec![TokenType::Normal], None, true);
    assert!(one(f32::NAN).is_err());
    assert!(one(f32::NEG_INFINITY).is_ok());
    assert!(SentencePiece::new(a(), vec![], vec![], None, true).is_err());
}

#[test]
fn encode_is_fast_for_long_text() {
    let model = normal(&[("a", -9.0), ("aa", -1.0), ("aaaa", -2.0)], true);
    let text = "a".repeat(400_000);
    let start = Instant::now();
    assert_eq!(model.encode(&text).len(), 100_000 + 3);
    // A merge that scanned the whole text each time would take minutes.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

/// Tokens over three letters with few distinct scores, so that ties are common.
fn vocabulary() -> impl Strategy<Value = Vec<(String, i8, u8)>> {
    prop::collection::vec(("[abé]{1,5}", -3..3i8, 0..8u8), 0..40)
}

proptest! {
    #[test]
    fn heap_merging_matches_naive_merging(
        tokens in vocabulary(),
        text in "[abéx]{0,40}",
        bytes: bool,
    ) {
        let mut seen = std::collections::HashSet::new();
        let tokens: Vec<(&str, f32, TokenType)> = tokens
            .iter()
            .filter(|token| seen.insert(token.0.as_str()))
            .map(|(token, score, kind)| {
                let kind = match kind {
                    0 => TokenType::Unused,
                    1 => TokenType::UserDefined,
                    _ => TokenType::Normal,
                };
                (token.as_str(), f32::from(*score), kind)
            })
            .collect();
        let model = model(&tokens, bytes, false);
        prop_assert_eq!(model.encode(&text), slowly(&model, &text));
    }
}
