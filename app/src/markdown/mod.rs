//! Parses the model's Markdown into a tree that can be drawn safely.
//!
//! The tree has a closed set of elements and plain text. HTML in the answer becomes text, links lead only to http
//! and https, and images become links, so that an answer can never run code or fetch anything. The tree has at
//! most [`MAX_NODES`] nodes: a table of a few kilobytes can have a quarter of a million cells, and a page that
//! draws them is unusable.

mod document;
mod node;
mod parse;

pub use document::Document;
pub use node::{Node, Tag, safe_href};
pub use parse::{MAX_NODES, parse};
