//! Cases that run the model: logits, greedy sampling, perplexity.

use super::reference::{GreedyCase, LogitsCase, PerplexityCase, Window};
use super::report::{CaseResult, Kind};
use super::tolerance;
use llamaglass_engine::Engine;
use llamaglass_engine::event::Event;
use llamaglass_engine::scheduler::{Input, Request};
use llamaglass_engine::tokenizer::SpecialText;

/// Number of tokens that [`generate_case`] samples: enough to reveal wrong positions in the cache, and few
/// enough for a software adapter.
const GENERATE_STEPS: usize = 16;

/// Compares the logits of the last position.
pub async fn logits_case(engine: &mut Engine, case: &LogitsCase, indices: &[usize]) -> CaseResult {
    let mut result = CaseResult::new(Kind::Logits, &case.name);
    let Some(last) = case.ids.len().checked_sub(1) else {
        result.fail("the case has no ids");
        return result;
    };
    if indices.len() != case.at_indices.len() || case.top_ids.len() != case.top_logits.len() {
        result.fail("the case has not as many values as indices");
        return result;
    }
    let mut logits = Vec::new();
    let visited = engine
        .logits(&case.ids, last, &mut |_, row| logits = row.to_vec())
        .await;
    if let Err(error) = visited {
        result.fail(error.to_string());
        return result;
    }
    result.figure("ids", case.ids.len() as f64);
    let top = case.top_ids.iter().zip(&case.top_logits);
    compare(&mut result, "max_diff_top", &logits, top);
    let sampled = indices.iter().zip(&case.at_indices);
    compare(&mut result, "max_diff", &logits, sampled);
    let difference = (logsumexp(&logits) - case.logsumexp).abs();
    result.bounded("logsumexp_diff", difference, tolerance::LOGSUMEXP, || {
        format!("{} instead of {}", logsumexp(&logits), case.logsumexp)
    });
    result
}

/// Checks that the largest difference of the logits at some vocabulary ids is within tolerance.
fn compare<'a>(
    result: &mut CaseResult,
    name: &str,
    logits: &[f32],
    theirs: impl Iterator<Item = (&'a usize, &'a f64)>,
) {
    let mut worst = (0.0, 0, 0.0, 0.0);
    for (&id, &expected) in theirs {
        // An id outside the vocabulary counts as NaN.
        let ours = logits.get(id).map_or(f64::NAN, |logit| f64::from(*logit));
        let difference = (ours - expected).abs();
        if difference.is_nan() || difference > worst.0 {
            worst = (difference, id, ours, expected);
        }
        if difference.is_nan() {
            break;
        }
    }
    let (difference, id, ours, expected) = worst;
    result.bounded(name, difference, tolerance::LOGIT, || {
        format!("at id {id}: {ours} instead of {expected}")
    });
    result.figure(&format!("{name}_at_id"), id as f64);
}

/// Runs prompt and completion in one pass and compares the largest logit at each position (teacher forcing).
pub async fn greedy_case(engine: &mut Engine, case: &GreedyCase) -> CaseResult {
    let mut result = CaseResult::new(Kind::Greedy, &case.name);
    let steps = case.ids.len();
    let same_len = [
        case.margin.len(),
        case.second_id.len(),
        case.top1_logit.len(),
    ];
    if steps == 0 || case.prompt_ids.is_empty() || same_len != [steps; 3] {
        result.fail("the case has no prompt, no ids, or not as many margins as ids");
        return result;
    }
    prompt_ids(&mut result, engine, case);
    first_eos(&mut result, engine, case);
    let answer = &case.ids[..steps - 1];
    let ids = [case.prompt_ids.as_slice(), answer].concat();
    let mut picks = Vec::with_capacity(steps);
    let visited = engine
        .logits(&ids, case.prompt_ids.len() - 1, &mut |_, row| {
            picks.push(argmax(row))
        })
        .await;
    if let Err(error) = visited {
        result.fail(error.to_string());
        return result;
    }
    if picks.len() != steps {
        result.fail(format!(
            "{} positions came back instead of {steps}",
            picks.len()
        ));
        return result;
    }
    let top1 = picks
        .iter()
        .zip(&case.top1_logit)
        .map(|((_, logit), top1)| (logit - top1).abs());
    let top1 = top1.fold(
        0.0,
        |worst: f64, next| if next.is_nan() { next } else { worst.max(next) },
    );
    let ids: Vec<u32> = picks.iter().map(|(id, _)| *id).collect();
    compare_picks(&mut result, case, &ids);
    result.figure("top1_logit_max_diff", top1);
    result
}

