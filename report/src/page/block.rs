//! Blocks of an unfinished page; its headings may still move and are link targets.

use crate::text::escaped;

/// Level of a page's own sections; the title has level 1.
pub const SECTION: u8 = 2;
/// Deepest heading level in HTML.
const MAX_LEVEL: u8 = 6;

/// A block of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// Finished HTML.
    Html(String),
    /// The start of a section.
    Heading(Heading),
    /// The place of the links to all sections.
    Contents,
}

/// The start of a section.
#[derive(Clone, Debug)]
pub struct Heading {
    /// Heading level, from [`SECTION`].
    pub level: u8,
    /// Link target: letters, digits and dashes.
    pub id: String,
    /// Text of the heading.
    pub title: String,
    /// True if the section is an appended report.
    pub is_part: bool,
}

impl Heading {
    /// Returns the heading one level further down, with a new id.
    pub fn below(self, id: String) -> Self {
        let level = (self.level + 1).min(MAX_LEVEL);
        let is_part = false;
        Self {
            level,
            id,
            is_part,
            ..self
        }
    }

    /// Returns the HTML element.
    pub fn html(&self) -> String {
        let Self { level, id, .. } = self;
        let part = if self.is_part { " class=\"part\"" } else { "" };
        let title = escaped(&self.title);
        format!("<h{level} id=\"{id}\"{part}>{title}</h{level}>\n")
    }
}

/// Builds the links to all sections, with the sections of a part nested below it. Deeper levels are left out.
pub fn contents<'a>(headings: impl Iterator<Item = &'a Heading>) -> String {
    let link = |of: &Heading| format!("<a href=\"#{}\">{}</a>", of.id, escaped(&of.title));
    let mut items: Vec<(String, String)> = Vec::new();
    for heading in headings {
        match (heading.level, items.last_mut()) {
            (SECTION, _) => items.push((link(heading), String::new())),
            (3, Some((_, under))) => *under += &format!("<li>{}</li>", link(heading)),
            _ => {}
        }
    }
    let items = items.into_iter().map(|(link, under)| match &*under {
        "" => format!("<li>{link}</li>\n"),
        under => format!("<li>{link}<ul>{under}</ul></li>\n"),
    });
    let items: String = items.collect();
    if items.is_empty() {
        return items;
    }
    format!("<nav aria-label=\"Contents\"><ul>\n{items}</ul></nav>\n")
}

/// Converts text to an id: lower-case letters and digits, with dashes in between.
pub fn id(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<String> = words
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    match words.is_empty() {
        true => "section".to_owned(),
        false => words.join("-"),
    }
}

/// Returns the id, with the first free number appended if it is taken.
pub fn unique(id: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&id) {
        return id;
    }
    let numbered = (2_usize..).map(|number| format!("{id}-{number}"));
    numbered.into_iter().find(|id| !is_taken(id)).unwrap_or(id)
}
