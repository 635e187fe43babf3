//! Ids to UTF-8-safe text, stop strings, and text that a terminal can show.

mod stop;
mod utf8;
mod visible;

use crate::tokenizer::Tokenizer;
use stop::StopStrings;
use utf8::Utf8Stream;

pub use visible::{safe, safe_json, visible};

/// What one more id adds to a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Text that is complete and that no stop string can begin in; may be empty.
    pub text: String,
    /// Whether a stop string has come: no text follows.
    pub stopped: bool,
}

/// Ids to text, one by one. The texts of all deltas and of [`TextStream::finish`], joined, are what
/// [`Tokenizer::decode`] makes of all ids without the special ones, up to the first stop string.
#[derive(Clone, Debug)]
pub struct TextStream {
    /// How many spaces may still come off the start of the text.
    strip_spaces: usize,
    utf8: Utf8Stream,
    stop: StopStrings,
}

impl TextStream {
    /// A stream that ends before the first of `stop` to be complete; empty strings never come.
    pub fn new(tokenizer: &Tokenizer, stop: &[String]) -> Self {
        Self {
            strip_spaces: tokenizer.strip_spaces(),
            utf8: Utf8Stream::default(),
            stop: StopStrings::new(stop),
        }
    }

    /// Takes one id. Special and unknown ids have no text.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Delta {
        if tokenizer.is_special(id) {
            return Delta {
                text: String::new(),
                stopped: self.stop.stopped(),
            };
        }
        let mut bytes = tokenizer.piece(id).unwrap_or_default();
        while let [first, rest @ ..] = bytes {
            if self.strip_spaces == 0 || *first != b' ' {
                self.strip_spaces = 0;
                break;
            }
            self.strip_spaces -= 1;
            bytes = rest;
        }
        let text = self.utf8.push(bytes);
        Delta {
            text: self.stop.push(&text),
            stopped: self.stop.stopped(),
        }
    }

    /// What was held back: an incomplete character becomes U+FFFD, what could have become a stop
    /// string is text.
    pub fn finish(&mut self) -> String {
        let text = self.utf8.finish();
        let mut text = self.stop.push(&text);
        text.push_str(&self.stop.finish());
        text
    }
}

#[cfg(test)]
mod tests;
