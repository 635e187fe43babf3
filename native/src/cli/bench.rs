//! Flags of `llamaglass bench`.

use std::path::PathBuf;

use clap::Args;

use super::{BackendArgs, ModelArgs, StubArgs, TraceArgs, positive};

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
    /// Also measure the peak rates of the device (of the CPU: at each number of threads), and what share of them
    /// each stage reaches; fast path only.
    #[arg(long)]
    pub roofline: bool,
    /// Also time each kernel of a step on its own, by a GPU's own clock if one computes; fast path only.
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
