//! Nodes of an answer's tree.

use std::ops::Range;

/// A node of an answer's tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// An element with children.
    Element {
        /// Kind of the element.
        tag: Tag,
        /// Nodes in the element.
        children: Vec<Node>,
    },
    /// Text, drawn as it is.
    Text {
        /// The text.
        text: String,
        /// Bytes of the answer that the text came from.
        source: Range<usize>,
    },
}

/// Elements that an answer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tag {
    /// A paragraph.
    Paragraph,
    /// A heading of level 1 to 6.
    Heading(u8),
    /// A quotation.
    Quote,
    /// A block of code in the language that the answer names (may be empty).
    CodeBlock(String),
    /// A bulleted list.
    Bullets,
    /// A numbered list that starts at this number.
    Numbers(u64),
    /// An item of a list.
    Item,
    /// A horizontal rule.
    Rule,
    /// A table.
    Table,
    /// A row of a table.
    Row,
    /// A cell of a table's header.
    HeadCell,
    /// A cell of a table.
    Cell,
    /// Emphasised text.
    Emphasis,
    /// Strongly emphasised text.
    Strong,
    /// Struck-through text.
    Strike,
    /// Code within a line.
    Code,
    /// A link to an http or https address.
    Link(String),
    /// A link whose address is not safe, drawn as text.
    DeadLink,
    /// A line break.
    Break,
    /// A notice of the page itself.
    Notice,
    /// Unformatted text with its line breaks.
    Plain,
}

impl Node {
    /// Returns the number of nodes in this tree.
    pub fn count(&self) -> usize {
        match self {
            Self::Text { .. } => 1,
            Self::Element { children, .. } => 1 + children.iter().map(Self::count).sum::<usize>(),
        }
    }
}

/// Returns the trimmed address if the page may link to it: http or https, without control characters.
pub fn safe_href(href: &str) -> Option<String> {
    let href = href.trim();
    let lower = href.get(..8).unwrap_or(href).to_ascii_lowercase();
    let known = lower.starts_with("https://") || lower.starts_with("http://");
    (known && !href.chars().any(char::is_control)).then(|| href.to_owned())
}
