//! Opens the models under `tests/data/families`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use llamaglass_engine::bytes::{ByteSource, FileSource};
use llamaglass_engine::tokenizer::Tokenizer;
use llamaglass_engine::weights::Checkpoint;

/// Models that have a tokenizer and its goldens.
pub(crate) const FAMILIES: [&str; 3] = ["llama2-tiny", "llama3-tiny", "llama-tied-gguf"];

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new("tests/data/families").join(name)
}

/// Returns a family's tokenizer; each is opened only once.
pub(crate) fn family(name: &'static str) -> Arc<Tokenizer> {
    static OPEN: Mutex<Vec<(&str, Arc<Tokenizer>)>> = Mutex::new(Vec::new());
    let mut known = OPEN.lock().unwrap();
    if let Some((_, tokenizer)) = known.iter().find(|(other, _)| *other == name) {
        return Arc::clone(tokenizer);
    }
    let checkpoint = open(&folder(name));
    let tokenizer = Tokenizer::new(checkpoint.tokenizer(), checkpoint.config()).unwrap();
    let tokenizer = Arc::new(tokenizer);
    known.push((name, Arc::clone(&tokenizer)));
    tokenizer
}

/// Opens the model in a folder.
pub(crate) fn open(folder: &Path) -> Checkpoint {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let sources = files
        .iter()
        .map(|path| Box::new(FileSource::open(path).unwrap()) as Box<dyn ByteSource>)
        .collect();
    pollster::block_on(Checkpoint::open(sources)).unwrap()
}
