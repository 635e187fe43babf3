//! Endless repetition: a small model that samples its own loop again and again.

/// Longest text, in bytes, that is recognized as one round of a loop.
const LONGEST_ROUND: usize = 240;
/// Rounds that make a loop. Tables and lists repeat too, but not this often.
const ROUNDS: usize = 8;
/// Bytes that a loop has at least, so that a ruler of dashes is none.
const SHORTEST_LOOP: usize = 320;

/// Returns whether `text` ends in a loop: the same bytes 8 times or more, over 320 bytes or more.
pub fn ends_in_loop(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=LONGEST_ROUND).any(|round| {
        let wanted = SHORTEST_LOOP.max(ROUNDS * round);
        // A text of period `round` equals itself moved by `round` bytes.
        bytes.len() >= wanted && {
            let tail = &bytes[bytes.len() - wanted..];
            tail[round..] == tail[..wanted - round]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_repeated_without_end_is_a_loop() {
        let text = format!("Sure. {}", "I can help you with that.\n".repeat(20));
        assert!(ends_in_loop(&text));
    }

    #[test]
    fn a_loop_is_found_wherever_in_a_round_the_text_ends() {
        let text = "the cat sat on the mat and ".repeat(30);
        for end in text.len() - 40..text.len() {
            assert!(ends_in_loop(&text[..end]), "cut at byte {end}");
        }
    }

    #[test]
    fn ordinary_text_is_no_loop() {
        let table = format!(
            "{}| --- | --- |\n{}",
            "=".repeat(80),
            "| a | b |\n".repeat(7)
        );
        let list: String = (1..200).map(|n| format!("{n}, ")).collect();
        for text in ["", "no no no no", &table, &list] {
            assert!(!ends_in_loop(text), "{text:?}");
        }
    }

    #[test]
    fn text_after_a_loop_ends_it() {
        let text = format!("{}But then it stopped.", "over and ".repeat(60));
        assert!(!ends_in_loop(&text));
    }
}
