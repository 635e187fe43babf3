//! Text and numbers as they stand in a report.

/// Text that means nothing to HTML and SVG, in elements and in quoted attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A number with the digits that count: 0.0012, 0.123, 1.23, 12.3, 123, 12345.
pub fn number(value: f64) -> String {
    let decimals = match value.abs() {
        // Nothing that was measured is as small.
        size if size < 1e-9 => return "0".to_owned(),
        // Two digits that are not 0.
        size if size < 0.01 => (1.0 - size.log10().floor()) as usize,
        size if size < 1.0 => 3,
        size if size < 10.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        let shown = [0.0, 0.0123, 1.234, 12.34, 123.4, 12345.6].map(number);
        assert_eq!(shown, ["0", "0.012", "1.23", "12.3", "123", "12346"]);
        let small = [-0.0, 0.00123, -0.000_042, 1e-300].map(number);
        assert_eq!(small, ["0", "0.0012", "-0.000042", "0"]);
    }
}
