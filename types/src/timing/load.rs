//! Breakdown of the time to load a model.

use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

use super::Clock;

/// Activity during the loading of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::VariantNames)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "kebab-case")]
pub enum LoadSpan {
    /// Downloading the files, if the loader does that.
    Download,
    /// Parsing headers, tokenizer and template.
    Parse,
    /// Finding and opening the adapter.
    Open,
    /// Measuring which kernel variant is fastest on the device.
    Compare,
    /// Reading tensors from the file.
    Read,
    /// Rearranging the tensors' bits into the layout that the device reads.
    Repack,
    /// Writing the tensors to the device, including the wait for it.
    Write,
    /// Compiling kernels on separate threads; in a browser, handing them to its compiler.
    Compile,
    /// Running the first steps, which wait for kernels that are still being compiled.
    WarmUp,
}

impl LoadSpan {
    /// Name of the span for display.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }
}

/// Interval in which one activity took place, in milliseconds since the load began.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadPart {
    /// Kind of activity.
    pub span: LoadSpan,
    /// Start of the activity.
    pub start_ms: f64,
    /// End of the activity.
    pub end_ms: f64,
    /// Time spent on the activity within the interval; exceeds its length if several threads worked on it.
    pub busy_ms: f64,
}

/// Breakdown of the time to load a model. Parts may alternate or overlap.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadTiming {
    /// One part per span, ordered by start.
    #[serde(default)]
    pub parts: Vec<LoadPart>,
    /// Clock that all of these were read from.
    #[serde(default)]
    pub clock: Option<Clock>,
}

impl LoadTiming {
    /// Books `span` from `start_ms` to `end_ms`.
    pub fn add(&mut self, span: LoadSpan, start_ms: f64, end_ms: f64) {
        self.merge(LoadPart {
            span,
            start_ms,
            end_ms,
            busy_ms: end_ms - start_ms,
        });
    }

    /// Appends `later`, whose times count from its own start.
    #[must_use]
    pub fn then(mut self, later: &Self) -> Self {
        let shift = self.total_ms();
        for part in &later.parts {
            self.merge(LoadPart {
                start_ms: part.start_ms + shift,
                end_ms: part.end_ms + shift,
                ..*part
            });
        }
        self.clock = self.clock.or(later.clock);
        self
    }

    /// Time from the start of the load to the end of its last part.
    pub fn total_ms(&self) -> f64 {
        self.parts
            .iter()
            .map(|part| part.end_ms)
            .fold(0.0, f64::max)
    }

    fn merge(&mut self, new: LoadPart) {
        match self.parts.iter_mut().find(|part| part.span == new.span) {
            Some(part) => {
                part.start_ms = part.start_ms.min(new.start_ms);
                part.end_ms = part.end_ms.max(new.end_ms);
                part.busy_ms += new.busy_ms;
            }
            None => self.parts.push(new),
        }
        self.parts.sort_by(|a, b| a.start_ms.total_cmp(&b.start_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_parts_of_same_span_are_merged() {
        let mut load = LoadTiming::default();
        load.add(LoadSpan::Read, 0.0, 2.0);
        load.add(LoadSpan::Write, 2.0, 3.0);
        load.add(LoadSpan::Read, 3.0, 5.0);
        let mut before = LoadTiming::default();
        before.add(LoadSpan::Parse, 0.0, 10.0);
        let all = before.then(&load);
        let read = LoadPart {
            span: LoadSpan::Read,
            start_ms: 10.0,
            end_ms: 15.0,
            busy_ms: 4.0,
        };
        assert_eq!(all.parts[1], read);
        assert_eq!(all.parts[2].span, LoadSpan::Write);
        assert_eq!(all.total_ms(), 15.0);
    }
}
