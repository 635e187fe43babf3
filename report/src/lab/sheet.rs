//! A table of unformatted values, for a page, a terminal and a file.

use crate::{Table, number};

/// Text of an empty cell.
const NONE: &str = "\u{2013}";

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// No value: not measured, or not applicable.
    Empty,
}

/// A table: rows of cells under headings.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Title.
    pub title: String,
    /// Headings, with units.
    pub columns: Vec<String>,
    /// Rows, each with one cell per heading.
    pub rows: Vec<Vec<Cell>>,
}

/// Creates a row from values that convert to a cell.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::lab::sheet::Cell::from($cell)),*] };
}
pub(super) use row;

impl Sheet {
    /// Creates a table without rows. An entry of `columns` is one heading, or several with ` | ` between them.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns
                .iter()
                .flat_map(|names| names.split(" | "))
                .map(str::to_owned)
                .collect(),
            rows: Vec::new(),
        }
    }

    /// Appends rows.
    pub fn with(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// Formats the table for a page.
    pub fn table(&self) -> Table {
        let shown = |row: &Vec<Cell>| row.iter().map(Cell::shown).collect();
        Table {
            head: self.columns.clone(),
            rows: self.rows.iter().map(shown).collect(),
        }
    }

    /// Formats the table for a terminal: the first column is left-aligned, the others right-aligned.
    pub fn aligned(&self) -> String {
        let Table { head, rows } = self.table();
        let lines = || std::iter::once(&head).chain(&rows);
        let letters = |cell: &String| cell.chars().count();
        let width = |column: usize| {
            let cells = lines().filter_map(|line| line.get(column));
            cells.map(letters).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        let mut out = String::new();
        for line in lines() {
            let cells = line.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| match column {
                // Names may contain line breaks.
                0 => format!("{:<width$}", one_line(cell)),
                _ => format!("{:>width$}", one_line(cell)),
            });
            let line = cells.collect::<Vec<String>>().join("  ");
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// Formats the table as CSV (RFC 4180): numbers with all digits, and nothing for empty cells.
    pub fn csv(&self) -> String {
        let line = |cells: Vec<String>| cells.join(",") + "\r\n";
        let mut out = line(self.columns.iter().map(|name| column(name)).collect());
        for row in &self.rows {
            out += &line(row.iter().map(Cell::csv).collect());
        }
        out
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value) => number(*value),
            Self::Empty => NONE.to_owned(),
        }
    }

    fn csv(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(value) if value.is_finite() => value.to_string(),
            Self::Number(_) | Self::Empty => String::new(),
        }
    }
}

/// Replaces control characters, such as line breaks, by spaces.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Converts a heading to a column name: lower-case letters, digits and `_`.
fn column(heading: &str) -> String {
    let words = heading.replace('%', " percent ").replace('/', " per ");
    let words = words.to_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// Quotes a field (RFC 4180) if necessary.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::Number(value)
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Number(value as f64)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Number(value as f64)
    }
}

impl From<bool> for Cell {
    fn from(value: bool) -> Self {
        Self::from(if value { "yes" } else { "no" })
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        Sheet::new("t", &["name", "time, ms", "share, %", "GB/s"]).with([
            row!["a \"b\", c\nd", 1.25, 1234.5, None::<f64>],
            row!["gpu", f64::INFINITY, 3_usize, true],
        ])
    }

    #[test]
    fn csv_has_all_digits_and_quotes_where_needed() {
        assert_eq!(
            sheet().csv(),
            "name,time_ms,share_percent,gb_per_s\r\n\
             \"a \"\"b\"\", c\nd\",1.25,1234.5,\r\n\
             gpu,,3,yes\r\n"
        );
    }

    #[test]
    fn text_columns_are_aligned() {
        assert_eq!(
            sheet().aligned(),
            "name          time, ms  share, %  GB/s\n\
             a \"b\", c d        1.25     1,234     \u{2013}\n\
             gpu         not finite         3   yes\n"
        );
    }
}
