//! The content of an experiment's report, independent of the output format.

use super::sheet::Sheet;
use crate::{Figure, Page, ReportError};

/// Maximum rows of a table that is shown in full; longer tables are collapsed.
const MAX_ROWS: usize = 40;

/// Content of an experiment's report.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// Facts about the experiment, such as its dataset and settings.
    pub facts: Vec<(&'static str, String)>,
    /// Items in order.
    pub items: Vec<Item>,
    /// Tables to export as files, by name.
    pub files: Vec<(&'static str, Sheet)>,
}

/// An item of a report.
#[derive(Clone, Debug)]
pub enum Item {
    /// A paragraph.
    Text(String),
    /// A caution.
    Note(String),
    /// A list of sentences.
    List(Vec<String>),
    /// A title and preformatted text, such as a tree.
    Tree(String, String),
    /// Plots; left out in a terminal.
    Figures(Vec<Figure>),
    /// A table.
    Table(Sheet),
    /// A collapsed table; left out in a terminal.
    Details(Sheet),
}

impl Item {
    /// Appends the item to `page`.
    pub fn show(&self, page: &mut Page) -> Result<(), ReportError> {
        match self {
            Self::Text(text) => page.text(text),
            Self::Note(text) => page.note(text),
            Self::List(sentences) => page.list(sentences),
            Self::Tree(title, text) => {
                page.section(title);
                page.pre(text);
            }
            Self::Figures(figures) => page.figures(figures)?,
            Self::Table(sheet) | Self::Details(sheet) if sheet.rows.is_empty() => {}
            Self::Table(sheet) if sheet.rows.len() <= MAX_ROWS => {
                page.section(&sheet.title);
                page.table(&sheet.table());
            }
            Self::Table(sheet) | Self::Details(sheet) => {
                let summary = format!("{}: {} rows", sheet.title, sheet.rows.len());
                page.details(&summary, &sheet.table());
            }
        }
        Ok(())
    }

    /// Formats the item for a terminal; `None` if a terminal does not show it.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Note(text) => Some(format!("{text}\n")),
            Self::List(sentences) => list(sentences),
            Self::Tree(title, text) => Some(format!("{title}\n{text}")),
            Self::Figures(_) | Self::Details(_) => None,
            Self::Table(sheet) => match sheet.rows.len() {
                0 => None,
                1..=MAX_ROWS => Some(format!("{}\n{}", sheet.title, sheet.aligned())),
                rows => Some(format!("{}: {rows} rows, not shown here\n", sheet.title)),
            },
        }
    }
}

/// Formats a list of sentences for a terminal; `None` if it is empty.
pub fn list<T: AsRef<str>>(sentences: &[T]) -> Option<String> {
    let lines = sentences
        .iter()
        .map(|text| format!("- {}\n", text.as_ref()));
    Some(lines.collect()).filter(|lines: &String| !lines.is_empty())
}
