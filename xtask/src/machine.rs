//! Detects the system and finds installed programs.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;

/// Returns true if this process runs as root, and so may install system packages.
pub fn is_root() -> bool {
    command::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

/// Returns true if the system is Debian, whose packages the set-up can install.
pub fn is_debian() -> bool {
    fs::read_to_string("/etc/os-release").is_ok_and(|text| is_debian_release(&text))
}

fn is_debian_release(os_release: &str) -> bool {
    os_release
        .lines()
        .any(|line| matches!(line.trim(), "ID=debian" | "ID=\"debian\""))
}

/// Returns the processor's model name, or its architecture if the system does not tell.
pub fn cpu_name() -> String {
    let name = if cfg!(target_os = "macos") {
        command::output(Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"])).ok()
    } else if cfg!(windows) {
        env::var("PROCESSOR_IDENTIFIER").ok()
    } else {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        cpu_model(&text).map(str::to_owned)
    };
    name.map_or_else(
        || env::consts::ARCH.to_owned(),
        |name| name.trim().to_owned(),
    )
}

/// Finds the first model name in the text of `/proc/cpuinfo`.
fn cpu_model(cpuinfo: &str) -> Option<&str> {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == "model name")
        .map(|(_, name)| name.trim())
}

/// Returns the load average of the last minute: the number of threads that ran or waited to run. `None` if the system
/// does not tell.
pub fn load_average() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Finds a program in the folder `first`, else on `PATH`.
pub fn find_program(name: &str, first: &Path) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    std::iter::once(first.to_path_buf())
        .chain(env::split_paths(&path))
        .map(|folder| folder.join(format!("{name}{}", env::consts::EXE_SUFFIX)))
        .find(|file| file.is_file())
}

/// Returns `PATH` with the folder `first` in front.
pub fn path_with(first: &Path) -> std::ffi::OsString {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(first.to_path_buf()).chain(env::split_paths(&path));
    env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_derivatives_do_not_count_as_debian() {
        assert!(is_debian_release("NAME=\"Debian GNU/Linux\"\nID=debian\n"));
        assert!(!is_debian_release("ID=ubuntu\nID_LIKE=debian\n"));
    }

    #[test]
    fn cpu_model_is_the_first_model_name() {
        let text = "processor\t: 0\nmodel\t\t: 2\nmodel name\t: AMD EPYC\n\nmodel name\t: other\n";
        assert_eq!(cpu_model(text), Some("AMD EPYC"));
        assert_eq!(cpu_model("Features\t: asimd\n"), None);
    }

    #[test]
    fn find_program_searches_the_first_folder_before_path() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let file = folder
            .path()
            .join(format!("cargo{}", env::consts::EXE_SUFFIX));
        fs::write(&file, "").expect("written");
        assert_eq!(find_program("cargo", folder.path()), Some(file));
        assert_eq!(find_program("no-such-program-here", folder.path()), None);
    }
}
