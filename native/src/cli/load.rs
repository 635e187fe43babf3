//! Flags of `llamaglass load`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_lab::Arrivals;
use serde::{Deserialize, Serialize};

use super::qps::{Qps, above_zero};
use super::{DatasetArgs, positive};

/// Protocol between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// OpenAI's API: chat completions, or completions for raw prompts.
    Openai,
    /// The study's API: /models/NAME/generate and /models/NAME/generate_stream.
    Study,
}

/// Flags of `llamaglass load`.
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// Address of the server.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000/v1")]
    pub url: String,
    /// Request rates in requests per second, above 0, one run each; a run sends rate times duration requests,
    /// rounded down.
    #[arg(long, value_name = "X,X,..", value_delimiter = ',', required = true, value_parser = Qps::parse)]
    pub qps: Vec<Qps>,
    /// Duration of each run in seconds: how long requests are sent.
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    pub duration: f64,
    /// Distribution of the gaps between requests: poisson, uniform or constant (as in the study).
    #[arg(long, value_name = "KIND", default_value = "poisson")]
    pub arrivals: Arrivals,
    #[command(flatten)]
    pub prompts: DatasetArgs,
    /// Use only the dataset's first N rows; requests go through the rows in order, and start over after the
    /// last.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub take: Option<usize>,
    /// Seed of the gaps between requests and of the server's sampling.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Request streamed answers (the default).
    #[arg(long, overrides_with = "whole")]
    pub stream: bool,
    /// Request complete answers instead of streamed ones; time to first token and inter-token latency are
    /// then not measured.
    #[arg(long)]
    pub whole: bool,
    /// Complete the prompts as is, without a chat template.
    #[arg(long)]
    pub raw: bool,
    /// Maximum tokens per answer.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub max_tokens: usize,
    /// Sampling temperature, 0 to 2; 0 takes the most likely token.
    #[arg(long, value_name = "T", default_value = "0", value_parser = temperature)]
    pub temperature: f32,
    /// Continue answers past end-of-sequence tokens, up to --max-tokens (llamaglass servers and vLLM).
    #[arg(long)]
    pub ignore_eos: bool,
    /// Name of the model on the server (default: its only model).
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// API key of the server.
    #[arg(
        long,
        value_name = "KEY",
        env = "LLAMAGLASS_API_KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
    /// Protocol of the requests.
    #[arg(long, value_name = "NAME", default_value = "openai")]
    pub protocol: Protocol,
    /// Maximum seconds per answer; slower ones count as failed.
    #[arg(long, value_name = "S", default_value = "600", value_parser = seconds)]
    pub timeout: f64,
    /// Do not request per-token timing from a llamaglass server, which makes every streamed piece longer.
    #[arg(long)]
    pub no_timings: bool,
    /// Skip measuring the client's own cost before each run, against a server in this program.
    #[arg(long)]
    pub no_self_test: bool,
    /// Folder for result_X_x.json (one per rate X), load.csv and load.html.
    #[arg(long, value_name = "FOLDER", default_value = "load-results")]
    pub out: PathBuf,
    /// Print only the results on stdout, as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Maximum duration in seconds, about 30 years, which fits every type of time.
const MAX_SECONDS: f64 = 1e9;

/// Parses a number of seconds above 0, up to [`MAX_SECONDS`].
pub fn seconds(text: &str) -> Result<f64, String> {
    match above_zero(text)? {
        value if value <= MAX_SECONDS => Ok(value),
        _ => Err(format!("must be at most {MAX_SECONDS:e}")),
    }
}

fn temperature(text: &str) -> Result<f32, String> {
    let temperature = text.parse().map_err(|_| "is not a number")?;
    let sampling = SamplingOptions {
        temperature,
        ..SamplingOptions::default()
    };
    sampling.validate().map_err(|error| error.to_string())?;
    Ok(temperature)
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, Command};
    use super::*;
    use clap::Parser;

    fn parse(words: &[&str]) -> Option<LoadArgs> {
        let words = [&["llamaglass", "load"], words].concat();
        match Cli::try_parse_from(words).ok()?.command {
            Command::Load(args) => Some(args),
            _ => None,
        }
    }

    #[test]
    fn rates_keep_their_spelling() {
        let args = parse(&["--qps", "0.50,2,1e1"]).expect("numbers");
        let typed: Vec<&str> = args.qps.iter().map(|qps| &*qps.typed).collect();
        assert_eq!(typed, ["0.50", "2", "1e1"]);
        assert_eq!(args.qps[2].value, 10.0);
        for wrong in ["0", "-1", "nan", "inf", "1,,2", "../x", ""] {
            assert!(parse(&["--qps", wrong]).is_none(), "{wrong}");
        }
        assert!(parse(&[]).is_none(), "a rate is required");
    }

    #[test]
    fn refuses_invalid_values() {
        let with = |words: &[&str]| parse(&[&["--qps", "1"], words].concat());
        assert!(with(&["--duration", "0"]).is_none());
        assert!(with(&["--timeout", "inf"]).is_none());
        for refused in ["-1", "2.1", "NaN", "hot"] {
            assert!(with(&["--temperature", refused]).is_none(), "{refused}");
        }
        assert!(with(&["--temperature", "2"]).is_some());
        assert!(with(&["--field", "q"]).is_none());
        assert!(with(&["--whole", "--stream"]).is_some_and(|args| !args.whole));
    }
}
