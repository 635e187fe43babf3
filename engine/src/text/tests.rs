//! Compares streaming ids with decoding them all at once.

use proptest::prelude::*;

use super::*;
use crate::tokenizer::fixtures;

/// Returns the text of a stream of ids, and whether a stop string ended it.
fn stream(tokenizer: &Tokenizer, ids: &[u32], stop: &[String]) -> (String, bool) {
    let mut stream = TextStream::new(tokenizer, stop);
    let mut text = String::new();
    for &id in ids {
        let delta = stream.push(tokenizer, id);
        text.push_str(&delta.text);
        if delta.stopped {
            assert_eq!(stream.finish(), "");
            return (text, true);
        }
    }
    text.push_str(&stream.finish());
    (text, false)
}

#[test]
fn stream_strips_only_the_first_space() {
    let tokenizer = fixtures::llama();
    let id = |token| tokenizer.token_to_id(token).expect("a token");
    let mut stream = TextStream::new(&tokenizer, &[]);
    // A special token has no text, so the space after it is still the first one.
    for (token, want) in [
        ("<s>", ""),
        ("▁x", "x"),
        ("▁y", " y"),
        ("▁", " "),
        ("<0xE2>", ""),
    ] {
        assert_eq!(stream.push(&tokenizer, id(token)).text, want, "{token}");
    }
    assert_eq!(stream.finish(), "\u{fffd}");
}

#[test]
fn stop_string_split_across_tokens_is_found() {
    let tokenizer = fixtures::llama();
    let ids = tokenizer
        .encode("xy xyx", crate::tokenizer::SpecialText::Parse)
        .expect("ids");
    let stop = |text: &str| stream(&tokenizer, &ids, &[text.to_owned()]);
    assert_eq!(stop("y x"), ("x".into(), true));
    assert_eq!(stop("xyxx"), ("xy xyx".into(), false));
    // The first space is stripped, so it cannot match.
    assert_eq!(stop(" xy "), ("xy xyx".into(), false));
}

proptest! {
    #[test]
    fn concatenated_deltas_equal_the_decoded_text(ids in prop::collection::vec(0..280u32, 0..60)) {
        for tokenizer in [fixtures::smollm(), fixtures::llama()] {
            let (text, stopped) = stream(&tokenizer, &ids, &[]);
            prop_assert!(!stopped);
            prop_assert_eq!(text, tokenizer.decode(&ids, true));
        }
    }
}
