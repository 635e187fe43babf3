//! SentencePiece BPE: pairs merge by the score of the merged token, not by a list of merges.
//!
//! Follows google/sentencepiece `src/bpe_model.cc`; the space rules follow llama.cpp.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use super::pieces::{SPACE_MARK, byte_token};

/// Type of a token (`tokenizer.ggml.token_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenType {
    Normal,
    Unknown,
    Control,
    UserDefined,
    Unused,
    Byte,
}

impl TokenType {
    /// Returns the type of a GGUF value; undefined values are ordinary tokens, as in llama.cpp.
    pub(super) fn from_gguf(value: i32) -> Self {
        match value {
            2 => Self::Unknown,
            3 => Self::Control,
            4 => Self::UserDefined,
            5 => Self::Unused,
            6 => Self::Byte,
            _ => Self::Normal,
        }
    }

    /// Returns whether the token's text becomes its id only where special text is parsed.
    pub(super) fn is_special(self) -> bool {
        matches!(self, Self::Control | Self::Unknown)
    }
}

/// A SentencePiece BPE vocabulary.
#[derive(Debug)]
pub(super) struct SentencePiece {
    tokens: Vec<String>,
    scores: Vec<f32>,
    types: Vec<TokenType>,
    ids: HashMap<String, u32>,
    /// Ids of the 256 byte tokens, where the vocabulary has them.
    bytes: Vec<Option<u32>>,
    unknown: Option<u32>,
    space_prefix: bool,
}

/// A piece of the text in a linked list; empty once it has merged into its left neighbour.
#[derive(Clone, Copy)]
struct Symbol {
    start: usize,
    len: usize,
    previous: Option<usize>,
    next: Option<usize>,
}

/// Two adjacent symbols that can merge.
struct Pair {
    score: f32,
    left: usize,
    right: usize,
    len: usize,
}

impl Ord for Pair {
    /// The pair to merge first is the greatest: the one with the highest score, on a tie the leftmost.
    fn cmp(&self, other: &Self) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.left.cmp(&self.left))
    }
}

