//! A `llamaglass serve` process for tests.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ureq::Agent;

use crate::common::{GGUF, args, family_arg, shape_arg, tiny_shape};

/// A server process, which is killed when this is dropped.
pub struct Server {
    child: Child,
    /// `HOST:PORT`.
    pub address: String,
    agent: Agent,
}

/// Status and JSON body of a response.
pub type Reply = (u16, Value);

impl Server {
    /// Starts a server with `words` on a free port, and waits until it listens.
    pub fn start(words: &[&str]) -> Self {
        let program = assert_cmd::cargo::cargo_bin("llamaglass");
        let mut child = Command::new(program)
            .args([&["serve", "--port", "0"], words].concat())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let mut said = Vec::new();
        let address = lines.find_map(|line| {
            let line = line.expect("UTF-8");
            let address = line.strip_prefix("serving  http://").map(str::to_owned);
            said.push(line);
            Some(address?.split_once('/')?.0.to_owned())
        });
        // Reads the remaining lines, so that the pipe never fills up.
        std::thread::spawn(move || lines.for_each(drop));
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(120)))
            .build();
        Self {
            child,
            address: address.unwrap_or_else(|| panic!("it listens: {said:?}")),
            agent: config.into(),
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Returns the status and text of a GET request.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut response = self.agent.get(self.url(path)).call().expect("an answer");
        let status = response.status().as_u16();
        (status, response.body_mut().read_to_string().expect("text"))
    }

    /// Posts a JSON body.
    pub fn post(&self, path: &str, body: &Value) -> Reply {
        self.post_with(path, &body.to_string(), &[])
    }

    /// Posts any body with additional headers.
    pub fn post_with(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        self.post_bytes(path, body.as_bytes(), headers)
    }

    pub fn post_bytes(&self, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Reply {
        let mut request = self.agent.post(self.url(path));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body).expect("an answer");
        let status = response.status().as_u16();
        let text = response.body_mut().read_to_string().expect("text");
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
        (status, json)
    }

    /// Sends a JSON body over a connection of its own, and returns the connection without reading from it.
    pub fn post_unread(&self, path: &str, body: &Value) -> TcpStream {
        let body = body.to_string();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        let request = format!("{head}\r\n\r\n{body}");
        stream.write_all(request.as_bytes()).expect("writes");
        stream
    }

    /// Returns a header of the response to a GET request.
    pub fn header(&self, path: &str, name: &str) -> Option<String> {
        let response = self.agent.get(self.url(path)).call().expect("an answer");
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("text").to_owned())
    }

    /// Returns the origin and the headers that a preflight request is told to allow.
    pub fn preflight(&self, path: &str, origin: &str, header: &str) -> [Option<String>; 2] {
        let request = self.agent.options(self.url(path));
        let request = request
            .header("origin", origin)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", header);
        let response = request.call().expect("an answer");
        ["origin", "headers"].map(|what| {
            let name = format!("access-control-allow-{what}");
            let value = response.headers().get(&name)?;
            Some(value.to_str().expect("text").to_owned())
        })
    }

    /// Returns the pieces of a stream, without the last `[DONE]`.
    pub fn stream(&self, path: &str, body: &Value) -> Vec<Value> {
        let mut pieces = Vec::new();
        let mut done = false;
        for line in self.lines(path, body) {
            let Some(data) = line.strip_prefix("data: ") else {
                assert!(line.is_empty() || line.starts_with(':'), "{line}");
                continue;
            };
            assert!(!done, "something after the end: {line}");
            if data == "[DONE]" {
                done = true;
            } else {
                pieces.push(serde_json::from_str(data).expect("JSON"));
            }
        }
        pieces
    }

    /// Returns a header of the response to a JSON body; the status must be 200.
    pub fn post_header(
        &self,
        path: &str,
        body: &Value,
        headers: &[(&str, &str)],
        name: &str,
    ) -> Option<String> {
        let mut request = self.agent.post(self.url(path));
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.send(body.to_string()).expect("an answer");
        let text = response.body_mut().read_to_string().expect("text");
        assert_eq!(response.status(), 200, "{text}");
        let value = response.headers().get(name)?;
        Some(value.to_str().expect("text").to_owned())
    }

    /// Returns the lines of a stream as they arrive.
    pub fn lines(&self, path: &str, body: &Value) -> impl Iterator<Item = String> + Send + use<> {
        let request = self.agent.post(self.url(path));
        let request = request.header("content-type", "application/json");
        let request = request.header("accept", "text/event-stream");
        let response = request.send(body.to_string()).expect("an answer");
        assert_eq!(response.status(), 200);
        let reader = response.into_body().into_reader();
        let reader: BufReader<Box<dyn Read + Send>> = BufReader::new(Box::new(reader));
        reader.lines().map(|line| line.expect("UTF-8"))
    }

    /// Waits until `/metrics` contains `line`.
    pub fn wait_for_metric(&self, line: &str) {
        let begin = Instant::now();
        loop {
            let (_, text) = self.get("/metrics");
            if text.lines().any(|has| has == line) {
                return;
            }
            let waited = begin.elapsed();
            assert!(waited < Duration::from_secs(60), "no {line:?} in {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Returns the resident memory of the process in bytes.
    #[cfg(target_os = "linux")]
    pub fn resident_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
        1024 * kilobytes
            .and_then(|kb| kb.trim().parse::<u64>().ok())
            .expect("a size")
    }

    /// Sends SIGTERM and returns the exit status.
    #[cfg(unix)]
    pub fn terminate(self) -> Option<i32> {
        self.signal_to_stop();
        self.wait()
    }

    /// Sends SIGTERM without waiting for the end.
    #[cfg(unix)]
    pub fn signal_to_stop(&self) {
        crate::common::send_signal(&self.child, "-TERM");
    }

    /// Waits for the end of the process and returns its exit status.
    pub fn wait(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Returns a request for completions whose answer is streamed and has 1900 tokens.
pub fn long_answer() -> Value {
    json!({
        "prompt": "a", "max_tokens": 1900, "ignore_eos": true, "stream": true, "temperature": 0,
    })
}

/// Starts a server of the committed model on the CPU, under the name `tiny`.
pub fn tiny(words: &[&str]) -> Server {
    let model = family_arg(GGUF);
    let own = [&model, "--backend", "cpu", "--model-name", "tiny"];
    Server::start(&[&own[..], words].concat())
}

/// Starts a server of a model without end-of-sequence ids, whose answers never end early.
pub fn endless(words: &[&str]) -> (Server, tempfile::TempDir) {
    let shape = tiny_shape();
    let config = shape_arg(&shape);
    // The reference path: our own kernels would end such an answer before a test can look at it.
    let more = "--backend cpu --path reference --model-name tiny";
    let own = args(&["--random-weights", &config], more);
    (Server::start(&[&own[..], words].concat()), shape)
}
