//! Command line flags.

mod lab;
mod load;
mod serve;

pub use lab::{
    AblateArgs, AllArgs, BareArgs, ChainArgs, KernelsArgs, LabArgs, LabCommand, LabLoadArgs,
    LabParityArgs, LabStubArgs, LadderArgs, RunArgs, SimulateArgs,
};
pub use load::LoadArgs;
pub use serve::ServeArgs;

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand, ValueEnum};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_engine::weights::TensorType;
use llamaglass_engine::{BackendChoice, ForwardPath, KvType, LoadOptions, StubLevel, Variant};
use llamaglass_lab::parity::Kind;
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
    /// Talk to a model; with --prompt, one answer on stdout.
    Chat(ChatArgs),
    /// Answer over HTTP, in OpenAI's protocol.
    Serve(ServeArgs),
    /// Send requests to a server at given times, and measure how long answers take.
    Load(LoadArgs),
    /// Measure prefill and decode speed and where each step's time goes.
    Bench(BenchArgs),
    /// Show a model file's header, configuration and tensors, and whether it fits.
    Inspect(InspectArgs),
    /// Turn text into ids, ids into text, or a conversation into both.
    Tokenize(TokenizeArgs),
    /// Compare with the reference results of an independent implementation.
    Parity(ParityArgs),
    /// Experiments on where a token's time goes, each with a report.
    Lab(LabArgs),
}

/// Model to load.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// A .gguf file, a Hugging Face folder, or a .safetensors file in such a folder.
    #[arg(
        value_name = "MODEL",
        required_unless_present = "random_weights",
        conflicts_with = "random_weights"
    )]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub random: RandomArgs,
}

/// Seeded random weights instead of a model.
#[derive(Args, Clone, Debug)]
pub struct RandomArgs {
    /// Random weights of this shape: a preset such as smollm2-135m, or a config.json.
    #[arg(long, value_name = "SHAPE")]
    pub random_weights: Option<String>,
    /// Seed of the random weights (default 0).
    #[arg(long, value_name = "N")]
    pub seed_weights: Option<u64>,
    /// Tensor type of the random weights' matrices, such as F16 or Q4_0 (default Q8_0).
    #[arg(long, value_name = "TYPE")]
    pub quant: Option<TensorType>,
}

/// Prompts to use.
#[derive(Args, Clone, Debug)]
pub struct DatasetArgs {
    /// Prompts and reference answers: .json (Alpaca's form: a list of objects with instruction, input,
    /// output), .jsonl (an object a line) or text (a prompt a line) (default: 64 prompts of our own).
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// The objects' field with the prompt (default: prompt, text or instruction, the first that is there).
    #[arg(long, value_name = "NAME", requires = "dataset")]
    pub field: Option<String>,
}

/// Backend that runs the model, and its options.
#[derive(Args, Clone, Debug)]
pub struct BackendArgs {
    /// auto (a GPU where there is one, else the CPU), wgpu or flex (CPU).
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub backend: BackendChoice,
    /// Part of the wanted GPU adapter's name.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Positions of the KV cache (default: the model's context, at most 4096).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub context: Option<usize>,
    /// How a step is computed: fast (own kernels, on a GPU) or reference (burn's operations)
    /// (default: fast where it can be).
    #[arg(long, value_name = "PATH")]
    pub path: Option<ForwardPath>,
    /// How the KV cache stores its values: f32, or on a GPU f16 (half the memory and the reading).
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub kv: KvType,
    /// Which variant of the fast path's kernels: lanes (for adapters that are programs on the CPU),
    /// workgroups or subgroups (for GPUs) (default: the fastest here, which is measured).
    #[arg(long, value_name = "VARIANT")]
    pub variant: Option<Variant>,
    /// Steps that are issued to a GPU before the first is waited for, 1 to 4 (default: 2, and 1
    /// where the adapter is a program on the CPU).
    #[arg(long, value_name = "N", value_parser = readback_depth)]
    pub readback_depth: Option<usize>,
}

impl BackendArgs {
    /// Returns these flags as load options of the engine.
    ///
    /// # Errors
    /// Fails if `--adapter` is given with the CPU backend.
    pub fn load_options(&self) -> Result<LoadOptions> {
        if self.backend == BackendChoice::Flex && self.adapter.is_some() {
            bail!("--adapter names a GPU adapter, but --backend flex computes on the CPU");
        }
        Ok(LoadOptions {
            backend: self.backend,
            adapter: self.adapter.clone(),
            context_length: self.context,
            path: self.path,
            kv: self.kv,
            variant: self.variant,
            readback_depth: self.readback_depth,
            ..LoadOptions::default()
        })
    }
}

/// Trace and log of a run.
#[derive(Args, Clone, Debug)]
pub struct TraceArgs {
    /// Write where threads, the device and requests are at to this file, in the Trace Event Format, for
    /// ui.perfetto.dev and other viewers.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
    /// What is logged on stderr: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "off")]
    pub log: LevelFilter,
}

/// Level at which the path of requests is cut short.
#[derive(Args, Clone, Copy, Debug)]
pub struct StubArgs {
    /// Cut the path of requests short, and make up what lies behind: 1 in the request handler, 2 at the
    /// entry of the engine's thread, 3 before the transfer to it, 4 where it has the message, 5 before
    /// the model, 6 after its first kernel; 99 whole, with random weights; 100 whole.
    #[arg(long, value_name = "LEVEL", default_value_t = StubLevel::Whole)]
    pub stub: StubLevel,
}

