//! What the worker is asked to measure, and what it says of it.

use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::{Experiment, LabError, LabResult};
use llamaglass_engine::scheduler::Request;
use llamaglass_engine::stats::Record;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LabSettings;

/// Of so many requests a trace is kept.
const MOST_RECORDS: usize = 200;
/// And of so many of their steps.
const MOST_STEPS: usize = 20_000;

/// An experiment that the worker runs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Which.
    pub experiment: Experiment,
    /// How.
    pub settings: LabSettings,
    /// Over which prompts.
    pub source: Source,
}

/// Where prompts come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Those that come with the program.
    #[default]
    BuiltIn,
    /// A file that the user chose.
    File {
        /// Its name.
        name: String,
        /// What is in it.
        text: String,
    },
}

impl Source {
    /// Its first rows, as many as `take`; all of them for 0.
    ///
    /// # Errors
    /// [`LabError::Setting`] where it can't be read.
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

/// A piece of an experiment that the page drives: measured where the engine is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Job {
    /// Ids of a prompt in the model's template.
    Encode {
        /// The prompt.
        prompt: String,
    },
    /// The model's calls in a loop.
    Bare {
        /// Ids of the prompt.
        ids: Vec<u32>,
        /// Ids to pick.
        tokens: usize,
        /// Whether the page hears each as it comes.
        told: bool,
    },
    /// The same from text to text; the page hears each id as it comes.
    Text {
        /// The prompt.
        prompt: String,
        /// Ids to pick.
        tokens: usize,
    },
    /// A request through the scheduler, of which the page hears at its end.
    Alone {
        /// What is asked.
        request: Request,
    },
}

/// What came of a [`Job`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Ids of the prompt, or of the answer.
    pub ids: Vec<u32>,
    /// The answer, where it was asked for.
    pub text: String,
    /// To the first id, in milliseconds of the worker's clock.
    pub first_ms: f64,
    /// All of it.
    pub ms: f64,
    /// What the request's events said.
    pub record: Option<Record>,
}

/// How an experiment ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LabEnd {
    /// With a result.
    Done {
        /// What was found.
        result: Box<LabResult>,
        /// What came of its requests.
        records: Vec<Record>,
    },
    /// Somebody stopped it.
    Stopped,
    /// Without a result.
    Failed {
        /// Why, in words.
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

/// A result as JSON. By way of text, so that results are written in one way only: another one would be tens of
/// kilobytes of WebAssembly.
pub fn value(result: &LabResult) -> Value {
    let text = serde_json::to_string(result).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// What came of requests, for a trace: the first of them, as many as are bearable.
#[derive(Debug, Default)]
pub struct Records {
    kept: Vec<Record>,
    steps: usize,
}

impl Records {
    /// Takes one more.
    pub fn push(&mut self, record: &Record) {
        let steps = self.steps + record.steps.len();
        if self.kept.len() < MOST_RECORDS && steps <= MOST_STEPS {
            self.steps = steps;
            self.kept.push(record.clone());
        }
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Record> {
        self.kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_records_are_kept_than_are_bearable() {
        let mut records = Records::default();
        for _ in 0..2 * MOST_RECORDS {
            records.push(&Record::default());
        }
        assert_eq!(records.into_vec().len(), MOST_RECORDS);
    }

    #[test]
    fn a_file_that_is_no_dataset_is_refused_by_its_name() {
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
