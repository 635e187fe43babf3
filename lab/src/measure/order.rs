//! In which order what is compared is measured.

/// The order of `arms` in each of `repeats`: every repeat has all of them, every other one goes the way
/// back, and after each two the first is another, so that none is always first or always after the same one.
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
    fn of_two_each_is_first_every_other_time() {
        assert_eq!(interleaved(2, 4), [[0, 1], [1, 0], [1, 0], [0, 1]]);
    }

    #[test]
    fn every_repeat_has_every_arm_and_all_take_the_first_place() {
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
