//! Tests of bars.

use super::*;

fn bars(stacked: bool, series: &[&[f64]]) -> Bars {
    let series = series.iter().enumerate().map(|(index, values)| BarSeries {
        name: format!("series {index}"),
        bars: values.iter().map(|value| Some(Bar::from(*value))).collect(),
    });
    Bars {
        title: "t".into(),
        x: "ms/token".into(),
        unit: "ms".into(),
        categories: vec!["bare loop".into(), "with the scheduler and a stream".into()],
        series: series.collect(),
        stacked,
    }
}

/// Returns the x, y, width and height of each bar.
fn rects(svg: &str) -> Vec<[i32; 4]> {
    let rects = svg.split("<rect ").skip(1);
    let rects = rects.map(|rect| {
        ["x", "y", "width", "height"].map(|name| {
            let (_, rest) = rect.split_once(&format!("{name}=\"")).expect("has it");
            let (value, _) = rest.split_once('"').expect("ends");
            value.parse().expect("a whole number")
        })
    });
    rects.collect()
}

#[test]
fn bars_are_proportional_to_values_and_labelled() {
    let svg = bars(false, &[&[10.0, 20.0], &[5.0, 2.5]])
        .svg()
        .expect("draws");
    let widths: Vec<i32> = rects(&svg).iter().map(|of| of[2]).collect();
    let of_20 = widths[2];
    assert!(of_20 > 200, "{widths:?}");
    for (width, share) in [(widths[0], 2), (widths[1], 4), (widths[3], 8)] {
        assert!((width - of_20 / share).abs() <= 1, "{widths:?}");
    }
    for text in ["10 ms", "2.50 ms", "with the scheduler and a stream"] {
        assert!(svg.contains(&format!("\n{text}\n")), "{text}: {svg}");
    }
}

#[test]
fn stacked_bars_are_placed_end_to_end_with_their_sum() {
    let svg = bars(true, &[&[1.0, 2.0], &[3.0, 4.0], &[-1.0, f64::NAN]]).svg();
    let svg = svg.expect("draws");
    let rects = rects(&svg);
    assert_eq!(rects.len(), 4, "{svg}");
    assert_eq!(rects[0][0] + rects[0][2], rects[1][0]);
    assert_eq!(rects[0][1], rects[1][1]);
    // 1 + 3 - 1 compared with 2 + 4.
    let length = |row: usize| rects[2 * row][2] + rects[2 * row + 1][2];
    assert!((2 * length(0) - length(1)).abs() <= 2, "{svg}");
    assert!(
        svg.contains("\n3 ms\n") && svg.contains("\n6 ms\n"),
        "{svg}"
    );
    assert!(!svg.contains("\n1 ms\n"), "{svg}");
}

/// Asserts that the stack in the first category is as long as the single bar in the second.
fn assert_ends_at_its_sum(series: &[&[f64]], label: &str) {
    let svg = bars(true, series).svg().expect("draws");
    let rects = rects(&svg);
    let (single, stack) = rects.split_last().expect("bars");
    let end = |rect: &[i32; 4]| rect[0] + rect[2];
    let drawn: i32 = stack.iter().map(|rect| rect[2]).sum();
    let drawn_end = stack.last().map(end).expect("a stack");
    assert!((drawn - single[2]).abs() <= 2, "{rects:?}: {svg}");
    assert_eq!(drawn_end, end(single), "{rects:?}: {svg}");
    assert_eq!(svg.matches(&format!("\n{label}\n")).count(), 2, "{svg}");
}

#[test]
fn stacked_bars_are_as_long_as_their_sum() {
    const NONE: f64 = f64::NAN;
    for below_zero in [
        // The negative bar shortens the bar before it, removes more than one bar, or is subtracted from a later
        // one.
        [300.0, 10.0, -52.0, 33.0],
        [300.0, -52.0, 10.0, 33.0],
        [-52.0, 300.0, 10.0, 33.0],
        [300.0, 10.0, 33.0, -52.0],
    ] {
        let [a, b, c, d] = below_zero;
        let series: [&[f64]; 4] = [&[a, 291.0], &[b, NONE], &[c, NONE], &[d, NONE]];
        assert_ends_at_its_sum(&series, "291 ms");
    }
}

