//! Distinguishes faults of the page from messages that the browser logs by itself.

use super::webdriver::ConsoleEntry;

/// Returns true if the entry reports a fault of the page at `origin`.
///
/// The browser itself logs failed requests to other origins. Their addresses come from the user, so such an
/// entry is not a fault. Neither is the browser's note that it refuses cross-origin isolation over plain HTTP.
/// Any other severe entry is a fault.
pub fn is_fault(entry: &ConsoleEntry, origin: &str) -> bool {
    if entry.level != "SEVERE" {
        return false;
    }
    let message = entry.message.as_str();
    // The message is "ADDRESS - Failed to load resource: ..", with the address of the request.
    let request_failed = message.contains("Failed to load resource");
    let address = message.split_whitespace().next().unwrap_or_default();
    let of_browser = entry.source == "network" && request_failed;
    let refused_by_cors = message.contains("blocked by CORS policy");
    let foreign = of_browser && address.starts_with("http") && !is_at(address, origin);
    let without_https = message.contains("Cross-Origin-Opener-Policy header has been ignored");
    !(foreign || refused_by_cors || without_https)
}

/// Returns true if the address belongs to the origin, which may end in a slash.
fn is_at(address: &str, origin: &str) -> bool {
    let origin = origin.trim_end_matches('/');
    address
        .strip_prefix(origin)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_severe_entries_of_the_page_itself_are_faults() {
        let failed = "Failed to load resource: net::ERR_CONNECTION_REFUSED";
        let other = format!("http://127.0.0.1:80801/v1/models - {failed}");
        let own = format!("http://127.0.0.1:8080/app.css - {failed}");
        let panic = "http://127.0.0.1:8080/app.js 1:2 \"panicked at\"";
        for (level, source, message, expected) in [
            ("SEVERE", "console-api", panic, true),
            ("SEVERE", "network", &*other, false),
            ("SEVERE", "network", &*own, true),
            ("WARNING", "console-api", "slow", false),
        ] {
            let [level, source, message] = [level, source, message].map(str::to_owned);
            let entry = ConsoleEntry {
                level,
                source,
                message,
            };
            assert_eq!(
                is_fault(&entry, "http://127.0.0.1:8080/"),
                expected,
                "{entry}"
            );
        }
    }
}
