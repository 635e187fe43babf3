//! Finds the files on disk that make up a model.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{ByteSource, BytesError, FileSource};

/// Files that accompany the tensors in a Hugging Face folder.
const COMPANIONS: [&str; 6] = [
    "config.json",
    "generation_config.json",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];

/// Reason why a path is not a model.
#[derive(Debug, Error)]
#[expect(
    missing_docs,
    reason = "the messages explain the variants and their fields"
)]
pub enum FolderError {
    #[error("{}: {error}", path.display())]
    Io {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{}: not a file or folder", path.display())]
    NotRegular { path: PathBuf },
    #[error("{}: contains no model (.gguf or .safetensors)", path.display())]
    Empty { path: PathBuf },
    #[error("{}: contains several models; choose one: {}", path.display(), names.join(", "))]
    Several { path: PathBuf, names: Vec<String> },
}

/// Returns the files of the model at `path`: a single GGUF, a safetensors file with its companions, or the
/// contents of a folder with safetensors files or one GGUF.
///
/// # Errors
/// [`FolderError`] if `path` can't be read or is not exactly one model.
pub fn model_files(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let kind = std::fs::metadata(path).map_err(|error| unreadable(path, error))?;
    if kind.is_dir() {
        return folder(path);
    }
    if !kind.is_file() {
        let path = path.to_owned();
        return Err(FolderError::NotRegular { path });
    }
    if has_extension(path, "safetensors") {
        let mut files = companions(parent(path));
        files.push(path.to_owned());
        return Ok(files);
    }
    Ok(vec![path.to_owned()])
}

/// Opens the files of the model at `path`, those that [`model_files`] returns.
///
/// # Errors
/// [`BytesError::Open`] if `path` is not exactly one model, or a file can't be opened.
pub fn open_model(path: &Path) -> Result<Vec<Box<dyn ByteSource>>, BytesError> {
    let files = model_files(path).map_err(|error| BytesError::Open {
        message: error.to_string(),
    })?;
    open_files(&files)
}

/// Opens files.
///
/// # Errors
/// [`BytesError::Open`] if one can't be opened.
pub fn open_files(paths: &[PathBuf]) -> Result<Vec<Box<dyn ByteSource>>, BytesError> {
    let open = |path: &PathBuf| match FileSource::open(path) {
        Ok(source) => Ok(Box::new(source) as Box<dyn ByteSource>),
        Err(error) => Err(BytesError::Open {
            message: format!("{}: {error}", path.display()),
        }),
    };
    paths.iter().map(open).collect()
}

/// Returns true if `path` ends in `.extension`, in any case.
pub fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension()
        .is_some_and(|found| found.eq_ignore_ascii_case(extension))
}

fn unreadable(path: &Path, error: std::io::Error) -> FolderError {
    FolderError::Io {
        path: path.to_owned(),
        error,
    }
}

/// Returns the files of a Hugging Face folder, or the folder's only GGUF.
fn folder(path: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let names = |extension: &str| -> Result<Vec<PathBuf>, FolderError> {
        let mut files = Vec::new();
        let entries = std::fs::read_dir(path).map_err(|error| unreadable(path, error))?;
        for entry in entries {
            let file = entry.map_err(|error| unreadable(path, error))?.path();
            if has_extension(&file, extension) && file.is_file() {
                files.push(file);
            }
        }
        files.sort();
        Ok(files)
    };
    let tensors = names("safetensors")?;
    if !tensors.is_empty() {
        let mut files = companions(path);
        files.extend(tensors);
        return Ok(files);
    }
    let ggufs = names("gguf")?;
    let path = path.to_owned();
    match ggufs.len() {
        0 => Err(FolderError::Empty { path }),
        1 => Ok(ggufs),
        _ => {
            let name = |file: &PathBuf| {
                let name = file.file_name().unwrap_or(file.as_os_str());
                name.to_string_lossy().into_owned()
            };
            let names = ggufs.iter().map(name).collect();
            Err(FolderError::Several { path, names })
        }
    }
}

fn companions(folder: &Path) -> Vec<PathBuf> {
    let found = COMPANIONS.iter().map(|name| folder.join(name));
    found.filter(|path| path.is_file()).collect()
}

/// Returns the folder of a file.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[PathBuf]) -> Vec<String> {
        let name = |path: &PathBuf| path.file_name().map(|n| n.to_string_lossy().into_owned());
        of.iter().filter_map(name).collect()
    }

    fn with(files: &[&str]) -> PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("llamaglass-folder-{}-{next}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        for file in files {
            std::fs::write(folder.join(file), b"").expect("a file");
        }
        folder
    }

    #[test]
    fn model_files_of_safetensors_include_companions() {
        let folder = with(&["b.safetensors", "a.safetensors", "config.json", "README.md"]);
        let files = model_files(&folder).expect("a model");
        assert_eq!(
            names(&files),
            ["config.json", "a.safetensors", "b.safetensors"]
        );
        let one = model_files(&folder.join("b.safetensors")).expect("a model");
        assert_eq!(names(&one), ["config.json", "b.safetensors"]);
    }

    #[test]
    fn model_files_rejects_folder_without_exactly_one_gguf() {
        let one = with(&["M.GGUF"]);
        assert_eq!(names(&model_files(&one).expect("a model")), ["M.GGUF"]);
        let two = with(&["b.gguf", "a.gguf"]);
        let error = model_files(&two).expect_err("ambiguous").to_string();
        assert!(error.ends_with("choose one: a.gguf, b.gguf"), "{error}");
        let none = with(&["README.md"]);
        let error = model_files(&none).expect_err("nothing").to_string();
        assert!(error.contains("contains no model"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn socket_is_rejected_before_it_is_opened() {
        let path = with(&[]).join("socket.gguf");
        let _socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        let error = model_files(&path).expect_err("a socket").to_string();
        assert!(
            error.contains("socket.gguf: not a file or folder"),
            "{error}"
        );
        let opened = FileSource::open(&path);
        let error = opened.expect_err("a socket").to_string();
        assert!(error.contains("not a regular file"), "{error}");
    }

    #[test]
    fn missing_path_is_named() {
        let path = with(&[]).join("gone.gguf");
        let error = model_files(&path).expect_err("gone").to_string();
        assert!(error.contains("gone.gguf"), "{error}");
    }
}
