use proptest::prelude::*;

use super::super::{Tag, safe_href};
use super::*;

fn whole(text: &str) -> Vec<Node> {
    parse(text, 0, MAX_NODES)
        .into_iter()
        .map(|(_, node)| node)
        .collect()
}

fn walk(nodes: &[Node], visit: &mut dyn FnMut(&Node)) {
    for node in nodes {
        visit(node);
        if let Node::Element { children, .. } = node {
            walk(children, visit);
        }
    }
}

fn texts(nodes: &[Node]) -> String {
    let mut out = String::new();
    walk(nodes, &mut |node| {
        if let Node::Text { text, .. } = node {
            out.push_str(text);
        }
    });
    out
}

fn tags(nodes: &[Node]) -> Vec<Tag> {
    let mut out = Vec::new();
    walk(nodes, &mut |node| {
        if let Node::Element { tag, .. } = node {
            out.push(tag.clone());
        }
    });
    out
}

#[test]
fn html_from_the_model_becomes_text() {
    let nodes = whole("a <img src=x onerror=alert(1)> b\n\n<script>alert(1)</script>\n");
    assert!(texts(&nodes).contains("<img src=x onerror=alert(1)>"));
    assert!(texts(&nodes).contains("<script>alert(1)</script>"));
    assert_eq!(tags(&nodes), [Tag::Paragraph, Tag::Paragraph]);
}

#[test]
fn links_lead_only_to_http_and_https() {
    assert_eq!(safe_href(" HTTPS://a.b "), Some("HTTPS://a.b".into()));
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "//a.b",
        "java\nscript:x",
        "http:/x",
        "vbscript:",
        "é",
        "",
    ] {
        assert_eq!(safe_href(bad), None, "{bad}");
    }
    let nodes = whole("[a](javascript:alert(1)) ![b](https://c.d/e.png) <javascript:x>");
    let links: Vec<_> = tags(&nodes)
        .into_iter()
        .filter(|t| matches!(t, Tag::Link(_)))
        .collect();
    assert_eq!(links, [Tag::Link("https://c.d/e.png".into())]);
    assert!(tags(&nodes).contains(&Tag::DeadLink));
}

#[test]
fn open_code_fence_is_a_code_block() {
    let nodes = whole("Look:\n\n```rust\nlet a = \"<b>\";\n");
    assert_eq!(
        tags(&nodes),
        [Tag::Paragraph, Tag::CodeBlock("rust".into())]
    );
    assert!(texts(&nodes).ends_with("let a = \"<b>\";\n"));
}

#[test]
fn text_nodes_keep_their_source_ranges() {
    let text = "first\n\nsecond **bold** end";
    let mut document = Document::default();
    document.update("first\n\nsec");
    document.update(text);
    walk(document.blocks(), &mut |node| {
        if let Node::Text {
            text: drawn,
            source,
        } = node
        {
            assert_eq!(&text[source.clone()], drawn);
        }
    });
    assert_eq!(texts(document.blocks()), "firstsecond bold end");
}

#[test]
fn table_header_cells_are_marked() {
    let nodes = whole("|a|b|\n|-|-|\n|1|2|\n");
    assert_eq!(
        tags(&nodes),
        [
            Tag::Table,
            Tag::Row,
            Tag::HeadCell,
            Tag::HeadCell,
            Tag::Row,
            Tag::Cell,
            Tag::Cell
        ]
    );
}

/// Builds a table whose short rows are filled with thousands of empty cells each.
fn wide_table() -> String {
    let columns = 4000;
    let head = "|a".repeat(columns) + "|\n";
    let rule = "|-".repeat(columns) + "|\n";
    format!("before\n\n{head}{rule}{}", "|b|\n".repeat(500))
}

#[test]
fn table_with_too_many_cells_is_plain_text() {
    let table = wide_table();
    let nodes = whole(&table);
    let count: usize = nodes.iter().map(Node::count).sum();
    assert!(count < MAX_NODES, "{count} nodes");
    // Not `assert_eq`, which would print a quarter of a million cells.
    assert!(tags(&nodes) == [Tag::Paragraph, Tag::Notice, Tag::Plain]);
    assert!(texts(&nodes).ends_with(&table["before\n\n".len()..]));
}

#[test]
fn streamed_blocks_are_formatted_up_to_the_node_limit() {
    let mut document = Document::default();
    let mut text = String::new();
    for _ in 0..30 {
        text.push_str(&"*a* b\n\n".repeat(500));
        document.update(&text);
        let count: usize = document.blocks().iter().map(Node::count).sum();
        assert!(count <= MAX_NODES + 4, "{count} nodes");
    }
    let streamed = document.blocks().to_vec();
    document.finish();
    assert!(streamed == document.blocks());
    assert!(streamed == whole(&text));
    let plain = tags(&streamed);
    assert!(plain.ends_with(&[Tag::Notice, Tag::Plain]));
    assert!(plain.len() > MAX_NODES / 3);
}

#[test]
fn deep_nesting_is_flattened() {
    let nodes = whole(&format!("{}x", ">".repeat(5000)));
    let depth = tags(&nodes).len();
    assert!((1..=24).contains(&depth), "{depth}");
    assert!(texts(&nodes).contains('x'));
}

#[test]
fn update_reparses_only_the_end() {
    let mut document = Document::default();
    assert_eq!(document.update("one\n\ntwo"), 0);
    assert_eq!(document.update("one\n\ntwo and\n\nthree"), 0);
    assert_eq!(document.update("one\n\ntwo and\n\nthree\n\nfour"), 1);
    assert_eq!(document.update("one\n\ntwo and\n\nthree\n\nfour"), 4);
    assert_eq!(document.finish(), 4);
}

#[test]
fn incomplete_line_may_join_the_previous_block() {
    let mut document = Document::default();
    document.update("text\n***");
    assert_eq!(tags(document.blocks()), [Tag::Paragraph, Tag::Rule]);
    document.update("text\n***bold***");
    assert_eq!(document.blocks(), whole("text\n***bold***"));
}

#[test]
fn update_starts_over_when_text_differs() {
    let mut document = Document::default();
    document.update("one\n\ntwo");
    assert_eq!(document.update("three"), 0);
    assert_eq!(texts(document.blocks()), "three");
}

proptest! {
    /// Streaming in pieces gives the same tree as parsing at once.
    #[test]
    fn streamed_text_parses_like_whole_text(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "a", " ", "\n", "\n\n", "# ", "- ", "1. ", "    ", "```", "`", "**", "> ", "|", "|-|\n", "<b>", "é", "---\n", "text",
            ]),
            0..40,
        )
    ) {
        let mut document = Document::default();
        let mut text = String::new();
        for piece in pieces {
            text.push_str(piece);
            document.update(&text);
        }
        let streamed = texts(document.blocks());
        document.finish();
        let expected = whole(&text);
        prop_assert_eq!(document.blocks(), expected.as_slice());
        prop_assert_eq!(streamed, texts(&expected));
    }

    /// Any text parses without a panic.
    #[test]
    fn any_text_parses(text in "\\PC*") {
        whole(&text);
    }
}
