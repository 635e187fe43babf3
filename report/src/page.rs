//! The page of a report and its contents.

mod block;
mod figure;
mod table;
#[cfg(test)]
mod tests;

pub use figure::Figure;
pub use table::Table;

use crate::ReportError;
use crate::text::escaped;
use block::{Block, Heading};

/// Style sheet of all reports.
const STYLE: &str = include_str!("page/style.css");

/// A report under construction. All text is escaped here.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    blocks: Vec<Block>,
}

impl Page {
    /// Creates an empty page.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            blocks: Vec::new(),
        }
    }

    /// Starts a section; links refer to it by an id derived from its title.
    pub fn section(&mut self, title: &str) {
        self.section_at(title, title);
    }

    /// Starts a section with an id derived from `id`: lower-case letters and digits, with dashes in place of
    /// everything else.
    pub fn section_at(&mut self, title: &str, id: &str) {
        let id = block::id(id);
        let id = block::unique(id, |id| self.headings().any(|heading| heading.id == id));
        self.blocks.push(Block::Heading(Heading {
            level: block::SECTION,
            id,
            title: title.to_owned(),
            is_part: false,
        }));
    }

    /// Inserts links to all sections, including later ones and those of parts.
    pub fn contents(&mut self) {
        self.blocks.push(Block::Contents);
    }

    /// Appends another report as a part: a section with its title and `id` that starts on a new printed page. Its
    /// own sections move one level down, and their ids get `id` as a prefix.
    pub fn append(&mut self, other: Self, id: &str) {
        self.section_at(&other.title, id);
        let Some(Block::Heading(part)) = self.blocks.last_mut() else {
            return;
        };
        part.is_part = true;
        let id = part.id.clone();
        for block in other.blocks {
            match block {
                Block::Heading(heading) => {
                    let own = format!("{id}-{}", heading.id);
                    let own = block::unique(own, |id| self.headings().any(|of| of.id == id));
                    self.blocks.push(Block::Heading(heading.below(own)));
                }
                Block::Html(_) => self.blocks.push(block),
                // Only the outermost page has a table of contents.
                Block::Contents => {}
            }
        }
    }

    /// Appends the main finding as a larger sentence.
    pub fn lead(&mut self, text: &str) {
        self.html(format!("<p class=\"lead\">{}</p>\n", escaped(text)));
    }

    /// Appends a paragraph.
    pub fn text(&mut self, text: &str) {
        self.html(format!("<p>{}</p>\n", escaped(text)));
    }

    /// Appends a caution, such as what a figure does not show.
    pub fn note(&mut self, text: &str) {
        self.html(format!("<p class=\"note\">{}</p>\n", escaped(text)));
    }

    /// Appends a list of sentences, unless it is empty.
    pub fn list(&mut self, sentences: impl IntoIterator<Item: AsRef<str>>) {
        let items = sentences.into_iter();
        let items = items.map(|sentence| format!("<li>{}</li>\n", escaped(sentence.as_ref())));
        let items: String = items.collect();
        if !items.is_empty() {
            self.html(format!("<ul class=\"list\">\n{items}</ul>\n"));
        }
    }

    /// Appends preformatted text, such as a tree.
    pub fn pre(&mut self, text: &str) {
        // HTML drops a line break right after the tag, so one is added.
        self.html(format!("<pre tabindex=\"0\">\n{}</pre>\n", escaped(text)));
    }

    /// Appends a list of names and values.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        let facts = facts.iter().map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n")
        });
        let facts: String = facts.collect();
        self.html(format!("<dl>\n{facts}</dl>\n"));
    }

    /// Appends a table.
    pub fn table(&mut self, table: &Table) {
        self.html(table.html());
    }

    /// Appends a collapsed table, which is expanded in print.
    pub fn details(&mut self, summary: &str, table: &Table) {
        let (summary, table) = (escaped(summary), table.html());
        self.html(format!(
            "<details><summary>{summary}</summary>\n{table}</details>\n"
        ));
    }

    /// Appends plots, side by side if there is room. Plots with nothing to draw are left out.
    ///
    /// # Errors
    /// If a plot cannot be drawn.
    pub fn figures(&mut self, figures: &[Figure]) -> Result<(), ReportError> {
        let shown = figures.iter().filter(|of| !of.drawing.is_empty());
        let shown: String = shown.map(Figure::html).collect::<Result<_, _>>()?;
        if !shown.is_empty() {
            self.html(format!("<div class=\"figures\">\n{shown}</div>\n"));
        }
        Ok(())
    }

    /// Returns the complete HTML file.
    pub fn finish(self) -> String {
        let title = escaped(&self.title);
        let body: String = self.blocks.iter().map(|of| self.rendered(of)).collect();
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
        )
    }

    fn rendered(&self, block: &Block) -> String {
        match block {
            Block::Html(html) => html.clone(),
            Block::Heading(heading) => heading.html(),
            Block::Contents => block::contents(self.headings()),
        }
    }

    fn headings(&self) -> impl Iterator<Item = &Heading> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Heading(heading) => Some(heading),
            Block::Html(_) | Block::Contents => None,
        })
    }

    /// Appends finished HTML.
    fn html(&mut self, html: String) {
        self.blocks.push(Block::Html(html));
    }
}
