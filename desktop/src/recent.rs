//! Recently opened models, saved as a small file in the program's configuration folder.

use std::fs;
use std::path::PathBuf;

use llamaglass_engine::bytes::replace_file;
use llamaglass_session::platform::RecentModel;

use crate::error::ShellError;

/// Maximum number of recent models.
const MAX_MODELS: usize = 10;

/// Recently opened models, newest first.
#[derive(Debug)]
pub struct Recent {
    file: PathBuf,
    models: Vec<RecentModel>,
}

impl Recent {
    /// Loads the models from `file`. An unreadable file counts as empty, since nothing depends on it.
    pub fn load(file: PathBuf) -> Self {
        let models = fs::read(&file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Vec<RecentModel>>(&bytes).ok());
        let mut models = models.unwrap_or_default();
        models.truncate(MAX_MODELS);
        Self { file, models }
    }

    /// Returns the models that still exist.
    pub fn existing(&self) -> Vec<RecentModel> {
        let exists = |model: &&RecentModel| PathBuf::from(&model.path).exists();
        self.models.iter().filter(exists).cloned().collect()
    }

    /// Puts a model at the top.
    ///
    /// # Errors
    /// Fails if the file can't be written; the model is at the top all the same.
    pub fn add(&mut self, model: RecentModel) -> Result<(), ShellError> {
        self.models.retain(|other| other.path != model.path);
        self.models.insert(0, model);
        self.models.truncate(MAX_MODELS);
        self.save()
    }

    pub fn clear(&mut self) -> Result<(), ShellError> {
        self.models.clear();
        self.save()
    }

    fn save(&self) -> Result<(), ShellError> {
        let write = || {
            if let Some(folder) = self.file.parent() {
                fs::create_dir_all(folder)?;
            }
            replace_file(&self.file, serde_json::to_vec_pretty(&self.models)?)
        };
        let path = self.file.clone();
        write().map_err(|source| ShellError::Recent { path, source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn model(path: impl Into<String>) -> RecentModel {
        let path = path.into();
        let name = format!("model of {path}");
        RecentModel { path, name }
    }

    fn folder_with(names: &[&str]) -> (TempDir, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let make = |name: &&str| {
            let path = folder.path().join(name);
            fs::write(&path, "").expect("a file");
            path.to_string_lossy().into_owned()
        };
        let paths = names.iter().map(make).collect();
        (folder, paths)
    }

    fn paths(recent: &Recent) -> Vec<String> {
        let models = recent.existing().into_iter();
        models.map(|model| model.path).collect()
    }

    #[test]
    fn newest_model_is_first_without_duplicates() {
        let (folder, files) = folder_with(&["a", "b", "c"]);
        let file = folder.path().join("deep/recent.json");
        let mut recent = Recent::load(file.clone());
        for index in [0, 1, 2, 0] {
            recent.add(model(&files[index])).expect("is kept");
        }
        let wanted = [&files[0], &files[2], &files[1]];
        assert!(paths(&recent).iter().eq(wanted));
        let again = Recent::load(file);
        assert_eq!(again.existing(), recent.existing());
    }

    #[test]
    fn list_keeps_ten_models() {
        let names: Vec<String> = (0..12).map(|index| format!("{index}.gguf")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (folder, files) = folder_with(&names);
        let mut recent = Recent::load(folder.path().join("recent.json"));
        for file in &files {
            recent.add(model(file)).expect("is kept");
        }
        let newest = files.iter().rev().take(MAX_MODELS);
        assert!(paths(&recent).iter().eq(newest));
    }

    #[test]
    fn missing_model_is_hidden_until_it_returns() {
        let (folder, files) = folder_with(&["a", "b"]);
        let mut recent = Recent::load(folder.path().join("recent.json"));
        for file in &files {
            recent.add(model(file)).expect("is kept");
        }
        fs::remove_file(&files[1]).expect("is removed");
        assert_eq!(paths(&recent), [files[0].clone()]);
        fs::write(&files[1], "").expect("a disk is plugged in again");
        assert_eq!(paths(&recent).len(), 2);
    }

    #[test]
    fn broken_file_loads_as_an_empty_list() {
        let (folder, files) = folder_with(&["a"]);
        let file = folder.path().join("recent.json");
        fs::write(&file, "[{\"path\": 3").expect("a file");
        let mut recent = Recent::load(file.clone());
        assert!(recent.existing().is_empty());
        recent.add(model(&files[0])).expect("is kept");
        assert_eq!(paths(&Recent::load(file.clone())), files);
        recent.clear().expect("is cleared");
        assert!(Recent::load(file).existing().is_empty());
    }

    #[test]
    fn unwritable_path_is_reported() {
        let (_folder, files) = folder_with(&["a"]);
        let mut recent = Recent::load(PathBuf::from(&files[0]).join("recent.json"));
        let error = recent
            .add(model(&files[0]))
            .expect_err("a file is no folder");
        let text = error.to_string();
        assert!(text.contains("the recent models can't be kept"), "{text}");
    }
}
