//! Writer of the Trace Event Format ("Trace Event Format", Google, 2016), which Perfetto and Chrome can open.

use std::collections::HashSet;
use std::io::{self, Write};

use serde_json::{Value, json};

/// Row in which slices are shown, as the format identifies it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Track {
    /// Number of the group of tracks, which the format calls a process.
    pub group: u64,
    /// Number of the track in its group, which the format calls a thread.
    pub row: u64,
}

/// A named interval on a track, in milliseconds since the trace began.
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
    /// Further values as a JSON object; anything else is omitted.
    pub args: Value,
}

/// Writer of a trace: a JSON array whose closing bracket may be missing, so the trace is usable even if the program
/// is killed.
#[derive(Debug)]
pub struct TraceWriter<W: Write> {
    to: W,
    is_empty: bool,
    named: HashSet<Track>,
    /// First write error; nothing is written after it.
    failed: Option<io::Error>,
}

impl<W: Write> TraceWriter<W> {
    /// Begins a trace with the names of its groups.
    /// Fails if the beginning can't be written.
    pub fn new(mut to: W, groups: &[(u64, &str)]) -> io::Result<Self> {
        to.write_all(b"[")?;
        let mut trace = Self {
            to,
            is_empty: true,
            named: HashSet::new(),
            failed: None,
        };
        for (group, name) in groups {
            let track = Track {
                group: *group,
                row: 0,
            };
            trace.write(&meta("process_name", track, name));
        }
        Ok(trace)
    }

    /// Adds a slice.
    pub fn add(&mut self, slice: &Slice<'_>) {
        if self.named.insert(slice.track) {
            self.write(&meta("thread_name", slice.track, slice.track_name));
        }
        // Microseconds with three decimals.
        let us = |ms: f64| (ms * 1e6).round() / 1e3;
        let mut event = json!({
            "name": slice.name, "ph": "X", "ts": us(slice.begin_ms), "dur": us(slice.ms),
            "pid": slice.track.group, "tid": slice.track.row,
        });
        if slice.args.is_object() {
            event["args"] = slice.args.clone();
        }
        self.write(&event);
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
    pub const fn get_ref(&self) -> &W {
        &self.to
    }

    fn write(&mut self, event: &Value) {
        if self.failed.is_none() {
            let separator = if self.is_empty { "\n" } else { ",\n" };
            self.failed = write!(self.to, "{separator}{event}").err();
            self.is_empty = false;
        }
    }
}

fn meta(name: &str, track: Track, value: &str) -> Value {
    json!({ "name": name, "ph": "M", "pid": track.group, "tid": track.row, "args": { "name": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_are_named_once_and_finished_trace_is_json() {
        let groups = [(1, "threads"), (3, "requests")];
        let mut trace = TraceWriter::new(Vec::new(), &groups).expect("memory");
        for begin_ms in [1.0, 2.5] {
            trace.add(&Slice {
                track: Track { group: 3, row: 7 },
                track_name: "request 7",
                name: "decode \"quoted\"",
                begin_ms,
                ms: 0.25,
                args: json!({ "tokens": 1 }),
            });
        }
        assert!(trace.finish().is_none());
        let events: Vec<Value> = serde_json::from_slice(trace.get_ref()).expect("JSON");
        let named = |name: &str| events.iter().filter(|e| e["name"] == name).count();
        assert_eq!((named("process_name"), named("thread_name")), (2, 1));
        let last = events.last().expect("events");
        let expected = json!({
            "name": "decode \"quoted\"", "ph": "X", "ts": 2500.0, "dur": 250.0, "pid": 3, "tid": 7,
            "args": { "tokens": 1 },
        });
        assert_eq!(*last, expected);
    }
}
