//! Turns ids into valid UTF-8, finds stop strings, and makes text safe for terminals.

mod stop;
mod utf8;
mod visible;

use crate::tokenizer::Tokenizer;
use stop::StopStrings;
use utf8::Utf8Stream;

pub use visible::{safe, safe_json, visible};

/// Text that one more id adds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Complete text that cannot be part of a stop string; may be empty.
    pub text: String,
    /// True once a stop string was found; no more text follows.
    pub stopped: bool,
}

/// Decodes ids to text one by one. The texts of all deltas and of [`TextStream::finish`], concatenated, equal
/// [`Tokenizer::decode`] of all ids without special tokens, up to the first stop string.
#[derive(Clone, Debug)]
pub struct TextStream {
    /// Number of spaces that may still be stripped from the start of the text.
    strip_spaces: usize,
    utf8: Utf8Stream,
    stop: StopStrings,
}

impl TextStream {
    /// Creates a stream that ends before the first complete string of `stop`. Empty strings are ignored.
    pub fn new(tokenizer: &Tokenizer, stop: &[String]) -> Self {
        Self {
            strip_spaces: tokenizer.strip_spaces(),
            utf8: Utf8Stream::default(),
            stop: StopStrings::new(stop),
        }
    }

    /// Decodes one id. Special and unknown ids have no text.
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

    /// Returns the text held back. An incomplete character becomes U+FFFD, and an incomplete stop string is
    /// text.
    pub fn finish(&mut self) -> String {
        let text = self.utf8.finish();
        let mut text = self.stop.push(&text);
        text.push_str(&self.stop.finish());
        text
    }
}

#[cfg(test)]
mod tests;