/// Runs the prompt as a normal request: KV cache, one decode step per token, sampling.
///
/// Not teacher-forced: the texts may diverge after a permitted near tie, and the comparison ends there.
pub async fn generate_case(engine: &mut Engine, case: &GreedyCase) -> CaseResult {
    let mut result = CaseResult::new(Kind::Generate, &case.name);
    let steps = case.ids.len().min(GENERATE_STEPS);
    let mut request = Request::new(Input::Ids(case.prompt_ids.clone()));
    request.max_tokens = Some(steps);
    request.ignore_eos = true;
    engine.clear_cache();
    let id = engine.submit(request);
    let mut picks = Vec::with_capacity(steps);
    loop {
        let events = engine.step().await;
        if events.is_empty() && engine.is_idle() {
            result.fail("the engine went idle before the request was done");
            return result;
        }
        for event in events.iter().filter(|event| event.request() == id) {
            match event {
                Event::Token { id, .. } => picks.push(*id),
                Event::Failed { error, .. } => result.fail(error.clone()),
                _ => {}
            }
        }
        if events
            .iter()
            .any(|event| event.request() == id && event.is_last())
        {
            break;
        }
    }
    if result.pass && picks.len() != steps {
        result.fail(format!(
            "{} tokens were sampled instead of {steps}",
            picks.len()
        ));
    }
    let parted = picks
        .iter()
        .zip(&case.ids)
        .position(|(ours, theirs)| ours != theirs);
    compare_picks(
        &mut result,
        case,
        &picks[..parted.map_or(picks.len(), |at| at + 1)],
    );
    result
}

fn compare_picks(result: &mut CaseResult, case: &GreedyCase, picks: &[u32]) {
    let mut misses = 0;
    let mut largest = 0.0_f64;
    for (step, &pick) in picks.iter().enumerate() {
        let facts = (
            case.ids.get(step),
            case.second_id.get(step),
            case.margin.get(step),
        );
        let (Some(&first), Some(&second), Some(&margin)) = facts else {
            result.fail(format!(
                "the case has no second id or margin for step {step}"
            ));
            return;
        };
        if pick != first {
            misses += 1;
            largest = largest.max(margin);
        }
        if !tolerance::pick_passes(pick, first, second, margin) {
            result.fail(format!(
                "step {step} picked {pick} instead of {first} (margin {margin}, second {second})"
            ));
        }
    }
    result.figure("steps", picks.len() as f64);
    result.figure("misses", f64::from(misses));
    if misses > 0 {
        result.figure("largest_margin_missed", largest);
    }
}

/// Checks that the engine encodes the prompt to the same ids.
fn prompt_ids(result: &mut CaseResult, engine: &Engine, case: &GreedyCase) {
    let tokenizer = engine.tokenizer();
    let ours = match (&case.messages, &case.text) {
        (Some(messages), _) => tokenizer.encode_chat(messages),
        (None, Some(text)) => tokenizer.encode_with_bos(text, SpecialText::Parse),
        (None, None) => return,
    };
    match ours {
        Ok(ours) => result.same("prompt ids", &ours, &case.prompt_ids),
        Err(error) => result.fail(format!("prompt: {error}")),
    }
}

/// Checks where the first end-of-sequence id is, at which a chat would stop.
fn first_eos(result: &mut CaseResult, engine: &Engine, case: &GreedyCase) {
    let ends = &engine.info().config.eos_ids;
    let ours = case.ids.iter().position(|id| ends.contains(id));
    if ours != case.first_eos {
        let theirs = case.first_eos;
        result.fail(format!(
            "the first end id is at {ours:?} instead of {theirs:?} (end ids {ends:?})"
        ));
    }
}

