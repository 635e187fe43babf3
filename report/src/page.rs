//! The frame of a report, and what stands in it.

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

/// How all reports look.
const STYLE: &str = include_str!("page/style.css");

/// A report that is being written. All text is escaped here.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    blocks: Vec<Block>,
}

impl Page {
    /// An empty one.
    pub fn new(title: &str) -> Self {
        Self {
            title: title.to_owned(),
            blocks: Vec::new(),
        }
    }

    /// Begins a section, which a link on the page reaches by its title.
    pub fn section(&mut self, title: &str) {
        self.section_at(title, title);
    }

    /// Begins a section that is reached by `id`: of what is not a letter or a digit, a dash is left.
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

    /// Links to all sections, also to those that are still to come and those of parts.
    pub fn contents(&mut self) {
        self.blocks.push(Block::Contents);
    }

    /// Another report as a part of this one: a section with its title that begins on a new printed page,
    /// reached by `id`. Its own sections are one level further down, with `id` before theirs.
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
                // The whole file has one, if any.
                Block::Contents => {}
            }
        }
    }

    /// What the report says, in a sentence: larger than the rest.
    pub fn lead(&mut self, text: &str) {
        self.html(format!("<p class=\"lead\">{}</p>\n", escaped(text)));
    }

    /// A paragraph.
    pub fn text(&mut self, text: &str) {
        self.html(format!("<p>{}</p>\n", escaped(text)));
    }

    /// A line of caution: what a figure does not say.
    pub fn note(&mut self, text: &str) {
        self.html(format!("<p class=\"note\">{}</p>\n", escaped(text)));
    }

    /// Sentences, each by itself.
    pub fn list(&mut self, sentences: impl IntoIterator<Item: AsRef<str>>) {
        let items = sentences.into_iter();
        let items = items.map(|sentence| format!("<li>{}</li>\n", escaped(sentence.as_ref())));
        let items: String = items.collect();
        if !items.is_empty() {
            self.html(format!("<ul class=\"list\">\n{items}</ul>\n"));
        }
    }

    /// Text whose lines and columns count, such as a tree.
    pub fn pre(&mut self, text: &str) {
        // HTML drops a line break after the tag: the first one is not the text's.
        self.html(format!("<pre tabindex=\"0\">\n{}</pre>\n", escaped(text)));
    }

    /// Names and what they are.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        let facts = facts.iter().map(|(name, value)| {
            let (name, value) = (escaped(name), escaped(value));
            format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n")
        });
        let facts: String = facts.collect();
        self.html(format!("<dl>\n{facts}</dl>\n"));
    }

    /// A table.
    pub fn table(&mut self, table: &Table) {
        self.html(table.html());
    }

    /// A table that is shown when asked for, and in print.
    pub fn details(&mut self, summary: &str, table: &Table) {
        let (summary, table) = (escaped(summary), table.html());
        self.html(format!(
            "<details><summary>{summary}</summary>\n{table}</details>\n"
        ));
    }

    /// Plots side by side, as far as there is room. Those with nothing to draw are left out.
    ///
    /// # Errors
    /// Where one can't be drawn.
    pub fn figures(&mut self, figures: &[Figure]) -> Result<(), ReportError> {
        let shown = figures.iter().filter(|of| !of.drawing.is_empty());
        let shown: String = shown.map(Figure::html).collect::<Result<_, _>>()?;
        if !shown.is_empty() {
            self.html(format!("<div class=\"figures\">\n{shown}</div>\n"));
        }
        Ok(())
    }

    /// The whole file.
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

    /// Adds what is HTML already.
    fn html(&mut self, html: String) {
        self.blocks.push(Block::Html(html));
    }
}
