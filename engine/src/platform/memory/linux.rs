//! Memory limits from Linux's `/proc` and control group file system. Other systems have neither, so no limit is
//! found.

use std::fs::read_to_string;
use std::path::Path;

/// Limits of `ulimit` in `/proc/self/limits`, with the usage in `/proc/self/status` that counts against each.
const PROCESS_LIMITS: [(&str, &str); 2] = [
    ("Max address space", "VmSize:"),
    ("Max data size", "VmData:"),
];

/// A version of control groups: its mount point and the names of its files.
struct Version<'a> {
    mount: &'a str,
    limit: &'a str,
    usage: &'a str,
    /// Key in `memory.stat` for cached file pages that the kernel drops before memory runs out.
    reclaimable: &'a str,
}

const VERSION_1: Version<'_> = Version {
    mount: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file ",
};
const VERSION_2: Version<'_> = Version {
    mount: "",
    limit: "memory.max",
    usage: "memory.current",
    reclaimable: "inactive_file ",
};

/// Returns the bytes that this process may still allocate.
pub fn available() -> Option<u64> {
    let read = |name: &str| read_to_string(name).unwrap_or_default();
    let machine = kibibytes(&read("/proc/meminfo"), "MemAvailable:");
    let groups = control_groups(&read("/proc/self/cgroup"), Path::new("/sys/fs/cgroup"));
    let process = process_limits(&read("/proc/self/limits"), &read("/proc/self/status"));
    [machine, groups, process].into_iter().flatten().min()
}

/// Returns the value of `key` in bytes, from a file with lines such as `MemAvailable:   123 kB`.
fn kibibytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Returns the smallest remainder of a `ulimit` limit; `None` if all are unlimited.
fn process_limits(limits: &str, status: &str) -> Option<u64> {
    let left = PROCESS_LIMITS.iter().filter_map(|(limit, used)| {
        let line = limits.lines().find_map(|line| line.strip_prefix(limit))?;
        let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(limit.saturating_sub(kibibytes(status, used)?))
    });
    left.min()
}

/// Returns the smallest remainder of this process's control groups and their ancestors.
fn control_groups(own: &str, root: &Path) -> Option<u64> {
    let left = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let version = match controllers {
            "" => VERSION_2,
            _ if controllers.split(',').any(|name| name == "memory") => VERSION_1,
            _ => return None,
        };
        // In a container the path may not exist below the mount point, but the root group does.
        let groups = Path::new(group.trim_start_matches('/')).ancestors();
        let mount = root.join(version.mount);
        let left = groups.filter_map(|group| left_by(&mount.join(group), &version));
        left.min()
    });
    left.min()
}

/// Returns the bytes that one control group leaves; `None` if it has no limit.
fn left_by(group: &Path, version: &Version<'_>) -> Option<u64> {
    let number = |name| -> Option<u64> {
        let text = read_to_string(group.join(name)).ok()?;
        text.trim().parse().ok()
    };
    let (limit, usage) = (number(version.limit)?, number(version.usage)?);
    let stat = read_to_string(group.join("memory.stat")).unwrap_or_default();
    let mut lines = stat.lines();
    let cached = lines.find_map(|line| line.strip_prefix(version.reclaimable)?.parse().ok());
    Some(limit.saturating_sub(usage.saturating_sub(cached.unwrap_or(0))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn available_memory_is_read_in_kibibytes() {
        let meminfo = "MemTotal:       24 kB\nMemAvailable:   12345678 kB\nBuffers: 1 kB\n";
        let available = kibibytes(meminfo, "MemAvailable:");
        assert_eq!(available, Some(12_345_678 * 1024));
        assert_eq!(kibibytes("MemFree: 3 kB", "MemAvailable:"), None);
    }

    #[test]
    fn address_space_counts_against_its_limit() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
            Max data size             unlimited            unlimited            bytes\n\
            Max address space         1048576              unlimited            bytes\n";
        let status = "Name:\tx\nVmSize:\t     24 kB\nVmData:\t     12 kB\n";
        assert_eq!(process_limits(limits, status), Some(1000 << 10));
        let unlimited = limits.replace("1048576", "unlimited");
        assert_eq!(process_limits(&unlimited, status), None);
    }

    #[test]
    fn strictest_control_group_counts_and_cached_files_are_free() {
        let root = tempfile::tempdir().expect("a folder");
        let inner = root.path().join("outer/inner");
        fs::create_dir_all(&inner).expect("folders");
        let write = |name: &str, text: &str| {
            fs::write(root.path().join(name), text).expect("written");
        };
        write("outer/memory.max", "1000\n");
        write("outer/memory.current", "900\n");
        write("outer/memory.stat", "anon 1\ninactive_file 300\n");
        write("outer/inner/memory.max", "max\n");
        write("outer/inner/memory.current", "900\n");
        let left = control_groups("0::/outer/inner\n", root.path());
        assert_eq!(left, Some(400));
        write("outer/inner/memory.max", "950\n");
        let left = control_groups("0::/outer/inner\n", root.path());
        assert_eq!(left, Some(50));
        assert_eq!(control_groups("0::/\n", root.path()), None);
    }

    #[test]
    fn first_version_of_control_groups_is_read() {
        let root = tempfile::tempdir().expect("a folder");
        let group = root.path().join("memory");
        fs::create_dir(&group).expect("a folder");
        fs::write(group.join("memory.limit_in_bytes"), "500").expect("written");
        fs::write(group.join("memory.usage_in_bytes"), "200").expect("written");
        let own = "5:cpu,cpuacct:/a\n4:memory:/docker/abc\n";
        assert_eq!(control_groups(own, root.path()), Some(300));
    }
}
