//! Selection of the largest finite logit.

/// Returns the id of the largest finite value of `logits` (V), the lowest id on a tie; `None` if no value is
/// finite.
pub fn argmax(logits: &[f32]) -> Option<u32> {
    let mut best: Option<(u32, f32)> = None;
    for (id, logit) in (0u32..).zip(logits) {
        if logit.is_finite() && best.is_none_or(|(_, value)| *logit > value) {
            best = Some((id, *logit));
        }
    }
    best.map(|(id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argmax_picks_first_of_largest_finite_logits() {
        assert_eq!(argmax(&[f32::NAN, 1.0, 3.0, 3.0, f32::INFINITY]), Some(2));
        assert_eq!(argmax(&[-0.0, 0.0]), Some(0));
        assert_eq!(argmax(&[f32::NAN, f32::NEG_INFINITY]), None);
        assert_eq!(argmax(&[]), None);
    }
}
