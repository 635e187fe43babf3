//! CPU time of this program.

/// Clock ticks per second in `/proc`, on every Linux architecture that Rust's standard library supports.
const TICKS_A_SECOND: f64 = 100.0;
/// Resolution of [`time_ms`] in milliseconds.
pub const RESOLUTION_MS: f64 = 1e3 / TICKS_A_SECOND;

/// Returns this program's CPU time so far in milliseconds, if the system reports it (Linux).
pub fn time_ms() -> Option<f64> {
    parse(&std::fs::read_to_string("/proc/self/stat").ok()?)
}

fn parse(stat: &str) -> Option<f64> {
    // The program's name is in parentheses and may contain some itself.
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some((user + system) as f64 / TICKS_A_SECOND * 1e3)
}

#[cfg(test)]
mod tests {
    #[test]
    fn linux_counts_user_and_system_time_in_ticks() {
        let stat = "42 (a ) b) S 1 1 1 0 -1 4194304 100 0 0 0 25 5 0 0 20 0 3 0 9 10 11\n";
        assert_eq!(super::parse(stat), Some(300.0));
        assert_eq!(super::parse("42 (a) S 1"), None);
    }
}
