//! Log-probabilities of the sampled id and of the most probable ids.

/// Natural logarithms of probabilities under one row of logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logprobs {
    /// Log-probability of the sampled id.
    pub sampled: f32,
    /// The most probable ids and their log-probabilities, most probable first, the lower id first on a tie.
    pub top: Vec<(u32, f32)>,
}

/// Computes the log-probability of the id `sampled` and of the `top` most probable ids of `logits` (V), or of
/// all finite ones if there are fewer.
pub fn logprobs(logits: &[f32], sampled: u32, top: usize) -> Logprobs {
    let finite = || logits.iter().filter(|logit| logit.is_finite());
    let largest = finite().copied().fold(f32::MIN, f32::max);
    let exp = |logit: &f32| f64::from(logit - largest).exp();
    let total = f64::from(largest) + finite().map(exp).sum::<f64>().ln();
    let logprob = |logit: f32| (f64::from(logit) - total) as f32;
    let mut top = most_probable(logits, top);
    for (_, value) in &mut top {
        *value = logprob(*value);
    }
    Logprobs {
        sampled: logits
            .get(sampled as usize)
            .copied()
            .map_or(f32::NAN, logprob),
        top,
    }
}

/// Returns the `count` largest finite logits and their ids, the largest first, the lower id first on a tie.
///
/// The result has capacity for `count` entries and no more, since a server keeps one for each token of a
/// completion.
fn most_probable(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(count.min(logits.len()));
    for (id, &logit) in (0u32..).zip(logits) {
        let is_full = best.len() == best.capacity();
        let is_too_small = is_full && best.last().is_none_or(|(_, least)| logit <= *least);
        if !logit.is_finite() || is_too_small {
            continue;
        }
        if is_full {
            best.pop();
        }
        let place = best.partition_point(|(_, better)| *better >= logit);
        best.insert(place, (id, logit));
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_ignore_logits_that_are_not_finite() {
        let quarter = 0.25f32.ln();
        let all = logprobs(&[0.0, f32::NAN, 0.0, 0.0, 0.0], 3, 2);
        assert!((all.sampled - quarter).abs() < 1e-6);
        let ids: Vec<u32> = all.top.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [0, 2]);
        assert_eq!(logprobs(&[5.0, 1.0], 0, 9).top.len(), 2);
    }

    #[test]
    fn most_probable_orders_by_logit_then_by_id() {
        let logits = [1.0, 3.0, 2.0, 3.0, f32::INFINITY, -1.0];
        let ids = |count| {
            let top = most_probable(&logits, count);
            top.iter().map(|(id, _)| *id).collect::<Vec<_>>()
        };
        assert_eq!(ids(3), [1, 3, 2]);
        assert_eq!(ids(0), []);
        assert_eq!(ids(9), [1, 3, 2, 0, 5]);
    }

    #[test]
    fn memory_does_not_grow_with_the_vocabulary() {
        let logits: Vec<f32> = (0..128_256u32).map(|id| (id % 977) as f32).collect();
        let top = logprobs(&logits, 0, 20).top;
        assert_eq!(top.len(), 20);
        assert!(top.capacity() <= 20, "room for {} entries", top.capacity());
    }
}
