//! `llamaglass chat`: a conversation in the terminal, or one answer on stdout.

mod command;
mod once;
mod repl;
mod session;
mod settings;

use std::process::ExitCode;

use anyhow::Result;
use llamaglass_driver::SharedEngine;

use crate::cli::ChatArgs;
use crate::interrupt::Interrupt;
use crate::load::{LoadBars, announce};
use crate::model::Model;
use crate::output::note;
use crate::trace;
use session::Session;
use settings::Settings;

/// Runs the `chat` command.
pub fn run(args: &ChatArgs) -> Result<ExitCode> {
    let _trace = trace::start(&args.trace)?;
    let settings = Settings::from_args(args)?;
    let prompt = args.prompt.as_deref().map(once::prompt_text).transpose()?;
    let model = Model::from_args(&args.model)?;
    let label = model.label();
    let options = args.backend.load_options()?;
    let stub = args.stub.stub;
    // The editor installs its own Ctrl-C handler when it is created, so ours is installed after it.
    let editor = prompt.is_none().then(repl::editor).transpose()?;
    let interrupt = Interrupt::install()?;
    let thread = SharedEngine::spawn(stub, move || {
        let mut bars = LoadBars::default();
        model.load(&options, stub, &mut |progress| bars.update(progress))
    })?;
    announce(&label, thread.info(), stub);
    let raw = args.raw || !thread.info().has_chat_template;
    if raw && !args.raw {
        note("note     the model has no chat template: text is completed as it is (--raw)");
    }
    let mut session = Session::new(thread.handle().clone(), interrupt, settings, raw);
    session.set_system(args.system.clone());
    match (prompt, editor) {
        (Some(prompt), _) => once::answer(&mut session, prompt, args.json),
        (None, Some(editor)) => repl::run(&mut session, editor),
        (None, None) => Ok(ExitCode::SUCCESS),
    }
}
