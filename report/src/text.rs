//! Formatting of text and numbers in a report.

pub use llamaglass_lab::digits as number;
use llamaglass_types::timing::Clock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Escapes text for HTML and SVG, both in elements and in quoted attributes.
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

/// Formats seconds since 1970 as a date in UTC.
pub fn date(unix_s: i64) -> String {
    let date = OffsetDateTime::from_unix_timestamp(unix_s).ok();
    let date = date.and_then(|date| date.format(&Rfc3339).ok());
    date.unwrap_or_else(|| format!("{unix_s} s after 1970"))
}

/// Formats a clock with its resolution.
pub fn clock(clock: &Clock) -> String {
    let Clock {
        source,
        resolution_ms,
    } = clock;
    format!("{}, resolution {resolution_ms:.6} ms", source.name())
}

/// Formats a number of bytes in decimal units: `98.4 MB`.
pub fn bytes(count: u64) -> String {
    let (value, unit) = match count as f64 {
        count if count >= 1e9 => (count / 1e9, "GB"),
        count if count >= 1e6 => (count / 1e6, "MB"),
        count if count >= 1e3 => (count / 1e3, "kB"),
        _ => return format!("{count} B"),
    };
    if value >= 100.0 {
        format!("{value:.0} {unit}")
    } else {
        format!("{value:.1} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_rounds_and_says_not_finite() {
        assert_eq!([1.234, 12345.6].map(number), ["1.23", "12,346"]);
        let odd = [f64::NAN, f64::INFINITY, -f64::INFINITY];
        assert!(odd.map(number).iter().all(|said| said == "not finite"));
    }

    #[test]
    fn bytes_have_decimal_units_and_about_three_digits() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(98_362_432), "98.4 MB");
        assert_eq!(bytes(360_710_144), "361 MB");
        assert_eq!(bytes(1_200_000_000), "1.2 GB");
    }

    #[test]
    fn dates_are_in_utc() {
        assert_eq!(date(1_700_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(date(i64::MAX), format!("{} s after 1970", i64::MAX));
    }
}
