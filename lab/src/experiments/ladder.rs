//! `ladder`: the same prompt answered through one more layer at a time.

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Sentence};
use crate::measure::{Difference, Estimate, interleaved};
use crate::observer::{LabError, Observer, Point, Progress};

/// A layer around the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Layer {
    /// Name of the layer.
    pub name: String,
    /// Description of what it adds to the layer below.
    pub adds: String,
}

/// An engine whose layers can each answer a prompt.
pub trait Layers {
    /// Returns the layers, lowest first.
    fn layers(&self) -> Vec<Layer>;

    /// Answers `prompt` with `tokens` tokens through layer number `layer`, with an empty prefix cache. Returns the
    /// milliseconds that the caller waits for the complete answer.
    fn answer(
        &mut self,
        layer: usize,
        prompt: &str,
        tokens: usize,
    ) -> impl Future<Output = Result<f64, LabError>>;
}

/// Settings of `ladder`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LadderSettings {
    /// Prompt of every request.
    pub prompt: String,
    /// Answer lengths to measure, in tokens.
    pub lengths: Vec<usize>,
    /// Number of measurements per layer and length.
    pub repeats: usize,
}

/// Result of `ladder`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LadderData {
    /// Settings of the run.
    pub ladder: LadderSettings,
    /// Milliseconds per token through all layers against the lowest layer alone, in pairs.
    pub whole: Option<Difference>,
    /// Costs of the layers, lowest first.
    pub layers: Vec<LadderLayer>,
}

/// Cost of a layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LadderLayer {
    /// The layer.
    #[serde(flatten)]
    pub layer: Layer,
    /// Milliseconds per token over all lengths together, one value per repeat.
    pub ms_per_token: Estimate,
    /// The same against the layer below, in pairs; `None` for the lowest.
    pub excess: Option<Difference>,
    /// Cost at each length.
    pub at: Vec<AtLength>,
}

/// Cost of a layer at one answer length.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct AtLength {
    /// Tokens per answer.
    pub tokens: usize,
    /// Milliseconds per token.
    pub ms_per_token: Estimate,
    /// The same against the layer below, in pairs; `None` for the lowest.
    pub excess: Option<Difference>,
}

/// Measures every layer at every length; each repeat measures all layers in an interleaved order.
/// Fails with [`LabError`] if a setting is invalid, the run is stopped or a layer fails.
pub async fn run(
    layers: &mut impl Layers,
    settings: LadderSettings,
    watch: &mut impl Observer,
) -> Result<LadderData, LabError> {
    let LadderSettings {
        prompt,
        lengths,
        repeats,
    } = &settings;
    if lengths.is_empty() || lengths.contains(&0) || *repeats == 0 {
        return Err(LabError::Setting(
            "the ladder needs lengths and repeats from 1 on".into(),
        ));
    }
    let names = layers.layers();
    let total = names.len() * lengths.len() * repeats;
    let mut progress = Progress {
        what: "warm-up".into(),
        total,
        ..Progress::default()
    };
    watch.notify(progress.clone());
    // One prefill and a few decode steps per layer open connections and touch memory.
    for layer in 0..names.len() {
        layers.answer(layer, prompt, 3).await?;
    }
    // Milliseconds, indexed as [layer][length][repeat].
    let mut taken = vec![vec![vec![0.0; *repeats]; lengths.len()]; names.len()];
    for (at, tokens) in lengths.iter().enumerate() {
        for (repeat, order) in interleaved(names.len(), *repeats).iter().enumerate() {
            for layer in order {
                if !watch.yield_now().await {
                    return Err(LabError::Stopped);
                }
                let ms = layers.answer(*layer, prompt, *tokens).await?;
                taken[*layer][at][repeat] = ms;
                progress.done += 1;
                progress.what = format!("{tokens} tokens, repeat {}/{repeats}", repeat + 1);
                progress.point = Some(Point {
                    series: names[*layer].name.clone(),
                    x: *tokens as f64,
                    y: ms / *tokens as f64,
                });
                watch.notify(progress.clone());
            }
        }
    }
    Ok(LadderData::of(settings, names, &taken))
}

impl LadderData {
    /// Evaluates `taken`: milliseconds, indexed as `[layer][length][repeat]`.
    pub fn of(settings: LadderSettings, names: Vec<Layer>, taken: &[Vec<Vec<f64>>]) -> Self {
        let tokens: usize = settings.lengths.iter().sum();
        let overall = |layer: usize| -> Vec<f64> {
            let of_repeat = |repeat: usize| {
                let all: f64 = taken[layer].iter().map(|repeats| repeats[repeat]).sum();
                all / tokens as f64
            };
            (0..settings.repeats).map(of_repeat).collect()
        };
        let at = |layer: usize, length: usize| -> Vec<f64> {
            let tokens = settings.lengths[length] as f64;
            taken[layer][length].iter().map(|ms| ms / tokens).collect()
        };
        let against = |below: Option<Vec<f64>>, values: &[f64]| {
            let pairs = below?.into_iter().zip(values.iter().copied());
            let pairs: Vec<[f64; 2]> = pairs.map(|(a, b)| [a, b]).collect();
            Difference::of(&pairs)
        };
        let last = names.len().checked_sub(1).filter(|last| *last > 0);
        let whole = last.and_then(|last| against(Some(overall(0)), &overall(last)));
        let layers = names.into_iter().enumerate().map(|(index, layer)| {
            let below = index.checked_sub(1);
            let values = overall(index);
            let lengths = settings.lengths.iter().enumerate();
            let at = lengths.map(|(length, tokens)| {
                let values = at(index, length);
                AtLength {
                    tokens: *tokens,
                    excess: against(below.map(|below| at(below, length)), &values),
                    ms_per_token: Estimate::of(&values).unwrap_or_default(),
                }
            });
            LadderLayer {
                layer,
                excess: against(below.map(overall), &values),
                ms_per_token: Estimate::of(&values).unwrap_or_default(),
                at: at.collect(),
            }
        });
        Self {
            whole,
            layers: layers.collect(),
            ladder: settings,
        }
    }

