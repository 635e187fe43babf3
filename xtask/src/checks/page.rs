//! Builds the page as it ships and checks the size of its wasm.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::context::{Context, Verdict};
use crate::page::cpu;

/// Maximum total size of the page's gzipped wasm files, in bytes.
const LIMIT: u64 = 3_000_000;
/// Maximum size of each gzipped module of the CPU path, in bytes. A browser loads only one of them.
const CPU_LIMIT: u64 = 60 << 10;

/// Builds the page and measures its wasm files.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    context.page()?;
    let sizes = wasm_sizes(&context.project.dist())?;
    for WasmSize { name, raw, gzipped } in &sizes {
        println!("{name}: {raw} bytes, {gzipped} gzipped");
        ensure!(
            !cpu::is_file(name) || *gzipped <= CPU_LIMIT,
            "{name} is {gzipped} bytes gzipped, more than {CPU_LIMIT}"
        );
    }
    for name in cpu::file_names() {
        ensure!(
            sizes.iter().any(|size| size.name == name),
            "the built page has no {name}"
        );
    }
    let total: u64 = sizes.iter().map(|size| size.gzipped).sum();
    ensure!(!sizes.is_empty(), "the built page has no wasm");
    ensure!(
        total <= LIMIT,
        "the page's wasm is {total} bytes gzipped, more than {LIMIT}"
    );
    Ok(Verdict::PassedWith(format!(
        "wasm {total} bytes gzipped, of at most {LIMIT}"
    )))
}

/// Size of a wasm file in bytes.
struct WasmSize {
    name: String,
    raw: u64,
    gzipped: u64,
}

/// Returns the sizes of the wasm files in the folder, sorted by name.
fn wasm_sizes(dist: &Path) -> Result<Vec<WasmSize>> {
    let mut sizes = Vec::new();
    for entry in dist
        .read_dir()
        .with_context(|| format!("could not list {}", dist.display()))?
    {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            let bytes =
                fs::read(&path).with_context(|| format!("could not read {}", path.display()))?;
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(&bytes)?;
            let name = path.file_name().unwrap_or_default();
            sizes.push(WasmSize {
                name: name.to_string_lossy().into_owned(),
                raw: bytes.len() as u64,
                gzipped: encoder.finish()?.len() as u64,
            });
        }
    }
    sizes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wasm_sizes_leave_out_other_files() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        fs::write(folder.path().join("a_bg.wasm"), vec![0; 10_000]).expect("written");
        fs::write(folder.path().join("a.js"), "x").expect("written");
        let sizes = wasm_sizes(folder.path()).expect("weighed");
        assert_eq!(sizes.len(), 1);
        let WasmSize { name, raw, gzipped } = &sizes[0];
        assert_eq!((name.as_str(), *raw), ("a_bg.wasm", 10_000));
        assert!((1..1000).contains(gzipped), "{gzipped}");
    }
}
