//! A table with its numbers as they are: for a page, a terminal and a file.

use crate::{Table, number};

/// What stands where there is nothing.
const NONE: &str = "\u{2013}";

/// A place of a table.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number.
    Number(f64),
    /// Nothing: it was not measured, or there is none.
    Empty,
}

/// Rows of cells under headings.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// What it shows.
    pub title: String,
    /// Headings, with units.
    pub columns: Vec<String>,
    /// Rows, each as long as the headings.
    pub rows: Vec<Vec<Cell>>,
}

/// A row of anything that is a cell.
macro_rules! row {
    ($($cell:expr),* $(,)?) => { vec![$($crate::lab::sheet::Cell::from($cell)),*] };
}
pub(super) use row;

impl Sheet {
    /// One without rows.
    pub fn new(title: &str, columns: &[&str]) -> Self {
        Self {
            title: title.to_owned(),
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: Vec::new(),
        }
    }

    /// With these rows.
    pub fn with(mut self, rows: impl IntoIterator<Item = Vec<Cell>>) -> Self {
        self.rows.extend(rows);
        self
    }

    /// As a page shows it.
    pub fn table(&self) -> Table {
        let shown = |row: &Vec<Cell>| row.iter().map(Cell::shown).collect();
        Table {
            head: self.columns.clone(),
            rows: self.rows.iter().map(shown).collect(),
        }
    }

    /// As a terminal shows it: the first column to the left, the others to the right.
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
                // Names may have been given lines of their own.
                0 => format!("{:<width$}", one_line(cell)),
                _ => format!("{:>width$}", one_line(cell)),
            });
            let line = cells.collect::<Vec<String>>().join("  ");
            out += line.trim_end();
            out.push('\n');
        }
        out
    }

    /// As a file (RFC 4180): numbers with all their digits, nothing where there is nothing.
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

/// What may have line breaks, on a line.
pub fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A heading as programs like it: small letters, digits and `_`.
fn column(heading: &str) -> String {
    let words = heading.replace('%', " percent ").replace("/s", " per s");
    let words = words.to_lowercase();
    let words = words.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    words.join("_")
}

/// A field of RFC 4180.
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
    fn a_file_has_every_digit_and_quotes_what_needs_it() {
        assert_eq!(
            sheet().csv(),
            "name,time_ms,share_percent,gb_per_s\r\n\
             \"a \"\"b\"\", c\nd\",1.25,1234.5,\r\n\
             gpu,,3,yes\r\n"
        );
    }

    #[test]
    fn a_terminal_has_columns() {
        assert_eq!(
            sheet().aligned(),
            "name          time, ms  share, %  GB/s\n\
             a \"b\", c d        1.25     1,234     \u{2013}\n\
             gpu         not finite         3   yes\n"
        );
    }
}
