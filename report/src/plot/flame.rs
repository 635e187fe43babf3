//! Nested spans as a flame graph, from the outermost span down.

use std::fmt::Write as _;

use super::canvas::is_drawable;
use crate::text::escaped;

/// Width in its own units: twice a chart's, because it takes the full page width.
const WIDTH: f64 = 880.0;
/// Height of a row.
const ROW: usize = 24;
/// Font size, and an upper bound on the average width of a letter.
const TEXT: f64 = 14.0;
const LETTER_WIDTH: f64 = 7.6;
/// Gap between a span's edge and its text.
const PADDING: f64 = 5.0;
/// Minimum width of a span, so that it stays visible.
const MIN_WIDTH: f64 = 0.5;
/// Maximum depth that is drawn.
pub const MAX_DEPTH: usize = 63;

/// A span.
#[derive(Clone, Debug)]
pub struct FlameRow {
    /// Number of spans that enclose it.
    pub depth: usize,
    /// Start, in any unit.
    pub start: f64,
    /// Duration, in the same unit.
    pub width: f64,
    /// Name.
    pub name: String,
    /// Duration as text with its unit; more text may follow.
    pub value: String,
}

/// A flame graph of nested spans.
#[derive(Clone, Debug)]
pub struct Flame {
    /// Title.
    pub title: String,
    /// Spans in any order; those without a width or deeper than [`MAX_DEPTH`] are left out.
    pub rows: Vec<FlameRow>,
}

impl Flame {
    /// Returns whether there is nothing to draw.
    pub fn is_empty(&self) -> bool {
        self.drawn().next().is_none()
    }

    /// Renders the flame graph as SVG.
    pub fn svg(&self) -> String {
        let depth = self.drawn().map(|row| row.depth + 1).max().unwrap_or(0);
        let start = self.drawn().map(|row| row.start).fold(f64::MAX, f64::min);
        let end = self.drawn().map(|row| row.start + row.width);
        let scale = WIDTH / (end.fold(f64::MIN, f64::max) - start);
        let height = depth * ROW;
        let mut svg = format!(
            "<svg aria-hidden=\"true\" viewBox=\"0 0 {WIDTH} {height}\" \
             xmlns=\"http://www.w3.org/2000/svg\" font-family=\"sans-serif\" font-size=\"{TEXT}\">\n"
        );
        for row in self.drawn() {
            let (x, wide) = ((row.start - start) * scale, row.width * scale);
            row.draw(&mut svg, x, wide.max(MIN_WIDTH));
        }
        svg + "</svg>\n"
    }

    fn drawn(&self) -> impl Iterator<Item = &FlameRow> {
        self.rows.iter().filter(|row| {
            let is_drawable = is_drawable(row.start) && is_drawable(row.width);
            is_drawable && row.width > 0.0 && row.depth <= MAX_DEPTH
        })
    }
}

impl FlameRow {
    /// Draws a box that clips its text and shows all of it as a tooltip.
    fn draw(&self, svg: &mut String, x: f64, wide: f64) {
        let (name, value) = (escaped(&self.name), escaped(&self.value));
        let (y, high) = (self.depth * ROW, ROW - 1);
        let hue = hue(&self.name);
        let _infallible = write!(
            svg,
            "<svg x=\"{x:.2}\" y=\"{y}\" width=\"{wide:.2}\" height=\"{high}\">\
             <rect width=\"100%\" height=\"100%\" fill=\"hsl({hue},55%,70%)\" stroke=\"#fff\" \
             stroke-width=\"0.5\"><title>{name}: {value}</title></rect>"
        );
        if let Some(label) = self.label(wide) {
            let _infallible = write!(
                svg,
                "<text x=\"{PADDING}\" y=\"{high}\" dy=\"-7\" fill=\"#12161c\" \
                 pointer-events=\"none\">{}</text>",
                escaped(&label)
            );
        }
        svg.push_str("</svg>\n");
    }