/// Flags of `llamaglass chat`.
#[derive(Args, Debug)]
pub struct ChatArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Answer this once and leave; "-" reads it from stdin.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// The system message.
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    pub system: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Text that ends the answer and is not part of it (may be given more than once).
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub max_tokens: Option<usize>,
    /// Answer with a JSON object.
    #[arg(long, conflicts_with = "json_schema")]
    pub json_object: bool,
    /// Answer with JSON that the JSON schema in this file describes.
    #[arg(long, value_name = "FILE")]
    pub json_schema: Option<PathBuf>,
    /// Show where the time went after each answer: in sum, or token by token.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_value = "off", default_missing_value = "summary")]
    pub timing: TimingView,
    /// Complete the text as it is, without a chat template.
    #[arg(long)]
    pub raw: bool,
    /// The engine's events as JSON lines on stdout, instead of text.
    #[arg(long, requires = "prompt")]
    pub json: bool,
    #[command(flatten)]
    pub stub: StubArgs,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Amount of timing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TimingView {
    /// None.
    Off,
    /// Medians and the slow end, by stage.
    Summary,
    /// A line a token, and the summary.
    Tokens,
}

/// Sampling options.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// 0 to 2: 0 picks the likeliest token, 1 samples the model's own distribution.
    #[arg(
        long,
        value_name = "T",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub temperature: f32,
    /// Keep the K likeliest tokens; 0 keeps all.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,
    /// Keep the likeliest tokens that together reach this probability; 1 keeps all.
    #[arg(
        long,
        value_name = "P",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub top_p: f32,
    /// Keep tokens at least this fraction as likely as the likeliest; 0 keeps all.
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub min_p: f32,
    /// Up to 2: above 1 makes ids of prompt and answer less likely, 1 is off.
    #[arg(
        long,
        value_name = "R",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub repetition_penalty: f32,
    /// -2 to 2: subtracted once from the logit of an id that the answer has.
    #[arg(
        long,
        value_name = "A",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub presence_penalty: f32,
    /// -2 to 2: subtracted for every time that the answer has the id.
    #[arg(
        long,
        value_name = "F",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub frequency_penalty: f32,
    /// Same seed, same prompt, same settings: same text.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

impl SamplingArgs {
    /// Returns these flags as sampling options of the engine.
    pub fn options(&self) -> SamplingOptions {
        SamplingOptions {
            temperature: self.temperature,
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            seed: self.seed,
        }
    }
}

/// Flags of `llamaglass bench`.
#[derive(Args, Debug)]
pub struct BenchArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Random ids of the prompt.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Tokens to generate.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    pub gen_tokens: usize,
    /// Measured runs.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeat: usize,
    /// Runs before them that are not measured.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub warmup: usize,
    /// Seed of the prompt's ids.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Measure milliseconds a token after prompts of these lengths, too.
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = positive)]
    pub positions: Vec<usize>,
    /// Measure so many requests at once, too: tokens a second of all together.
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = positive)]
    pub batch: Vec<usize>,
    /// Measure what the device can do at most, too, and what share of it each stage reaches.
    #[arg(long)]
    pub roofline: bool,
    /// Time each kernel of a step by itself, too, on the device's clock.
    #[arg(long)]
    pub kernels: bool,
    /// Compare with an earlier result of --json.
    #[arg(long, value_name = "FILE.json")]
    pub compare: Option<PathBuf>,
    /// Only JSON on stdout.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub stub: StubArgs,
    #[command(flatten)]
    pub trace: TraceArgs,
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
    /// Only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `llamaglass tokenize`.
#[derive(Args, Debug)]
pub struct TokenizeArgs {
    /// MODEL (not with --random-weights), then TEXT; without TEXT, stdin is read.
    #[arg(value_name = "MODEL [TEXT]", num_args = 0..=2)]
    pub words: Vec<String>,
    #[command(flatten)]
    pub random: RandomArgs,
    /// Print only the ids, on one line.
    #[arg(long, conflicts_with_all = ["decode", "json"])]
    pub ids: bool,
    /// TEXT is ids, by spaces or commas: print their text.
    #[arg(long)]
    pub decode: bool,
    /// Take the text of special tokens as plain text; with --decode, leave them out.
    #[arg(long)]
    pub no_special: bool,
    /// Add what the tokenizer itself puts before a text.
    #[arg(long, conflicts_with_all = ["no_special", "decode", "chat"])]
    pub bos: bool,
    /// Render the messages in this file (a JSON list of role and content) with the model's template.
    #[arg(long, value_name = "FILE.json", conflicts_with_all = ["decode", "no_special"])]
    pub chat: Option<PathBuf>,
    /// Only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

/// Flags of `llamaglass parity`.
#[derive(Args, Debug)]
pub struct ParityArgs {
    /// The folder with the reference results, or one with models and a folder `reference`.
    #[arg(long, value_name = "DIR", required_unless_present = "bisect")]
    pub reference: Option<PathBuf>,
    /// Instead of a reference: MODEL on its path against the reference path on the CPU, block by
    /// block, and which is the first to differ.
    #[arg(long, requires = "model", conflicts_with_all = ["reference", "only"])]
    pub bisect: bool,
    /// The model; without it, every model beside the folder `reference` in DIR.
    #[arg(value_name = "MODEL")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Run only this kind of case (may be given more than once).
    #[arg(long, value_name = "KIND")]
    pub only: Vec<Kind>,
    /// Only JSON on stdout.
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(value) => Ok(value),
        Err(error) => Err(format!("{error}")),
    }
}

fn readback_depth(text: &str) -> std::result::Result<usize, String> {
    match positive(text)? {
        depth @ 1..=4 => Ok(depth),
        _ => Err("must be at most 4".into()),
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
    fn sampling_flags_default_to_the_engines_defaults() {
        let cli = Cli::parse_from(["llamaglass", "chat", "m.gguf"]);
        let Command::Chat(chat) = cli.command else {
            panic!("not chat");
        };
        assert_eq!(chat.sampling.options(), SamplingOptions::default());
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
