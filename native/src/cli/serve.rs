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
    /// Address to listen on; any but a loopback address needs --api-key or --insecure.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    #[arg(long, value_name = "N", default_value_t = 8000)]
    pub port: u16,
    /// API key that clients must send (default: none needed).
    #[arg(
        long,
        value_name = "KEY",
        env = "LLAMAGLASS_API_KEY",
        hide_env_values = true,
        value_parser = api_key
    )]
    pub api_key: Option<String>,
    /// Allow other machines to use the model without a key.
    #[arg(long, conflicts_with = "api_key")]
    pub insecure: bool,
    /// Name of the model in the API (default: the name of its file or folder).
    #[arg(long, value_name = "NAME")]
    pub model_name: Option<String>,
    /// Maximum requests answered at once; more are queued.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = positive)]
    pub batch: usize,
    /// KV cache blocks of 64 positions that requests share (default: enough for --batch requests as long as
    /// the context).
    #[arg(long, value_name = "N", value_parser = positive)]
    pub kv_blocks: Option<usize>,
    /// Scheduling policy: prefill-first (earliest first token) or balanced (most even token rate).
    #[arg(long, value_name = "POLICY", default_value = "prefill-first")]
    pub policy: Policy,
    /// Maximum queued requests; more get HTTP 429.
    #[arg(long, value_name = "N", default_value_t = 256, value_parser = positive)]
    pub max_queue: usize,
    /// Maximum connections; a further one replaces the connection that has been idle longest, or waits if
    /// none is idle.
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = positive)]
    pub max_connections: usize,
    /// Maximum seconds per request, queueing included; the answer then ends with the text generated so far.
    #[arg(long, value_name = "SECONDS", default_value_t = 600.0, value_parser = seconds)]
    pub max_seconds: f64,
    /// Maximum size of a request body in bytes; larger ones get HTTP 413.
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 20, value_parser = positive)]
    pub max_body: usize,
    /// Refuse requests with unknown fields (default: ignore the fields and list them in the header
    /// x-llamaglass-ignored).
    #[arg(long)]
    pub strict: bool,
    /// Host name that clients may use, besides IP addresses and localhost; may be given more than once. With
    /// an API key, any name is allowed.
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// Origin whose pages may use the server, or * for all; may be given more than once.
    #[arg(long, value_name = "ORIGIN")]
    pub cors: Vec<String>,
    /// Folder of the built page, to serve at /.
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
