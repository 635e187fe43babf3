//! `llamaglass tokenize`: converts text to token ids and back.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use llamaglass_engine::tokenizer::{Message, SpecialText, Tokenizer};
use serde::Serialize;

use crate::cli::TokenizeArgs;
use crate::model::Model;
use crate::output;

#[derive(Debug, Serialize)]
struct Tokens {
    text: String,
    count: usize,
    ids: Vec<u32>,
    pieces: Vec<Piece>,
}

#[derive(Debug, Serialize)]
struct Piece {
    id: u32,
    /// The token's bytes as text, with U+FFFD for invalid UTF-8.
    text: String,
    bytes_hex: String,
    special: bool,
}

/// Runs the `tokenize` command.
pub fn run(args: &TokenizeArgs) -> Result<ExitCode> {
    let (model, text) = words(args)?;
    let checkpoint = model.checkpoint()?;
    let tokenizer = Tokenizer::new(checkpoint.tokenizer(), checkpoint.config())?;
    if args.decode {
        decode(args, &tokenizer, &input(text)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (text, ids) = match &args.chat {
        Some(file) => {
            if text.is_some() {
                bail!("--chat takes the messages from its file, not from TEXT");
            }
            let rendered = tokenizer.render_for_answer(&messages(file)?)?;
            let ids = tokenizer.encode_rendered(&rendered)?;
            (rendered.text(), ids)
        }
        None => {
            let text = input(text)?;
            let ids = encode(args, &tokenizer, &text)?;
            (text, ids)
        }
    };
    show(args, &tokenizer, text, ids)?;
    Ok(ExitCode::SUCCESS)
}

/// Splits the words into model and TEXT; with random weights, the first word is already TEXT.
fn words(args: &TokenizeArgs) -> Result<(Model, Option<String>)> {
    let mut words = args.words.iter();
    let model = match Model::random(&args.random)? {
        Some(model) => model,
        None => match words.next() {
            Some(path) => Model::at(Path::new(path))?,
            None => bail!("no model was given: name a MODEL, or a shape with --random-weights"),
        },
    };
    let text = words.next().cloned();
    if words.next().is_some() {
        bail!("--random-weights replaces MODEL; give only TEXT");
    }
    Ok((model, text))
}

fn input(text: Option<String>) -> Result<String> {
    if let Some(text) = text {
        return Ok(text);
    }
    let mut bytes = Vec::new();
    let read = std::io::stdin().read_to_end(&mut bytes);
    read.context("reading the text from stdin")?;
    String::from_utf8(bytes).context("stdin is not UTF-8 text")
}

fn encode(args: &TokenizeArgs, tokenizer: &Tokenizer, text: &str) -> Result<Vec<u32>> {
    Ok(if args.bos {
        tokenizer.encode_with_bos(text, SpecialText::Parse)?
    } else if args.no_special {
        tokenizer.encode(text, SpecialText::AsText)?
    } else {
        tokenizer.encode(text, SpecialText::Parse)?
    })
}

fn decode(args: &TokenizeArgs, tokenizer: &Tokenizer, text: &str) -> Result<()> {
    let separators = |c: char| c.is_whitespace() || matches!(c, ',' | '[' | ']');
    let numbers = text.split(separators).filter(|part| !part.is_empty());
    let ids = numbers.map(|part| {
        part.parse()
            .with_context(|| format!("{part:?} is not a token id"))
    });
    let ids: Vec<u32> = ids.collect::<Result<_>>()?;
    // Decoding skips unknown ids, but a user who typed one should get an error.
    for id in &ids {
        tokenizer.piece(*id)?;
    }
    let decoded = tokenizer.decode(&ids, args.no_special);
    if args.json {
        output::json(&serde_json::json!({ "ids": ids, "text": decoded }))
    } else {
        output::line(&decoded)
    }
}

fn messages(file: &Path) -> Result<Vec<Message>> {
    let name = || format!("{}", file.display());
    let text = std::fs::read_to_string(file).with_context(name)?;
    serde_json::from_str(&text).with_context(|| format!("{}: not a list of messages", name()))
}

fn show(args: &TokenizeArgs, tokenizer: &Tokenizer, text: String, ids: Vec<u32>) -> Result<()> {
    if args.ids {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        return output::line(&ids.join(" "));
    }
    let pieces = ids.iter().map(|id| piece(tokenizer, *id));
    let pieces: Vec<Piece> = pieces.collect::<Result<_>>()?;
    if args.json {
        return output::json(&Tokens {
            text,
            count: ids.len(),
            ids,
            pieces,
        });
    }
    if args.chat.is_some() {
        output::note(&text);
    }
    for piece in &pieces {
        let special = if piece.special { "  special" } else { "" };
        let text = shown(tokenizer.piece(piece.id)?);
        output::line(&format!("{:>8}  {text}{special}", piece.id))?;
    }
    output::note(&format!("{} ids", ids.len()));
    Ok(())
}

/// Returns a piece in quotes; as escaped bytes if it ends inside a character.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("\"{}\"", bytes.escape_ascii()),
    }
}

fn piece(tokenizer: &Tokenizer, id: u32) -> Result<Piece> {
    let bytes = tokenizer.piece(id)?;
    Ok(Piece {
        id,
        text: String::from_utf8_lossy(bytes).into_owned(),
        bytes_hex: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        special: tokenizer.is_special(id),
    })
}
