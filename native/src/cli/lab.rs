//! Flags of `llamaglass lab`.

use llamaglass_lab::StubLevel;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use llamaglass_lab::Arrivals;
use llamaglass_lab::experiments::ablate::{LOG_LINES, Switch};
use llamaglass_lab::experiments::stub::StubLoad;

use super::load::{Protocol, seconds};
use super::qps::{Qps, above_zero};
use super::{BackendArgs, DatasetArgs, ModelArgs, RandomArgs, TraceArgs, positive};

/// Flags of `llamaglass lab`. Without `--context`, the KV cache has 512 positions.
#[derive(Args, Debug)]
pub struct LabArgs {
    /// Experiment to run.
    #[command(subcommand)]
    pub experiment: LabCommand,
}

/// Experiments of the lab.
#[derive(Debug, Subcommand)]
pub enum LabCommand {
    /// Count the tokens of a dataset's prompts and reference answers.
    Stats(StatsArgs),
    /// Run the engine alone over a dataset: cost per token, and fixed cost per request.
    Bare(BareArgs),
    /// Measure the same answer through one more layer at a time, up to HTTP.
    Ladder(LadderArgs),
    /// Send requests at fixed rates, without waiting for answers.
    Load(LabLoadArgs),
    /// Compare logits with a saved f32 reference, and tokens generated through the server with the bare
    /// engine's.
    Parity(LabParityArgs),
    /// Show where a request's time goes, span by span; --with shows which spans grow when one thing is done
    /// worse.
    Chain(ChainArgs),
    /// Measure in pairs what it costs to do one thing worse.
    Ablate(AblateArgs),
    /// Simulate the study's queue over a dataset's lengths, and the scheduler with fixed step costs.
    Simulate(SimulateArgs),
    /// Measure requests with their path cut short at each level.
    Stub(LabStubArgs),
    /// Time each kernel of a step and compare with the device's peak rates (fast path only).
    Kernels(KernelsArgs),
    /// Run all experiments in this order, and write one report.
    All(AllArgs),
}

/// Flags that all experiments share.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub backend: BackendArgs,
    #[command(flatten)]
    pub prompts: DatasetArgs,
    /// Use only the dataset's first N rows (default: as many as take about a minute without a GPU; all in
    /// stats).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub take: Option<usize>,
    /// Seed of all random choices.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Folder for the results: NAME.json, NAME.html and, for tables, NAME.csv.
    #[arg(long, value_name = "FOLDER", default_value = "lab-results")]
    pub out: PathBuf,
    /// Print only the result on stdout, as JSON.
    #[arg(long)]
    pub json: bool,
    /// Maximum requests answered at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub batch: usize,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Flags of `llamaglass lab stats`.
#[derive(Args, Clone, Debug)]
pub struct StatsArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
}

/// Flags of `llamaglass lab bare`.
#[derive(Args, Clone, Debug)]
pub struct BareArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Tokens per answer (default: as many as the row's reference answer, or 64 without one).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub tokens: Option<usize>,
}

/// Flags of `llamaglass lab ladder`.
#[derive(Args, Clone, Debug)]
pub struct LadderArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Answer lengths in tokens (the study's: 1,5,10,30,60,65,120,240,360,480).
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_value = "1,5,10,30", value_parser = positive)]
    pub lengths: Vec<usize>,
    /// Number of measurements per layer and length.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeats: usize,
    /// Prompt (default: the dataset's first).
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
}

/// Flags of `llamaglass lab load`.
#[derive(Args, Clone, Debug)]
pub struct LabLoadArgs {
    /// Model to load: a .gguf file, a Hugging Face folder, or a .safetensors file in such a folder.
    #[arg(
        value_name = "MODEL",
        required_unless_present_any = ["random_weights", "url"],
        conflicts_with = "random_weights"
    )]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub random: RandomArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Request rates in requests per second, one run each.
    #[arg(
        long,
        value_name = "X,X,..",
        value_delimiter = ',',
        default_value = "0.5,1,2",
        value_parser = Qps::parse
    )]
    pub qps: Vec<Qps>,
    /// Duration of each run in seconds: how long requests are sent.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub duration: f64,
    /// Distribution of the gaps between requests: poisson, uniform or constant (as in the study).
    #[arg(long, value_name = "KIND", default_value = "poisson")]
    pub arrivals: Arrivals,
    /// Maximum tokens per answer.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub max_tokens: usize,
    /// Protocol of the requests.
    #[arg(long, value_name = "NAME", default_value = "openai")]
    pub protocol: Protocol,
    /// Send requests to this server, which may be any that speaks the protocol (default: a server in this
    /// program).
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "random_weights"])]
    pub url: Option<String>,
    /// Name of the model on that server (default: its only model).
    #[arg(long, value_name = "NAME", requires = "url")]
    pub model_name: Option<String>,
    /// API key of that server.
    #[arg(
        long,
        value_name = "KEY",
        env = "LLAMAGLASS_API_KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
}

/// Flags of `llamaglass lab parity`.
#[derive(Args, Clone, Debug)]
pub struct LabParityArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Folder of logits saved by an earlier run (default: run the reference path in f32 on the CPU first, and
    /// save its logits in OUT/parity/reference).
    #[arg(long, value_name = "FOLDER")]
    pub reference: Option<PathBuf>,
    /// Tokens to generate through the server's layers and by the bare engine, for comparison.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub tokens: usize,
}

