//! Sends replies to the page.

use std::sync::{Mutex, MutexGuard, PoisonError};

use llamaglass_session::protocol::{EngineReply, Reply};
use tauri::ipc::Channel;

use crate::error::note;

/// Number of an engine. The page gets only the replies of the latest.
pub type Generation = u64;

/// Destination of replies, which are dropped without an error if the window is gone or no page is connected yet.
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
    /// Sends all later replies to this page.
    pub fn connect(&self, channel: Channel<String>) {
        self.lock().channel = Some(channel);
    }

    /// Returns whether a page is connected.
    pub fn is_connected(&self) -> bool {
        self.lock().channel.is_some()
    }

    /// Switches to another engine: no reply of an earlier one follows its [`EngineReply::Ready`].
    pub fn begin(&self, generation: Generation) {
        let mut listening = self.lock();
        listening.generation = generation;
        listening.send(&EngineReply::Ready.into());
    }

    /// Sends a reply of the program around the engine.
    pub fn send(&self, reply: &Reply) {
        self.lock().send(reply);
    }

    /// Sends a reply of an engine, unless a later engine has replaced it. Returns whether the engine is the latest.
    pub fn send_from(&self, generation: Generation, reply: &Reply) -> bool {
        let listening = self.lock();
        let current = listening.generation == generation;
        if current {
            listening.send(reply);
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
    fn send(&self, reply: &Reply) {
        let Some(channel) = &self.channel else { return };
        match serde_json::to_string(reply) {
            // Fails only if the window is gone.
            Ok(json) => drop(channel.send(json)),
            Err(error) => note(&format!("a reply can't be written as JSON: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use llamaglass_session::protocol::WindowReply;

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
        WindowReply::Notice { text: text.into() }.into()
    }

    #[test]
    fn replies_are_dropped_until_a_page_connects() {
        let page = Page::default();
        page.send(&notice("to nobody"));
        assert!(!page.is_connected());
        let heard = listen(&page);
        assert!(page.is_connected());
        page.send(&notice("hello"));
        let wanted = [r#"{"window":{"notice":{"text":"hello"}}}"#];
        assert_eq!(*heard.lock().expect("no panic"), wanted);
    }

    #[test]
    fn replies_of_replaced_engines_are_dropped() {
        let page = Page::default();
        let heard = listen(&page);
        page.begin(1);
        assert!(page.send_from(1, &notice("of the first")));
        page.begin(2);
        assert!(!page.send_from(1, &notice("too late")));
        assert!(page.send_from(2, &notice("of the second")));
        let heard = heard.lock().expect("no panic").join("\n");
        assert!(!heard.contains("too late"));
        let ends = r#""of the second"}}}"#;
        assert!(heard.ends_with(ends));
    }
}
