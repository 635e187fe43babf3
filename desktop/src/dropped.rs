//! Finds the model among the paths of a drop, or of a file manager.

use std::path::PathBuf;

use llamaglass_engine::bytes::has_extension;

/// Returns the first path that can be a model, or the folder of several files if they share one and include
/// safetensors.
pub fn model(paths: &[PathBuf]) -> Option<PathBuf> {
    let tensors = paths.iter().find(|path| has_extension(path, "safetensors"));
    if let (Some(tensors), true) = (tensors, paths.len() > 1) {
        let folder = tensors.parent()?;
        if paths.iter().all(|path| path.parent() == Some(folder)) {
            return Some(folder.to_owned());
        }
    }
    let can_be = |path: &&PathBuf| {
        has_extension(path, "gguf") || has_extension(path, "safetensors") || path.is_dir()
    };
    paths.iter().find(can_be).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Option<String> {
        let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
        Some(model(&paths)?.to_string_lossy().into_owned())
    }

    #[test]
    fn drop_selects_the_first_model_or_the_folder_that_its_files_share() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().to_string_lossy();
        for (paths, model) in [
            (
                &["/a/notes.txt", "/a/b.GGUF", "/a/c.gguf"][..],
                Some("/a/b.GGUF"),
            ),
            (&["/a/model.safetensors"], Some("/a/model.safetensors")),
            (
                &[
                    "/a/config.json",
                    "/a/model.safetensors",
                    "/a/tokenizer.json",
                ],
                Some("/a"),
            ),
            (
                &["/a/model-1.safetensors", "/a/model-2.safetensors"],
                Some("/a"),
            ),
            (
                &["/b/config.json", "/a/model.safetensors"],
                Some("/a/model.safetensors"),
            ),
            (&["/a/notes.txt", &folder], Some(&*folder)),
            (&["/a/notes.txt", "/a/config.json"], None),
            (&[], None),
        ] {
            assert_eq!(of(paths).as_deref(), model, "{paths:?}");
        }
    }
}
