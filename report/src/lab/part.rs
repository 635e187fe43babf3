//! What an experiment shows, before it is known where.

use super::sheet::Sheet;
use crate::{Figure, Page, ReportError};

/// A table with more rows is shown when asked for.
const MOST_ROWS: usize = 40;

/// What an experiment shows.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// What it was of: the dataset, settings.
    pub facts: Vec<(&'static str, String)>,
    /// What is shown, in order.
    pub items: Vec<Item>,
    /// Tables as files, by name.
    pub files: Vec<(&'static str, Sheet)>,
}

/// A piece of it.
#[derive(Clone, Debug)]
pub enum Item {
    /// A paragraph.
    Text(String),
    /// A line of caution.
    Note(String),
    /// Sentences, each by itself.
    List(Vec<String>),
    /// Under a title, text whose columns count.
    Tree(String, String),
    /// Plots; a terminal has none.
    Figures(Vec<Figure>),
    /// A table.
    Table(Sheet),
    /// A table for those who ask for it; a terminal leaves it out.
    Details(Sheet),
}

impl Item {
    /// At the end of `page`.
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
            Self::Table(sheet) if sheet.rows.len() <= MOST_ROWS => {
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

    /// The same for a terminal; nothing where it shows nothing of it.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::Note(text) => Some(format!("{text}\n")),
            Self::List(sentences) => list(sentences),
            Self::Tree(title, text) => Some(format!("{title}\n{text}")),
            Self::Figures(_) | Self::Details(_) => None,
            Self::Table(sheet) => match sheet.rows.len() {
                0 => None,
                1..=MOST_ROWS => Some(format!("{}\n{}", sheet.title, sheet.aligned())),
                rows => Some(format!("{}: {rows} rows, not shown here\n", sheet.title)),
            },
        }
    }
}

/// Sentences for a terminal; nothing where there are none.
pub fn list<T: AsRef<str>>(sentences: &[T]) -> Option<String> {
    let lines = sentences
        .iter()
        .map(|text| format!("- {}\n", text.as_ref()));
    Some(lines.collect()).filter(|lines: &String| !lines.is_empty())
}