/// Compares the mean negative log-likelihood per window and overall.
pub async fn perplexity_case(engine: &mut Engine, case: &PerplexityCase) -> CaseResult {
    let mut result = CaseResult::new(Kind::Perplexity, &case.name);
    let (mut sum, mut predicted, mut worst) = (0.0, 0_usize, 0.0_f64);
    for window in &case.windows {
        match window_nll(engine, case, window).await {
            Ok(nll) => {
                let count = window.len - 1;
                let difference = relative(nll / count as f64, window.nll_mean);
                worst = if difference.is_nan() {
                    difference
                } else {
                    worst.max(difference)
                };
                sum += nll;
                predicted += count;
            }
            Err(error) => {
                result.fail(format!("window at {}: {error}", window.start));
                return result;
            }
        }
    }
    let mean = sum / predicted as f64;
    result.figure("predicted", predicted as f64);
    result.figure("nll_mean", mean);
    result.figure("perplexity", mean.exp());
    let overall = relative(mean, case.nll_mean);
    result.bounded(
        "nll_relative_diff",
        overall,
        tolerance::NLL_RELATIVE,
        || format!("over all: {mean} instead of {}", case.nll_mean),
    );
    result.bounded(
        "nll_relative_diff_of_worst_window",
        worst,
        tolerance::NLL_RELATIVE,
        || "in one window".to_owned(),
    );
    result
}

/// Returns the sum of the negative log-likelihoods, in nats, of all ids of a window except the first.
async fn window_nll(
    engine: &mut Engine,
    case: &PerplexityCase,
    window: &Window,
) -> Result<f64, String> {
    let end = window.start.checked_add(window.len);
    let ids = end.and_then(|end| case.ids.get(window.start..end));
    let ids = ids.filter(|ids| ids.len() > 1);
    let ids = ids.ok_or("the window lies outside the ids or predicts nothing")?;
    let mut nll = 0.0;
    let mut seen = 0;
    let visit = &mut |position: usize, row: &[f32]| {
        if let Some(next) = ids.get(position + 1) {
            let logit = row
                .get(*next as usize)
                .map_or(f64::NAN, |logit| f64::from(*logit));
            nll += logsumexp(row) - logit;
            seen += 1;
        }
    };
    // The last id predicts nothing here, so it is not computed.
    let visited = engine.logits(&ids[..ids.len() - 1], 0, visit).await;
    visited.map_err(|error| error.to_string())?;
    let wanted = ids.len() - 1;
    (seen == wanted)
        .then_some(nll)
        .ok_or_else(|| format!("{seen} positions came back instead of {wanted}"))
}

fn relative(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / theirs.abs()
}

/// Returns the id of the largest logit and its value; the lowest id on a tie.
fn argmax(logits: &[f32]) -> (u32, f64) {
    let mut best = (0, f32::NEG_INFINITY);
    for (id, &logit) in (0..).zip(logits) {
        if logit > best.1 {
            best = (id, logit);
        }
    }
    (best.0, f64::from(best.1))
}

/// Returns the natural logarithm of the sum of exponentials, in f64.
fn logsumexp(logits: &[f32]) -> f64 {
    let max = logits
        .iter()
        .copied()
        .map(f64::from)
        .fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits
        .iter()
        .map(|logit| (f64::from(*logit) - max).exp())
        .sum();
    max + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logsumexp_does_not_overflow() {
        let value = logsumexp(&[1000.0, 1000.0]);
        assert!((value - (1000.0 + 2.0_f64.ln())).abs() < 1e-9, "{value}");
    }

    #[test]
    fn argmax_picks_lowest_id_on_tie() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0]).0, 1);
    }

    #[test]
    fn compare_fails_for_nan_and_missing_logits() {
        for (ids, logits) in [([0, 1], [1.0, f32::NAN]), ([0, 7], [1.0, 2.0])] {
            let mut result = CaseResult::new(Kind::Logits, "x");
            compare(
                &mut result,
                "max_diff",
                &logits,
                ids.iter().zip(&[1.0, 2.0]),
            );
            assert!(!result.pass);
        }
        let mut result = CaseResult::new(Kind::Logits, "x");
        compare(
            &mut result,
            "max_diff",
            &[1.0, 2.001],
            [0, 1].iter().zip(&[1.0, 2.0]),
        );
        assert!(result.pass, "{:?}", result.failures);
    }
}
