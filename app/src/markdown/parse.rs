//! Builds the tree in one pass over pulldown-cmark's events.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag as Md, TagEnd};

use super::node::{Node, Tag, safe_href};

/// Maximum nesting depth. Deeper elements are drawn in their ancestor: a page of `>` must not become a tree that
/// overflows the stack of code that walks it.
const MAX_DEPTH: usize = 24;

/// Maximum number of nodes per answer, more than an answer of 8,000 tokens has.
pub const MAX_NODES: usize = 20_000;

/// Notice before the text that is not formatted.
const PLAIN_TEXT_NOTICE: &str =
    "From here on the answer is plain text, because it has more parts than the page can format.";

/// Parses `text`, whose first byte is byte `base` of the answer. Returns the top-level nodes, each with the byte
/// of `text` at which it begins.
///
/// From the first block that would exceed `budget` nodes, the rest of the answer becomes plain text.
pub fn parse(text: &str, base: usize, budget: usize) -> Vec<(usize, Node)> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut builder = Builder {
        base,
        ..Builder::default()
    };
    for (event, range) in Parser::new_ext(text, options).into_offset_iter() {
        builder.event(event, range);
        if builder.nodes > budget {
            return builder.with_plain_rest(text);
        }
    }
    builder.done
}

#[derive(Default)]
struct Builder {
    base: usize,
    done: Vec<(usize, Node)>,
    open: Vec<Open>,
    /// Number of open elements that are nested too deeply to be kept.
    skipped: usize,
    in_head: bool,
    /// Number of nodes in `done` and `open`.
    nodes: usize,
}

struct Open {
    start: usize,
    tag: Option<Tag>,
    children: Vec<Node>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.open(&tag, range.start),
            Event::End(end) => self.close(end),
            Event::Text(text) | Event::InlineHtml(text) | Event::Html(text) => {
                self.text(text.into_string(), range);
            }
            Event::Code(text) => {
                let start = range.start;
                let text = Node::Text {
                    text: text.into_string(),
                    source: self.source(range),
                };
                self.push(start, element(Tag::Code, vec![text]));
            }
            Event::SoftBreak => self.text("\n".into(), range),
            Event::HardBreak => self.push(range.start, element(Tag::Break, Vec::new())),
            Event::Rule => self.push(range.start, element(Tag::Rule, Vec::new())),
            // These extensions are off. If one is turned on, its text is kept without its form.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(text.into_string(), range);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn open(&mut self, tag: &Md<'_>, start: usize) {
        if self.open.len() >= MAX_DEPTH {
            self.skipped += 1;
            return;
        }
        if matches!(tag, Md::TableHead) {
            self.in_head = true;
        }
        let tag = match tag {
            Md::Paragraph | Md::HtmlBlock => Some(Tag::Paragraph),
            Md::Heading { level, .. } => Some(Tag::Heading(*level as u8)),
            Md::BlockQuote(_) => Some(Tag::Quote),
            Md::CodeBlock(CodeBlockKind::Fenced(info)) => Some(Tag::CodeBlock(
                info.split_whitespace().next().unwrap_or("").to_owned(),
            )),
            Md::CodeBlock(CodeBlockKind::Indented) => Some(Tag::CodeBlock(String::new())),
            Md::List(None) => Some(Tag::Bullets),
            Md::List(Some(first)) => Some(Tag::Numbers(*first)),
            Md::Item => Some(Tag::Item),
            Md::Table(_) => Some(Tag::Table),
            Md::TableHead | Md::TableRow => Some(Tag::Row),
            Md::TableCell if self.in_head => Some(Tag::HeadCell),
            Md::TableCell => Some(Tag::Cell),
            Md::Emphasis => Some(Tag::Emphasis),
            Md::Strong => Some(Tag::Strong),
            Md::Strikethrough => Some(Tag::Strike),
            Md::Link { dest_url, .. } | Md::Image { dest_url, .. } => {
                Some(safe_href(dest_url).map_or(Tag::DeadLink, Tag::Link))
            }
            _ => None,
        };
        self.nodes += usize::from(tag.is_some());
        self.open.push(Open {
            start,
            tag,
            children: Vec::new(),
        });
    }

    fn close(&mut self, end: TagEnd) {
        if self.skipped > 0 {
            self.skipped -= 1;
            return;
        }
        if end == TagEnd::TableHead {
            self.in_head = false;
        }
        let Some(Open {
            start,
            tag,
            children,
        }) = self.open.pop()
        else {
            return;
        };
        match tag {
            Some(tag) => self.put(start, element(tag, children)),
            None => children
                .into_iter()
                .for_each(|child| self.put(start, child)),
        }
    }

    fn text(&mut self, text: String, range: Range<usize>) {
        let start = range.start;
        let source = self.source(range);
        self.push(start, Node::Text { text, source });
    }

    /// Adds a node that was not counted when it was opened.
    fn push(&mut self, start: usize, node: Node) {
        self.nodes += node.count();
        self.put(start, node);
    }

    fn put(&mut self, start: usize, node: Node) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(node),
            None => self.done.push((start, node)),
        }
    }

    /// Returns the blocks before the one read last, then that block and the text after it as plain text.
    fn with_plain_rest(mut self, text: &str) -> Vec<(usize, Node)> {
        let open = self.open.first().map(|open| open.start);
        let last = self.done.last().map(|(start, _)| *start);
        let start = open.or(last).unwrap_or(0);
        self.done.retain(|(before, _)| *before < start);
        let rest = text.get(start..).unwrap_or_default();
        let notice = Node::Text {
            text: PLAIN_TEXT_NOTICE.into(),
            source: self.source(start..start),
        };
        let plain = Node::Text {
            text: rest.into(),
            source: self.source(start..text.len()),
        };
        self.done.push((start, element(Tag::Notice, vec![notice])));
        self.done.push((start, element(Tag::Plain, vec![plain])));
        self.done
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        self.base + range.start..self.base + range.end
    }
}

fn element(tag: Tag, children: Vec<Node>) -> Node {
    Node::Element { tag, children }
}
