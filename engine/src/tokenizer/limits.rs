//! Limits on tokenizer files. The `tokenizers` crate accepts any file, and some files make it panic or use
//! unbounded memory when a text is tokenized.

use serde_json::Value;

/// Maximum number of steps in a normalizer, pre-tokenizer or decoder; real models have up to five.
const MAX_STEPS: usize = 16;
/// Maximum factor by which all steps of a normalizer together may lengthen a text. SentencePiece's space mark turns
/// one byte into three.
const MAX_GROWTH: usize = 64;
/// Maximum bytes per pattern; DeepSeek's longest has 1,200.
const MAX_PATTERN_BYTES: usize = 8 << 10;
/// Maximum number of added tokens; Llama 4 has 1,135. The crate compiles all of them into one automaton.
const MAX_ADDED_TOKENS: usize = 20_000;
/// Maximum bytes of all added tokens.
const MAX_ADDED_BYTES: usize = 1 << 20;

/// Checks the steps of a tokenizer.json's normalizer, pre-tokenizer or decoder; messages call it `part`.
pub(super) fn check_steps(part: &str, steps: &[&Value]) -> Result<(), String> {
    let count = steps.len();
    if count > MAX_STEPS {
        return Err(format!(
            "{part}: {count} steps; at most {MAX_STEPS} are allowed"
        ));
    }
    let mut growth = 1usize;
    for step in steps {
        let kind = step["type"].as_str().unwrap_or_default();
        let explain = |reason: String| format!("{part}: {kind}: {reason}");
        if let Some(pattern) = pattern(step) {
            check_pattern(pattern).map_err(explain)?;
        }
        growth = growth.saturating_mul(step_growth(step));
    }
    if growth > MAX_GROWTH {
        return Err(format!(
            "{part}: its steps make a text up to {growth} times as long; at most {MAX_GROWTH} times is allowed"
        ));
    }
    Ok(())
}

/// Checks the number and length of added tokens.
pub(super) fn check_added<'a>(tokens: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let (count, bytes) = tokens.fold((0, 0), |(count, bytes), token| {
        (count + 1, bytes + token.len())
    });
    if count > MAX_ADDED_TOKENS {
        return Err(format!(
            "{count} added tokens; at most {MAX_ADDED_TOKENS} are allowed"
        ));
    }
    if bytes > MAX_ADDED_BYTES {
        return Err(format!(
            "its added tokens have {bytes} bytes; at most {MAX_ADDED_BYTES} are allowed"
        ));
    }
    Ok(())
}

enum Pattern<'a> {
    Text(&'a str),
    Regex(&'a str),
}

fn pattern(step: &Value) -> Option<Pattern<'_>> {
    let pattern = step.get("pattern")?;
    let text = pattern["String"].as_str().map(Pattern::Text);
    text.or_else(|| pattern["Regex"].as_str().map(Pattern::Regex))
}

/// Checks a pattern. An empty match would be found everywhere, and the crate panics when it replaces one.
fn check_pattern(pattern: Pattern<'_>) -> Result<(), String> {
    let (Pattern::Text(source) | Pattern::Regex(source)) = pattern;
    if source.is_empty() {
        return Err("its pattern is empty".into());
    }
    if source.len() > MAX_PATTERN_BYTES {
        let length = source.len();
        return Err(format!(
            "its pattern has {length} bytes; at most {MAX_PATTERN_BYTES} are allowed"
        ));
    }
    Ok(())
}

/// Returns the maximum factor by which a step lengthens a text.
fn step_growth(step: &Value) -> usize {
    let content = |name: &str| step[name].as_str().map_or(0, str::len);
    match step["type"].as_str() {
        Some("Replace") => {
            let replaced = match pattern(step) {
                Some(Pattern::Text(text)) => text.len().max(1),
                // A regular expression may match a single byte.
                _ => 1,
            };
            content("content").div_ceil(replaced).max(1)
        }
        // The prefix is added once per text.
        Some("Prepend") => 1 + content("prepend") / 64,
        // Bytes outside ASCII become characters of two bytes.
        Some("ByteLevel") => 2,
        // Compatibility forms expand one character to at most eighteen.
        Some("NFKC" | "NFKD") => 18,
        Some("NFD") => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(steps: &[Value]) -> Result<(), String> {
        check_steps("normalizer", &steps.iter().collect::<Vec<_>>())
    }

    fn replace(pattern: Value, content: &str) -> Value {
        json!({ "type": "Replace", "pattern": pattern, "content": content })
    }

    #[test]
    fn normalizers_of_real_models_are_accepted() {
        let space = || replace(json!({ "String": " " }), "\u{2581}");
        let prepend = json!({ "type": "Prepend", "prepend": "\u{2581}" });
        assert_eq!(check(&[prepend, space()]), Ok(()));
        assert_eq!(check(&[json!({ "type": "NFC" })]), Ok(()));
        assert_eq!(check(&[Value::Null]), Ok(()));
        let runs = replace(json!({ "Regex": " {2,}" }), "\u{2581}");
        assert_eq!(check(&[json!({ "type": "NFKC" }), runs]), Ok(()));
    }

    #[test]
    fn steps_that_grow_text_or_match_nothing_are_rejected() {
        let twice = || replace(json!({ "String": "a" }), "aa");
        for (steps, words) in [
            (
                vec![replace(json!({ "Regex": "" }), "a")],
                "pattern is empty",
            ),
            (
                vec![replace(json!({ "String": "" }), "a")],
                "pattern is empty",
            ),
            ((0..16).map(|_| twice()).collect(), "65536 times as long"),
            ((0..20).map(|_| twice()).collect(), "20 steps"),
            (
                vec![replace(json!({ "Regex": "." }), &"a".repeat(1000))],
                "1000 times as long",
            ),
            (
                vec![json!({ "type": "Prepend", "prepend": "a".repeat(100_000) })],
                "times as long",
            ),
            (
                vec![json!({ "type": "Split", "pattern": { "Regex": "a".repeat(10_000) } })],
                "10000 bytes",
            ),
        ] {
            let refused = check(&steps).expect_err("refused");
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn added_tokens_above_limits_are_rejected() {
        assert_eq!(check_added(["<s>", "</s>"].into_iter()), Ok(()));
        let many = vec!["<x>"; 20_001];
        let refused = check_added(many.into_iter()).expect_err("refused");
        assert!(refused.contains("20001 added tokens"), "{refused}");
        let long = "x".repeat(600_000);
        let refused = check_added([&*long, &*long].into_iter()).expect_err("refused");
        assert!(refused.contains("1200000 bytes"), "{refused}");
    }
}
