//! Answers without an engine, for the stub levels that the page handles itself.

use llamaglass_types::Request;
use llamaglass_types::event::RequestId;
use llamaglass_types::stub_answer;

use super::Listener;
use crate::protocol::{EngineReply, Tag};

/// Maximum number of tokens of an answer that no engine bounds.
const MOST: usize = 4096;

/// Sends a stub answer to `listener`, in a task that starts after the caller is done.
pub fn answer(listener: &Listener, tag: Tag, request: &Request) {
    let (listener, request) = (Listener::clone(listener), request.clone());
    wasm_bindgen_futures::spawn_local(async move {
        for event in stub_answer(RequestId(tag), &request, MOST) {
            listener(EngineReply::Event { tag, event }.into());
        }
    });
}
