//! Summary of all experiments: where a token's time goes on this machine.

use serde::{Deserialize, Serialize};

use super::Experiment;
use super::finding::{Finding, Sentence};
use super::measure::{Difference, Verdict};
use super::result::{Data, LabResult};
use crate::experiments::bare::BareData;
use crate::experiments::chain::ChainData;
use crate::experiments::kernels::KernelsData;
use crate::experiments::ladder::LadderData;
use llamaglass_types::timing::StepKind;

/// Number of overheads listed.
const LARGEST: usize = 3;
/// Difference of summed medians, in milliseconds, that counts as rounding error.
const ROUNDING: f64 = 1e-9;

/// Combined result of all experiments. Times are milliseconds per token.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Summary {
    /// Time per token split into parts: of the bare engine, of a decode step by stage, and through the whole shell.
    pub token: Vec<TokenBar>,
    /// Time per token through the whole shell against the bare engine, in pairs.
    pub shell: Option<Difference>,
    /// Largest overheads besides the model itself, largest first.
    pub overheads: Vec<Overhead>,
    /// Share of the roofline that the decode step's kernels reach, 0 to 1.
    pub roofline_share: Option<f64>,
    /// Time per decode step that its kernels would save at the roofline.
    pub headroom_ms: Option<f64>,
    /// The summary as sentences.
    pub findings: Vec<Finding>,
}

/// Time per token, split into parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TokenBar {
    /// Name of the bar: what the token went through.
    pub name: String,
    /// Experiment that measured it.
    pub experiment: Option<Experiment>,
    /// Names of the parts and their times.
    pub parts: Vec<(String, f64)>,
    /// Sum of the parts.
    pub total_ms: f64,
}

/// A cost besides the model itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Overhead {
    /// Name of the overhead.
    pub name: String,
    /// Cost per token.
    pub ms_per_token: f64,
    /// Percent of a token's time through the whole shell.
    pub percent: f64,
    /// Experiment that measured it.
    pub experiment: Experiment,
}

impl Summary {
    /// Summarizes `results`; the last result of each experiment counts.
    pub fn of(results: &[LabResult]) -> Self {
        let (mut bare, mut ladder, mut chain, mut kernels) = (None, None, None, None);
        for result in results {
            match &result.data {
                Data::Bare(data) => bare = Some(data),
                Data::Ladder(data) => ladder = Some(data),
                Data::Chain(data) => chain = Some(&**data),
                Data::Kernels(data) => kernels = Some(data),
                _ => {}
            }
        }
        let mut summary = Self::default();
        summary.token.extend(bare.map(of_bare));
        summary.token.extend(chain.and_then(of_chain));
        summary.token.extend(ladder.into_iter().flat_map(of_ladder));
        summary.shell = ladder.and_then(|data| data.whole.clone());
        summary.add_overheads(ladder, chain);
        summary.add_roofline(kernels);
        summary.findings = summary.sentences(kernels);
        summary
    }

    fn whole_ms(&self) -> f64 {
        self.token.last().map_or(0.0, |bar| bar.total_ms)
    }

    fn add_overheads(&mut self, ladder: Option<&LadderData>, chain: Option<&ChainData>) {
        let whole = self.whole_ms();
        let mut add = |name: String, ms_per_token: f64, experiment| {
            if ms_per_token > 0.0 && whole > 0.0 {
                self.overheads.push(Overhead {
                    name,
                    ms_per_token,
                    percent: ms_per_token / whole * 100.0,
                    experiment,
                });
            }
        };
        for layer in ladder.iter().flat_map(|data| &data.layers) {
            // A difference that cannot be told from 0 is not an overhead.
            if let Some(excess) = layer.excess.as_ref().filter(|of| of.is_certain()) {
                let name = format!("the layer {}", layer.layer.name);
                add(name, excess.difference.median, Experiment::Ladder);
            }
        }
        let decode = chain.and_then(|data| data.tree.find(&[StepKind::Decode.name()]));
        for stage in decode.iter().flat_map(|node| &node.children) {
            if stage.name != "forward" {
                let name = format!("the stage {} of a decode step", stage.name);
                add(name, stage.mean_ms, Experiment::Chain);
            }
        }
        let ms = |of: &Overhead| of.ms_per_token;
        self.overheads.sort_by(|a, b| ms(b).total_cmp(&ms(a)));
        self.overheads.truncate(LARGEST);
    }