    /// Returns the result as sentences.
    pub fn findings(&self) -> Vec<Finding> {
        let ends = self.layers.first().zip(self.layers.last());
        let Some((bare, whole)) = ends.filter(|_| self.layers.len() > 1) else {
            return Vec::new();
        };
        let last = self.layers.len() - 1;
        let at = |index: usize| format!("/layers/{index}/ms_per_token/median");
        let sentence = Sentence::new("A token takes ")
            .number(at(0), bare.ms_per_token.median)
            .text(&format!(" ms in the {} layer and ", bare.layer.name))
            .number(at(last), whole.ms_per_token.median)
            .text(&format!(" ms through {}: ", whole.layer.name));
        let certain = self.whole.as_ref().filter(|of| of.is_certain());
        let mut findings = vec![match certain {
            Some(of) => sentence
                .in_pairs("/whole/difference/median", of.difference.median)
                .interval("/whole/difference", &of.difference)
                .end("."),
            None => sentence.end("no difference measured."),
        }];
        let excess = |index: usize| Some((index, self.layers[index].excess.as_ref()?));
        let certain = (1..=last)
            .filter_map(excess)
            .filter(|(_, of)| of.is_certain());
        let worst = certain.max_by(|a, b| a.1.difference.median.total_cmp(&b.1.difference.median));
        findings.push(match worst.filter(|(_, of)| of.difference.median > 0.0) {
            Some((index, of)) => {
                let at = format!("/layers/{index}/excess/difference");
                let name = &self.layers[index].layer.name;
                Sentence::new(&format!("{name} adds the most: "))
                    .number(format!("{at}/median"), of.difference.median)
                    .text(" ms/token")
                    .interval(&at, &of.difference)
                    .end(".")
            }
            None => Sentence::default()
                .end("No layer\u{2019}s cost was measured: no interval lies above 0."),
        });
        findings
    }
}

/// Evaluates `taken`, in milliseconds indexed as `[layer][length][repeat]`.
#[cfg(test)]
pub(crate) fn ladder(lengths: &[usize], layers: &[&str], taken: &[Vec<Vec<f64>>]) -> LadderData {
    let settings = LadderSettings {
        prompt: "p".into(),
        lengths: lengths.to_vec(),
        repeats: taken[0][0].len(),
    };
    let layer = |name: &&str| Layer {
        name: (*name).to_owned(),
        adds: String::new(),
    };
    LadderData::of(settings, layers.iter().map(layer).collect(), taken)
}

#[cfg(test)]
mod tests {
    use super::ladder;
    use crate::measure::Verdict;

    #[test]
    fn ladder_recovers_known_excess_per_layer() {
        let noise = [0.0, 4.0, -2.0];
        // 10 ms per token plus noise that all layers share; the second adds 2 ms per token, the third nothing.
        let at = |more: f64| {
            [1.0, 9.0]
                .map(|tokens| noise.map(|n| tokens * (10.0 + n + more)).to_vec())
                .to_vec()
        };
        let taken = [at(0.0), at(2.0), at(2.0)];
        let data = ladder(&[1, 9], &["bare", "thread", "nothing"], &taken);
        let thread = &data.layers[1];
        assert_eq!(thread.ms_per_token.median, 12.0);
        let excess = thread.excess.as_ref().expect("there is one below");
        assert!((excess.difference.median - 2.0).abs() < 1e-9);
        assert_eq!(excess.verdict, Verdict::Slower);
        assert!((thread.at[1].ms_per_token.median - 12.0).abs() < 1e-9);
        let nothing = data.layers[2].excess.as_ref().expect("there is one below");
        assert_eq!(nothing.verdict, Verdict::NoDifferenceMeasured);
        let findings = data.findings();
        assert_eq!(
            findings[0].text,
            "A token takes 10 ms in the bare layer and 12 ms through nothing: in pairs, 2 ms more (95 % interval 2 to 2)."
        );
        assert!(
            findings[1].text.starts_with("thread adds the most: 2"),
            "{findings:?}"
        );
    }

    #[test]
    fn findings_claim_no_extra_time_when_shell_was_faster() {
        let taken = [12.0, 10.0].map(|ms| vec![vec![ms; 3]]);
        let findings = ladder(&[1], &["bare", "thread"], &taken).findings();
        assert_eq!(
            findings[0].text,
            "A token takes 12 ms in the bare layer and 10 ms through thread: in pairs, a difference of -2 ms (95 % interval -2 to -2)."
        );
        assert_eq!(
            findings[1].text,
            "No layer\u{2019}s cost was measured: no interval lies above 0."
        );
    }
}