impl PartialOrd for Pair {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Pair {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Pair {}

impl SentencePiece {
    /// Creates a vocabulary; `scores` and `types` have one value per token.
    pub(super) fn new(
        tokens: Vec<String>,
        scores: Vec<f32>,
        types: Vec<TokenType>,
        unknown: Option<u32>,
        space_prefix: bool,
    ) -> Result<Self, String> {
        if scores.len() != tokens.len() || types.len() != tokens.len() {
            return Err(format!(
                "{} tokens have {} scores and {} types",
                tokens.len(),
                scores.len(),
                types.len()
            ));
        }
        if let Some(id) = scores.iter().position(|score| score.is_nan()) {
            return Err(format!("the score of token {id} is not a number"));
        }
        let mut ids = HashMap::with_capacity(tokens.len());
        let mut bytes = vec![None; 256];
        for (id, (token, kind)) in (0u32..).zip(tokens.iter().zip(&types)) {
            if *kind == TokenType::Byte
                && let Some(byte) = byte_token(token)
            {
                bytes[usize::from(byte)] = Some(id);
            }
            if !token.is_empty() {
                ids.insert(token.clone(), id);
            }
        }
        // Turns -0 into +0, because `total_cmp` tells them apart.
        let scores = scores.into_iter().map(|score| score + 0.0).collect();
        Ok(Self {
            tokens,
            scores,
            types,
            ids,
            bytes,
            unknown,
            space_prefix,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }

    pub(super) fn token_to_id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    pub(super) fn id_to_token(&self, id: u32) -> Option<&str> {
        self.tokens.get(id as usize).map(String::as_str)
    }

    pub(super) fn vocabulary(&self) -> HashMap<String, u32> {
        self.ids.clone()
    }

    /// Encodes a text that contains no special tokens: a whole text, or a stretch before, between or after them.
    pub(super) fn encode(&self, text: &str) -> Vec<u32> {
        if text.is_empty() {
            return Vec::new();
        }
        let mut marked = String::with_capacity(text.len() + 3);
        if self.space_prefix {
            marked.push(SPACE_MARK);
        }
        marked.extend(text.chars().map(|c| if c == ' ' { SPACE_MARK } else { c }));
        self.merge(&marked)
    }

    /// Returns the id of a piece that merging may produce; control, byte and unknown tokens are excluded.
    fn mergeable(&self, piece: &str) -> Option<u32> {
        self.token_to_id(piece).filter(|&id| {
            matches!(
                self.types[id as usize],
                TokenType::Normal | TokenType::UserDefined | TokenType::Unused
            )
        })
    }

    fn merge(&self, text: &str) -> Vec<u32> {
        let mut symbols: Vec<Symbol> = text
            .char_indices()
            .enumerate()
            .map(|(i, (start, c))| Symbol {
                start,
                len: c.len_utf8(),
                previous: i.checked_sub(1),
                next: Some(i + 1),
            })
            .collect();
        if let Some(last) = symbols.last_mut() {
            last.next = None;
        }
        let mut queue = BinaryHeap::new();
        // Merging may produce unused tokens on the way to longer ones. Any that remain are split again where they
        // were joined, which this map records as the length of the left part.
        let mut unused: HashMap<&str, usize> = HashMap::new();
        for left in 1..symbols.len() {
            self.push_pair(
                text,
                &symbols,
                Some(left - 1),
                Some(left),
                &mut queue,
                &mut unused,
            );
        }
        while let Some(pair) = queue.pop() {
            let (left, right) = (symbols[pair.left], symbols[pair.right]);
            // One of the two may have merged with another neighbour in the meantime.
            if left.len == 0 || right.len == 0 || left.len + right.len != pair.len {
                continue;
            }
            symbols[pair.left].len = pair.len;
            symbols[pair.left].next = right.next;
            symbols[pair.right].len = 0;
            if let Some(next) = right.next {
                symbols[next].previous = Some(pair.left);
            }
            let (here, previous) = (Some(pair.left), left.previous);
            self.push_pair(text, &symbols, previous, here, &mut queue, &mut unused);
            self.push_pair(text, &symbols, here, right.next, &mut queue, &mut unused);
        }
        let mut ids = Vec::new();
        for symbol in symbols.iter().filter(|symbol| symbol.len > 0) {
            self.emit(
                &text[symbol.start..symbol.start + symbol.len],
                &unused,
                &mut ids,
            );
        }
        ids
    }

    fn push_pair<'t>(
        &self,
        text: &'t str,
        symbols: &[Symbol],
        left: Option<usize>,
        right: Option<usize>,
        queue: &mut BinaryHeap<Pair>,
        unused: &mut HashMap<&'t str, usize>,
    ) {
        let (Some(left), Some(right)) = (left, right) else {
            return;
        };
        let (start, len) = (symbols[left].start, symbols[left].len + symbols[right].len);
        let piece = &text[start..start + len];
        let Some(id) = self.mergeable(piece) else {
            return;
        };
        queue.push(Pair {
            score: self.scores[id as usize],
            left,
            right,
            len,
        });
        if self.types[id as usize] == TokenType::Unused {
            unused.insert(piece, symbols[left].len);
        }
    }

    /// Appends the ids of a finished piece; `unused` gives the split point of unused tokens.
    fn emit(&self, piece: &str, unused: &HashMap<&str, usize>, ids: &mut Vec<u32>) {
        // A work list instead of recursion, because the tokenizer file controls the depth.
        let mut pending = vec![piece];
        while let Some(piece) = pending.pop() {
            match self.mergeable(piece) {
                Some(id) if self.types[id as usize] != TokenType::Unused => ids.push(id),
                found => match (found, unused.get(piece)) {
                    (Some(_), Some(&middle)) => {
                        pending.push(&piece[middle..]);
                        pending.push(&piece[..middle]);
                    }
                    // An unused token of a single character cannot be split and stays.
                    (Some(id), None) => ids.push(id),
                    (None, _) => self.emit_unknown(piece, ids),
                },
            }
        }
    }

    /// Appends the byte tokens of a character that is not in the vocabulary or, without byte tokens, the unknown
    /// id.
    fn emit_unknown(&self, piece: &str, ids: &mut Vec<u32>) {
        let bytes: Option<Vec<u32>> = piece
            .bytes()
            .map(|byte| self.bytes[usize::from(byte)])
            .collect();
        match (bytes, self.unknown) {
            (Some(bytes), _) => ids.extend(bytes),
            (None, Some(unknown)) if ids.last() != Some(&unknown) => ids.push(unknown),
            (None, _) => {}
        }
    }
}

#[cfg(test)]
mod tests;
