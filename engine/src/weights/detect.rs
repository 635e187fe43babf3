//! Detects which of the given files are the model, and in which format.

use super::WeightsError;
use crate::bytes::ByteSource;

/// Magic number: the first four bytes of a GGUF file.
pub(super) const GGUF_MAGIC: &[u8; 4] = b"GGUF";

/// Kind of model that the given files form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ModelFiles {
    /// The file at this index is a GGUF.
    Gguf(usize),
    /// The files are a Hugging Face folder.
    Folder,
}

/// Detects the format by file names if they are clear, otherwise by the first bytes.
pub(super) async fn detect(files: &[Box<dyn ByteSource>]) -> Result<ModelFiles, WeightsError> {
    let Some(first) = files.first() else {
        return Err(WeightsError::NoFiles);
    };
    let ends_with = |ending: &str| {
        let matching = files.iter().enumerate();
        let matching = matching.filter(|(_, file)| file.name().to_lowercase().ends_with(ending));
        matching.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let mut ggufs = ends_with(".gguf");
    if ggufs.is_empty() {
        if !ends_with(".safetensors").is_empty() && files.len() > 1 {
            return Ok(ModelFiles::Folder);
        }
        for (index, file) in files.iter().enumerate() {
            if beginning(file.as_ref()).await? == GGUF_MAGIC {
                ggufs.push(index);
            }
        }
    } else if !ends_with(".safetensors").is_empty() {
        return Err(ambiguous(files.iter().map(|file| file.name())));
    }
    match *ggufs {
        [index] => Ok(ModelFiles::Gguf(index)),
        [] => {
            // Choosing the folder leads to an error that says which file is missing.
            let named = files.iter().any(|file| {
                let name = base_name(file.name());
                name == "config.json" || name.ends_with(".safetensors")
            });
            if named {
                return Ok(ModelFiles::Folder);
            }
            if first.is_empty() {
                let file = first.name().to_owned();
                return Err(WeightsError::Empty { file });
            }
            let beginning = beginning(first.as_ref()).await?;
            Err(WeightsError::UnknownFormat {
                file: first.name().to_owned(),
                found: describe(&beginning),
            })
        }
        ref several => Err(ambiguous(several.iter().map(|&index| files[index].name()))),
    }
}

fn ambiguous<'a>(names: impl Iterator<Item = &'a str>) -> WeightsError {
    WeightsError::Ambiguous(names.take(8).collect::<Vec<_>>().join(", "))
}

/// Returns a file's name without its folders.
pub(super) fn base_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Reads the first four bytes, or fewer if the file is shorter.
async fn beginning(file: &dyn ByteSource) -> Result<Vec<u8>, WeightsError> {
    Ok(file.read(0, file.len().min(4) as usize).await?)
}

/// Describes the first bytes of a file that is not a model, and names common mistakes.
pub(super) fn describe(beginning: &[u8]) -> String {
    let known = match beginning.get(..4) {
        Some(b"vers") => " (a Git LFS pointer instead of the file?)",
        Some(b"<!DO" | b"<!do" | b"<htm" | b"<HTM") => " (a web page instead of the file?)",
        Some(b"PK\x03\x04") => " (a zip archive, perhaps of PyTorch)",
        Some(b"lmgg" | b"fmgg" | b"tjgg" | b"algg") => " (a format of llama.cpp before GGUF)",
        _ => "",
    };
    format!("it begins with \"{}\"{known}", beginning.escape_ascii())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::bytes::MemorySource;

    fn detected(files: &[(&str, &[u8])]) -> Result<ModelFiles, String> {
        let sources = files.iter().map(|&(name, bytes)| {
            let source: Box<dyn ByteSource> = Box::new(MemorySource::new(name, bytes));
            source
        });
        let sources = sources.collect::<Vec<_>>();
        block_on(detect(&sources)).map_err(|error| error.to_string())
    }

    #[test]
    fn detect_finds_model_among_companions() {
        assert_eq!(
            detected(&[("README.md", b"#"), ("m.gguf", b"")]),
            Ok(ModelFiles::Gguf(1))
        );
        assert_eq!(detected(&[("blob", b"GGUF....")]), Ok(ModelFiles::Gguf(0)));
        assert_eq!(
            detected(&[("m/config.json", b"{}"), ("m/a.safetensors", b"")]),
            Ok(ModelFiles::Folder)
        );
        assert_eq!(detected(&[("config.json", b"{}")]), Ok(ModelFiles::Folder));
    }

    #[test]
    fn detect_describes_other_files() {
        for (files, part) in [
            (vec![], "no model file"),
            (vec![("x.bin", b"".as_slice())], "x.bin: the file is empty"),
            (vec![("x.bin", b"PK\x03\x04....")], "zip archive"),
            (vec![("x.bin", b"version https://git-lfs")], "Git LFS"),
            (vec![("x.bin", b"q")], "begins with \"q\""),
            (
                vec![("a.gguf", b""), ("b.gguf", b"")],
                "more than one model was given: a.gguf, b.gguf",
            ),
            (
                vec![("a.gguf", b""), ("b.safetensors", b"")],
                "more than one model",
            ),
        ] {
            let message = detected(&files).expect_err(part);
            assert!(message.contains(part), "{message}");
        }
    }
}