/// Flags of `llamaglass lab chain`.
#[derive(Args, Clone, Debug)]
pub struct ChainArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Tokens per answer.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = positive)]
    pub tokens: usize,
    /// Run each row again with this done worse, and show which spans grew: eager-logs, pad-to-max,
    /// concatenated-cache, host-pick, no-replay or readback-depth.
    #[arg(long, value_name = "SWITCH")]
    pub with: Option<Switch>,
    #[command(flatten)]
    pub sizes: SwitchSizes,
}

/// Parameters of switches.
#[derive(Args, Clone, Copy, Debug)]
pub struct SwitchSizes {
    /// Log lines that each step formats with eager-logs.
    #[arg(long, value_name = "N", default_value_t = LOG_LINES)]
    pub log_lines: u32,
    /// Milliseconds per step to spend on formatting with eager-logs, a cost known in advance; replaces
    /// --log-lines in chain, ignored in ablate.
    #[arg(long, value_name = "MS", value_parser = above_zero)]
    pub log_ms: Option<f64>,
    /// Positions to pad prompts to with pad-to-max (default: the context length; without a GPU, at most 512).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub pad_to: Option<usize>,
}

/// Flags of `llamaglass lab ablate`.
#[derive(Args, Clone, Debug)]
pub struct AblateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Switches to measure (default: all): eager-logs, pad-to-max, concatenated-cache, host-pick, no-replay,
    /// readback-depth, worker, batch.
    #[arg(long = "switch", value_name = "SWITCH", value_delimiter = ',')]
    pub switches: Vec<Switch>,
    /// Tokens per prompt.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Tokens per answer.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub gen_tokens: usize,
    /// Number of pairs per switch.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = positive)]
    pub repeats: usize,
    #[command(flatten)]
    pub sizes: SwitchSizes,
}

/// Flags of `llamaglass lab simulate`.
#[derive(Args, Clone, Debug)]
pub struct SimulateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Milliseconds per token: apply only the study's formula and measure nothing (default: measure the cost
    /// per token, and also simulate and measure the scheduler).
    #[arg(long, value_name = "MS", value_parser = above_zero)]
    pub ms_per_token: Option<f64>,
    /// Requests per second (default: the rate that keeps one server busy 60 % of the time).
    #[arg(long, value_name = "X", value_parser = above_zero)]
    pub qps: Option<f64>,
}

/// Flags of `llamaglass lab stub`.
#[derive(Args, Clone, Debug)]
pub struct LabStubArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Levels to run, as in --stub of `llamaglass serve`.
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        default_value = "1,2,3,4,5,6,99,100"
    )]
    pub levels: Vec<StubLevel>,
    /// Loads to run: requests per second / duration in seconds (the study's: 1/30,3/10,10/3,30/1).
    #[arg(
        long,
        value_name = "X/S,X/S,..",
        value_delimiter = ',',
        default_value = "10/1,30/0.5",
        value_parser = stub_load
    )]
    pub loads: Vec<StubLoad>,
    /// Number of runs per level and load.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub repeats: usize,
    /// Tokens per answer.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub max_tokens: usize,
}

/// Flags of `llamaglass lab kernels`.
#[derive(Args, Clone, Debug)]
pub struct KernelsArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Prompt length in tokens; the decode step that is profiled follows the prompt.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Number of times each step is profiled.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeats: usize,
    /// Also show each layer on its own.
    #[arg(long)]
    pub layers: bool,
}

/// Flags of `llamaglass lab all`.
#[derive(Args, Clone, Debug)]
pub struct AllArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub run: RunArgs,
    /// Run at the study's size: its lengths, loads and rates, and up to 1500 rows of the dataset (or --take).
    /// Takes hours without a GPU.
    #[arg(long)]
    pub full: bool,
}

fn stub_load(text: &str) -> Result<StubLoad, String> {
    let (qps, duration) = text
        .split_once('/')
        .ok_or("must be requests per second / seconds, such as 10/3")?;
    Ok(StubLoad {
        qps: above_zero(qps)?,
        duration_s: seconds(duration)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use super::*;
    use clap::Parser;

    fn parse(words: &[&str]) -> Option<LabCommand> {
        let words = [&["llamaglass", "lab"], words].concat();
        match Cli::try_parse_from(words).ok()?.command {
            Command::Lab(args) => Some(args.experiment),
            _ => None,
        }
    }

    #[test]
    fn every_experiment_is_a_command() {
        for experiment in llamaglass_lab::Experiment::ALL {
            assert!(
                parse(&[experiment.name(), "m.gguf"]).is_some(),
                "{experiment}"
            );
        }
        assert!(parse(&["all", "--random-weights", "smollm2-135m"]).is_some());
        assert!(parse(&["bare"]).is_none(), "a model is required");
    }

    #[test]
    fn load_takes_either_server_or_model() {
        assert!(parse(&["load", "--url", "http://h/v1"]).is_some());
        assert!(parse(&["load", "m.gguf", "--url", "http://h/v1"]).is_none());
        assert!(parse(&["load"]).is_none());
    }

    #[test]
    fn stub_loads_are_rates_and_seconds() {
        let Some(LabCommand::Stub(args)) = parse(&["stub", "m", "--loads", "1/30,3/10"]) else {
            panic!("no stub");
        };
        let loads = [(1.0, 30.0), (3.0, 10.0)];
        let loads = loads.map(|(qps, duration_s)| StubLoad { qps, duration_s });
        assert_eq!(args.loads, loads);
        for wrong in ["1", "1/0", "0/1", "a/b"] {
            assert!(parse(&["stub", "m", "--loads", wrong]).is_none(), "{wrong}");
        }
    }
}