#[test]
fn stacked_bars_with_negative_sum_extend_left() {
    let svg = bars(true, &[&[3.0, -4.0], &[-5.0, 2.0]]).svg();
    let svg = svg.expect("draws");
    let rects = rects(&svg);
    assert_eq!(rects.len(), 2, "{svg}");
    assert_eq!((rects[0][0], rects[0][2]), (rects[1][0], rects[1][2]));
    assert_eq!(svg.matches("\n-2 ms\n").count(), 2, "{svg}");
}

#[test]
fn stacked_bars_that_cancel_out_are_labelled_zero() {
    let svg = bars(true, &[&[3.0, 1.0], &[-3.0]]).svg().expect("draws");
    assert_eq!(rects(&svg)[0][2], 0, "{svg}");
    assert!(svg.contains("\n0 ms\n"), "{svg}");
}

#[test]
fn negative_bars_extend_left_of_zero() {
    let svg = bars(false, &[&[-4.0, 2.0]]).svg().expect("draws");
    let rects = rects(&svg);
    assert_eq!(rects[0][0] + rects[0][2], rects[1][0], "{svg}");
    assert!((rects[0][2] - 2 * rects[1][2]).abs() <= 1, "{svg}");
    assert!(svg.contains("\n-4 ms\n"), "{svg}");
}

#[test]
fn interval_is_drawn_when_both_ends_are_finite() {
    let mut bars = bars(false, &[&[4.0, 5.0]]);
    bars.series[0].bars = [Some((3.0, 8.0)), Some((f64::NAN, 9.0))]
        .map(|interval| {
            Some(Bar {
                value: 4.0,
                interval,
            })
        })
        .into();
    let svg = bars.svg().expect("draws");
    assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
    // The axis extends to the interval's end, so the bar takes up half of it.
    let [.., width, _] = rects(&svg)[0];
    assert!((130..190).contains(&width), "{width}: {svg}");
}

#[test]
fn each_category_adds_height_even_without_bars() {
    let mut bars = bars(false, &[&[1.0], &[2.0, 3.0, 4.0]]);
    let two = bars.svg().expect("draws");
    assert_eq!(rects(&two).len(), 3);
    bars.categories.push("third".into());
    let height = |svg: &str| {
        let (_, rest) = svg.split_once("viewBox=\"0 0 440 ").expect("a size");
        rest.split_once('"')
            .expect("ends")
            .0
            .parse::<i32>()
            .expect("a number")
    };
    let three = bars.svg().expect("draws");
    assert_eq!(
        height(&three) - height(&two),
        NAME_HEIGHT + BAR_HEIGHT + BAR_GAP + CATEGORY_GAP
    );
}

#[test]
fn empty_bars_are_drawn_and_special_characters_are_escaped() {
    let none = bars(false, &[&[f64::NAN, f64::INFINITY]]);
    assert!(none.is_empty());
    none.svg().expect("draws nothing");
    bars(true, &[]).svg().expect("draws nothing");
    bars(false, &[&[0.0, 0.0]])
        .svg()
        .expect("draws bars without length");
    let mut odd = bars(false, &[&[1.0, 2.0]]);
    odd.unit = "<b>&\"".repeat(99);
    odd.x = "<script>".into();
    odd.categories[0] = "<i>".repeat(40);
    let svg = odd.svg().expect("draws");
    for tag in ["<b>", "<script", "<i>"] {
        assert!(!svg.contains(tag), "{svg}");
    }
    assert!(svg.contains('\u{2026}'), "{svg}");
}
