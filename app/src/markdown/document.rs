//! An answer that grows: only its end is parsed again.

use super::{MAX_NODES, Node, parse};

/// How many blocks at the end may still change. Two, because the last line is not whole yet: `***`
/// is a rule below a paragraph until `***bold***` makes it the paragraph's next line.
const OPEN_BLOCKS: usize = 2;

/// The top-level blocks of a growing text.
#[derive(Clone, Debug, Default)]
pub struct Document {
    text: String,
    blocks: Vec<Node>,
    /// Where the line of the last block but one begins: what is before can't change by what
    /// follows.
    stable: usize,
    /// How many blocks are before.
    kept: usize,
    /// How many nodes these have.
    kept_nodes: usize,
}

impl Document {
    /// The blocks, in order.
    pub fn blocks(&self) -> &[Node] {
        &self.blocks
    }

    /// Takes the text as it is now and gives the index of the first block that may have changed.
    ///
    /// Links by reference (`[a][1]`) whose address comes in a later block are resolved by
    /// [`Self::finish`] only.
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

    /// Parses the whole text once more, now that no more of it follows; gives the index of the
    /// first block that changed.
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
            // The line's begin, not the block's: an indented code block begins behind its indent.
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
