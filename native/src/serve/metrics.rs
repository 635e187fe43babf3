//! `GET /metrics`: counters, histograms and gauges for Prometheus.

use std::sync::atomic::Ordering;

use llamaglass_driver::Gauges;
use llamaglass_engine::event::Event;
use llamaglass_engine::stats::Record;
use llamaglass_engine::timing::{Span, Stage, StepTiming};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Label: how a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabel {
    reason: &'static str,
}

/// Label: a stage of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

/// The server's metrics.
pub struct Metrics {
    registry: Registry,
    requests: Family<EndLabel, Counter>,
    prompt_tokens: Counter,
    reused_tokens: Counter,
    completion_tokens: Counter,
    preemptions: Counter,
    ttft: Histogram,
    itl: Histogram,
    queue: Histogram,
    stages: Family<StageLabel, Histogram>,
    waiting: Gauge,
    running: Gauge,
    blocks_used: Gauge,
    blocks: Gauge,
}

/// Returns a histogram of seconds, from 0.1 ms to 100 s.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(1e-4, 10f64.sqrt(), 13))
}

impl Metrics {
    /// Creates the metrics, all at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("llamaglass");
        let requests = Family::default();
        registry.register(
            "requests",
            "Requests that ended, by reason",
            requests.clone(),
        );
        let mut counter = |name, help| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let prompt_tokens = counter("prompt_tokens", "Ids of prompts");
        let reused_tokens = counter("reused_tokens", "Ids of prompts that were in the KV cache");
        let completion_tokens = counter("completion_tokens", "Ids picked");
        let preemptions = counter(
            "preemptions",
            "How often a request lost its blocks to others",
        );
        let mut histogram = |name, help| {
            let histogram = seconds();
            registry.register(name, help, histogram.clone());
            histogram
        };
        let ttft = histogram("ttft_seconds", "From submission to the first token");
        let itl = histogram("itl_seconds", "From a token to the next");
        let queue = histogram("queue_seconds", "From submission to the first step");
        let stages = Family::new_with_constructor(seconds as fn() -> Histogram);
        registry.register("stage_seconds", "Steps by stage", stages.clone());
        let mut gauge = |name, help| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        Self {
            waiting: gauge("requests_waiting", "Requests in the queue"),
            running: gauge("requests_running", "Requests that are answered"),
            blocks_used: gauge(
                "kv_blocks_used",
                "Blocks of the KV cache that requests hold",
            ),
            blocks: gauge("kv_blocks", "Blocks of the KV cache"),
            requests,
            prompt_tokens,
            reused_tokens,
            completion_tokens,
            preemptions,
            ttft,
            itl,
            queue,
            stages,
            registry,
        }
    }

    /// Counts an event of a request; `record` includes the event already.
    pub fn record(&self, event: &Event, record: &Record) {
        match event {
            Event::Started { timing, .. } => {
                self.prompt_tokens.inc_by(record.prompt_tokens as u64);
                self.reused_tokens.inc_by(record.reused_tokens as u64);
                self.queue.observe(timing.spans.get(Span::Queue) / 1e3);
            }
            Event::Preempted { .. } => {
                self.preemptions.inc();
            }
            Event::Prefill { timing, .. } => self.step(timing),
            Event::Token { timing, .. } => {
                self.completion_tokens.inc();
                self.step(timing);
            }
            Event::Done { finish_reason, .. } => self.end(finish_reason.name(), record),
            Event::Failed { .. } => self.end("error", record),
            Event::Queued { .. } => {}
        }
    }

    /// Counts a request whose client has disconnected.
    pub fn disconnect(&self, record: &Record) {
        self.end("disconnect", record);
    }

    fn step(&self, timing: &StepTiming) {
        for stage in Stage::STEP {
            let of = StageLabel {
                stage: stage.name(),
            };
            self.stages
                .get_or_create(&of)
                .observe(timing.stage(stage) / 1e3);
        }
    }

    fn end(&self, reason: &'static str, record: &Record) {
        self.requests.get_or_create(&EndLabel { reason }).inc();
        if let Some(ttft) = record.ttft_ms() {
            self.ttft.observe(ttft / 1e3);
        }
        for itl in record.tpot_ms() {
            self.itl.observe(itl / 1e3);
        }
    }

    /// Returns the metrics in the OpenMetrics text format.
    pub fn text(&self, gauges: &Gauges) -> String {
        for (gauge, now) in [
            (&self.waiting, &gauges.waiting),
            (&self.running, &gauges.running),
            (&self.blocks_used, &gauges.blocks_used),
            (&self.blocks, &gauges.blocks),
        ] {
            gauge.set(now.load(Ordering::Relaxed) as i64);
        }
        let mut text = String::new();
        // Writing to a string never fails.
        let _infallible = encode(&mut text, &self.registry);
        text
    }
}
