//! Flags of `llamaglass serve`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use llamaglass_engine::scheduler::Policy;

use super::load::seconds;
use super::{BackendArgs, ModelArgs, StubArgs, TraceArgs, positive};

/// Flags of `llamaglass serve`.
#[derive(Args, Debug)]
pub struct ServeArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub backend: BackendArgs,
    /// The address to listen at; another than this machine's own needs --api-key or --insecure.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// The port; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
    /// What clients have to send as their key.
    #[arg(
        long,
        value_name = "KEY",
        env = "LLAMAGLASS_API_KEY",
        hide_env_values = true,
        value_parser = api_key
    )]
    pub api_key: Option<String>,
    /// Let other machines use the model without a key.
    #[arg(long, conflicts_with = "api_key")]
    pub insecure: bool,
    /// What clients call the model (default: the file's name).
    #[arg(long, value_name = "NAME")]
    pub model_name: Option<String>,
    /// The most requests that are answered at once.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub batch: usize,
    /// Blocks of the KV cache, of 64 positions each, that requests share (default: as many as make all
    /// of them as long as the context).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub kv_blocks: Option<usize>,
    /// prefill-first (the earliest first token) or balanced (the evenest pace).
    #[arg(long, value_name = "POLICY", default_value = "prefill-first")]
    pub policy: Policy,
    /// The most requests that wait; further ones are refused.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = positive)]
    pub max_queue: usize,
    /// The most connections; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = positive)]
    pub max_connections: usize,
    /// Seconds after which an answer ends as far as it has come.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0, value_parser = seconds)]
    pub max_seconds: f64,
    /// The most bytes of a request's body.
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = positive)]
    pub max_body: usize,
    /// Refuse requests with unknown fields [default: ignore the fields and name them in a header].
    #[arg(long)]
    pub strict: bool,
    /// A name by which clients may call the server, besides its addresses and localhost (may be given more
    /// than once). With an API key any name will do.
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// An origin whose pages may use the server, or * for all (may be given more than once).
    #[arg(long, value_name = "ORIGIN")]
    pub cors: Vec<String>,
    /// A folder with the built page, to be served at /.
    #[arg(long, value_name = "FOLDER")]
    pub page: Option<PathBuf>,
    #[command(flatten)]
    pub stub: StubArgs,
    #[command(flatten)]
    pub trace: TraceArgs,
}

/// Refuses a blank key, which no client can send: header values have no spaces at their ends.
fn api_key(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("must not be empty; leave it out to serve without a key".into());
    }
    Ok(text.to_owned())
}
