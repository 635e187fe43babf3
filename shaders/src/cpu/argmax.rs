//! Selection of the largest finite logit.

/// Number of values that are compared at once.
const LANES: usize = 16;

/// Returns the id of the largest finite value of `logits` (V), the lowest id on a tie; `None` if no value is
/// finite.
pub fn argmax(logits: &[f32]) -> Option<u32> {
    let finite = |logit: f32| {
        if logit.is_finite() {
            logit
        } else {
            f32::NEG_INFINITY
        }
    };
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let (chunks, rest) = logits.as_chunks::<LANES>();
    let mut lanes = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (lane, logit) in lanes.iter_mut().zip(chunk) {
            *lane = larger(*lane, finite(*logit));
        }
    }
    let all = lanes.into_iter().chain(rest.iter().copied().map(finite));
    let largest = all.fold(f32::NEG_INFINITY, larger);
    if largest == f32::NEG_INFINITY {
        return None;
    }
    let id = logits.iter().position(|logit| *logit == largest)?;
    u32::try_from(id).ok()
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
        let mut logits = vec![-1.0; 100];
        (logits[37], logits[85], logits[99]) = (2.0, 2.0, f32::NAN);
        assert_eq!(argmax(&logits), Some(37));
        logits[98] = 3.0;
        assert_eq!(argmax(&logits), Some(98));
    }
}
