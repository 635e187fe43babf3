//! Clips lines to the area above and to the right of the axes' origin; plotters would bend the rest into the
//! corner.

type Point = (f64, f64);

/// Returns the pieces of a line through `points` whose x and y are at least `min`.
pub fn above(points: &[Point], min: Point) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = segment(pair[0], pair[1], min) else {
            continue;
        };
        match pieces.last_mut() {
            Some(piece) if piece.last() == Some(&from) => piece.push(to),
            _ => pieces.push(vec![from, to]),
        }
    }
    pieces
}

/// Clips one segment by the Liang-Barsky algorithm, against two half-planes.
fn segment(from: Point, to: Point, min: Point) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut begin, mut end) = (0.0_f64, 1.0_f64);
    for (start, step, min) in [(from.0, dx, min.0), (from.1, dy, min.1)] {
        if step == 0.0 && start < min {
            return None;
        }
        let crossing = (min - start) / step;
        if step > 0.0 {
            begin = begin.max(crossing);
        } else if step < 0.0 {
            end = end.min(crossing);
        }
    }
    // Unclipped ends stay exactly as they were, so that pieces join.
    let at = |share: f64| match share {
        0.0 => from,
        1.0 => to,
        _ => (from.0 + dx * share, from.1 + dy * share),
    };
    (begin <= end).then(|| (at(begin), at(end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_inside_is_unchanged() {
        let line = vec![(0.0, 1.0), (1.0, 0.0), (2.0, 3.0)];
        assert_eq!(above(&line, (0.0, 0.0)), [line]);
    }

    #[test]
    fn line_is_clipped_at_crossing_and_keeps_its_slope() {
        let fit = [(0.0, -1.0), (4.0, 1.0)];
        assert_eq!(above(&fit, (0.0, 0.0)), [[(2.0, 0.0), (4.0, 1.0)]]);
        let both = [(-1.0, 3.0), (3.0, -1.0)];
        assert_eq!(above(&both, (0.0, 0.0)), [[(0.0, 2.0), (2.0, 0.0)]]);
    }

    #[test]
    fn line_that_leaves_and_returns_becomes_two_pieces() {
        let line = [(0.0, 1.0), (1.0, -1.0), (2.0, 1.0)];
        let pieces = above(&line, (0.0, 0.0));
        assert_eq!(pieces, [[(0.0, 1.0), (0.5, 0.0)], [(1.5, 0.0), (2.0, 1.0)]]);
        assert_eq!(above(&[(0.0, -1.0), (9.0, -1.0)], (0.0, 0.0)).len(), 0);
        assert_eq!(above(&[(5.0, 5.0)], (0.0, 0.0)).len(), 0);
    }
}