    fn add_roofline(&mut self, kernels: Option<&KernelsData>) {
        let mut steps = kernels.iter().flat_map(|data| &data.steps);
        let decode = steps.rfind(|step| step.profile.kind == StepKind::Decode);
        if let Some((step, share)) = decode.and_then(|step| Some((step, step.roofline_share?))) {
            self.roofline_share = Some(share);
            self.headroom_ms = Some(step.kernels_ms * (1.0 - share).max(0.0));
        }
    }

    fn sentences(&self, kernels: Option<&KernelsData>) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Some(shell) = &self.shell {
            let sentence = Sentence::new("A token takes ")
                .number("/shell/without/median", shell.without.median)
                .text(" ms in the bare engine and ")
                .number("/shell/with/median", shell.with.median)
                .text(" ms through the whole shell: ");
            findings.push(match shell.is_certain() {
                true => sentence
                    .in_pairs("/shell/difference/median", shell.difference.median)
                    .end("."),
                false => sentence.end("no difference measured."),
            });
        }
        for (index, overhead) in self.overheads.iter().enumerate() {
            let at = |field: &str| format!("/overheads/{index}/{field}");
            let rank = ["largest", "second", "third"][index.min(LARGEST - 1)];
            let said = Sentence::new(&format!("The {rank} overhead is {}: ", overhead.name))
                .number(at("ms_per_token"), overhead.ms_per_token)
                .text(" ms, ")
                .number(at("percent"), overhead.percent)
                .end(" % of a token.");
            findings.push(said);
        }
        if let Some(share) = self.roofline_share {
            let said = Sentence::new("A decode step reaches ")
                .share("/roofline_share", share)
                .end(" of what the device can do.");
            findings.push(said);
        }
        findings.extend(self.advice(kernels));
        findings
    }

    /// Names the change with the largest possible gain.
    fn advice(&self, kernels: Option<&KernelsData>) -> Option<Finding> {
        let overhead = self.overheads.first();
        let worst = overhead.map_or(0.0, |of| of.ms_per_token);
        let headroom = self.headroom_ms.filter(|ms| *ms > worst);
        if let Some(ms) = headroom {
            let mut steps = kernels.iter().flat_map(|data| &data.steps);
            let decode = steps.rfind(|step| step.profile.kind == StepKind::Decode)?;
            let name = &decode.kernels.first()?.name;
            let sentence =
                Sentence::new("Change the kernels first: at the roofline, a step would take ")
                    .number("/headroom_ms", ms);
            return Some(sentence.end(&format!(
                " ms less, and the longest of its kernels is {name}."
            )));
        }
        let overhead = overhead?;
        let sentence = Sentence::new(&format!(
            "Change {} first: without it, a token would take ",
            overhead.name
        ))
        .number("/overheads/0/ms_per_token", overhead.ms_per_token);
        Some(sentence.end(" ms less."))
    }
}

/// Names of the bars.
const DATASET: &str = "bare, over the dataset";
const BARE: &str = "bare";
const ENGINE: &str = "decode step";
const SHELL: &str = "shell";

fn bar(name: &str, experiment: Experiment, parts: Vec<(String, f64)>) -> TokenBar {
    TokenBar {
        name: name.to_owned(),
        experiment: Some(experiment),
        total_ms: parts.iter().map(|part| part.1).sum(),
        parts,
    }
}

fn of_bare(data: &BareData) -> TokenBar {
    let sum = |of: fn(&crate::experiments::bare::BareRow) -> f64| {
        data.rows.iter().map(of).sum::<f64>() / (data.output_tokens as f64).max(1.0)
    };
    let parts = vec![
        ("encode".to_owned(), sum(|row| row.encode_ms)),
        ("prefill".to_owned(), sum(|row| row.prefill_ms)),
        ("decode".to_owned(), sum(|row| row.decode_ms)),
        ("detokenize".to_owned(), sum(|row| row.detokenize_ms)),
    ];
    bar(DATASET, Experiment::Bare, parts)
}

fn of_chain(data: &ChainData) -> Option<TokenBar> {
    let decode = data.tree.find(&[StepKind::Decode.name()])?;
    let parts = decode
        .children
        .iter()
        .map(|stage| (stage.name.clone(), stage.total_ms / decode.count as f64));
    Some(bar(ENGINE, Experiment::Chain, parts.collect()))
}

