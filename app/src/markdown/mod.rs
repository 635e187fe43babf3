//! The model's Markdown to a tree that can be drawn safely.
//!
//! The tree knows a closed set of elements and plain text; HTML in the model's answer is text, links
//! go to http and https only, and images become links to them, so that an answer can never run
//! code or fetch anything. It has no more than [`MAX_NODES`] nodes: a table of a few kilobytes can have a
//! quarter of a million cells, and a page with these can't be used.

mod document;
mod parse;

pub use document::Document;
pub use parse::{MAX_NODES, parse};

use std::ops::Range;

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element with children.
    Element {
        /// Which one.
        tag: Tag,
        /// What is in it.
        children: Vec<Node>,
    },
    /// Text, to be drawn as it is.
    Text {
        /// The text.
        text: String,
        /// The bytes of the answer that it came from.
        source: Range<usize>,
    },
}

/// The elements that an answer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A paragraph.
    Paragraph,
    /// A heading, 1 to 6.
    Heading(u8),
    /// A quotation.
    Quote,
    /// A block of code in the language that the answer names (may be empty).
    CodeBlock(String),
    /// A bulleted list.
    Bullets,
    /// A numbered list from this number.
    Numbers(u64),
    /// An item of a list.
    Item,
    /// A line across.
    Rule,
    /// A table.
    Table,
    /// A row of a table.
    Row,
    /// A cell of a table's head.
    HeadCell,
    /// A cell of a table.
    Cell,
    /// Stressed text.
    Emphasis,
    /// Strongly stressed text.
    Strong,
    /// Struck text.
    Strike,
    /// Code within a line.
    Code,
    /// A link to an http or https address.
    Link(String),
    /// A link whose address is of no safe kind: drawn as text.
    DeadLink,
    /// A line break.
    Break,
    /// A sentence of the page's own.
    Notice,
    /// Text that is not formatted, with its line breaks.
    Plain,
}

impl Node {
    /// Returns the number of nodes in this tree.
    fn count(&self) -> usize {
        match self {
            Self::Text { .. } => 1,
            Self::Element { children, .. } => 1 + children.iter().map(Self::count).sum::<usize>(),
        }
    }
}

/// The address, where it is one that a page may link to.
pub fn safe_href(href: &str) -> Option<String> {
    let href = href.trim();
    let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    let known = lower.starts_with("https://") || lower.starts_with("http://");
    (known && !href.chars().any(char::is_control)).then(|| href.to_owned())
}
