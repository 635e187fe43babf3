//! Statistics of a run, computed from its requests' samples.

use std::collections::BTreeMap;

use llamaglass_engine::stats::Distribution;
use serde::{Deserialize, Serialize};

use super::sample::Sample;

/// Maximum number of error groups of a run.
const GROUPS: usize = 20;

/// Statistics of a run. Latencies cover the requests with a complete answer, in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Time from the first request's sending to the last request's end.
    pub execution_ms: Option<f64>,
    /// Complete answers per second of `execution_ms`.
    pub requests_per_s: Option<f64>,
    /// Number of tokens in complete answers.
    pub tokens: usize,
    /// These tokens per second of `execution_ms`.
    pub tokens_per_s: Option<f64>,
    /// The study's figure: the sum of the times after the first text, divided by all tokens of streamed answers.
    pub ms_per_token: Option<f64>,
    /// Latencies from the scheduled sending times: a user would have waited this long.
    pub from_schedule: Latencies,
    /// Latencies from the actual sending times, without the client's own delay.
    pub from_send: Latencies,
    /// Time from each piece with text to the next.
    pub itl_ms: Option<Distribution>,
    /// Delay of sending relative to the schedule.
    pub send_delay_ms: Option<Distribution>,
    /// The server's own measurements, on its clock.
    pub server: ServerFigures,
}

/// Latencies of answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Time to the first text.
    pub ttft_ms: Option<Distribution>,
    /// Time to the end.
    pub e2e_ms: Option<Distribution>,
}

/// Measurements that a llamaglass server sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ServerFigures {
    /// Time from accepting a request to its first step.
    pub queue_ms: Option<Distribution>,
    /// Time from accepting a request to its first token.
    pub ttft_ms: Option<Distribution>,
    /// Time from each token to the next.
    pub itl_ms: Option<Distribution>,
}

/// Requests that failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorGroup {
    /// The reason.
    pub words: String,
    /// Number of requests.
    pub count: usize,
}

impl Figures {
    /// Computes the statistics of all requests of a run.
    pub fn of(samples: &[Sample]) -> Self {
        let complete: Vec<&Sample> = samples.iter().filter(|of| of.is_complete()).collect();
        let over = |figure: fn(&Sample) -> Option<f64>| {
            let values = complete.iter().filter_map(|sample| figure(sample));
            Distribution::of(&values.collect::<Vec<f64>>())
        };
        let execution_ms = execution_ms(samples).filter(|ms| *ms > 0.0);
        let rate = |count: usize| execution_ms.map(|ms| count as f64 / ms * 1e3);
        let tokens = complete.iter().map(|sample| sample.token_count()).sum();
        let itl: Vec<f64> = complete.iter().flat_map(|of| of.itl_ms()).collect();
        let delays = samples.iter().filter_map(|sample| sample.send_delay_ms);
        let server_itl = complete.iter().filter_map(|sample| sample.server.as_ref());
        let server_itl: Vec<f64> = server_itl.flat_map(|of| of.itl_ms.clone()).collect();
        Self {
            execution_ms,
            requests_per_s: rate(complete.len()),
            tokens,
            tokens_per_s: rate(tokens),
            ms_per_token: ms_per_token(&complete),
            from_schedule: Latencies {
                ttft_ms: over(Sample::ttft_ms),
                e2e_ms: over(Sample::e2e_ms),
            },
            from_send: Latencies {
                ttft_ms: over(Sample::ttft_from_send_ms),
                e2e_ms: over(Sample::e2e_from_send_ms),
            },
            itl_ms: Distribution::of(&itl),
            send_delay_ms: Distribution::of(&delays.collect::<Vec<f64>>()),
            server: ServerFigures {
                queue_ms: over(|sample| sample.server.as_ref()?.queue_ms),
                ttft_ms: over(|sample| sample.server.as_ref()?.ttft_ms),
                itl_ms: Distribution::of(&server_itl),
            },
        }
    }
}

/// A figure with its names.
#[derive(Clone, Copy, Debug)]
pub struct NamedFigure {
    /// Name in CSV files.
    pub key: &'static str,
    /// Name in tables and reports.
    pub label: &'static str,
    /// Distribution in milliseconds.
    pub ms: Option<Distribution>,
}

impl Figures {
    /// Returns all figures that are distributions of milliseconds, in display order.
    pub fn named(&self) -> [NamedFigure; 9] {
        let server = &self.server;
        [
            ("ttft_ms", "first text", self.from_schedule.ttft_ms),
            ("e2e_ms", "end to end", self.from_schedule.e2e_ms),
            (
                "ttft_from_send_ms",
                "first text, from send",
                self.from_send.ttft_ms,
            ),
            (
                "e2e_from_send_ms",
                "end to end, from send",
                self.from_send.e2e_ms,
            ),
            ("itl_ms", "text to text", self.itl_ms),
            ("send_delay_ms", "send delay", self.send_delay_ms),
            ("server_queue_ms", "server: queue", server.queue_ms),
            ("server_ttft_ms", "server: first token", server.ttft_ms),
            ("server_itl_ms", "server: token to token", server.itl_ms),
        ]
        .map(|(key, label, ms)| NamedFigure { key, label, ms })
    }
}

