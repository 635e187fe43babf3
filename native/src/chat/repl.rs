//! Interactive conversation in the terminal.

use std::process::ExitCode;

use anyhow::{Context, Result};
use llamaglass_engine::event::Event;
use llamaglass_engine::stats::Record;
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use super::command::{HELP, Line};
use super::session::{Session, was_aborted};
use crate::cli::TimingView;
use crate::output::{note, print};
use crate::timing_table;

/// Creates the line editor. It takes over the Ctrl-C handler that is installed at this moment, for as long as it
/// lives.
pub fn editor() -> Result<DefaultEditor> {
    let config = Config::builder().auto_add_history(true).build();
    DefaultEditor::with_config(config).context("opening the terminal")
}

/// Runs the conversation until Ctrl-D or `/quit`.
pub fn run(session: &mut Session, mut editor: DefaultEditor) -> Result<ExitCode> {
    note("/help lists the commands; Ctrl-C stops an answer, Ctrl-D leaves");
    loop {
        match editor.readline("> ") {
            Ok(line) => match Line::parse(&line) {
                Ok(Line::Quit) => break,
                Ok(line) => handle(session, line)?,
                Err(error) => note(&format!("{error:#}")),
            },
            Err(ReadlineError::Interrupted) => note("Ctrl-D leaves"),
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error).context("reading from the terminal"),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn handle(session: &mut Session, line: Line) -> Result<()> {
    match line {
        Line::Empty | Line::Quit => {}
        Line::Help => note(HELP),
        Line::Clear => {
            session.clear()?;
            note("the conversation is cleared");
        }
        Line::System(text) => session.set_system(Some(text)),
        Line::Timing(view) => session.settings.timing = view,
        Line::Set(key, value) => {
            if let Err(error) = session.settings.set(&key, &value) {
                note(&format!("{error:#}"));
            }
        }
        Line::Say(text) => {
            let record = session.ask(text, &mut stream)?;
            finish(session, &record)?;
        }
        Line::Regenerate => match session.regenerate(&mut stream)? {
            Some(record) => finish(session, &record)?,
            None => note("there is no prompt to answer again"),
        },
    }
    Ok(())
}

fn stream(event: &Event) -> Result<()> {
    match event {
        Event::Token { text, .. } | Event::Done { text, .. } => print(text),
        _ => Ok(()),
    }
}

fn finish(session: &Session, record: &Record) -> Result<()> {
    match &record.error {
        Some(error) => note(&format!("error: {error}")),
        None => print("\n")?,
    }
    if was_aborted(record) {
        note("(stopped)");
    }
    show_timing(session.settings.timing, record);
    Ok(())
}

/// Prints on stderr where the answer's time went.
pub fn show_timing(view: TimingView, record: &Record) {
    if view == TimingView::Off || record.steps.is_empty() {
        return;
    }
    if view == TimingView::Tokens {
        note(timing_table::tokens(record).trim_end());
    }
    note(timing_table::summary(&record.summary()).trim_end());
}
