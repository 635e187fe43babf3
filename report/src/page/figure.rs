//! Plots with what is said about them.

use crate::ReportError;
use crate::plot::Drawing;
use crate::text::escaped;

/// A plot with what is to be said under it.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The plot.
    pub drawing: Drawing,
    /// What it shows, and of how many.
    pub caption: String,
}

impl Figure {
    /// Any plot, and what is to be said under it.
    pub fn new(drawing: impl Into<Drawing>, caption: impl Into<String>) -> Self {
        Self {
            drawing: drawing.into(),
            caption: caption.into(),
        }
    }

    /// The element.
    pub(super) fn html(&self) -> Result<String, ReportError> {
        let Self { drawing, caption } = self;
        let label = escaped(drawing.title());
        let svg = drawing.svg()?;
        let (class, svg) = match drawing.is_wide() {
            true => (
                " class=\"across\"",
                format!("<div class=\"wide\" tabindex=\"0\">{svg}</div>\n"),
            ),
            false => ("", svg),
        };
        let mut html =
            format!("<figure{class} aria-label=\"{label}\"><p class=\"title\">{label}</p>\n{svg}");
        let legend = drawing.legend();
        if !legend.is_empty() {
            html += "<ul class=\"legend\">";
            for (name, colour) in legend {
                let name = escaped(name);
                html += &format!("<li><i style=\"background:{colour}\"></i>{name}</li>");
            }
            html += "</ul>\n";
        }
        if !caption.is_empty() {
            html += &format!("<figcaption>{}</figcaption>\n", escaped(caption));
        }
        Ok(html + "</figure>\n")
    }
}
