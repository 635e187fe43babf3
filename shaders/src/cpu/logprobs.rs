//! Logarithms of probabilities, of the id that was picked and of the most probable ids.

/// Natural logarithms of probabilities under one row of logits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logprobs {
    /// Of the id that was picked.
    pub picked: f32,
    /// The most probable ids and theirs, most probable first, the lower id first of equals.
    pub top: Vec<(u32, f32)>,
}

/// Those of the id `picked` and of `top` ids of `logits` (V); fewer where fewer are finite.
pub fn logprobs(logits: &[f32], picked: u32, top: usize) -> Logprobs {
    let finite = || logits.iter().filter(|logit| logit.is_finite());
    let largest = finite().copied().fold(f32::MIN, f32::max);
    let exp = |logit: &f32| f64::from(logit - largest).exp();
    let total = f64::from(largest) + finite().map(exp).sum::<f64>().ln();
    let of = |logit: f32| (f64::from(logit) - total) as f32;
    let mut ids: Vec<(u32, f32)> = (0u32..).zip(logits.iter().copied()).collect();
    ids.retain(|(_, logit)| logit.is_finite());
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if top < ids.len() {
        ids.select_nth_unstable_by(top, order);
        ids.truncate(top);
    }
    ids.sort_unstable_by(order);
    Logprobs {
        picked: logits.get(picked as usize).copied().map_or(f32::NAN, of),
        top: ids.into_iter().map(|(id, logit)| (id, of(logit))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_are_shares_of_what_is_finite() {
        let quarter = 0.25f32.ln();
        let all = logprobs(&[0.0, f32::NAN, 0.0, 0.0, 0.0], 3, 2);
        assert!((all.picked - quarter).abs() < 1e-6);
        let ids: Vec<u32> = all.top.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [0, 2]);
        assert_eq!(logprobs(&[5.0, 1.0], 0, 9).top.len(), 2);
    }
}
