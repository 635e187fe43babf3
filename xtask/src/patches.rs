//! Gives the files in `patches/` the time of their last commit.
//!
//! Cargo goes by modification times to tell if a path dependency changed, and burn depends on these patches. Without
//! this, a fresh clone would build all of burn again for every target, although its build output is cached.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

const FOLDER: &str = "patches";

/// Sets the times, unless the files have changes that are not committed or this is no git checkout.
pub fn set_times(root: &Path) {
    let git = |args: &[&str]| {
        let output = Command::new("git")
            .args(args)
            .current_dir(root)
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let is_clean =
        git(&["status", "--porcelain", "--", FOLDER]).is_some_and(|changes| changes.is_empty());
    let committed_s = git(&["log", "-1", "--format=%ct", "--", FOLDER])
        .and_then(|seconds| seconds.trim().parse().ok());
    let (true, Some(seconds), Some(files)) =
        (is_clean, committed_s, git(&["ls-files", "--", FOLDER]))
    else {
        return;
    };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for file in files.lines() {
        // A file that can't be changed costs a longer build, no more.
        let _ = File::options()
            .append(true)
            .open(root.join(file))
            .and_then(|file| file.set_modified(time));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_get_the_time_of_their_commit_unless_changed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let file = root.join(FOLDER).join("lib.rs");
        std::fs::create_dir(root.join(FOLDER)).expect("created");
        std::fs::write(&file, "//! A patch.").expect("written");
        let git = |args: &[&str]| {
            let mut git = Command::new("git");
            git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"])
                .args(args);
            git.env("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z");
            assert!(
                git.current_dir(root)
                    .output()
                    .expect("git runs")
                    .status
                    .success(),
                "{args:?}"
            );
        };
        git(&["init"]);
        git(&["add", "."]);
        git(&["commit", "-m", "Add a patch"]);
        let modified = || {
            std::fs::metadata(&file)
                .and_then(|data| data.modified())
                .expect("a time")
        };
        set_times(root);
        let committed = SystemTime::UNIX_EPOCH + Duration::from_secs(1_577_836_800);
        assert_eq!(modified(), committed);
        std::fs::write(&file, "//! Another.").expect("written");
        set_times(root);
        assert_ne!(modified(), committed);
    }
}
