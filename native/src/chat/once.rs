//! `llamaglass chat --prompt`: one answer on stdout.

use std::io::Read;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use llamaglass_engine::event::Event;

use super::repl::show_timing;
use super::session::{Session, was_aborted};
use crate::interrupt;
use crate::output::{json_line, print};

/// Returns the flag's text, or stdin for `-`.
pub fn prompt_text(flag: &str) -> Result<String> {
    let mut text = flag.to_owned();
    if flag == "-" {
        text.clear();
        let read = std::io::stdin().read_to_string(&mut text);
        read.context("reading the prompt from stdin")?;
    }
    if text.trim().is_empty() {
        bail!("the prompt is empty");
    }
    Ok(text)
}

/// Answers once: prints text to stdout, or events as JSON lines.
pub fn answer(session: &mut Session, prompt: String, json: bool) -> Result<ExitCode> {
    let record = session.ask(prompt, &mut |event| match event {
        event if json => json_line(event),
        Event::Token { text, .. } | Event::Done { text, .. } => print(text),
        _ => Ok(()),
    })?;
    if let Some(error) = record.error {
        bail!("{error}");
    }
    if !json {
        print("\n")?;
    }
    show_timing(session.settings.timing, &record);
    Ok(if was_aborted(&record) {
        ExitCode::from(interrupt::STATUS)
    } else {
        ExitCode::SUCCESS
    })
}
