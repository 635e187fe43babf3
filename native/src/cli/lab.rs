//! Flags of `llamaglass lab`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use llamaglass_engine::StubLevel;
use llamaglass_lab::Arrivals;
use llamaglass_lab::experiments::ablate::Switch;

use super::load::seconds;
use super::{BackendArgs, DatasetArgs, ModelArgs, RandomArgs, TraceArgs, positive};
use crate::load_client::{Protocol, Qps, above_zero};

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
    /// How many tokens a dataset's prompts and reference answers have.
    Stats(StatsArgs),
    /// The engine alone over a dataset: what a token costs, and a request besides its tokens.
    Bare(BareArgs),
    /// The same answer through one layer more at a time, up to HTTP.
    Ladder(LadderArgs),
    /// Requests at a rate that does not wait for answers.
    Load(LabLoadArgs),
    /// Logits against a frozen f32 reference, and the shell's ids against the bare engine's.
    Parity(LabParityArgs),
    /// Where a request's time goes, span by span; with --with, what grows when something is done worse.
    Chain(ChainArgs),
    /// What it costs to do one thing worse, in pairs.
    Ablate(AblateArgs),
    /// The study's queue over a dataset's lengths, and the scheduler on a clock of fixed costs.
    Simulate(SimulateArgs),
    /// The request's path cut short at each level.
    Stub(LabStubArgs),
    /// Each kernel of a step, beside what the device can do (own kernels on a GPU adapter only).
    Kernels(KernelsArgs),
    /// All of them in this order, and one report.
    All(AllArgs),
}

/// Flags that all experiments share.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub backend: BackendArgs,
    #[command(flatten)]
    pub prompts: DatasetArgs,
    /// Only the dataset's first N rows (default: as many as take a minute or so without a GPU; stats: all).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub take: Option<usize>,
    /// Seed of all that is drawn.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// The folder for the results: NAME.json, NAME.csv where there is a table, and NAME.html.
    #[arg(long, value_name = "FOLDER", default_value = "lab-results")]
    pub out: PathBuf,
    /// Only JSON on stdout: the result.
    #[arg(long)]
    pub json: bool,
    /// Requests that may be answered at once.
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
    /// Tokens of each answer (default: as many as the row's reference answer has).
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
    /// Tokens of the answers (the study's: 1,5,10,30,60,65,120,240,360,480).
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', default_value = "1,5,10,30", value_parser = positive)]
    pub lengths: Vec<usize>,
    /// How often each layer is measured at each length.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeats: usize,
    /// The prompt (default: the dataset's first).
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,
}

/// Flags of `llamaglass lab load`.
#[derive(Args, Clone, Debug)]
pub struct LabLoadArgs {
    /// A .gguf file, a Hugging Face folder, or a .safetensors file in such a folder.
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
    /// Requests a second, a run each.
    #[arg(
        long,
        value_name = "X,X,..",
        value_delimiter = ',',
        default_value = "0.5,1,2"
    )]
    pub qps: Vec<Qps>,
    /// For how many seconds requests are sent.
    #[arg(long, value_name = "S", default_value = "10", value_parser = seconds)]
    pub duration: f64,
    /// The gaps between requests: poisson, uniform or constant (as in the study).
    #[arg(long, value_name = "KIND", default_value = "poisson")]
    pub arrivals: Arrivals,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub max_tokens: usize,
    /// Protocol of the requests.
    #[arg(long, value_name = "NAME", default_value = "openai")]
    pub protocol: Protocol,
    /// Ask this server, of any kind that speaks the protocol, instead of one in this program.
    #[arg(long, value_name = "URL", conflicts_with_all = ["model", "random_weights"])]
    pub url: Option<String>,
    /// What that server calls the model (default: the one that it has).
    #[arg(long, value_name = "NAME", requires = "url")]
    pub model_name: Option<String>,
    /// That server's key.
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
    /// A folder with frozen logits of an earlier run (default: the reference path in f32 on the CPU is run
    /// first, and frozen in OUT/parity/reference).
    #[arg(long, value_name = "FOLDER")]
    pub reference: Option<PathBuf>,
    /// Tokens that are picked through the shell and without it.
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
    /// Tokens of each answer.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = positive)]
    pub tokens: usize,
    /// Run each row once more with this done worse, and show what grew: eager-logs, pad-to-max,
    /// concatenated-cache, host-pick, no-replay or readback-depth.
    #[arg(long, value_name = "SWITCH")]
    pub with: Option<Switch>,
    #[command(flatten)]
    pub sizes: SwitchSizes,
}

/// Parameters of switches.
#[derive(Args, Clone, Copy, Debug)]
pub struct SwitchSizes {
    /// eager-logs: lines that each step formats.
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub log_lines: u32,
    /// eager-logs: format for so many milliseconds a step instead, a cost that is known beforehand.
    #[arg(long, value_name = "MS", value_parser = above_zero)]
    pub log_ms: Option<f64>,
    /// pad-to-max: positions that prompts are padded to (default: the context).
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
    /// Only these (default: all that can be turned here): eager-logs, pad-to-max, concatenated-cache,
    /// host-pick, no-replay, readback-depth, worker, batch.
    #[arg(long = "switch", value_name = "SWITCH", value_delimiter = ',')]
    pub switches: Vec<Switch>,
    /// Ids of the prompts.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Tokens of the answers.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = positive)]
    pub gen_tokens: usize,
    /// Pairs of each switch.
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
    /// What a token costs, in milliseconds: only the formula, nothing is measured (default: it is measured,
    /// and so is the scheduler beside its simulation).
    #[arg(long, value_name = "MS", value_parser = above_zero)]
    pub ms_per_token: Option<f64>,
    /// Requests a second (default: as many as keep one server busy for 60 % of the time).
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
    /// The levels.
    #[arg(
        long,
        value_name = "N,N,..",
        value_delimiter = ',',
        default_value = "1,2,3,4,5,6,99,100"
    )]
    pub levels: Vec<StubLevel>,
    /// Requests a second / for how many seconds (the study's: 1/30,3/10,10/3,30/1).
    #[arg(
        long,
        value_name = "X/S,X/S,..",
        value_delimiter = ',',
        default_value = "10/1,30/0.5",
        value_parser = stub_load
    )]
    pub loads: Vec<(f64, f64)>,
    /// How often each is run.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub repeats: usize,
    /// Tokens of the answers.
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
    /// Ids of the prompt; the decode step is the one after it.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub prompt_tokens: usize,
    /// How often each step is profiled.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = positive)]
    pub repeats: usize,
    /// Show each layer by itself, too.
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
    /// The study's size: its lengths, loads and rates, and the whole dataset, 1500 rows at most. Takes
    /// hours without a GPU.
    #[arg(long)]
    pub full: bool,
}

fn stub_load(text: &str) -> Result<(f64, f64), String> {
    let (qps, duration) = text
        .split_once('/')
        .ok_or("must be requests a second / seconds, such as 10/3")?;
    Ok((above_zero(qps)?, seconds(duration)?))
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
        assert!(parse(&["bare"]).is_none(), "a model has to be named");
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
        assert_eq!(args.loads, [(1.0, 30.0), (3.0, 10.0)]);
        for wrong in ["1", "1/0", "0/1", "a/b"] {
            assert!(parse(&["stub", "m", "--loads", wrong]).is_none(), "{wrong}");
        }
    }
}
