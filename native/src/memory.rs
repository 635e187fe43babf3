//! How much memory the machine has to give.

/// Bytes that programs may still take without swapping, where the system tells (Linux).
pub fn available() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    #[test]
    fn linux_tells_in_kibibytes() {
        let meminfo = "MemTotal:       24 kB\nMemAvailable:   12345678 kB\nBuffers: 1 kB\n";
        assert_eq!(super::parse(meminfo), Some(12_345_678 * 1024));
        assert_eq!(super::parse("MemFree: 3 kB"), None);
    }
}
