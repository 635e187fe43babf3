use super::*;
use crate::plot::{Bar, BarSeries, Bars, Chart, Flame, FlameRow, Histogram, Mark, Series};

/// Returns one figure of each kind, with `text` as every text.
fn figures(text: &str) -> Vec<Figure> {
    let series = |name: &str| Series::new(name, Mark::Line, vec![(0.0, 1.0), (1.0, 2.0)]);
    let chart = Chart::new(text, text, text, vec![series(text), series("other")]);
    let bars = Bars {
        title: text.into(),
        x: text.into(),
        unit: text.into(),
        categories: vec![text.into()],
        series: vec![BarSeries::new(text, vec![Some(Bar::from(1.0))])],
        stacked: false,
    };
    let histogram = Histogram {
        title: text.into(),
        x: text.into(),
        y: text.into(),
        values: vec![1.0, 2.0],
    };
    let flame = Flame {
        title: text.into(),
        rows: vec![FlameRow {
            depth: 0,
            start: 0.0,
            width: 1.0,
            name: text.into(),
            value: text.into(),
        }],
    };
    vec![
        Figure::new(chart, text),
        Figure::new(bars, text),
        Figure::new(histogram, text),
        Figure::new(flame, text),
    ]
}

fn table(text: &str) -> Table {
    Table {
        head: vec![text.into()],
        rows: vec![vec![text.into(), text.into()]],
    }
}

/// Counts occurrences of `part` in `html`.
fn count(html: &str, part: &str) -> usize {
    html.matches(part).count()
}

#[test]
fn external_text_is_escaped() {
    let hostile = "<script>alert('x')</script>&\"#010203\"";
    let mut page = Page::new(hostile);
    page.lead(hostile);
    page.contents();
    page.section(hostile);
    page.section_at(hostile, hostile);
    page.text(hostile);
    page.note(hostile);
    page.list([hostile]);
    page.pre(hostile);
    page.facts(&[("name", hostile.into())]);
    page.table(&table(hostile));
    page.details(hostile, &table(hostile));
    page.figures(&figures(hostile)).expect("draws");
    page.append(page.clone(), hostile);
    let html = page.finish();
    assert!(!html.contains("<script"), "{html}");
    assert!(!html.contains("&\""), "{html}");
    assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
}

#[test]
fn figures_with_several_series_have_a_legend() {
    let mut page = Page::new("t");
    page.figures(&figures("name")).expect("draws");
    let html = page.finish();
    assert_eq!(count(&html, "<figure"), 4);
    assert_eq!(count(&html, "<ul class=\"legend\">"), 1);
    assert!(html.contains("<i style=\"background:#d9822b\"></i>other</li>"));
    assert_eq!(count(&html, "<figcaption>name</figcaption>"), 4);
}

#[test]
fn figures_with_nothing_to_draw_are_left_out() {
    let title = "nothing".to_owned();
    let rows = Vec::new();
    let mut page = Page::new("t");
    page.figures(&[Figure::new(Flame { title, rows }, "")])
        .expect("draws nothing");
    assert!(!page.finish().contains("class=\"figures\""));
}

#[test]
fn contents_link_to_every_section_by_unique_id() {
    let mut page = Page::new("t");
    page.contents();
    page.section("Over time");
    page.section("Over time!");
    page.section("\u{fc}\u{df}");
    page.section_at("Named", "a  b");
    let html = page.finish();
    for (id, title) in [
        ("over-time", "Over time"),
        ("over-time-2", "Over time!"),
        ("section", "\u{fc}\u{df}"),
        ("a-b", "Named"),
    ] {
        let link = format!("<a href=\"#{id}\">{title}</a>");
        assert_eq!(count(&html, &link), 1, "{link}: {html}");
        assert_eq!(count(&html, &format!("<h2 id=\"{id}\">{title}</h2>")), 1);
    }
}

#[test]
fn parts_are_one_level_down_with_distinct_ids() {
    let part = |title: &str| {
        let mut part = Page::new(title);
        part.contents();
        part.section("Settings");
        part.text("of it");
        part
    };
    let mut inner = part("Load");
    inner.append(part("Client"), "client");
    let mut page = Page::new("All");
    page.contents();
    page.section("Summary");
    page.append(part("Ladder"), "ladder");
    page.append(inner, "load");
    let html = page.finish();
    assert_eq!(count(&html, "<h1"), 1);
    assert_eq!(count(&html, "<nav"), 1);
    for heading in [
        "<h2 id=\"summary\">Summary</h2>",
        "<h2 id=\"ladder\" class=\"part\">Ladder</h2>",
        "<h3 id=\"ladder-settings\">Settings</h3>",
        "<h2 id=\"load\" class=\"part\">Load</h2>",
        "<h3 id=\"load-settings\">Settings</h3>",
        "<h3 id=\"load-client\">Client</h3>",
        "<h4 id=\"load-client-settings\">Settings</h4>",
    ] {
        assert_eq!(count(&html, heading), 1, "{heading}: {html}");
    }
    assert!(html.contains(
        "<li><a href=\"#ladder\">Ladder</a><ul><li><a href=\"#ladder-settings\">Settings</a></li></ul></li>"
    ));
    assert_eq!(count(&html, "<p>of it</p>"), 3);
}

#[test]
fn preformatted_text_keeps_lines_and_is_focusable() {
    let mut page = Page::new("t");
    page.pre("\n step\n   plan < gpu\n");
    let html = page.finish();
    assert!(html.contains("<pre tabindex=\"0\">\n\n step\n   plan &lt; gpu\n</pre>"));
}

#[test]
fn details_contain_table_and_empty_lists_are_left_out() {
    let mut page = Page::new("t");
    page.details("All runs", &table("x"));
    page.list(Vec::<String>::new());
    page.list(["One.", "Two."]);
    let html = page.finish();
    assert!(html.contains("<details><summary>All runs</summary>\n<div class=\"wide\""));
    assert_eq!(
        count(
            &html,
            "<ul class=\"list\">\n<li>One.</li>\n<li>Two.</li>\n</ul>"
        ),
        1
    );
    assert_eq!(count(&html, "<ul"), 1);
}

#[test]
fn page_loads_and_runs_nothing() {
    let mut page = Page::new("t");
    page.figures(&figures("name")).expect("draws");
    let html = page.finish();
    assert!(html.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    // The only addresses are SVG's namespace names.
    let addresses = count(&html, "://");
    assert_eq!(
        addresses,
        count(&html, "xmlns=\"http://www.w3.org/2000/svg\"")
    );
}