    /// Returns as much of name and value as fits; `None` if too little would remain.
    fn label(&self, wide: f64) -> Option<String> {
        let room = ((wide - 2.0 * PADDING) / LETTER_WIDTH).max(0.0) as usize;
        let whole = format!("{} {}", self.name, self.value);
        if whole.chars().count() <= room {
            Some(whole)
        } else if self.name.chars().count() <= room {
            Some(self.name.clone())
        } else {
            let kept = self.name.chars().take(room.saturating_sub(1));
            (room > 3).then(|| kept.chain(['\u{2026}']).collect())
        }
    }
}

/// Returns the hue of a name in degrees, the same in every graph.
fn hue(name: &str) -> u32 {
    // FNV-1a, because names that differ by one letter must get very different hashes.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    hash % 360
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(depth: usize, start: f64, width: f64, name: &str) -> FlameRow {
        FlameRow {
            depth,
            start,
            width,
            name: name.into(),
            value: format!("{width} ms"),
        }
    }

    fn flame(rows: Vec<FlameRow>) -> Flame {
        let title = "t".into();
        Flame { title, rows }
    }

    #[test]
    fn spans_lie_below_their_parents_with_proportional_widths() {
        let svg = flame(vec![
            row(0, 100.0, 10.0, "step"),
            row(1, 100.0, 5.0, "plan"),
            row(1, 105.0, 2.5, "gpu"),
        ])
        .svg();
        assert!(svg.contains("viewBox=\"0 0 880 48\""), "{svg}");
        for place in [
            "x=\"0.00\" y=\"0\" width=\"880.00\"",
            "x=\"0.00\" y=\"24\" width=\"440.00\"",
            "x=\"440.00\" y=\"24\" width=\"220.00\"",
        ] {
            assert!(svg.contains(place), "{place}: {svg}");
        }
        assert!(svg.contains("<title>gpu: 2.5 ms</title>"), "{svg}");
        assert!(svg.contains(">step 10 ms</text>"), "{svg}");
    }

    #[test]
    fn label_is_shortened_to_span_width() {
        let label = |wide| row(0, 0.0, 1.0, "detokenize").label(wide);
        assert_eq!(label(200.0).as_deref(), Some("detokenize 1 ms"));
        assert_eq!(label(100.0).as_deref(), Some("detokenize"));
        assert_eq!(label(50.0).as_deref(), Some("deto\u{2026}"));
        assert_eq!(label(30.0), None);
        assert_eq!(label(0.0), None);
    }

    #[test]
    fn name_has_same_colour_in_every_graph() {
        let fill = |svg: &str| {
            let (_, rest) = svg.split_once("fill=\"hsl(").expect("a colour");
            rest.split_once(',').expect("ends").0.to_owned()
        };
        let alone = flame(vec![row(0, 0.0, 1.0, "gpu")]).svg();
        let other = flame(vec![row(3, 7.0, 2.0, "gpu"), row(0, 0.0, 1.0, "x")]).svg();
        assert_eq!(fill(&alone), fill(&other));
        assert_ne!(hue("encode"), hue("emit"));
    }

    #[test]
    fn invalid_spans_are_left_out_and_names_are_escaped() {
        let odd = flame(vec![
            row(0, f64::NAN, 1.0, "a"),
            row(0, 0.0, -1.0, "b"),
            row(0, 0.0, 0.0, "c"),
            row(usize::MAX, 0.0, 1.0, "d"),
        ]);
        assert!(odd.is_empty());
        assert_eq!(odd.svg().matches("<rect").count(), 0);
        let hostile = flame(vec![row(0, 0.0, 1.0, "</title><script>x</script>&\"")]);
        let svg = hostile.svg();
        assert!(
            !svg.contains("<script") && !svg.contains("</title><s"),
            "{svg}"
        );
        assert!(svg.contains("&lt;script&gt;"), "{svg}");
        let narrow = flame(vec![row(0, 0.0, 1e6, "long"), row(1, 0.0, 1e-3, "short")]);
        assert!(narrow.svg().contains("width=\"0.50\""));
    }
}
