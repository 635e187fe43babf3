//! Flags of `llamaglass chat`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use llamaglass_engine::sampling::SamplingOptions;

use super::{BackendArgs, ModelArgs, StubArgs, TraceArgs, positive};

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

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use super::*;
    use clap::Parser;

    #[test]
    fn sampling_flags_default_to_the_engines_defaults() {
        let cli = Cli::parse_from(["llamaglass", "chat", "m.gguf"]);
        let Command::Chat(chat) = cli.command else {
            panic!("not chat");
        };
        assert_eq!(chat.sampling.options(), SamplingOptions::default());
    }
}
