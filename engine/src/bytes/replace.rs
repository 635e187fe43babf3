//! Writing a file as a whole.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes `contents` to the file at `path`, in whole or not at all: a disk that is full, or a program that is
/// killed, leaves the earlier file as it was.
///
/// The contents go to a temporary file in the same folder, which takes the name of `path` once it is on the
/// disk. Links are followed, the earlier file's permissions are kept, and what is no regular file (a pipe, a
/// terminal) is written to directly.
///
/// # Errors
/// What the system says, where the file can't be written.
pub fn replace_file(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let earlier = fs::metadata(path).ok();
    if earlier.as_ref().is_some_and(|kind| !kind.is_file()) {
        return fs::write(path, contents);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions =
        earlier.map_or_else(permissions_of_new_files, |kind| Some(kind.permissions()));
    let folder = folder_of(&target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".llamaglass-").suffix(".tmp");
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(&folder)?;
    file.write_all(contents.as_ref())?;
    // A rename may reach the disk before what it names.
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Returns the permissions of new files, from which the system takes those in `umask`. A temporary file would
/// otherwise be readable by its owner only.
#[cfg(unix)]
fn permissions_of_new_files() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;

    Some(Permissions::from_mode(0o666))
}

/// New files inherit the permissions of their folder.
#[cfg(not(unix))]
const fn permissions_of_new_files() -> Option<Permissions> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let names = entries.map(name);
        names
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn file_is_replaced_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        for contents in ["a long first text", "second"] {
            replace_file(&path, contents).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), contents);
        }
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn folder_is_not_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        assert!(replace_file(&inner, "text").is_err());
        assert_eq!(names(folder.path()), ["inner"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_and_permissions_are_kept() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
        replace_file(&path, "first").expect("written");
        fs::write(folder.path().join("plain"), "").expect("written");
        assert_eq!(mode(&path), mode(&folder.path().join("plain")));
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        let link = folder.path().join("link");
        symlink(&path, &link).expect("linked");
        replace_file(&link, "second").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "second");
        assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
        assert_eq!(mode(&path), 0o640);
    }
}