/// Groups failed requests by reason, the most frequent reason first.
pub fn error_groups(samples: &[Sample]) -> Vec<ErrorGroup> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for words in samples.iter().filter_map(|sample| sample.error.as_deref()) {
        *counts.entry(words).or_default() += 1;
    }
    let groups = counts.into_iter().map(|(words, count)| ErrorGroup {
        words: words.to_owned(),
        count,
    });
    let mut groups: Vec<ErrorGroup> = groups.collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    if groups.len() > GROUPS {
        let others = groups.split_off(GROUPS - 1);
        groups.push(ErrorGroup {
            words: format!("{} other reasons", others.len()),
            count: others.iter().map(|group| group.count).sum(),
        });
    }
    groups
}

fn execution_ms(samples: &[Sample]) -> Option<f64> {
    let first = samples.iter().filter_map(|sample| sample.sent_ms);
    let last = samples.iter().filter_map(|sample| sample.end_ms);
    Some(last.reduce(f64::max)? - first.reduce(f64::min)?)
}

fn ms_per_token(complete: &[&Sample]) -> Option<f64> {
    let streamed = complete.iter().filter_map(|sample| {
        let after_first = sample.end_ms? - sample.first_text_ms?;
        Some((after_first, sample.token_count()))
    });
    let (ms, tokens) = streamed.fold((0.0, 0), |(ms, tokens), (more_ms, more)| {
        (ms + more_ms, tokens + more)
    });
    (tokens > 0).then(|| ms / tokens as f64)
}

#[cfg(test)]
mod tests {
    use super::super::sample::ServerSide;
    use super::*;

    /// Returns a sample that was sent `late_ms` after its scheduled time, with text 10, 20 and 40 ms after sending.
    fn sample(scheduled_ms: f64, late_ms: f64) -> Sample {
        let at = scheduled_ms + late_ms;
        let mut sample = Sample::new(0, 0, scheduled_ms);
        sample.sent(at);
        Sample {
            first_text_ms: Some(at + 10.0),
            end_ms: Some(at + 50.0),
            pieces: 3,
            pieces_ms: vec![at + 10.0, at + 20.0, at + 40.0],
            tokens: Some(4),
            server: Some(ServerSide {
                queue_ms: Some(2.0),
                ttft_ms: Some(8.0),
                itl_ms: vec![9.0, 19.0],
                ..ServerSide::default()
            }),
            ..sample
        }
    }

    #[test]
    fn send_delay_counts_only_from_schedule() {
        let figures = Figures::of(&[sample(0.0, 0.0), sample(100.0, 30.0)]);
        let e2e = |of: Latencies| of.e2e_ms.expect("answers");
        assert_eq!(e2e(figures.from_send).max, 50.0);
        assert_eq!(e2e(figures.from_schedule).max, 80.0);
        let ttft = |of: Latencies| of.ttft_ms.expect("answers").mean;
        assert_eq!(
            (ttft(figures.from_send), ttft(figures.from_schedule)),
            (10.0, 25.0)
        );
        assert_eq!(figures.send_delay_ms.expect("sent").max, 30.0);
        assert_eq!(figures.itl_ms.expect("pieces").mean, 15.0);
        assert_eq!(figures.execution_ms, Some(180.0));
        assert_eq!((figures.tokens, figures.ms_per_token), (8, Some(10.0)));
        assert_eq!(figures.tokens_per_s, Some(8.0 / 0.18));
        assert_eq!(figures.server.itl_ms.expect("timings").max, 19.0);
        assert_eq!(figures.server.queue_ms.expect("timings").count, 2);
    }

    #[test]
    fn failed_requests_have_no_latency_and_are_grouped_by_reason() {
        let failed = |words: &str| Sample {
            error: Some(words.into()),
            ..sample(0.0, 0.0)
        };
        let samples = [failed("b"), failed("a"), sample(0.0, 0.0), failed("a")];
        let figures = Figures::of(&samples);
        assert_eq!(figures.from_send.e2e_ms.expect("one").count, 1);
        assert_eq!(figures.tokens, 4);
        let group = |words: &str, count| ErrorGroup {
            words: words.into(),
            count,
        };
        assert_eq!(error_groups(&samples), [group("a", 2), group("b", 1)]);
        let many: Vec<Sample> = (0..30).map(|index| failed(&index.to_string())).collect();
        let groups = error_groups(&many);
        assert_eq!(groups.len(), GROUPS);
        assert_eq!(groups.last(), Some(&group("11 other reasons", 11)));
    }

    #[test]
    fn figures_are_empty_without_samples() {
        assert_eq!(Figures::of(&[]), Figures::default());
    }
}
