//! Copies the built page for the program to embed, without the files that only a browser needs.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use super::cpu;
use crate::project::Project;

/// Copies the built page to `desktop/page`, which is embedded into the program.
pub fn fill(project: &Project) -> Result<()> {
    let to = project.root.join("desktop/page");
    mirror(&project.dist(), &to, is_used)
        .with_context(|| format!("could not fill {}", project.show(&to)))
}

/// Returns true if the program uses the file. It does not need the files of the Web Worker and of the CPU path,
/// because its engine runs on threads, and trunk's own folders are not part of the page.
fn is_used(name: &str) -> bool {
    let is_of_engine = name.starts_with("worker") || name.starts_with("engine-worker");
    !(name.starts_with('.') || is_of_engine || cpu::is_file(name))
}

/// Makes `to` a copy of the used files in `from`. Files that are already equal are not touched, so that cargo
/// does not build the program again because of them.
fn mirror(from: &Path, to: &Path, used: fn(&str) -> bool) -> Result<()> {
    let wanted = files(from)?;
    ensure!(
        wanted.iter().any(|name| name == Path::new("index.html")),
        "{} has no page",
        from.display()
    );
    let wanted: Vec<PathBuf> = wanted
        .into_iter()
        .filter(|path| {
            path.components()
                .all(|part| used(&part.as_os_str().to_string_lossy()))
        })
        .collect();
    if to.exists() {
        for old in files(to)? {
            if !wanted.contains(&old) {
                let old = to.join(old);
                fs::remove_file(&old)
                    .with_context(|| format!("could not remove {}", old.display()))?;
            }
        }
    }
    for name in wanted {
        let file = to.join(&name);
        let bytes = fs::read(from.join(&name))
            .with_context(|| format!("could not read {}", from.join(&name).display()))?;
        if fs::read(&file).is_ok_and(|old| old == bytes) {
            continue;
        }
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("could not create {}", folder.display()))?;
        }
        fs::write(&file, bytes).with_context(|| format!("could not write {}", file.display()))?;
    }
    Ok(())
}

/// Returns all files below the folder, relative to it.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let list = || format!("could not list {}", folder.display());
    for entry in folder.read_dir().with_context(list)? {
        let path = entry.with_context(list)?.path();
        let name = PathBuf::from(path.file_name().unwrap_or_default());
        if path.is_dir() {
            found.extend(files(&path)?.into_iter().map(|file| name.join(file)));
        } else {
            found.push(name);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().expect("a folder")).expect("created");
        fs::write(file, text).expect("written");
    }

    #[test]
    fn mirror_copies_used_files_and_removes_old_ones() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let (from, to) = (folder.path().join("dist"), folder.path().join("page"));
        for name in [
            "index.html",
            "app-1_bg.wasm",
            "snippets/a/b.js",
            "worker.js",
            "worker_bg.wasm",
            "engine-worker.js",
            "cpu-threads.wasm",
            "cpu-helper.js",
            ".stage/left.js",
        ] {
            write(&from, name, "new");
        }
        write(&to, "app-0_bg.wasm", "old");
        write(&to, "index.html", "old");
        mirror(&from, &to, is_used).expect("filled");
        let mut there = files(&to).expect("listed");
        there.sort();
        let wanted = ["app-1_bg.wasm", "index.html", "snippets/a/b.js"].map(PathBuf::from);
        assert_eq!(there, wanted);
        assert_eq!(fs::read(to.join("index.html")).expect("read"), b"new");
    }

    #[test]
    fn mirror_rejects_folder_without_a_page() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        write(folder.path(), "dist/style.css", "");
        let to = folder.path().join("page");
        let error = mirror(&folder.path().join("dist"), &to, is_used).expect_err("no page");
        assert!(error.to_string().contains("no page"), "{error}");
        assert!(!to.exists());
    }
}
