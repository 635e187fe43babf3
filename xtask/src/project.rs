//! Where things lie: the checkout, the cache, the build output.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use directories::ProjectDirs;

/// The environment variable that moves the cache elsewhere.
pub const CACHE_VARIABLE: &str = "LLAMAGLASS_CACHE";

/// The folders that every command works in.
#[derive(Clone, Debug)]
pub struct Project {
    /// The checkout.
    pub root: PathBuf,
    /// What outlives a checkout: tools, models, downloads.
    pub cache: PathBuf,
    /// Cargo's build output.
    pub target: PathBuf,
}

impl Project {
    /// Finds the checkout this command was started from.
    ///
    /// # Errors
    /// Where the user has no home to hold a cache and [`CACHE_VARIABLE`] is not set.
    pub fn find() -> Result<Self> {
        // Cargo sets it when it runs us; what stood at compile time serves a binary run by hand.
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

    /// The programs that the set-up installed.
    pub fn tools(&self) -> PathBuf {
        self.cache.join("tools/bin")
    }

    /// The model files that are served under `/models/`.
    pub fn models(&self) -> PathBuf {
        self.cache.join("models")
    }

    /// Files on their way.
    pub fn downloads(&self) -> PathBuf {
        self.cache.join("downloads")
    }

    /// The built page.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// A path for messages: short where it lies in the checkout.
    pub fn show<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
