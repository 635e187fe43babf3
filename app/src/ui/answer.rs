//! Draws the tree of an answer into the document, block by block, with text nodes and known elements only.

use std::ops::Range;

use js_sys::{Array, Function, Reflect};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Text};

use crate::markdown::{Document, Node, Tag};

/// Name of the highlight that marks the token under the pointer; the style sheet styles it.
const HIGHLIGHT: &str = "token";

/// An answer in the document.
pub struct AnswerView {
    root: Element,
    document: Document,
    blocks: Vec<Block>,
}

struct Block {
    node: web_sys::Node,
    /// Text nodes of the block, with the bytes of the answer that they came from.
    leaves: Vec<Leaf>,
}

struct Leaf {
    node: Text,
    text: String,
    source: Range<usize>,
}

impl AnswerView {
    /// Creates an empty answer in `root`.
    pub fn new(root: Element) -> Self {
        Self {
            root,
            document: Document::default(),
            blocks: Vec::new(),
        }
    }

    /// Draws `text`. Blocks that did not change stay as they are.
    pub fn update(&mut self, text: &str, finished: bool) {
        let mut from = self.document.update(text);
        if finished {
            from = from.min(self.document.finish());
        }
        for block in self.blocks.drain(from.min(self.blocks.len())..) {
            let _ = self.root.remove_child(&block.node);
        }
        for node in &self.document.blocks()[self.blocks.len()..] {
            let mut leaves = Vec::new();
            if let Some(node) = draw(node, &mut leaves) {
                let _ = self.root.append_child(&node);
                self.blocks.push(Block { node, leaves });
            }
        }
    }

    /// Highlights the text that came from bytes `source` of the answer; an empty range highlights nothing.
    pub fn highlight(&self, source: &Range<usize>) {
        let ranges = Array::new();
        let leaves = self.blocks.iter().flat_map(|block| &block.leaves);
        for leaf in leaves.filter(|l| l.source.start < source.end && source.start < l.source.end) {
            let (from, to) = leaf.part(source);
            let Ok(range) = document().create_range() else {
                continue;
            };
            if range.set_start(&leaf.node, from).is_ok() && range.set_end(&leaf.node, to).is_ok() {
                ranges.push(&range);
            }
        }
        // Without the Custom Highlight API nothing is marked; the detail panel names the token.
        let _ = set_highlight(&ranges);
    }
}

impl Leaf {
    /// Returns the range of the node, in UTF-16 units, that came from `source`, or the whole node if its text
    /// differs from the answer's (entities, escapes).
    fn part(&self, source: &Range<usize>) -> (u32, u32) {
        let units = |text: &str| text.encode_utf16().count() as u32;
        let whole = (0, units(&self.text));
        if self.text.len() != self.source.len() {
            return whole;
        }
        let from = source.start.saturating_sub(self.source.start);
        let to = source.end.min(self.source.end) - self.source.start;
        match (self.text.get(..from), self.text.get(..to)) {
            (Some(before), Some(until)) => (units(before), units(until)),
            _ => whole,
        }
    }
}

/// Removes every highlight.
pub fn clear_highlight() {
    let _ = set_highlight(&Array::new());
}

fn set_highlight(ranges: &Array) -> Result<(), JsValue> {
    let global = js_sys::global();
    let constructor: Function = Reflect::get(&global, &"Highlight".into())?.dyn_into()?;
    let registry = Reflect::get(&Reflect::get(&global, &"CSS".into())?, &"highlights".into())?;
    let highlight = Reflect::construct(&constructor, ranges)?;
    let set: Function = Reflect::get(&registry, &"set".into())?.dyn_into()?;
    set.call2(&registry, &HIGHLIGHT.into(), &highlight)?;
    Ok(())
}

/// Creates the DOM node of `node`. The recursion is bounded because the parser bounds the depth of the tree.
fn draw(node: &Node, leaves: &mut Vec<Leaf>) -> Option<web_sys::Node> {
    let (tag, children) = match node {
        Node::Text { text, source } => {
            let node = document().create_text_node(text);
            leaves.push(Leaf {
                node: node.clone(),
                text: text.clone(),
                source: source.clone(),
            });
            return Some(node.into());
        }
        Node::Element { tag, children } => (tag, children),
    };
    let element = document().create_element(name(tag)).ok()?;
    let mut inside = element.clone();
    let set = |name: &str, value: &str| drop(element.set_attribute(name, value));
    match tag {
        Tag::Link(href) => {
            set("href", href);
            set("rel", "noopener noreferrer nofollow");
            set("target", "_blank");
        }
        Tag::Numbers(first) if *first != 1 => set("start", &first.to_string()),
        Tag::DeadLink => set("title", "Not a web address, so not a link"),
        Tag::Notice => set("class", "ending"),
        Tag::Plain => set("class", "plain"),
        Tag::CodeBlock(language) => {
            set("tabindex", "0");
            if !language.is_empty() {
                set("data-language", language);
            }
            inside = document().create_element("code").ok()?;
            let _ = element.append_child(&inside);
        }
        _ => {}
    }
    for child in children {
        if let Some(child) = draw(child, leaves) {
            let _ = inside.append_child(&child);
        }
    }
    Some(element.into())
}

const fn name(tag: &Tag) -> &'static str {
    match tag {
        Tag::Paragraph | Tag::Notice => "p",
        // The page has its own h1 and h2; an answer's headings come below them.
        Tag::Heading(1 | 2) => "h3",
        Tag::Heading(3) => "h4",
        Tag::Heading(_) => "h5",
        Tag::Quote => "blockquote",
        Tag::CodeBlock(_) | Tag::Plain => "pre",
        Tag::Bullets => "ul",
        Tag::Numbers(_) => "ol",
        Tag::Item => "li",
        Tag::Rule => "hr",
        Tag::Table => "table",
        Tag::Row => "tr",
        Tag::HeadCell => "th",
        Tag::Cell => "td",
        Tag::Emphasis => "em",
        Tag::Strong => "strong",
        Tag::Strike => "del",
        Tag::Code => "code",
        Tag::Link(_) => "a",
        Tag::DeadLink => "span",
        Tag::Break => "br",
    }
}
