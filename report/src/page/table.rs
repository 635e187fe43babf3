//! Tables.

use crate::text::escaped;

/// A table of text. The first column holds row headings; the others hold values.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Headings.
    pub head: Vec<String>,
    /// Rows, each with one cell per heading.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table; `head` has the headings with ` | ` between them.
    pub fn new(head: &str, rows: Vec<Vec<String>>) -> Self {
        let head = head.split(" | ").map(str::to_owned).collect();
        Self { head, rows }
    }

    /// Returns the HTML element, wrapped in one that scrolls if the table is too wide.
    pub(super) fn html(&self) -> String {
        let mut html = "<div class=\"wide\" tabindex=\"0\"><table>\n<thead><tr>".to_owned();
        for name in &self.head {
            html += &format!("<th scope=\"col\">{}</th>", escaped(name));
        }
        html += "</tr></thead>\n<tbody>\n";
        for row in &self.rows {
            html += "<tr>";
            for (column, cell) in row.iter().enumerate() {
                let cell = escaped(cell);
                html += &match column {
                    0 => format!("<th scope=\"row\">{cell}</th>"),
                    _ => format!("<td>{cell}</td>"),
                };
            }
            html += "</tr>\n";
        }
        html + "</tbody></table></div>\n"
    }
}
