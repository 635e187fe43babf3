//! Stop strings in a text that comes in parts.

/// Finds the first stop string and shows nothing of it, however the text is cut.
#[derive(Clone, Debug)]
pub(super) struct StopStrings {
    stops: Vec<String>,
    /// Text that may be the start of a stop string.
    held: String,
    stopped: bool,
}

impl StopStrings {
    pub(super) fn new(stops: &[String]) -> Self {
        let stops = stops
            .iter()
            .filter(|stop| !stop.is_empty())
            .cloned()
            .collect();
        Self {
            stops,
            held: String::new(),
            stopped: false,
        }
    }

    /// Whether a stop string has come.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Takes more text, gives what is safe to show.
    pub(super) fn push(&mut self, text: &str) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.push_str(text);
        // The stop string that is complete first counts (of two, the longer), so that it does not
        // matter how the text was cut.
        let found = self
            .stops
            .iter()
            .filter_map(|stop| {
                self.held
                    .find(stop)
                    .map(|start| (start + stop.len(), start))
            })
            .min();
        if let Some((_, start)) = found {
            self.stopped = true;
            self.held.truncate(start);
            return std::mem::take(&mut self.held);
        }
        let keep = self
            .stops
            .iter()
            .map(|stop| open_prefix(&self.held, stop))
            .max()
            .unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - keep);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back and became no stop string.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// The length of the longest end of `text` that `stop` begins with.
fn open_prefix(text: &str, stop: &str) -> usize {
    (1..stop.len().min(text.len() + 1))
        .rev()
        .find(|&len| stop.is_char_boundary(len) && text.ends_with(&stop[..len]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The text up to the first stop string to be complete, found the slow way.
    fn whole(text: &str, stops: &[String]) -> (String, bool) {
        for end in 0..=text.len() {
            if !text.is_char_boundary(end) {
                continue;
            }
            let longest = stops
                .iter()
                .filter(|stop| !stop.is_empty() && text[..end].ends_with(stop.as_str()))
                .map(String::len)
                .max();
            if let Some(len) = longest {
                return (text[..end - len].to_owned(), true);
            }
        }
        (text.to_owned(), false)
    }

    fn stream(parts: &[String], stops: &[String]) -> (String, bool) {
        let mut stream = StopStrings::new(stops);
        let mut text: String = parts.iter().map(|part| stream.push(part)).collect();
        text.push_str(&stream.finish());
        (text, stream.stopped())
    }

    #[test]
    fn a_stop_string_across_parts_is_never_shown() {
        let mut stream = StopStrings::new(&["</s>".into()]);
        assert_eq!(stream.push("a<"), "a");
        assert_eq!(stream.push("b</"), "<b");
        assert_eq!(stream.push("s"), "");
        assert_eq!(stream.push("> more"), "");
        assert!(stream.stopped());
        assert_eq!(stream.push("again"), "");
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn an_open_stop_string_is_text_at_the_end() {
        let mut stream = StopStrings::new(&["END".into(), String::new()]);
        assert_eq!(stream.push("the EN"), "the ");
        assert_eq!(stream.finish(), "EN");
        assert!(!stream.stopped());
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_the_text_is_cut(
            parts in prop::collection::vec("[abé]{0,4}", 0..12),
            stops in prop::collection::vec("[abé]{0,4}", 0..4),
        ) {
            prop_assert_eq!(stream(&parts, &stops), whole(&parts.concat(), &stops));
        }
    }
}
