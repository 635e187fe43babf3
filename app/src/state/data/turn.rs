//! A turn of the conversation.

use leptos::prelude::*;
use llamaglass_types::Message;
use serde::{Deserialize, Serialize};

use crate::protocol::Tag;

/// One turn of the conversation.
///
/// Turns are made inside event handlers and outlive the component whose handler made them. Their signals
/// are therefore reference counted: a plain `RwSignal` belongs to the reactive owner that is current where
/// it is made, here the component, and is disposed with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Number of the turn; an answer shares it with its request.
    pub tag: Tag,
    /// True for a message of the user, false for an answer.
    pub is_user: bool,
    /// Text so far.
    pub text: ArcRwSignal<String>,
    /// State of an answer; a user's turn is always done.
    pub state: ArcRwSignal<TurnState>,
    /// Token ids of the answer so far, separated by commas.
    pub ids: ArcRwSignal<String>,
}

/// State of a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnState {
    /// Tokens are still arriving.
    Streaming,
    /// The model ended it.
    Done,
    /// It reached a limit on its tokens or its time.
    Cut,
    /// It reached the token limit of the settings.
    TokenLimit,
    /// It reached the end of the context.
    ContextEnd,
    /// The user stopped it.
    Aborted,
    /// The page stopped it because it repeated itself without end.
    Repeating,
    /// It failed, for this reason.
    Failed(String),
}

impl TurnState {
    /// The state's name in test hooks and styles.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Streaming => "streaming",
            Self::Done | Self::Cut | Self::TokenLimit | Self::ContextEnd => "done",
            Self::Aborted | Self::Repeating => "aborted",
            Self::Failed(_) => "failed",
        }
    }
}

impl Turn {
    /// Creates a turn.
    pub fn new(tag: Tag, is_user: bool, text: String, state: TurnState) -> Self {
        Self {
            tag,
            is_user,
            text: ArcRwSignal::new(text),
            state: ArcRwSignal::new(state),
            ids: ArcRwSignal::new(String::new()),
        }
    }

    /// Returns the turn as a message of a request.
    pub fn message(&self) -> Message {
        Message {
            role: if self.is_user { "user" } else { "assistant" }.into(),
            content: self.text.get_untracked(),
        }
    }
}
