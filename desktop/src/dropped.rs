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
    fn first_model_is_chosen() {
        assert_eq!(
            of(&["/a/notes.txt", "/a/b.GGUF", "/a/c.gguf"]).as_deref(),
            Some("/a/b.GGUF")
        );
        assert_eq!(
            of(&["/a/model.safetensors"]).as_deref(),
            Some("/a/model.safetensors")
        );
    }

    #[test]
    fn files_of_one_folder_select_the_folder() {
        let files = [
            "/a/config.json",
            "/a/model.safetensors",
            "/a/tokenizer.json",
        ];
        assert_eq!(of(&files).as_deref(), Some("/a"));
        let shards = ["/a/model-1.safetensors", "/a/model-2.safetensors"];
        assert_eq!(of(&shards).as_deref(), Some("/a"));
    }

    #[test]
    fn files_of_several_folders_select_one_file() {
        let files = ["/b/config.json", "/a/model.safetensors"];
        assert_eq!(of(&files).as_deref(), Some("/a/model.safetensors"));
    }

    #[test]
    fn folders_are_models_and_other_files_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_string_lossy().into_owned();
        assert_eq!(of(&["/a/notes.txt", &path]), Some(path));
        assert_eq!(of(&["/a/notes.txt", "/a/config.json"]), None);
        assert_eq!(of(&[]), None);
    }
}
