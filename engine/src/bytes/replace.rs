//! Replaces files atomically.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::Path;

use super::folder::parent;

/// Writes `contents` to the file at `path`, completely or not at all. If the disk is full or the program is
/// killed, the previous file remains as it was.
///
/// The contents go to a temporary file in the same folder, which is synced to disk and then renamed to `path`.
/// Symbolic links are followed and the previous file's permissions are kept. A `path` that is not a regular
/// file, such as a pipe or a terminal, is written to directly.
///
/// # Errors
/// The system's error if the file can't be written.
pub fn replace_file(path: &Path, contents: impl AsRef<[u8]>) -> io::Result<()> {
    let earlier = fs::metadata(path).ok();
    if earlier.as_ref().is_some_and(|kind| !kind.is_file()) {
        return fs::write(path, contents);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions =
        earlier.map_or_else(permissions_of_new_files, |kind| Some(kind.permissions()));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".llamaglass-").suffix(".tmp");
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(parent(&target))?;
    file.write_all(contents.as_ref())?;
    // Without this, the rename may reach the disk before the contents do.
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// Returns the permissions of new files, which the system reduces by the `umask`. Without them, a temporary
/// file is readable by its owner only.
#[cfg(unix)]
fn permissions_of_new_files() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;

    Some(Permissions::from_mode(0o666))
}

/// Returns `None`: new files inherit the permissions of their folder.
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
    fn replace_file_leaves_no_temporary_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        for contents in ["a long first text", "second"] {
            replace_file(&path, contents).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), contents);
        }
        assert_eq!(names(folder.path()), ["a.json"]);
    }

    #[test]
    fn replace_file_rejects_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        fs::create_dir(&inner).expect("a folder");
        assert!(replace_file(&inner, "text").is_err());
        assert_eq!(names(folder.path()), ["inner"]);
    }

    #[cfg(unix)]
    #[test]
    fn replace_file_keeps_links_and_permissions() {
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
