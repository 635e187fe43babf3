//! Detects endless repetition: small models can fall into a loop of their own output.

/// Maximum length of one round of a loop, in bytes.
const LONGEST_ROUND: usize = 240;
/// Minimum number of rounds of a loop. Tables and lists repeat too, but not this often.
const ROUNDS: usize = 8;
/// Minimum length of a loop in bytes, so that a ruler of dashes is not one.
const SHORTEST_LOOP: usize = 320;

/// Returns whether `text` ends in a loop: the same bytes 8 times or more, over 320 bytes or more.
pub fn ends_in_loop(text: &str) -> bool {
    let bytes = text.as_bytes();
    (1..=LONGEST_ROUND).any(|round| {
        let wanted = SHORTEST_LOOP.max(ROUNDS * round);
        // A text with period `round` equals itself shifted by `round` bytes.
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
    fn loop_is_found_when_text_ends_within_a_round() {
        let text = "the cat sat on the mat and ".repeat(30);
        for end in text.len() - 40..text.len() {
            assert!(ends_in_loop(&text[..end]), "cut at byte {end}");
        }
    }

    #[test]
    fn ordinary_text_is_not_a_loop() {
        let table = format!(
            "{}| --- | --- |\n{}",
            "=".repeat(80),
            "| a | b |\n".repeat(7)
        );
        let list: String = (1..200).map(|n| format!("{n}, ")).collect();
        let ended = format!("{}But then it stopped.", "over and ".repeat(60));
        for text in ["", "no no no no", &table, &list, &ended] {
            assert!(!ends_in_loop(text), "{text:?}");
        }
    }
}
