//! Messages between the page and the program whose window shows it.

use serde::{Deserialize, Serialize};

use crate::platform::{MenuAction, Platform};

/// A command for the program around the page. Only for programs that sent [`WindowReply::Platform`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowCommand {
    /// Let the user choose a model from this machine.
    ChooseModel {
        /// True to choose a folder, false to choose a file.
        folder: bool,
    },
    /// Clear the list of recent models.
    ClearRecent,
}

/// A reply that concerns the program around the page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowReply {
    /// A message for the user that interrupts nothing.
    Notice {
        /// Text of the message.
        text: String,
    },
    /// Features of the program around the page, sent again when they change. Browsers send none.
    Platform {
        /// The features.
        platform: Platform,
    },
    /// The user asked to load a model: chosen, dropped on the window, or passed to the program.
    Open {
        /// Path of its file or folder.
        path: String,
    },
    /// A file is being dragged over the window, or no longer is.
    Hovering {
        /// True while it is over the window.
        over: bool,
    },
    /// A native menu item was chosen.
    Menu {
        /// Action of the item.
        action: MenuAction,
    },
}
