//! Findings: sentences about a result, with the numbers they quote.

use serde::{Deserialize, Serialize};

use crate::measure::Estimate;

/// A sentence whose numbers all come from the result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Finding {
    /// Text of the sentence.
    pub text: String,
    /// Numbers in the sentence, in order.
    pub numbers: Vec<Number>,
}

/// A number quoted from a result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Number {
    /// JSON pointer to it in the result (RFC 6901).
    pub pointer: String,
    /// Value in the result.
    pub value: f64,
    /// Value as the sentence writes it.
    pub shown: String,
}

/// Builder of a [`Finding`].
#[derive(Clone, Debug, Default)]
pub struct Sentence {
    text: String,
    numbers: Vec<Number>,
}

impl Sentence {
    /// Starts a sentence with `text`.
    pub fn new(text: &str) -> Self {
        Self::default().text(text)
    }

    /// Appends words.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.text += text;
        self
    }

    /// Appends the number at `pointer`.
    #[must_use]
    pub fn number(self, pointer: impl Into<String>, value: f64) -> Self {
        self.shown(pointer, value, digits(value))
    }

    /// Appends the share at `pointer` (1 is everything) as a percentage.
    #[must_use]
    pub fn share(self, pointer: impl Into<String>, value: f64) -> Self {
        self.shown(pointer, value, format!("{} %", digits(value * 100.0)))
    }

    /// Appends the paired difference at `pointer`: the extra milliseconds of the second variant over the first. A
    /// value of 0 or below, which noise can cause, is written as "a difference of" instead of "more".
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

    /// Appends the 95 % interval of the estimate at `pointer`.
    #[must_use]
    pub fn interval(self, pointer: &str, of: &Estimate) -> Self {
        self.text(" (95 % interval ")
            .number(format!("{pointer}/low"), of.low)
            .text(" to ")
            .number(format!("{pointer}/high"), of.high)
            .text(")")
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

    /// Appends `text` and returns the finished sentence.
    pub fn end(self, text: &str) -> Finding {
        Finding {
            text: self.text + text,
            numbers: self.numbers,
        }
    }
}

/// Formats a number with its significant digits: 0.0012, 0.123, 1.23, 12.3, 123, 12,345.
pub fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "not finite".into();
    }
    let size = value.abs();
    // Values this small are rounding errors.
    if size < 1e-9 {
        return "0".into();
    }
    let decimals = match size {
        // Keep two significant digits.
        size if size < 0.01 => 1 + (-size.log10()).ceil() as usize,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    // Whole numbers get no decimals.
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
    fn digits_keeps_significant_digits() {
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
    fn digits_says_not_finite_and_share_is_a_percentage() {
        assert_eq!([f64::NAN, f64::INFINITY].map(digits), ["not finite"; 2]);
        let finding = Sentence::default().share("/s", 0.893).end(".");
        assert_eq!(finding.text, "89.3 %.");
        assert_eq!(
            (finding.numbers[0].value, &*finding.numbers[0].shown),
            (0.893, "89.3 %")
        );
    }

    #[test]
    fn sentence_keeps_numbers_in_order() {
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
