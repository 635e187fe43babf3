//! What a result says in a sentence, and the numbers that it says it by.

use serde::{Deserialize, Serialize};

/// A sentence whose every number is in the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The sentence.
    pub text: String,
    /// The numbers in it, in their order.
    pub numbers: Vec<Number>,
}

/// A number of a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Number {
    /// Where it is in the result (RFC 6901).
    pub pointer: String,
    /// What it is.
    pub value: f64,
    /// How the sentence writes it.
    pub shown: String,
}

/// A sentence that is being put together.
#[derive(Clone, Debug, Default)]
pub struct Sentence {
    text: String,
    numbers: Vec<Number>,
}

impl Sentence {
    /// Begins with `text`.
    pub fn new(text: &str) -> Self {
        Self::default().text(text)
    }

    /// Goes on with words.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// Goes on with the number at `pointer`.
    #[must_use]
    pub fn number(self, pointer: impl Into<String>, value: f64) -> Self {
        self.shown(pointer, value, digits(value))
    }

    /// Goes on with the share at `pointer`, which is 1 where it is all, in percent.
    #[must_use]
    pub fn share(self, pointer: impl Into<String>, value: f64) -> Self {
        self.shown(pointer, value, format!("{} %", digits(value * 100.0)))
    }

    /// Goes on with the milliseconds at `pointer` that the second of two ways took more, in pairs. Where noise
    /// is larger than what it costs, that is below 0, which is not more.
    #[must_use]
    pub fn in_pairs(self, pointer: impl Into<String>, ms: f64) -> Self {
        match ms > 0.0 {
            true => self.text("in pairs, ").number(pointer, ms).text(" ms more"),
            false => {
                let sentence = self.text("in pairs, a difference of ");
                sentence.number(pointer, ms).text(" ms")
            }
        }
    }

    fn shown(mut self, pointer: impl Into<String>, value: f64, shown: String) -> Self {
        self.text += &shown;
        self.numbers.push(Number {
            pointer: pointer.into(),
            value,
            shown,
        });
        self
    }

    /// The whole of it.
    pub fn end(self, text: &str) -> Finding {
        Finding {
            text: self.text + text,
            numbers: self.numbers,
        }
    }
}

/// A number with the digits that count: 0.0012, 0.123, 1.23, 12.3, 123, 12,345.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "not finite".into();
    }
    let size = value.abs();
    // What is that small is the error of arithmetic.
    if size < 1e-9 {
        return "0".into();
    }
    let decimals = match size {
        // Two digits that are not 0.
        size if size < 0.01 => 1 + (-size.log10()).ceil() as usize,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    // A whole number is written as one.
    let decimals = if value.fract() == 0.0 { 0 } else { decimals };
    let text = format!("{value:.decimals$}");
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", &*text),
    };
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut out = sign.to_owned();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [
            0.0, -1e-12, 0.00123, 0.0123, 1.234, 12.34, 123.4, 12345.6, -1234567.0, 3.0,
        ];
        let shown = shown.map(digits);
        let wanted = [
            "0",
            "0",
            "0.0012",
            "0.012",
            "1.23",
            "12.3",
            "123",
            "12,346",
            "-1,234,567",
            "3",
        ];
        assert_eq!(shown, wanted);
    }

    #[test]
    fn what_is_no_number_is_said_in_words() {
        assert_eq!([f64::NAN, f64::INFINITY].map(digits), ["not finite"; 2]);
        let finding = Sentence::default().share("/s", 0.893).end(".");
        assert_eq!(finding.text, "89.3 %.");
        assert_eq!(
            (finding.numbers[0].value, &*finding.numbers[0].shown),
            (0.893, "89.3 %")
        );
    }

    #[test]
    fn a_sentence_keeps_its_numbers_in_order() {
        let finding = Sentence::new("It takes ")
            .number("/a", 1.5)
            .text(" ms of ")
            .number("/b", 12.0)
            .end(".");
        assert_eq!(finding.text, "It takes 1.50 ms of 12.");
        let pointers: Vec<&str> = finding.numbers.iter().map(|n| &*n.pointer).collect();
        assert_eq!(pointers, ["/a", "/b"]);
    }
}
