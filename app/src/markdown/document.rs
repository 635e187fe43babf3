//! Incremental parsing of a growing answer: only its end is parsed again.

use super::node::Node;
use super::parse::{MAX_NODES, parse};

/// Number of blocks at the end that may still change. Two, because the last line may be incomplete: `***` is a
/// rule below a paragraph until `***bold***` makes it the paragraph's next line.
const OPEN_BLOCKS: usize = 2;

/// The top-level blocks of a growing text.
#[derive(Clone, Debug, Default)]
pub struct Document {
    text: String,
    blocks: Vec<Node>,
    /// Byte at which the line of the second to last block begins. Text that follows can't change what is before.
    stable: usize,
    /// Number of blocks before `stable`.
    kept: usize,
    /// Number of nodes in these blocks.
    kept_nodes: usize,
}

impl Document {
    /// Returns the blocks in order.
    pub fn blocks(&self) -> &[Node] {
        &self.blocks
    }

    /// Takes the current text and returns the index of the first block that may have changed.
    ///
    /// Reference links (`[a][1]`) whose address comes in a later block are only resolved by [`Self::finish`].
    pub fn update(&mut self, text: &str) -> usize {
        if text == self.text {
            return self.blocks.len();
        }
        if !text.starts_with(&self.text) {
            *self = Self::default();
        }
        self.text = text.to_owned();
        let kept = self.kept;
        self.blocks.truncate(kept);
        self.parse_from(self.stable);
        kept
    }

    /// Parses the complete text once more and returns the index of the first block that changed.
    pub fn finish(&mut self) -> usize {
        let before = std::mem::take(&mut self.blocks);
        self.kept_nodes = 0;
        self.parse_from(0);
        let same = |(a, b): &(&Node, &Node)| a == b;
        before.iter().zip(&self.blocks).take_while(same).count()
    }

    fn parse_from(&mut self, base: usize) {
        let Some(tail) = self.text.get(base..) else {
            return;
        };
        let parsed = parse(tail, base, MAX_NODES - self.kept_nodes);
        let open = parsed.len().saturating_sub(OPEN_BLOCKS);
        if let Some((start, _)) = parsed.get(open) {
            // The start of the line, not of the block: an indented code block starts after its indent.
            let line = tail[..*start].rfind('\n').map_or(0, |at| at + 1);
            self.stable = base + line;
            self.kept = self.blocks.len() + open;
            let nodes = parsed[..open].iter().map(|(_, node)| node.count());
            self.kept_nodes += nodes.sum::<usize>();
        }
        self.blocks.extend(parsed.into_iter().map(|(_, node)| node));
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
