//! Measurements that the page requests from the worker, and their results.

use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::{Experiment, LabError, LabResult};
use llamaglass_types::Request;
use llamaglass_types::stats::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LabSettings;

/// Maximum number of requests kept for a trace.
const MOST_RECORDS: usize = 200;
/// Maximum number of steps kept for a trace.
const MOST_STEPS: usize = 20_000;

/// An experiment that the worker runs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Experiment to run.
    pub experiment: Experiment,
    /// Settings of the run.
    pub settings: LabSettings,
    /// Source of the prompts.
    pub source: Source,
}

/// Source of prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The prompts that come with the program.
    #[default]
    BuiltIn,
    /// A file that the user chose.
    File {
        /// Name of the file.
        name: String,
        /// Content of the file.
        text: String,
    },
}

impl Source {
    /// Returns the first `take` rows; all rows for 0.
    /// Fails with [`LabError::Setting`] if the file cannot be read as a dataset.
    pub fn dataset(&self, take: usize) -> Result<Dataset, LabError> {
        let mut dataset = match self {
            Self::BuiltIn => Dataset::built_in(),
            Self::File { name, text } => Dataset::parse(name, text, None)
                .map_err(|error| LabError::Setting(format!("{name}: {error}")))?,
        };
        if take > 0 {
            dataset.take(take);
        }
        Ok(dataset)
    }
}

/// One part of an experiment that the page drives, measured by the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Tokenize a prompt in the model's template.
    Encode {
        /// Prompt text.
        prompt: String,
    },
    /// Call the model in a loop, without the scheduler.
    Bare {
        /// Token ids of the prompt.
        ids: Vec<u32>,
        /// Number of tokens to sample.
        tokens: usize,
        /// True to send the page each token as it is sampled.
        reports_tokens: bool,
    },
    /// The same from text to text; each token is sent to the page as it is sampled.
    Text {
        /// Prompt text.
        prompt: String,
        /// Number of tokens to sample.
        tokens: usize,
    },
    /// Run a request through the scheduler; the page gets the result only at its end.
    Alone {
        /// Request to run.
        request: Request,
    },
}

/// Result of a [`Job`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Token ids of the prompt for [`Job::Encode`], otherwise of the answer.
    pub ids: Vec<u32>,
    /// Text of the answer, if the job produces text.
    pub text: String,
    /// Time to the first token, in milliseconds on the worker's clock.
    pub first_ms: f64,
    /// Total time, in milliseconds.
    pub ms: f64,
    /// Record of the request's events, for [`Job::Alone`].
    pub record: Option<Record>,
}

/// End of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabEnd {
    /// The experiment has a result.
    Done {
        /// Result of the experiment.
        result: Box<LabResult>,
        /// Records of its requests, for a trace.
        records: Vec<Record>,
    },
    /// The user stopped it.
    Stopped,
    /// The experiment failed.
    Failed {
        /// Error message.
        error: String,
    },
}

impl From<LabError> for LabEnd {
    fn from(error: LabError) -> Self {
        match error {
            LabError::Stopped => Self::Stopped,
            error => Self::Failed {
                error: error.to_string(),
            },
        }
    }
}

/// Converts a result to a JSON value. It goes through text, so that only one serializer of results is compiled; a
/// second one would add tens of kilobytes of WebAssembly.
pub fn value(result: &LabResult) -> Value {
    let text = serde_json::to_string(result).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// Records of requests for a trace: the first ones, up to a limit.
#[derive(Debug, Default)]
pub struct Records {
    kept: Vec<Record>,
    steps: usize,
}

impl Records {
    /// Adds a record, unless that would exceed a limit.
    pub fn push(&mut self, record: &Record) {
        let steps = self.steps + record.steps.len();
        if self.kept.len() < MOST_RECORDS && steps <= MOST_STEPS {
            self.steps = steps;
            self.kept.push(record.clone());
        }
    }

    /// Returns the kept records.
    pub fn into_vec(self) -> Vec<Record> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_above_limit_are_dropped() {
        let mut records = Records::default();
        for _ in 0..2 * MOST_RECORDS {
            records.push(&Record::default());
        }
        assert_eq!(records.into_vec().len(), MOST_RECORDS);
    }

    #[test]
    fn invalid_dataset_file_is_rejected_by_name() {
        let source = Source::File {
            name: "d.json".into(),
            text: "{".into(),
        };
        let error = source.dataset(3).expect_err("no list");
        assert!(error.to_string().starts_with("d.json: no list"), "{error}");
        let all = Source::BuiltIn.dataset(0).expect("built in").rows.len();
        assert!(all > 3);
        assert_eq!(Source::BuiltIn.dataset(3).expect("built in").rows.len(), 3);
    }
}
