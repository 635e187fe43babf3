//! Writes the seed corpus: small valid files, and one file per kind of error.

use std::path::Path;

use llamaglass_engine::weights::testing::seeds;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for seed in seeds().expect("the tiny model is valid") {
        let folder = corpus.join(seed.target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(seed.name), seed.bytes)?;
    }
    Ok(())
}
