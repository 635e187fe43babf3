//! What may be typed behind the program's name, here and at a second start.

use std::path::{Path, PathBuf};

use clap::Parser;

use crate::dropped;

/// A Llama in a window, with every millisecond on display.
#[derive(Debug, Parser)]
#[command(name = "llamaglass-desktop", version, about)]
pub struct Args {
    /// A .gguf file, a model's folder, or a .safetensors file in such a folder: opened at once. A file
    /// manager may name several files of one folder, which means the folder.
    #[arg(value_name = "MODEL")]
    models: Vec<PathBuf>,
}

impl Args {
    /// The model that is asked for, seen from `folder`.
    pub fn model(&self, folder: &Path) -> Option<PathBuf> {
        let absolute: Vec<PathBuf> = self.models.iter().map(|path| folder.join(path)).collect();
        // One that is no model is opened all the same: the engine says what is wrong with it.
        dropped::model(&absolute).or_else(|| absolute.into_iter().next())
    }
}

/// The model that a second start in `folder` asks for, if it does.
pub fn of_second_start(arguments: &[String], folder: &str) -> Option<PathBuf> {
    // Whoever typed nonsense there was told so there.
    let args = Args::try_parse_from(arguments).ok()?;
    args.model(Path::new(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(arguments: &[&str], folder: &str) -> Option<PathBuf> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.into()).collect();
        of_second_start(&arguments, folder)
    }

    #[test]
    fn the_command_line_is_sound() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn a_second_start_is_seen_from_its_own_folder() {
        let found = second(&["llamaglass-desktop", "a.gguf"], "/models");
        assert_eq!(found.as_deref(), Some(Path::new("/models/a.gguf")));
        let found = second(&["llamaglass-desktop", "/b/c.gguf"], "/models");
        assert_eq!(found.as_deref(), Some(Path::new("/b/c.gguf")));
    }

    #[test]
    fn a_second_start_without_a_model_asks_for_none() {
        assert_eq!(second(&["llamaglass-desktop"], "/models"), None);
        assert_eq!(
            second(&["llamaglass-desktop", "--nonsense"], "/models"),
            None
        );
    }

    #[test]
    fn what_is_missing_is_opened_so_that_it_is_refused_in_words() {
        let found = second(&["llamaglass-desktop", "nowhere"], "/models");
        assert_eq!(found.as_deref(), Some(Path::new("/models/nowhere")));
    }
}
