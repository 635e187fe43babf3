//! Downloads that survive a broken connection: they resume if the server supports it, and start again if it
//! does not or if an earlier part turns out to be damaged.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use ureq::Agent;
use ureq::http::StatusCode;
use ureq::http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use ureq::tls::{RootCerts, TlsConfig};

use crate::digest;

/// Number of consecutive attempts without a new byte after which a download fails.
const BARREN_ATTEMPTS: u32 = 5;
/// Pause after a broken attempt, multiplied by the number of consecutive attempts without a new byte.
const PAUSE: Duration = Duration::from_secs(1);
/// Maximum time to connect to a server.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);
/// Maximum time for a server to begin its response.
const RESPONSE_LIMIT: Duration = Duration::from_secs(60);
/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 1 << 16;
/// Time limit of one connection, after which the download resumes over a new one.
const CONNECTION_LIMIT: Duration = Duration::from_secs(300);

/// One file to fetch.
pub struct Download<'a> {
    /// URL of the file: `http`, `https`, or `file` for a local mirror.
    pub url: &'a str,
    /// Expected SHA-256 in lower-case hexadecimal.
    pub sha256: &'a str,
    /// Destination. The file appears there only when it is complete and its SHA-256 matches; until then its name
    /// has the suffix `.part`.
    pub to: &'a Path,
}

/// Display of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A bar on the terminal.
    Bar,
    /// Only messages about retries and resumed parts, because another program writes to the terminal.
    Quiet,
}

/// Downloads the file.
///
/// # Errors
/// If the server refuses, the connection fails repeatedly, the file can't be written, or a download from the
/// start has the wrong SHA-256. A resumed download with the wrong SHA-256 is started again instead.
pub fn fetch(download: &Download<'_>, progress: Progress) -> Result<()> {
    let style = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
    let bar = match progress {
        Progress::Bar => ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?),
        Progress::Quiet => ProgressBar::hidden(),
    };
    let outcome = fetch_with(download, &bar, PAUSE);
    bar.finish_and_clear();
    outcome.with_context(|| format!("could not download {}", download.url))
}

fn fetch_with(download: &Download<'_>, bar: &ProgressBar, pause: Duration) -> Result<()> {
    let part = part_of(download.to);
    let resumed = fs::metadata(&part).is_ok();
    complete(download.url, &part, bar, pause)?;
    if digest::sha256(&part)? != download.sha256 {
        fs::remove_file(&part).with_context(|| format!("could not remove {}", part.display()))?;
        if !resumed {
            bail!(
                "the downloaded file does not have the SHA-256 {}",
                download.sha256
            );
        }
        // The part left by an earlier run may belong to another file, or be damaged.
        say(bar, "The unfinished download is damaged; starting again");
        return fetch_with(download, bar, pause);
    }
    fs::rename(&part, download.to)
        .with_context(|| format!("could not write {}", download.to.display()))
}

fn part_of(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// Downloads the rest of the part, over as many connections as it takes.
fn complete(url: &str, part: &Path, bar: &ProgressBar, pause: Duration) -> Result<()> {
    if let Some(path) = url.strip_prefix("file://") {
        fs::copy(path, part).with_context(|| format!("could not copy {path}"))?;
        return Ok(());
    }
    let agent = agent();
    let mut barren = 0;
    loop {
        let before = length(part);
        let error = match attempt(&agent, url, part, bar) {
            Ok(()) => return Ok(()),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Broken(error)) => error,
        };
        barren = if length(part) > before { 0 } else { barren + 1 };
        if barren == BARREN_ATTEMPTS {
            return Err(error);
        }
        say(bar, &format!("{error:#}: trying again"));
        thread::sleep(pause * barren.max(1));
    }
}

/// Prints a line above the bar, even if there is no terminal to draw a bar on.
fn say(bar: &ProgressBar, line: &str) {
    bar.suspend(|| println!("{line}"));
}

/// Failure of one attempt.
enum Failure {
    /// Another attempt may continue from here.
    Broken(anyhow::Error),
    /// Another attempt would fail, too.
    Final(anyhow::Error),
}

fn agent() -> Agent {
    Agent::config_builder()
        // Trusts the system's certificates, so that downloads work behind a company's proxy.
        .tls_config(
            TlsConfig::builder()
                .root_certs(RootCerts::PlatformVerifier)
                .build(),
        )
        .timeout_connect(Some(CONNECT_LIMIT))
        .timeout_recv_response(Some(RESPONSE_LIMIT))
        .timeout_recv_body(Some(CONNECTION_LIMIT))
        .http_status_as_error(false)
        .build()
        .new_agent()
}

/// Continues the part over one connection; writes it from the start if the server sends the whole file.
fn attempt(agent: &Agent, url: &str, part: &Path, bar: &ProgressBar) -> Result<(), Failure> {
    let have = length(part);
    let mut request = agent.get(url).header(ACCEPT_ENCODING, "identity");
    if have > 0 {
        request = request.header(RANGE, format!("bytes={have}-"));
    }
    let response = request
        .call()
        .map_err(|error| Failure::Broken(error.into()))?;
    let header = |name| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let rest: Option<u64> = header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let start = match response.status() {
        StatusCode::PARTIAL_CONTENT if range_start(header(CONTENT_RANGE)) == Some(have) => have,
        StatusCode::OK => 0,
        // The part is as long as the file, or longer; its digest will show which.
        StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => return Ok(()),
        StatusCode::PARTIAL_CONTENT => {
            return Err(Failure::Final(anyhow!(
                "the server sent a range that was not requested"
            )));
        }
        status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
            return Err(Failure::Broken(anyhow!("the server answered {status}")));
        }
        status => return Err(Failure::Final(anyhow!("the server answered {status}"))),
    };
    if have > 0 {
        say(bar, &format!("Resuming after {start} bytes"));
    }
    bar.set_position(start);
    if let Some(rest) = rest {
        bar.set_length(start + rest);
    }
    let file = open(part, start).map_err(Failure::Final)?;
    let received = receive(response.into_body().into_reader(), file, bar)?;
    match rest {
        Some(rest) if received < rest => Err(Failure::Broken(anyhow!(
            "the connection ended after {received} of {rest} bytes"
        ))),
        _ => Ok(()),
    }
}

/// Copies `from` to the file and returns the number of bytes.
fn receive(mut from: impl Read, mut file: File, bar: &ProgressBar) -> Result<u64, Failure> {
    let mut received = 0;
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(received),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::Broken(error.into())),
        };
        file.write_all(&buffer[..count])
            .map_err(|error| Failure::Final(error.into()))?;
        received += count as u64;
        bar.inc(count as u64);
    }
}

/// Opens the part for writing at `start`, which is its length or 0; empties it in the latter case.
fn open(part: &Path, start: u64) -> Result<File> {
    let mut options = OpenOptions::new();
    if start > 0 {
        options.append(true)
    } else {
        options.write(true).create(true).truncate(true)
    };
    options
        .open(part)
        .with_context(|| format!("could not write {}", part.display()))
}

fn length(part: &Path) -> u64 {
    fs::metadata(part).map_or(0, |data| data.len())
}

/// Parses the first byte of a range, such as 5 in `Content-Range: bytes 5-9/10`.
fn range_start(header: Option<&str>) -> Option<u64> {
    header?
        .strip_prefix("bytes ")?
        .split_once('-')?
        .0
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
