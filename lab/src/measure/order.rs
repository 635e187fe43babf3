//! Order in which compared variants are measured.

/// Returns the order of `arms` in each of `repeats`. Every repeat contains all arms, every other repeat is
/// reversed, and the first arm rotates after every two repeats, so no arm always comes first or after the same one.
pub fn interleaved(arms: usize, repeats: usize) -> Vec<Vec<usize>> {
    let order = |repeat: usize| {
        let from = repeat / 2;
        let turned = |index: usize| match repeat % 2 {
            0 => (from + index) % arms,
            _ => (from + arms - 1 - index) % arms,
        };
        (0..arms).map(turned).collect()
    };
    (0..repeats).map(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_arms_take_turns_in_going_first() {
        assert_eq!(interleaved(2, 4), [[0, 1], [1, 0], [1, 0], [0, 1]]);
    }

    #[test]
    fn every_repeat_has_all_arms_and_each_goes_first_equally_often() {
        let orders = interleaved(5, 10);
        let mut firsts = [0; 5];
        for order in &orders {
            firsts[order[0]] += 1;
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, [0, 1, 2, 3, 4]);
        }
        assert_eq!(firsts, [2; 5]);
    }
}
