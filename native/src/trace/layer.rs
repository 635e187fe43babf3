//! Converts `tracing` events and spans to slices of a trace.

use std::cell::Cell;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use llamaglass_engine::platform::Stopwatch;
use llamaglass_engine::trace::{DEVICE, LAP, PART, REQUEST};
use llamaglass_lab::{Slice, TraceWriter, Track};
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::Id;
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::output::note;

/// Groups of tracks: their number and name.
const GROUPS: [(u64, &str); 3] = [
    (THREADS, "CPU threads (monotonic clock)"),
    (
        GPU,
        "GPU (device timestamps, placed before the end of the wait)",
    ),
    (REQUESTS, "Requests (monotonic clock)"),
];
const THREADS: u64 = 1;
const GPU: u64 = 2;
const REQUESTS: u64 = 3;

/// Writes laps, parts of the model and spans to their thread's track, the device's work to its own, and each request
/// to its own. Never formats a message: events with messages are for logs.
pub struct TraceLayer<W: Write> {
    trace: Arc<Mutex<TraceWriter<W>>>,
    watch: Stopwatch,
}

impl<W: Write> Clone for TraceLayer<W> {
    fn clone(&self) -> Self {
        Self {
            trace: Arc::clone(&self.trace),
            watch: self.watch,
        }
    }
}

/// Time at which a span was entered, in milliseconds since the trace began.
struct Entered(f64);

impl<W: Write> TraceLayer<W> {
    /// Begins a trace in `to`; its time begins now.
    pub fn new(to: W) -> std::io::Result<Self> {
        Ok(Self {
            trace: Arc::new(Mutex::new(TraceWriter::new(to, &GROUPS)?)),
            watch: Stopwatch::start(),
        })
    }

    /// Ends the file and reports a write error on stderr.
    pub fn finish(&self) {
        if let Some(error) = self.lock().finish() {
            note(&format!("warning  the trace is incomplete: {error}"));
        }
    }

    fn lock(&self) -> MutexGuard<'_, TraceWriter<W>> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a slice to this thread's track.
    fn add_here(&self, name: &str, begin_ms: f64, ms: f64, args: Value) {
        let thread = std::thread::current();
        self.lock().add(&Slice {
            track: Track {
                group: THREADS,
                row: thread_number(),
            },
            track_name: thread.name().unwrap_or("unnamed"),
            name,
            begin_ms,
            ms,
            args,
        });
    }
}

impl<S, W> Layer<S> for TraceLayer<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Write + Send + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target();
        if ![LAP, PART, DEVICE, REQUEST].contains(&target) {
            return;
        }
        let now_ms = self.watch.ms();
        let mut fields = EventFields::default();
        event.record(&mut fields);
        let begin_ms = now_ms - fields.after_ms - fields.ms;
        match target {
            LAP => self.add_here(&fields.span, begin_ms, fields.ms, Value::Null),
            PART => {
                let args = json!({ "sum_over": "layers" });
                self.add_here(&fields.span, begin_ms, fields.ms, args);
            }
            DEVICE => self.lock().add(&Slice {
                track: Track { group: GPU, row: 0 },
                track_name: "steps",
                name: &fields.span,
                begin_ms,
                ms: fields.ms,
                args: Value::Null,
            }),
            _ => self.lock().add(&Slice {
                track: Track {
                    group: REQUESTS,
                    row: fields.request,
                },
                track_name: &format!("request {}", fields.request),
                name: &fields.span,
                begin_ms,
                ms: fields.ms,
                args: fields
                    .tokens
                    .map_or(Value::Null, |tokens| json!({ "tokens": tokens })),
            }),
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            span.extensions_mut().replace(Entered(self.watch.ms()));
        }
    }

    fn on_exit(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let entered = span.extensions_mut().remove::<Entered>();
        if let Some(Entered(begin_ms)) = entered {
            let ms = self.watch.ms() - begin_ms;
            self.add_here(span.name(), begin_ms, ms, Value::Null);
        }
    }
}

/// Returns this thread's number, counted from 1.
fn thread_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        number.get()
    })
}

/// Fields of a trace event.
#[derive(Default)]
struct EventFields {
    span: String,
    ms: f64,
    after_ms: f64,
    request: u64,
    tokens: Option<u64>,
}

impl Visit for EventFields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "span" {
            self.span = value.to_owned();
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        match field.name() {
            "ms" => self.ms = value,
            "after_ms" => self.after_ms = value,
            _ => {}
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "request" => self.request = value,
            "tokens" => self.tokens = Some(value),
            _ => {}
        }
    }

    /// Ignores all other fields, so that they are never formatted.
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::sync::atomic::AtomicUsize;

    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// Counts how often it is formatted.
    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl fmt::Display for Counted {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fetch_add(1, Ordering::Relaxed);
            f.write_str("formatted")
        }
    }

    #[test]
    fn events_and_spans_are_written_to_their_tracks() {
        let layer = TraceLayer::new(Vec::new()).expect("memory");
        let subscriber = tracing_subscriber::registry().with(layer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::trace!(target: LAP, span = "plan", ms = 0.5);
            tracing::trace!(target: PART, span = "head", ms = 0.25, after_ms = 0.0);
            tracing::trace!(target: DEVICE, span = "forward", ms = 2.0, after_ms = 1.0);
            tracing::trace!(target: REQUEST, request = 3u64, span = "decode", ms = 4.0, tokens = 1u64);
            tracing::trace_span!("parse").in_scope(|| {});
        });
        let mut trace = layer.lock();
        assert!(trace.finish().is_none());
        let events: Vec<Value> = serde_json::from_slice(trace.get_ref()).expect("JSON");
        let find = |name: &str| {
            let found = events.iter().find(|event| event["name"] == name);
            found.unwrap_or_else(|| panic!("no {name} in {events:?}"))
        };
        assert_eq!(
            (find("plan")["pid"].as_u64(), find("plan")["dur"].as_f64()),
            (Some(1), Some(500.0))
        );
        let head = find("head");
        assert_eq!(
            (&head["pid"], &head["tid"]),
            (&json!(1), &find("plan")["tid"])
        );
        assert_eq!(head["args"]["sum_over"], "layers");
        assert_eq!(find("parse")["tid"], find("plan")["tid"]);
        assert_eq!(find("forward")["pid"], 2);
        let decode = find("decode");
        assert_eq!((&decode["pid"], &decode["tid"]), (&json!(3), &json!(3)));
        assert_eq!(decode["args"]["tokens"], 1);
        // The device ended 1 ms before the wait for it did.
        let ends =
            |event: &Value| event["ts"].as_f64().expect("ts") + event["dur"].as_f64().expect("dur");
        assert!(ends(find("forward")) + 900.0 < ends(decode), "{events:?}");
    }

    #[test]
    fn messages_are_formatted_only_when_logged() {
        let counted = Counted::default();
        let layer = TraceLayer::new(Vec::new()).expect("memory");
        let log = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
        let log = log.with_filter(LevelFilter::INFO);
        let subscriber = tracing_subscriber::registry().with(layer).with(log);
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("{counted}");
            tracing::trace!(argument = %counted, "{counted}");
            assert_eq!(counted.0.load(Ordering::Relaxed), 0);
            tracing::info!("{counted}");
            assert_eq!(counted.0.load(Ordering::Relaxed), 1);
        });
    }
}
