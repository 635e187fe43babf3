//! Medians with intervals, and paired differences, in tables, plots and words.

use llamaglass_lab::{Difference, Drift, Estimate, Outlier};

use super::sheet::{Cell, row};
use crate::number;
use crate::plot::Bar;

/// Returns the median and, if there is an interval, its ends.
pub fn cells(of: Estimate) -> Vec<Cell> {
    let interval = interval(of);
    row![
        of.median,
        interval.map(|ends| ends.0),
        interval.map(|ends| ends.1)
    ]
}

/// Returns the low and the high end, if there are enough values for an interval.
pub const fn interval(of: Estimate) -> Option<(f64, f64)> {
    if of.has_interval() {
        Some((of.low, of.high))
    } else {
        None
    }
}

/// Headings of [`difference`].
pub const DIFFERENCE: &str = "without, ms | with, ms | difference, ms | 95 % from, ms | 95 % to, ms | difference, % | \
    verdict";

fn headings(names: &str) -> usize {
    names.split(" | ").count()
}

/// Returns both medians, their difference and the verdict.
pub fn difference(of: Option<&Difference>) -> Vec<Cell> {
    let Some(of) = of else {
        return vec![Cell::Empty; headings(DIFFERENCE)];
    };
    let mut row = row![of.without.median, of.with.median];
    row.extend(cells(of.difference));
    row.extend(row![of.percent.map(|of| of.median), of.verdict.words()]);
    row
}

/// Headings of [`added`].
pub const ADDED: &str = "adds, ms | adds from, ms | adds to, ms | adds, % | verdict";

/// Returns the difference and the verdict, without the medians.
pub fn added(of: Option<&Difference>) -> Vec<Cell> {
    difference(of).split_off(2)
}

/// Returns the difference as a bar.
pub fn bar(of: &Difference) -> Bar {
    Bar {
        value: of.difference.median,
        interval: interval(of.difference),
    }
}

/// Returns remarks on the pairs of `name`: outliers, and drift of the measurements. `unit` is the unit of the
/// times.
pub fn remarks(name: &str, unit: &str, of: &Difference) -> Vec<String> {
    let pairs = |of: &Outlier| format!("pair {} with {} {unit}", of.index + 1, number(of.value));
    let far: Vec<String> = of.outliers.iter().map(pairs).collect();
    let far = (!far.is_empty()).then(|| {
        format!(
            "{name}: of {} pairs, the difference is far from the others\u{2019} in {}. They still count.",
            of.pairs.len(),
            far.join(", ")
        )
    });
    let drift = of.drift.filter(Drift::is_drifting);
    let drift = drift.map(|of| format!("{name}: its baseline {}.", drifts(of)));
    far.into_iter().chain(drift).collect()
}

/// Describes a drift in words.
pub fn drifts(of: Drift) -> String {
    let way = if of.percent < 0.0 { "faster" } else { "slower" };
    format!(
        "drifted from the first repeat to the last: {} % {way}",
        number(of.percent.abs())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_that_contains_zero_is_no_difference() {
        let of = Difference::of(&[[1.0, 2.0], [2.0, 1.0], [1.0, 1.0], [3.0, 3.0]]);
        let row = difference(of.as_ref());
        assert_eq!(row.last(), Some(&Cell::from("no difference measured")));
        assert_eq!(row.len(), headings(DIFFERENCE));
        assert_eq!(added(of.as_ref()).len(), headings(ADDED));
    }

    #[test]
    fn two_pairs_have_no_interval() {
        let of = Difference::of(&[[1.0, 2.0], [1.0, 4.0]]).expect("pairs");
        assert_eq!(cells(of.difference), row![2.0, None::<f64>, None::<f64>]);
        assert_eq!(bar(&of).interval, None);
    }

    #[test]
    fn remarks_mention_outliers_and_drift() {
        let pairs: Vec<[f64; 2]> = (0..10)
            .map(|at| {
                let base = 100.0 + f64::from(at) * 2.0;
                [base, base + if at == 3 { 50.0 } else { 1.0 }]
            })
            .collect();
        let of = Difference::of(&pairs).expect("pairs");
        let said = remarks("worker", "ms", &of);
        assert_eq!(said.len(), 2);
        assert!(
            said[0].contains("of 10 pairs") && said[0].contains("pair 4 with 50 ms"),
            "{said:?}"
        );
        // A drift of 18 relative to a median of 109.
        assert!(said[1].contains("16.5 % slower"), "{said:?}");
    }
}
