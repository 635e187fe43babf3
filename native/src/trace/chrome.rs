//! The trace file: a JSON array in the Trace Event Format ("Trace Event Format", Google, 2016), which Perfetto
//! reads, too. The closing bracket may be missing, so the file is usable even if the program was killed.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

/// The row in which a slice is shown; the format identifies it by a process and a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Track {
    /// A CPU thread of this program.
    Thread(u64),
    /// The device.
    Device,
    /// A request.
    Request(u64),
}

impl Track {
    /// Groups of tracks: their number and name.
    const GROUPS: [(u64, &'static str); 3] = [
        (1, "CPU threads (monotonic clock)"),
        (
            2,
            "GPU (device timestamps, placed before the end of the wait)",
        ),
        (3, "Requests (monotonic clock)"),
    ];

    const fn place(self) -> (u64, u64) {
        match self {
            Self::Thread(number) => (1, number),
            Self::Device => (2, 0),
            Self::Request(number) => (3, number),
        }
    }
}

/// A named interval on a track. Times are milliseconds since the trace began.
#[derive(Clone, Debug)]
pub struct Slice<'a> {
    /// Track of the slice.
    pub track: Track,
    /// Name of the track, used when the track is first seen.
    pub track_name: &'a str,
    /// Name of the slice.
    pub name: &'a str,
    /// Begin in milliseconds.
    pub begin_ms: f64,
    /// Duration in milliseconds; 0 for a moment.
    pub ms: f64,
    /// Further values as a JSON object; anything else is left out.
    pub args: Value,
}

/// Writer of a trace file.
#[derive(Debug)]
pub struct ChromeTrace<W: Write> {
    to: W,
    named: HashSet<Track>,
    /// First write error; nothing is written after it.
    failed: Option<io::Error>,
}

impl<W: Write> ChromeTrace<W> {
    /// Begins a trace file.
    ///
    /// # Errors
    /// Fails if the beginning can't be written.
    pub fn new(mut to: W) -> io::Result<Self> {
        to.write_all(b"[")?;
        let mut trace = Self {
            to,
            named: HashSet::new(),
            failed: None,
        };
        for (index, (group, name)) in Track::GROUPS.into_iter().enumerate() {
            let comma = if index == 0 { "\n" } else { ",\n" };
            trace.write(comma, &meta("process_name", (group, 0), name));
        }
        Ok(trace)
    }

    /// Adds a slice.
    pub fn add(&mut self, slice: &Slice<'_>) {
        let (pid, tid) = slice.track.place();
        if self.named.insert(slice.track) {
            self.write(",\n", &meta("thread_name", (pid, tid), slice.track_name));
        }
        let us = |ms: f64| (ms * 1e6).round() / 1e3;
        let mut event = json!({
            "name": slice.name, "ph": "X", "ts": us(slice.begin_ms), "dur": us(slice.ms),
            "pid": pid, "tid": tid,
        });
        if slice.args.is_object() {
            event["args"] = slice.args.clone();
        }
        self.write(",\n", &event);
    }

    /// Writes the end and flushes it. Returns the first write error, if any.
    pub fn finish(&mut self) -> Option<io::Error> {
        if self.failed.is_none() {
            let end = self.to.write_all(b"\n]\n").and_then(|()| self.to.flush());
            self.failed = end.err();
        }
        self.failed.take()
    }

    /// Returns the underlying writer.
    #[cfg(test)]
    pub const fn written(&self) -> &W {
        &self.to
    }

    fn write(&mut self, comma: &str, event: &Value) {
        if self.failed.is_none() {
            self.failed = write!(self.to, "{comma}{event}").err();
        }
    }
}

fn meta(name: &str, (pid, tid): (u64, u64), value: &str) -> Value {
    json!({ "name": name, "ph": "M", "pid": pid, "tid": tid, "args": { "name": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_named_once_and_finished_file_is_json() {
        let mut trace = ChromeTrace::new(Vec::new()).expect("memory");
        for begin_ms in [1.0, 2.5] {
            trace.add(&Slice {
                track: Track::Request(7),
                track_name: "request 7",
                name: "decode \"quoted\"",
                begin_ms,
                ms: 0.25,
                args: json!({ "tokens": 1 }),
            });
        }
        assert!(trace.finish().is_none());
        let events: Vec<Value> = serde_json::from_slice(&trace.to).expect("JSON");
        let named = |name: &str| events.iter().filter(|e| e["name"] == name).count();
        assert_eq!((named("process_name"), named("thread_name")), (3, 1));
        let last = events.last().expect("events");
        let wanted = json!({
            "name": "decode \"quoted\"", "ph": "X", "ts": 2500.0, "dur": 250.0, "pid": 3, "tid": 7,
            "args": { "tokens": 1 },
        });
        assert_eq!(*last, wanted);
    }
}
