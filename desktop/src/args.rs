//! Command-line arguments, of the first start of the program and of later ones.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::dropped;

/// A Llama in a window, with every millisecond on display.
#[derive(Debug, Parser)]
#[command(name = "llamaglass-desktop", version, about)]
pub struct Args {
    /// Model to open: a .gguf file, a Hugging Face folder, or a .safetensors file in such a folder. Several
    /// files of one folder that include a .safetensors file stand for the folder.
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
}

impl Args {
    /// Returns the model to open, as seen from `folder`.
    pub fn model(&self, folder: &Path) -> Option<PathBuf> {
        let absolute: Vec<PathBuf> = self.models.iter().map(|path| folder.join(path)).collect();
        // A path that is not a model is opened all the same: the engine reports what is wrong with it.
        dropped::model(&absolute).or_else(|| absolute.into_iter().next())
    }
}

/// Returns the model that a second start in `folder` wants to open, if any.
pub fn of_second_start(arguments: &[String], folder: &str) -> Option<PathBuf> {
    // The second start itself reports invalid arguments.
    let args = Args::try_parse_from(arguments).ok()?;
    args.model(Path::new(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_valid() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn second_start_resolves_paths_in_its_own_folder() {
        for (argument, model) in [
            ("a.gguf", Some("/models/a.gguf")),
            ("/b/c.gguf", Some("/b/c.gguf")),
            // The engine reports that it is missing.
            ("nowhere", Some("/models/nowhere")),
            ("--nonsense", None),
        ] {
            let arguments = ["llamaglass-desktop", argument].map(String::from);
            let found = of_second_start(&arguments, "/models");
            assert_eq!(found.as_deref(), model.map(Path::new), "{argument}");
        }
        assert_eq!(
            of_second_start(&["llamaglass-desktop".into()], "/models"),
            None
        );
    }
}
