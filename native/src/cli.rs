//! Command line flags.

mod bench;
mod chat;
mod lab;
mod load;
mod model;
mod qps;
mod serve;

pub use bench::BenchArgs;
pub use chat::{ChatArgs, TimingView};
pub use lab::{
    AblateArgs, AllArgs, BareArgs, ChainArgs, KernelsArgs, LabArgs, LabCommand, LabLoadArgs,
    LabParityArgs, LabStubArgs, LadderArgs, RunArgs, SimulateArgs,
};
pub use load::{LoadArgs, Protocol};
pub use model::{BackendArgs, DatasetArgs, ModelArgs, RandomArgs};
pub use qps::Qps;
pub use serve::ServeArgs;

use llamaglass_lab::StubLevel;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use llamaglass_runner::parity::Kind;
use tracing::level_filters::LevelFilter;

/// A Llama with every millisecond on display: chat, serve, load, bench, lab, inspect, tokenize, parity.
#[derive(Debug, Parser)]
#[command(name = "llamaglass", version, about, propagate_version = true)]
pub struct Cli {
    /// Subcommand to run.
    #[command(subcommand)]
    pub command: Command,
}

/// Subcommands of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Chat with a model; with --prompt, print one answer and exit.
    Chat(ChatArgs),
    /// Serve a model over HTTP with OpenAI's API.
    Serve(ServeArgs),
    /// Send requests to a server at fixed rates and measure latency.
    Load(LoadArgs),
    /// Measure prefill and decode speed, and the time of each stage of a step.
    Bench(BenchArgs),
    /// Show a model's header, configuration and tensors, and whether it fits the device.
    Inspect(InspectArgs),
    /// Convert text to token ids, token ids to text, or a conversation to both.
    Tokenize(TokenizeArgs),
    /// Compare results with those of an independent implementation.
    Parity(ParityArgs),
    /// Run experiments on where a token's time goes, each with a report.
    Lab(LabArgs),
}

/// Trace and log of a run.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// Write a trace of threads, device and requests to this file, in the Trace Event Format, for
    /// ui.perfetto.dev and other viewers.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// Log level on stderr: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "off")]
    pub log: LevelFilter,
}

/// Level at which the path of requests is cut short.
#[derive(Args, Clone, Copy, Debug)]
pub struct StubArgs {
    /// Cut the path of requests short and mock the rest: 1 in the request handler, 2 at the entry point of
    /// the engine's thread, 3 before the transfer to it, 4 when it receives the request, 5 before the model,
    /// 6 after the model's first kernel; 99 runs the full path with random weights, 100 the full path.
    #[arg(long, value_name = "LEVEL", default_value_t = StubLevel::Whole)]
    pub stub: StubLevel,
}

/// Flags of `llamaglass inspect`.
#[derive(Args, Debug)]
pub struct InspectArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// List every tensor.
    #[arg(long)]
    pub tensors: bool,
    /// Print only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `llamaglass tokenize`.
#[derive(Args, Debug)]
pub struct TokenizeArgs {
    /// Model (not with --random-weights), then the text; without TEXT, the text is read from stdin.
    #[arg(value_name = "MODEL [TEXT]", num_args = 0..=2)]
    pub words: Vec<String>,
    #[command(flatten)]
    pub random: RandomArgs,
    /// Print only the token ids, on one line.
    #[arg(long, conflicts_with_all = ["decode", "json"])]
    pub ids: bool,
    /// Decode TEXT, a list of token ids separated by spaces or commas.
    #[arg(long)]
    pub decode: bool,
    /// Tokenize the text of special tokens like any other text; with --decode, omit special tokens.
    #[arg(long)]
    pub no_special: bool,
    /// Add the tokens that the tokenizer puts before a text, such as BOS.
    #[arg(long, conflicts_with_all = ["no_special", "decode", "chat"])]
    pub bos: bool,
    /// Render the messages in this file with the model's chat template; the file is a JSON list of objects
    /// with role and content.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["decode", "no_special"])]
    pub chat: Option<PathBuf>,
    /// Print only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `llamaglass parity`.
#[derive(Args, Debug)]
pub struct ParityArgs {
    /// Folder of the reference results, or a folder of models with a subfolder `reference`.
    #[arg(long, value_name = "DIR", required_unless_present = "bisect")]
    pub reference: Option<PathBuf>,
    /// Compare MODEL on its path with the reference path on the CPU, block by block, and name the first block
    /// that differs; not with --reference.
    #[arg(long, requires = "model", conflicts_with_all = ["reference", "only"])]
    pub bisect: bool,
    /// Model to compare (default: every model next to the folder `reference` in DIR).
    #[arg(value_name = "MODEL")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Run only cases of this kind; may be given more than once.
    #[arg(long, value_name = "KIND")]
    pub only: Vec<Kind>,
    /// Print only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(value) => Ok(value),
        Err(error) => Err(format!("{error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn requires_either_model_or_random_weights() {
        let parse = |words: &[&str]| Cli::try_parse_from(words).is_ok();
        assert!(parse(&["llamaglass", "bench", "m.gguf"]));
        assert!(parse(&[
            "llamaglass",
            "bench",
            "--random-weights",
            "smollm2-135m"
        ]));
        assert!(!parse(&["llamaglass", "bench"]));
        assert!(!parse(&[
            "llamaglass",
            "bench",
            "m",
            "--random-weights",
            "smollm2-135m"
        ]));
        assert!(!parse(&[
            "llamaglass",
            "bench",
            "m.gguf",
            "--gen-tokens",
            "0"
        ]));
    }
}
