//! Flags of `llamaglass load`.

use std::path::PathBuf;

use clap::Args;
use llamaglass_engine::sampling::SamplingOptions;
use llamaglass_lab::Arrivals;

use super::{DatasetArgs, positive};
use crate::load_client::{Protocol, Qps, above_zero};

/// Flags of `llamaglass load`.
#[derive(Args, Debug)]
pub struct LoadArgs {
    /// The server's address.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000/v1")]
    pub url: String,
    /// Requests a second, above 0; of each, the duration's requests (rounded down) are sent.
    #[arg(long, value_name = "X,X,..", value_delimiter = ',', required = true)]
    pub qps: Vec<Qps>,
    /// For how many seconds requests are sent.
    #[arg(long, value_name = "S", default_value = "30", value_parser = seconds)]
    pub duration: f64,
    /// The gaps between requests: poisson, uniform or constant (as in the study).
    #[arg(long, value_name = "KIND", default_value = "poisson")]
    pub arrivals: Arrivals,
    #[command(flatten)]
    pub prompts: DatasetArgs,
    /// Only the dataset's first N rows; they are asked in turn, and again from the first.
    #[arg(long, value_name = "N", value_parser = positive)]
    pub take: Option<usize>,
    /// Seed of the gaps, and of what the server draws.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Ask for answers piece by piece, which is the default.
    #[arg(long, overrides_with = "whole")]
    pub stream: bool,
    /// Ask for answers as a whole: without time to the first text and from piece to piece.
    #[arg(long)]
    pub whole: bool,
    /// Complete the prompts as they are, without a chat template.
    #[arg(long)]
    pub raw: bool,
    /// The most tokens of an answer.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = positive)]
    pub max_tokens: usize,
    /// 0 to 2: 0 picks the likeliest token.
    #[arg(long, value_name = "T", default_value = "0", value_parser = temperature)]
    pub temperature: f32,
    /// Answers go on past end ids, to the most tokens (servers of ours, vLLM).
    #[arg(long)]
    pub ignore_eos: bool,
    /// What the server calls the model (default: the one that it has).
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// The server's key.
    #[arg(
        long,
        value_name = "KEY",
        env = "LLAMAGLASS_API_KEY",
        hide_env_values = true
    )]
    pub api_key: Option<String>,
    /// How to speak to the server.
    #[arg(long, value_name = "NAME", default_value = "openai")]
    pub protocol: Protocol,
    /// Seconds after which an answer is given up.
    #[arg(long, value_name = "S", default_value = "600", value_parser = seconds)]
    pub timeout: f64,
    /// Don't ask a server of ours for the timing of each token, which makes every piece longer.
    #[arg(long)]
    pub no_timings: bool,
    /// Don't measure first what the client itself costs, with a server in this program.
    #[arg(long)]
    pub no_self_test: bool,
    /// The folder for result_X_x.json, load.csv and load.html.
    #[arg(long, value_name = "FOLDER", default_value = "load-results")]
    pub out: PathBuf,
    /// Only JSON on stdout: all results.
    #[arg(long)]
    pub json: bool,
}

/// Parses a number of seconds above 0, up to 1e9.
pub fn seconds(text: &str) -> Result<f64, String> {
    match above_zero(text)? {
        value if value <= 1e9 => Ok(value),
        _ => Err("is too long".into()),
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
        assert!(parse(&[]).is_none(), "a rate has to be given");
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
