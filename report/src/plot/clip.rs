//! What of a line lies above and to the right of where axes begin: plotters would bend the rest into
//! the corner.

type Point = (f64, f64);

/// The pieces of a line through `points` with x and y not below `least`.
pub fn above(points: &[Point], least: Point) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    for pair in points.windows(2) {
        let Some((from, to)) = segment(pair[0], pair[1], least) else {
            continue;
        };
        match pieces.last_mut() {
            Some(piece) if piece.last() == Some(&from) => piece.push(to),
            _ => pieces.push(vec![from, to]),
        }
    }
    pieces
}

/// Liang and Barsky's, against two half-planes.
fn segment(from: Point, to: Point, least: Point) -> Option<(Point, Point)> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut begin, mut end) = (0.0_f64, 1.0_f64);
    for (start, step, least) in [(from.0, dx, least.0), (from.1, dy, least.1)] {
        if step == 0.0 && start < least {
            return None;
        }
        let crossing = (least - start) / step;
        if step > 0.0 {
            begin = begin.max(crossing);
        } else if step < 0.0 {
            end = end.min(crossing);
        }
    }
    // The very ends stay what they were, so that pieces join.
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
    fn a_line_that_stays_inside_is_left_whole() {
        let line = vec![(0.0, 1.0), (1.0, 0.0), (2.0, 3.0)];
        assert_eq!(above(&line, (0.0, 0.0)), [line]);
    }

    #[test]
    fn a_line_is_cut_where_it_crosses_and_keeps_its_slope() {
        let fit = [(0.0, -1.0), (4.0, 1.0)];
        assert_eq!(above(&fit, (0.0, 0.0)), [[(2.0, 0.0), (4.0, 1.0)]]);
        let both = [(-1.0, 3.0), (3.0, -1.0)];
        assert_eq!(above(&both, (0.0, 0.0)), [[(0.0, 2.0), (2.0, 0.0)]]);
    }

    #[test]
    fn what_dips_out_comes_back_as_a_piece_of_its_own() {
        let line = [(0.0, 1.0), (1.0, -1.0), (2.0, 1.0)];
        let pieces = above(&line, (0.0, 0.0));
        assert_eq!(pieces, [[(0.0, 1.0), (0.5, 0.0)], [(1.5, 0.0), (2.0, 1.0)]]);
        assert_eq!(above(&[(0.0, -1.0), (9.0, -1.0)], (0.0, 0.0)).len(), 0);
        assert_eq!(above(&[(5.0, 5.0)], (0.0, 0.0)).len(), 0);
    }
}
