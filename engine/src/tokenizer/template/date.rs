//! `strftime_now`: Python's date formats, in UTC and English.

use time::OffsetDateTime;

/// Formats a time. Unknown directives stay as they are.
pub(super) fn format(unix_seconds: i64, format: &str) -> String {
    let now =
        OffsetDateTime::from_unix_timestamp(unix_seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let mut out = String::with_capacity(format.len() * 2);
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            // glibc's `-` removes the padding.
            Some('-') => match chars.next() {
                Some(c) => {
                    let padded = directive(now, c);
                    let bare = padded.trim_start_matches(['0', ' ']);
                    out.push_str(if bare.is_empty() { "0" } else { bare });
                }
                None => out.push_str("%-"),
            },
            Some(c) => out.push_str(&directive(now, c)),
            None => out.push('%'),
        }
    }
    out
}

fn directive(now: OffsetDateTime, c: char) -> String {
    let (month, weekday) = (now.month().to_string(), now.weekday().to_string());
    let hour12 = (now.hour() + 11) % 12 + 1;
    match c {
        'Y' => now.year().to_string(),
        'y' => format!("{:02}", now.year().rem_euclid(100)),
        'm' => format!("{:02}", u8::from(now.month())),
        'B' => month,
        'b' | 'h' => month.chars().take(3).collect(),
        'd' => format!("{:02}", now.day()),
        'e' => format!("{:2}", now.day()),
        'j' => format!("{:03}", now.ordinal()),
        'A' => weekday,
        'a' => weekday.chars().take(3).collect(),
        'u' => now.weekday().number_from_monday().to_string(),
        'w' => now.weekday().number_days_from_sunday().to_string(),
        'H' => format!("{:02}", now.hour()),
        'I' => format!("{hour12:02}"),
        'p' => if now.hour() < 12 { "AM" } else { "PM" }.into(),
        'M' => format!("{:02}", now.minute()),
        'S' => format!("{:02}", now.second()),
        'f' => "000000".into(),
        'z' => "+0000".into(),
        'Z' => "UTC".into(),
        's' => now.unix_timestamp().to_string(),
        'n' => "\n".into(),
        't' => "\t".into(),
        '%' => "%".into(),
        'F' => ['Y', '-', 'm', '-', 'd'].map(|c| part(now, c)).concat(),
        'T' | 'X' => ['H', ':', 'M', ':', 'S'].map(|c| part(now, c)).concat(),
        'R' => ['H', ':', 'M'].map(|c| part(now, c)).concat(),
        'D' | 'x' => ['m', '/', 'd', '/', 'y'].map(|c| part(now, c)).concat(),
        'c' => ['a', ' ', 'b', ' ', 'e', ' ', 'T', ' ', 'Y']
            .map(|c| part(now, c))
            .concat(),
        c => format!("%{c}"),
    }
}

fn part(now: OffsetDateTime, c: char) -> String {
    if c.is_ascii_alphabetic() {
        directive(now, c)
    } else {
        c.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn dates_are_formatted_like_python() {
        // 2024-07-26 09:05:03 UTC, a Friday.
        let now = 1_721_984_703;
        for (pattern, want) in [
            ("%d %b %Y", "26 Jul 2024"),
            ("%B %d, %Y", "July 26, 2024"),
            ("%A %a %j %u %w", "Friday Fri 208 5 5"),
            ("%H:%M:%S %I %p", "09:05:03 09 AM"),
            ("%-d.%-m.%y %-H", "26.7.24 9"),
            ("%F %T", "2024-07-26 09:05:03"),
            ("%c", "Fri Jul 26 09:05:03 2024"),
            ("100%% %q % é %", "100% %q % é %"),
            ("", ""),
        ] {
            assert_eq!(format(now, pattern), want, "{pattern}");
        }
        assert_eq!(format(0, "%I %p %-H %-M"), "12 AM 0 0");
        assert_eq!(format(i64::MAX, "%Y"), "1970");
    }
}
