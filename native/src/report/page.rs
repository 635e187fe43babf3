//! The frame of a report, and what stands in it.

use super::plot::Chart;

/// How all reports look.
const STYLE: &str = include_str!("style.css");

/// A report that is being written. All text is escaped here.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    body: String,
}

/// Rows of text under headings. The first column is left, the others are numbers.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Headings.
    pub head: Vec<String>,
    /// Rows, each as long as the headings.
    pub rows: Vec<Vec<String>>,
}

/// A chart with what is to be said under it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The chart.
    pub chart: Chart,
    /// What it shows, and of how many.
    pub caption: String,
}

impl Page {
    /// An empty one.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            body: format!("<h1>{}</h1>\n", escaped(title)),
        }
    }

    /// Begins a section.
    pub fn section(&mut self, title: &str) {
        self.body += &format!("<h2>{}</h2>\n", escaped(title));
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) {
        self.body += &format!("<p>{}</p>\n", escaped(text));
    }

    /// Names and what they are.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        self.body += "<dl>\n";
        for (name, value) in facts {
            let (name, value) = (escaped(name), escaped(value));
            self.body += &format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
        }
        self.body += "</dl>\n";
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.body += "<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>";
        for name in &table.head {
            self.body += &format!("<th scope=\"col\">{}</th>", escaped(name));
        }
        self.body += "</tr></thead>\n<tbody>\n";
        for row in &table.rows {
            self.body += "<tr>";
            for (column, cell) in row.iter().enumerate() {
                let cell = escaped(cell);
                self.body += &match column {
                    0 => format!("<th scope=\"row\">{cell}</th>"),
                    _ => format!("<td>{cell}</td>"),
                };
            }
            self.body += "</tr>\n";
        }
        self.body += "</tbody></table></div>\n";
    }

    /// Charts side by side, as far as there is room. Charts without a point are left out.
    ///
    /// # Errors
    /// Where one can't be drawn.
    pub fn figures(&mut self, figures: &[Figure]) -> anyhow::Result<()> {
        self.body += "<div class=\"figures\">\n";
        for Figure { chart, caption } in figures {
            if chart.is_empty() {
                continue;
            }
            let label = escaped(&chart.title);
            self.body += &format!("<figure aria-label=\"{label}\"><h3>{label}</h3>\n");
            self.body += &chart.svg()?;
            let named = chart.series.len() > 1;
            if named {
                self.body += "<ul class=\"legend\">";
                for (series, colour) in chart.series.iter().zip(chart.colours()) {
                    let name = escaped(&series.name);
                    self.body += &format!("<li><i style=\"background:{colour}\"></i>{name}</li>");
                }
                self.body += "</ul>\n";
            }
            if !caption.is_empty() {
                self.body += &format!("<figcaption>{}</figcaption>\n", escaped(caption));
            }
            self.body += "</figure>\n";
        }
        self.body += "</div>\n";
        Ok(())
    }

    /// The whole file.
    pub fn finish(self) -> String {
        let title = escaped(&self.title);
        let body = self.body;
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
        )
    }
}

/// Text that means nothing to HTML, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A number with the digits that count: 0.123, 1.23, 12.3, 123, 12345.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::super::plot::{Mark, Series};
    use super::*;

    #[test]
    fn what_comes_from_outside_is_only_text() {
        let hostile = "<script>alert('x')</script>&\"";
        let mut page = Page::new(hostile);
        page.section(hostile);
        page.text(hostile);
        page.facts(&[("name", hostile.into())]);
        page.table(&Table {
            head: vec![hostile.into()],
            rows: vec![vec![hostile.into(), hostile.into()]],
        });
        let series = |name: &str| Series {
            name: name.into(),
            points: vec![(0.0, 1.0), (1.0, 2.0)],
            mark: Mark::Line,
        };
        let chart = Chart {
            title: hostile.into(),
            x: hostile.into(),
            y: hostile.into(),
            series: vec![series(hostile), series("other")],
        };
        let caption = hostile.into();
        page.figures(&[Figure { chart, caption }]).expect("draws");
        let html = page.finish();
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("&\""), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [0.0, 0.0123, 1.234, 12.34, 123.4, 12345.6].map(number);
        assert_eq!(shown, ["0", "0.012", "1.23", "12.3", "123", "12346"]);
    }
}
