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

/// Model to load.
#[derive(Args, Clone, Debug)]
pub struct ModelArgs {
    /// Model to load: a .gguf file, a Hugging Face folder, or a .safetensors file in such a folder.
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
    /// Use random weights instead of a model, in this shape: a preset such as smollm2-135m, or a config.json.
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
    /// File of prompts and reference answers: .json (Alpaca's format: a list of objects with instruction,
    /// input and output), .jsonl (one object per line) or text (one prompt per line) (default: 64 built-in
    /// prompts).
    #[arg(long, value_name = "FILE")]
    pub dataset: Option<PathBuf>,
    /// Field of each object that contains the prompt (default: the first of prompt, text and instruction that
    /// exists).
    #[arg(long, value_name = "NAME", requires = "dataset")]
    pub field: Option<String>,
}

/// Backend that runs the model, and its options.
#[derive(Args, Clone, Debug)]
pub struct BackendArgs {
    /// Backend: auto (GPU if there is one, otherwise CPU), wgpu (GPU) or flex (CPU).
    #[arg(long, value_name = "BACKEND", default_value = "auto")]
    pub backend: BackendChoice,
    /// GPU adapter to use: any part of its name; not with --backend flex.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Context length in positions per request, at most the model's own (default: the model's own, at most
    /// 4096; as needed in bench and parity; 512 in lab).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub context: Option<usize>,
    /// Implementation of the forward pass: fast (own kernels, GPU only) or reference (burn's operations)
    /// (default: fast if supported).
    #[arg(long, value_name = "PATH")]
    pub path: Option<ForwardPath>,
    /// Type of the KV cache's values: f32, or f16, which halves its memory and reads; f16 needs the fast
    /// path.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    pub kv: KvType,
    /// Variant of the fast path's kernels: lanes (for software adapters), workgroups or subgroups (for GPUs)
    /// (default: the fastest on this adapter, by measurement).
    #[arg(long, value_name = "VARIANT")]
    pub variant: Option<Variant>,
    /// Maximum steps in flight on a GPU, 1 to 4 (default: 2; 1 on software adapters).
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

/// Flags of `llamaglass chat`.
#[derive(Args, Debug)]
pub struct ChatArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// Answer this prompt and exit; "-" reads it from stdin (default: start a conversation).
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
    /// System message.
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    pub system: Option<String>,
    #[command(flatten)]
    pub sampling: SamplingArgs,
    /// Stop string: ends the answer and is not part of it; may be given more than once.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
    /// Maximum tokens per answer.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub max_tokens: Option<usize>,
    /// Constrain the answer to a JSON object.
    #[arg(long, conflicts_with = "json_schema")]
    pub json_object: bool,
    /// Constrain the answer to JSON that matches the JSON schema in this file.
    #[arg(long, value_name = "FILE")]
    pub json_schema: Option<PathBuf>,
    /// Show timing after each answer; --timing alone shows the summary.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_value = "off", default_missing_value = "summary")]
    pub timing: TimingView,
    /// Complete the text as is, without a chat template.
    #[arg(long)]
    pub raw: bool,
    /// Print the engine's events as JSON lines, instead of text.
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
    /// No timing.
    Off,
    /// Median and 95th percentile of each stage.
    Summary,
    /// One line per token, then the summary.
    Tokens,
}

/// Sampling options.
#[derive(Args, Clone, Debug)]
pub struct SamplingArgs {
    /// Sampling temperature, 0 to 2: 0 takes the most likely token, 1 samples from the model's own
    /// distribution.
    #[arg(
        long,
        value_name = "T",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub temperature: f32,
    /// Sample only from the K most likely tokens; 0 keeps all.
    #[arg(long, value_name = "K", default_value_t = 0)]
    pub top_k: usize,
    /// Sample only from the most likely tokens that together reach this probability, above 0; 1 keeps all.
    #[arg(
        long,
        value_name = "P",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub top_p: f32,
    /// Sample only from tokens with at least this fraction of the top token's probability; 0 keeps all.
    #[arg(
        long,
        value_name = "P",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub min_p: f32,
    /// Penalty on tokens in the prompt or answer, above 0 and at most 2: values above 1 make them less
    /// likely, 1 is off.
    #[arg(
        long,
        value_name = "R",
        default_value_t = 1.0,
        allow_negative_numbers = true
    )]
    pub repetition_penalty: f32,
    /// Amount subtracted once from the logit of each token in the answer, -2 to 2; 0 is off.
    #[arg(
        long,
        value_name = "A",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub presence_penalty: f32,
    /// Amount subtracted from a token's logit per occurrence in the answer, -2 to 2; 0 is off.
    #[arg(
        long,
        value_name = "F",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    pub frequency_penalty: f32,
    /// Seed of the sampler: the same seed, prompt and settings give the same text.
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
    /// Prompt length in tokens, which are random.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Tokens to generate per run.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = positive)]
    pub gen_tokens: usize,
    /// Number of measured runs.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeat: usize,
    /// Number of warm-up runs, which are not measured.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub warmup: usize,
    /// Seed of the prompt's random tokens.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Also measure ms/token after prompts of these lengths, in tokens.
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = positive)]
    pub positions: Vec<usize>,
    /// Also measure the total tokens/s of this many requests at once.
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = positive)]
    pub batch: Vec<usize>,
    /// Also measure the device's peak rates, and what share of them each stage reaches.
    #[arg(long)]
    pub roofline: bool,
    /// Also time each kernel of a step on its own, on the device's clock.
    #[arg(long)]
    pub kernels: bool,
    /// Compare with an earlier result, saved from --json.
    #[arg(long, value_name = "FILE.json")]
    pub compare: Option<PathBuf>,
    /// Print only JSON on stdout.
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