/// Returns two bars: the lowest layer alone, and the whole shell.
///
/// The parts of the shell add up to the median measured through all layers. A layer whose difference to the one
/// below cannot be told from 0 gets no part of its own, because half of such differences are negative; they go into
/// "rest".
fn of_ladder(data: &LadderData) -> Vec<TokenBar> {
    let Some((lowest, highest)) = data.layers.first().zip(data.layers.last()) else {
        return Vec::new();
    };
    let lowest = (lowest.layer.name.clone(), lowest.ms_per_token.median);
    let mut parts = vec![lowest.clone()];
    parts.extend(data.layers.iter().filter_map(|layer| {
        let excess = layer.excess.as_ref()?;
        let is_noise = excess.verdict == Verdict::NoDifferenceMeasured;
        (!is_noise).then(|| (layer.layer.name.clone(), excess.difference.median))
    }));
    let rest = highest.ms_per_token.median - parts.iter().map(|part| part.1).sum::<f64>();
    if rest.abs() > ROUNDING {
        parts.push(("rest".to_owned(), rest));
    }
    vec![
        bar(BARE, Experiment::Ladder, vec![lowest]),
        bar(SHELL, Experiment::Ladder, parts),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use llamaglass_types::stats::Record;
    use llamaglass_types::timing::Span;

    fn ladder() -> Data {
        // 25 ms per token; the thread adds 1 ms and HTTP 14 ms, as in the study.
        let taken = [250.0, 260.0, 400.0].map(|ms| vec![vec![ms; 3]]);
        Data::Ladder(crate::experiments::ladder::ladder(
            &[10],
            &["bare", "thread", "http"],
            &taken,
        ))
    }

    /// A decode step with 20 ms in the model and 4 ms in preprocessing.
    fn chain() -> Data {
        let spans = [(Span::Plan, 4.0), (Span::Gpu, 20.0)];
        let step = |kind, start_ms| testing::step(kind, start_ms, 24.0, &spans);
        let record = Record {
            steps: vec![step(StepKind::Prefill, 0.0), step(StepKind::Decode, 24.0)],
            ids: vec![1, 2],
            ..Record::default()
        };
        Data::Chain(Box::new(ChainData::of("d".into(), &[record])))
    }

    #[test]
    fn summary_ranks_known_overheads() {
        let results = [ladder(), chain()].map(|data| LabResult::now(None, 0, data));
        let summary = Summary::of(&results);
        let named = |index: usize| {
            let of = &summary.overheads[index];
            (&*of.name, of.ms_per_token, of.percent)
        };
        assert_eq!(named(0), ("the layer http", 14.0, 35.0));
        assert_eq!(
            named(1),
            ("the stage preprocess of a decode step", 4.0, 10.0)
        );
        assert_eq!(named(2), ("the layer thread", 1.0, 2.5));
        let bars: Vec<(&str, f64)> = summary
            .token
            .iter()
            .map(|bar| (&*bar.name, bar.total_ms))
            .collect();
        assert_eq!(bars, [(ENGINE, 24.0), (BARE, 25.0), (SHELL, 40.0)]);
        let texts: Vec<&str> = summary.findings.iter().map(|of| &*of.text).collect();
        assert_eq!(
            texts[0],
            "A token takes 25 ms in the bare engine and 40 ms through the whole shell: in pairs, 15 ms more."
        );
        assert_eq!(
            texts.last(),
            Some(&"Change the layer http first: without it, a token would take 14 ms less.")
        );
    }

    #[test]
    fn shell_bar_total_equals_time_measured_through_all_layers() {
        // Relative to the layer below, the thread always adds 20 ms, text is noise around -30 ms and HTTP is noise
        // around 10 ms.
        let taken = [
            [100.0, 100.0, 100.0, 100.0, 100.0],
            [120.0, 120.0, 120.0, 120.0, 120.0],
            [90.0, 150.0, 60.0, 90.0, 150.0],
            [100.0, 95.0, 130.0, 110.0, 95.0],
        ];
        let taken = taken.map(|layer| vec![layer.to_vec()]);
        let layers = ["bare", "thread", "text", "http"];
        let data = Data::Ladder(crate::experiments::ladder::ladder(&[1], &layers, &taken));
        let summary = Summary::of(&[LabResult::now(None, 0, data)]);
        let shell = summary.token.last().expect("the shell's bar");
        let part = |name: &str, ms| (name.to_owned(), ms);
        assert_eq!(
            shell.parts,
            [
                part("bare", 100.0),
                part("thread", 20.0),
                part("rest", -20.0)
            ]
        );
        assert_eq!((&*shell.name, shell.total_ms), (SHELL, 100.0));
        let measured = summary.shell.as_ref().map(|shell| shell.with.median);
        assert_eq!(measured, Some(shell.total_ms));
    }

    #[test]
    fn summary_is_empty_without_results() {
        assert_eq!(Summary::of(&[]), Summary::default());
    }
}
