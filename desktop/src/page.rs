//! The page, as far as it listens.

use std::sync::{Mutex, MutexGuard, PoisonError};

use llamaglass_session::protocol::Reply;
use tauri::ipc::Channel;

use crate::error::note;

/// Which of the engines that were started is meant: the page has forgotten those before the last.
pub type Generation = u64;

/// Where replies go. A window that is gone, or a page that is not there yet, is no error.
#[derive(Default)]
pub struct Page {
    listening: Mutex<Listening>,
}

#[derive(Default)]
struct Listening {
    channel: Option<Channel<String>>,
    generation: Generation,
}

impl Page {
    /// From here on, this page listens.
    pub fn connect(&self, channel: Channel<String>) {
        self.lock().channel = Some(channel);
    }

    /// Whether one listens.
    pub fn is_connected(&self) -> bool {
        self.lock().channel.is_some()
    }

    /// Another engine answers from here on: nothing of those before it comes after [`Reply::Ready`].
    pub fn begin(&self, generation: Generation) {
        let mut listening = self.lock();
        listening.generation = generation;
        listening.tell(&Reply::Ready);
    }

    /// Something of the program around the engine.
    pub fn tell(&self, reply: &Reply) {
        self.lock().tell(reply);
    }

    /// Something of an engine; false where the page has forgotten that one.
    pub fn tell_of(&self, generation: Generation, reply: &Reply) -> bool {
        let listening = self.lock();
        let current = listening.generation == generation;
        if current {
            listening.tell(reply);
        }
        current
    }

    fn lock(&self) -> MutexGuard<'_, Listening> {
        self.listening
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    fn tell(&self, reply: &Reply) {
        let Some(channel) = &self.channel else { return };
        match serde_json::to_string(reply) {
            // Fails only where the window is gone.
            Ok(json) => drop(channel.send(json)),
            Err(error) => note(&format!("a reply can't be written as JSON: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use tauri::ipc::InvokeResponseBody;

    fn listen(page: &Page) -> Arc<Mutex<Vec<String>>> {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&heard);
        page.connect(Channel::new(move |body| {
            let InvokeResponseBody::Json(json) = body else {
                panic!("replies are text");
            };
            let text: String = serde_json::from_str(&json)?;
            into.lock().expect("no panic").push(text);
            Ok(())
        }));
        heard
    }

    fn notice(text: &str) -> Reply {
        Reply::Notice { text: text.into() }
    }

    #[test]
    fn a_page_that_is_not_there_hears_nothing() {
        let page = Page::default();
        page.tell(&notice("to nobody"));
        assert!(!page.is_connected());
        let heard = listen(&page);
        assert!(page.is_connected());
        page.tell(&notice("hello"));
        let wanted = [r#"{"notice":{"text":"hello"}}"#];
        assert_eq!(*heard.lock().expect("no panic"), wanted);
    }

    #[test]
    fn nothing_of_an_engine_that_was_given_up_is_heard() {
        let page = Page::default();
        let heard = listen(&page);
        page.begin(1);
        assert!(page.tell_of(1, &notice("of the first")));
        page.begin(2);
        assert!(!page.tell_of(1, &notice("too late")));
        assert!(page.tell_of(2, &notice("of the second")));
        let heard = heard.lock().expect("no panic").join("\n");
        assert!(!heard.contains("too late"));
        let ends = r#""of the second"}}"#;
        assert!(heard.ends_with(ends));
    }
}
