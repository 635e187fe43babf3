//! The result of a parity run, case by case.

use llamaglass_types::unknown_name;
use serde::{Deserialize, Serialize};
use strum::VariantNames as _;

/// Kind of case. Each kind except `Generate` has a file of its own.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", parse_err_ty = String, parse_err_fn = unknown_kind)]
pub enum Kind {
    /// tokenizer.json: text to ids, ids to pieces and back to text.
    Tokenizer,
    /// chat.json: rendered templates, their ids, and conversations that the template must reject.
    Chat,
    /// quant_blocks.json: dequantisation of raw blocks to f32, bit for bit.
    QuantBlocks,
    /// logits.json: logits at the last position.
    Logits,
    /// greedy.json: teacher-forced greedy sampling.
    Greedy,
    /// greedy.json again, as requests: KV cache and sampling instead of one long prefill.
    Generate,
    /// perplexity.json: mean negative log-likelihood of passages.
    Perplexity,
}

impl Kind {
    /// All kinds, cheapest first, which is the order in which they run.
    pub const ALL: [Self; 7] = [
        Self::Tokenizer,
        Self::Chat,
        Self::QuantBlocks,
        Self::Logits,
        Self::Greedy,
        Self::Generate,
        Self::Perplexity,
    ];

    /// Name of the kind in flags and reports.
    pub const fn name(self) -> &'static str {
        Self::VARIANTS[self as usize]
    }

    /// File that contains the cases.
    pub const fn file(self) -> &'static str {
        match self {
            Self::Tokenizer => "tokenizer.json",
            Self::Chat => "chat.json",
            Self::QuantBlocks => "quant_blocks.json",
            Self::Logits => "logits.json",
            Self::Greedy | Self::Generate => "greedy.json",
            Self::Perplexity => "perplexity.json",
        }
    }
}

fn unknown_kind(name: &str) -> String {
    unknown_name::<Kind>("kind", name)
}

/// One measured value of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Name of the value.
    pub name: String,
    /// The value; not finite if the engine's numbers were not.
    pub value: f64,
    /// Limit of the value, if exceeding it fails the case.
    pub limit: Option<f64>,
}

/// Result of one case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// Kind of the case.
    pub kind: Kind,
    /// Name of the case in the file, or its text.
    pub name: String,
    /// True if the engine agrees with the reference.
    pub pass: bool,
    /// Measured values.
    pub figures: Vec<Figure>,
    /// Descriptions of all differences; empty if there are none.
    pub failures: Vec<String>,
}

impl CaseResult {
    /// Creates a case that passes so far.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            pass: true,
            figures: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Records a value without a limit.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            limit: None,
        });
    }

    /// Records a value that must not exceed `limit`; `where_` describes where it occurred. NaN exceeds every
    /// limit.
    pub fn bounded(&mut self, name: &str, value: f64, limit: f64, where_: impl FnOnce() -> String) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            limit: Some(limit),
        });
        // Not `value > limit`, since that would accept NaN.
        let within = value <= limit;
        if !within {
            self.fail(format!(
                "{name} is {value:.3e}, over {limit:.0e}, {}",
                where_()
            ));
        }
    }

    /// Records a difference and fails the case.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.pass = false;
        self.failures.push(what.into());
    }

    /// Fails the case unless `ours` equals `theirs`; the failure names the first difference.
    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: &[T], theirs: &[T]) {
        if let Some(difference) = first_difference(ours, theirs) {
            self.fail(format!("{what} {difference}"));
        }
    }
}

/// Describes the first difference of two sequences; `None` if they are equal.
fn first_difference<T: PartialEq + std::fmt::Debug>(ours: &[T], theirs: &[T]) -> Option<String> {
    let at = ours.iter().zip(theirs).position(|(a, b)| a != b);
    let at = at.or_else(|| (ours.len() != theirs.len()).then(|| ours.len().min(theirs.len())))?;
    let show = |items: &[T]| {
        items
            .get(at)
            .map_or_else(|| "the end".to_owned(), |item| format!("{item:?}"))
    };
    Some(format!(
        "differ at {at}: {} instead of {} ({} against {} items)",
        show(ours),
        show(theirs),
        ours.len(),
        theirs.len()
    ))
}

/// Result of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// All cases, in the order in which they ran.
    pub cases: Vec<CaseResult>,
    /// Files of the format that the folder lacks; nothing was compared with them.
    pub absent: Vec<String>,
    /// Other remarks for the reader, such as that the model file is not the reference's.
    pub notes: Vec<String>,
}

impl Report {
    /// Returns how many cases of `kind` (or of all kinds) passed and failed.
    pub fn count(&self, kind: Option<Kind>) -> (usize, usize) {
        let wanted = |case: &&CaseResult| kind.is_none_or(|kind| case.kind == kind);
        let all = self.cases.iter().filter(wanted).count();
        let passed = self.cases.iter().filter(wanted).filter(|case| case.pass);
        let passed = passed.count();
        (passed, all - passed)
    }

    /// Returns true if there is at least one case and all passed.
    pub fn passes(&self) -> bool {
        !self.cases.is_empty() && self.cases.iter().all(|case| case.pass)
    }

    /// Returns the largest value called `name` among cases of `kind`.
    pub fn worst(&self, kind: Kind, name: &str) -> Option<f64> {
        self.cases
            .iter()
            .filter(|case| case.kind == kind)
            .flat_map(|case| &case.figures)
            .filter(|figure| figure.name == name)
            .map(|figure| figure.value)
            .max_by(f64::total_cmp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounded_value_fails_for_nan() {
        let mut case = CaseResult::new(Kind::Logits, "x");
        case.bounded("max_diff", f64::NAN, 1.0, || "at id 3".into());
        assert!(!case.pass);
        assert!(case.failures[0].contains("at id 3"), "{:?}", case.failures);
    }

    #[test]
    fn first_difference_compares_lengths_too() {
        assert_eq!(first_difference(&[1, 2], &[1, 2]), None);
        let longer = first_difference(&[1, 2], &[1]).expect("differs");
        assert!(longer.contains("at 1: 2 instead of the end"), "{longer}");
    }

    #[test]
    fn report_without_cases_does_not_pass() {
        assert!(!Report::default().passes());
    }

    #[test]
    fn kinds_are_parsed_by_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "logit".parse::<Kind>().expect_err("there is none");
        assert!(error.contains("quant_blocks"), "{error}");
    }
}
