//! Paths of the checkout, the cache and the build output.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use directories::ProjectDirs;

/// Environment variable that sets another cache folder.
pub const CACHE_VARIABLE: &str = "LLAMAGLASS_CACHE";

/// The folders that every command works in.
#[derive(Clone, Debug)]
pub struct Project {
    /// The checkout.
    pub root: PathBuf,
    /// Cache for tools, models and downloads, which outlives a checkout.
    pub cache: PathBuf,
    /// Cargo's build output.
    pub target: PathBuf,
}

impl Project {
    /// Finds the checkout from which this command was started, and its cache and build output.
    ///
    /// # Errors
    /// If the user has no home folder for a cache and [`CACHE_VARIABLE`] is not set.
    pub fn find() -> Result<Self> {
        // Cargo sets the variable when it runs xtask. A binary that is run by hand uses its value at compile time.
        let manifest = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest
            .parent()
            .context("xtask has no parent folder")?
            .to_path_buf();
        let cache = match env::var_os(CACHE_VARIABLE).filter(|value| !value.is_empty()) {
            Some(folder) => std::path::absolute(folder)?,
            None => ProjectDirs::from("", "", "llamaglass")
                .with_context(|| format!("no home folder for a cache: set {CACHE_VARIABLE}"))?
                .cache_dir()
                .to_path_buf(),
        };
        let target = env::var_os("CARGO_TARGET_DIR")
            .filter(|value| !value.is_empty())
            .map_or_else(|| root.join("target"), |folder| root.join(folder));
        Ok(Self {
            root,
            cache,
            target,
        })
    }

    /// Returns the folder of the programs that the set-up installed.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools/bin")
    }

    /// Returns the folder of the model files, which are served under `/models/`.
    pub fn models(&self) -> PathBuf {
        self.cache.join("models")
    }

    /// Returns the folder of unfinished downloads.
    pub fn downloads(&self) -> PathBuf {
        self.cache.join("downloads")
    }

    /// Returns the folder of the built page.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Formats a path for messages, relative to the checkout if it lies in it.
    pub fn show<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
