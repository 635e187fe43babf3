//! What a parity run found, case by case.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds of case, each from a file of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// tokenizer.json: text to ids, pieces and back.
    Tokenizer,
    /// chat.json: rendered templates, their ids, and conversations that must be refused.
    Chat,
    /// quant_blocks.json: raw blocks to f32, bit for bit.
    QuantBlocks,
    /// logits.json: logits of the last position.
    Logits,
    /// greedy.json: teacher-forced greedy picks.
    Greedy,
    /// greedy.json again, through requests: KV cache and sampling instead of one long prefill.
    Generate,
    /// perplexity.json: mean negative log-likelihood of passages.
    Perplexity,
}

impl Kind {
    /// Every kind, cheapest first: the order in which they run.
    pub const ALL: [Self; 7] = [
        Self::Tokenizer,
        Self::Chat,
        Self::QuantBlocks,
        Self::Logits,
        Self::Greedy,
        Self::Generate,
        Self::Perplexity,
    ];

    /// The kind's name in flags and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokenizer => "tokenizer",
            Self::Chat => "chat",
            Self::QuantBlocks => "quant_blocks",
            Self::Logits => "logits",
            Self::Greedy => "greedy",
            Self::Generate => "generate",
            Self::Perplexity => "perplexity",
        }
    }

    /// The file that the cases come from.
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

impl FromStr for Kind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| format!("unknown kind {name:?}; there are: {all}"))
    }
}

/// One number of a case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// Its value; not finite where the engine's numbers were not.
    pub value: f64,
    /// The most it may be, where it decides.
    pub limit: Option<f64>,
}

/// What one case gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseResult {
    /// Its kind.
    pub kind: Kind,
    /// Its name in the file, or its text.
    pub name: String,
    /// Whether it agrees with the reference.
    pub pass: bool,
    /// Its numbers.
    pub figures: Vec<Figure>,
    /// What disagrees, and where; empty where nothing does.
    pub failures: Vec<String>,
}

impl CaseResult {
    /// A case that agrees so far.
    pub fn new(kind: Kind, name: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.into(),
            pass: true,
            figures: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Notes a number that decides nothing.
    pub fn figure(&mut self, name: &str, value: f64) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            limit: None,
        });
    }

    /// Notes a number that may be at most `limit`; `where_` says where it was found. What is not a
    /// number is over every limit.
    pub fn bounded(&mut self, name: &str, value: f64, limit: f64, where_: impl FnOnce() -> String) {
        self.figures.push(Figure {
            name: name.to_owned(),
            value,
            limit: Some(limit),
        });
        // Not `value > limit`: that would let a NaN pass.
        let within = value <= limit;
        if !within {
            self.fail(format!(
                "{name} is {value:.3e}, over {limit:.0e}, {}",
                where_()
            ));
        }
    }

    /// Notes what disagrees.
    pub fn fail(&mut self, what: impl Into<String>) {
        self.pass = false;
        self.failures.push(what.into());
    }

    /// Fails unless `ours` is `theirs`, naming the first place where they part.
    pub fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, ours: &[T], theirs: &[T]) {
        if let Some(difference) = first_difference(ours, theirs) {
            self.fail(format!("{what} {difference}"));
        }
    }
}

/// Where two sequences part, in words; `None` where they are the same.
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

/// What a whole run found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Every case, in the order in which they ran.
    pub cases: Vec<CaseResult>,
    /// Files of the format that the folder does not hold; nothing was compared with them.
    pub absent: Vec<String>,
    /// What else a reader should know, such as a model file other than the reference's.
    pub notes: Vec<String>,
}

impl Report {
    /// How many cases of `kind` (or of all kinds) passed and failed.
    pub fn count(&self, kind: Option<Kind>) -> (usize, usize) {
        let wanted = |case: &&CaseResult| kind.is_none_or(|kind| case.kind == kind);
        let all = self.cases.iter().filter(wanted).count();
        let passed = self.cases.iter().filter(wanted).filter(|case| case.pass);
        let passed = passed.count();
        (passed, all - passed)
    }

    /// Whether there were cases and all of them passed.
    pub fn passes(&self) -> bool {
        !self.cases.is_empty() && self.cases.iter().all(|case| case.pass)
    }

    /// The largest value of the figure called `name` among cases of `kind`.
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
    fn a_figure_that_is_no_number_fails() {
        let mut case = CaseResult::new(Kind::Logits, "x");
        case.bounded("max_diff", f64::NAN, 1.0, || "at id 3".into());
        assert!(!case.pass);
        assert!(case.failures[0].contains("at id 3"), "{:?}", case.failures);
    }

    #[test]
    fn sequences_are_compared_to_their_ends() {
        assert_eq!(first_difference(&[1, 2], &[1, 2]), None);
        let longer = first_difference(&[1, 2], &[1]).expect("differs");
        assert!(longer.contains("at 1: 2 instead of the end"), "{longer}");
    }

    #[test]
    fn a_run_without_cases_does_not_pass() {
        assert!(!Report::default().passes());
    }

    #[test]
    fn kinds_are_found_by_name() {
        for kind in Kind::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        let error = "logit".parse::<Kind>().expect_err("there is none");
        assert!(error.contains("quant_blocks"), "{error}");
    }
}
