//! What a page is made of until it is finished: its headings may still move, and are linked to.

use crate::text::escaped;

/// The level of a page's own sections; the title's is 1.
pub const SECTION: u8 = 2;
/// HTML has no further ones.
const DEEPEST: u8 = 6;

/// A piece of a page.
#[derive(Clone, Debug)]
pub enum Block {
    /// What is done.
    Html(String),
    /// Where a section begins.
    Heading(Heading),
    /// Where links to all sections stand.
    Contents,
}

/// Where a section begins.
#[derive(Clone, Debug)]
pub struct Heading {
    /// From [`SECTION`] on.
    pub level: u8,
    /// What links call it: letters, digits and dashes.
    pub id: String,
    /// What readers call it.
    pub title: String,
    /// Whether it was a report by itself.
    pub is_part: bool,
}

impl Heading {
    /// The same one level further down, where it is called `id`.
    pub fn below(self, id: String) -> Self {
        let level = (self.level + 1).min(DEEPEST);
        let is_part = false;
        Self {
            level,
            id,
            is_part,
            ..self
        }
    }

    /// The element.
    pub fn html(&self) -> String {
        let Self { level, id, .. } = self;
        let part = if self.is_part { " class=\"part\"" } else { "" };
        let title = escaped(&self.title);
        format!("<h{level} id=\"{id}\"{part}>{title}</h{level}>\n")
    }
}

/// Links to headings, those of a part under it. What is deeper is found there.
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

/// Letters and digits in small letters, and a dash for what is between them.
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

/// The id, or with the first number after it that is not taken.
pub fn unique(id: String, is_taken: impl Fn(&str) -> bool) -> String {
    if !is_taken(&id) {
        return id;
    }
    let numbered = (2_usize..).map(|number| format!("{id}-{number}"));
    numbered.into_iter().find(|id| !is_taken(id)).unwrap_or(id)
}
