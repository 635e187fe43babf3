//! Formats figures for people to read.

pub use llamaglass_report::bytes;

/// Milliseconds with a sensible number of digits: `0.12 ms`, `4.5 ms`, `312 ms`, `1.84 s`.
pub fn millis(ms: f64) -> String {
    match ms.abs() {
        size if !size.is_finite() => "–".into(),
        size if size >= 1000.0 => format!("{:.2} s", ms / 1000.0),
        size if size >= 100.0 => format!("{ms:.0} ms"),
        size if size >= 1.0 => format!("{ms:.1} ms"),
        _ => format!("{ms:.2} ms"),
    }
}

/// A rate per second, with more decimals the smaller it is: `123`, `12.3`, `1.23`.
pub fn rate(per_second: f64) -> String {
    match per_second {
        n if !n.is_finite() => "–".into(),
        n if n >= 100.0 => format!("{n:.0}"),
        n if n >= 10.0 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

/// A count with narrow no-break spaces between its thousands: `12 345`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 * 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// Number of parameters of a model: `135M`, `1.2B`.
pub fn parameters(n: u64) -> String {
    match n as f64 {
        n if n >= 1e9 => format!("{:.1}B", n / 1e9),
        n if n >= 1e6 => format!("{:.0}M", n / 1e6),
        n if n >= 1e3 => format!("{:.0}k", n / 1e3),
        n => format!("{n}"),
    }
}

/// A fraction as whole percent; fractions above 0 and below 1 % are `<1 %`.
pub fn percent(share: f64) -> String {
    match share {
        share if !share.is_finite() => "–".into(),
        share if share > 0.0 && share < 0.01 => "<1 %".into(),
        share => format!("{:.0} %", share * 100.0),
    }
}

/// A token's text with visible white space: `⏎`, `⇥`, and `␣` for each space if it has nothing but spaces.
pub fn visible(text: &str) -> String {
    if !text.is_empty() && text.chars().all(|c| c == ' ') {
        return "␣".repeat(text.len());
    }
    text.replace('\n', "⏎").replace('\t', "⇥")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn millis_keeps_about_three_digits() {
        assert_eq!(millis(0.123), "0.12 ms");
        assert_eq!(millis(4.56), "4.6 ms");
        assert_eq!(millis(312.4), "312 ms");
        assert_eq!(millis(1840.0), "1.84 s");
        assert_eq!(millis(f64::NAN), "–");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(12_345), "12\u{202f}345");
        assert_eq!(count(999), "999");
        assert_eq!(parameters(134_515_008), "135M");
    }

    #[test]
    fn small_fractions_are_not_shown_as_zero() {
        assert_eq!(percent(0.004), "<1 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(0.876), "88 %");
    }

    #[test]
    fn whitespace_tokens_are_visible() {
        assert_eq!(visible("  "), "␣␣");
        assert_eq!(visible("a\n"), "a⏎");
    }
}
