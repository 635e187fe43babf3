//! Stop strings in streamed text.

/// Finds the first stop string, wherever the text is split, and withholds it from the output.
#[derive(Clone, Debug)]
pub(super) struct StopStrings {
    stops: Vec<String>,
    /// Withheld text that may be the start of a stop string.
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

    /// Returns true once a stop string was found.
    pub(super) fn stopped(&self) -> bool {
        self.stopped
    }

    /// Appends text and returns what is safe to show.
    pub(super) fn push(&mut self, text: &str) -> String {
        if self.stopped {
            return String::new();
        }
        self.held.push_str(text);
        // Take the stop string that is complete first (the longer one of two), so that the result does not
        // depend on where the text is split.
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

    /// Returns the withheld text that did not become a stop string.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Returns the length of the longest suffix of `text` that is a prefix of `stop`.
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

    /// Returns the text up to the first complete stop string, by exhaustive search.
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
    fn stop_string_split_across_parts_is_never_shown() {
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
    fn incomplete_stop_string_is_text_at_the_end() {
        let mut stream = StopStrings::new(&["END".into(), String::new()]);
        assert_eq!(stream.push("the EN"), "the ");
        assert_eq!(stream.finish(), "EN");
        assert!(!stream.stopped());
    }

    proptest! {
        #[test]
        fn stop_strings_do_not_depend_on_how_the_text_is_split(
            parts in prop::collection::vec("[abé]{0,4}", 0..12),
            stops in prop::collection::vec("[abé]{0,4}", 0..4),
        ) {
            prop_assert_eq!(stream(&parts, &stops), whole(&parts.concat(), &stops));
        }
    }
}
