//! Plots with captions.

use crate::ReportError;
use crate::plot::Drawing;
use crate::text::escaped;

/// A plot with a caption.
#[derive(Clone, Debug)]
pub struct Figure {
    /// The plot.
    pub drawing: Drawing,
    /// Description of the plot, with the number of values.
    pub caption: String,
}

impl Figure {
    /// Creates a figure from any plot.
    pub fn new(drawing: impl Into<Drawing>, caption: impl Into<String>) -> Self {
        Self {
            drawing: drawing.into(),
            caption: caption.into(),
        }
    }

    /// Returns the HTML element.
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
