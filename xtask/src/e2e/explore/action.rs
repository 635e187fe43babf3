//! An action of the explorer: how it is described and how it is performed.

use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use super::super::Session;
use super::super::steps::ESCAPE;
use super::super::webdriver::{Client, WindowSize};
use super::snapshot::{Control, Kind};

/// WebDriver's key codes.
pub const ENTER: &str = "\u{e007}";
const TAB: &str = "\u{e004}";
const SHIFT: &str = "\u{e008}";
const LEFT: &str = "\u{e012}";
const RIGHT: &str = "\u{e014}";
const HOME: &str = "\u{e011}";
const END: &str = "\u{e010}";
const DELETE: &str = "\u{e017}";

/// Keys that are pressed on the focused element, each with a name for messages.
pub const KEYS: [(&str, &[&str]); 6] = [
    ("Escape", &[ESCAPE]),
    ("Enter", &[ENTER]),
    ("Tab", &[TAB]),
    ("Shift+Tab", &[SHIFT, TAB]),
    ("Space", &[" "]),
    ("Arrow right", &[RIGHT]),
];
/// Keys that are pressed on a bar of the timeline, each with a name for messages.
pub const BAR_KEYS: [(&str, &[&str]); 4] = [
    ("Arrow left", &[LEFT]),
    ("Arrow right", &[RIGHT]),
    ("Home", &[HOME]),
    ("End", &[END]),
];

/// An action, ready to be performed.
#[derive(Clone, Debug)]
pub enum Action {
    /// Clicks once, or several times as fast as the browser takes it.
    Click {
        control: Control,
        /// Number of clicks.
        times: usize,
    },
    /// Replaces the text of a field, and optionally confirms it.
    Fill {
        /// The field.
        control: Control,
        /// Its new text.
        text: String,
        /// True to press Enter afterwards.
        enter: bool,
    },
    /// Chooses from a list.
    Choose {
        /// The list.
        control: Control,
        /// Index of the option.
        option: usize,
    },
    /// Chooses files in a file input.
    Files {
        /// The file input.
        control: Control,
        /// The files, or one folder.
        files: Vec<PathBuf>,
    },
    /// Clicks a bar of the timeline and presses one of its keys.
    Bar {
        /// The bar.
        control: Control,
        /// The key's name and code.
        key: (&'static str, &'static [&'static str]),
    },
    /// Presses a key on the focused element.
    Press(&'static str, &'static [&'static str]),
    /// Scrolls one of the page's scroll containers.
    Scroll {
        /// Index of the container, modulo the number of containers.
        container: usize,
        /// Scroll position: 0 is the start, 1 the end.
        to: f64,
    },
    /// Changes the window's width and height, as turning a phone does.
    Resize(WindowSize),
    /// Drops files in the middle of the window.
    Drop(Vec<PathBuf>),
    /// Loads the page again.
    Reload,
    /// Leaves the page with the Back button and returns with Forward.
    BackAndForward,
}

impl Action {
    /// Returns the control that the action uses, if any.
    pub fn control(&self) -> Option<&Control> {
        match self {
            Self::Click { control, .. }
            | Self::Fill { control, .. }
            | Self::Choose { control, .. }
            | Self::Files { control, .. }
            | Self::Bar { control, .. } => Some(control),
            Self::Press(..)
            | Self::Scroll { .. }
            | Self::Resize(..)
            | Self::Drop(_)
            | Self::Reload
            | Self::BackAndForward => None,
        }
    }

    /// Performs the action.
    pub fn perform(&self, session: &Session, origin: &str) -> Result<()> {
        let client = session.client();
        if let Some(id) = self.control().and_then(|control| control.testid.as_deref()) {
            session.coverage().note_use(id);
        }
        match self {
            Self::Click { control, times } => (0..*times).try_for_each(|click| {
                match client.click(&control.target) {
                    // The first click may have removed the control.
                    Err(_) if click > 0 => Ok(()),
                    outcome => outcome,
                }
            }),
            Self::Fill {
                control,
                text,
                enter,
            } => {
                fill(client, control, text)?;
                if *enter {
                    client.press(&[ENTER])?;
                }
                Ok(())
            }
            Self::Choose { control, option } => choose(client, control, *option),
            Self::Files { control, files } => {
                let paths: Vec<String> = files.iter().map(|of| of.display().to_string()).collect();
                client.send_keys(&control.element, &paths.join("\n"))
            }
            Self::Bar { control, key } => {
                client.click(&control.target)?;
                client.press(key.1)
            }
            Self::Press(_, keys) => client.press(keys),
            Self::Scroll { container, to } => client
                .execute(SCROLL, &[json!(container), json!(to)])
                .map(drop),
            Self::Resize(size) => session.set_viewport(*size),
            Self::Drop(files) => drop_files(client, files),
            Self::Reload => client.refresh(),
            Self::BackAndForward => {
                client.back()?;
                let here = client.execute("return location.href", &[])?;
                if !here.as_str().is_some_and(|here| here.starts_with(origin)) {
                    client.forward()?;
                }
                Ok(())
            }
        }
    }
}

/// Script that scrolls the visible scroll container with the given index.
const SCROLL: &str = "const [index, to] = arguments;\
    const containers = [...document.querySelectorAll('*')].filter(of => of.checkVisibility()\
      && /auto|scroll/.test(getComputedStyle(of).overflowY) && of.scrollHeight > of.clientHeight);\
    const container = containers[index % containers.length];\
    container?.scrollTo(0, to * container.scrollHeight)";

/// Drags files from outside to the centre of the window and drops them.
fn drop_files(client: &Client, files: &[PathBuf]) -> Result<()> {
    let middle = client.execute("return [innerWidth / 2, innerHeight / 2]", &[])?;
    let files: Vec<String> = files.iter().map(|of| of.display().to_string()).collect();
    for kind in ["dragEnter", "dragOver", "drop"] {
        client.devtools(
            "Input.dispatchDragEvent",
            &json!({
                "type": kind, "x": middle[0], "y": middle[1],
                "data": { "items": [], "files": files, "dragOperationsMask": 1 },
            }),
        )?;
    }
    Ok(())
}

/// Inserts the text as a paste does, because the driver's own typing does not support emoji.
fn fill(client: &Client, control: &Control, text: &str) -> Result<()> {
    client.execute(
        "args = arguments; args[0].scrollIntoView({ block: 'nearest' }); args[0].focus(); args[0].select()",
        &[control.element.argument()],
    )?;
    match text {
        "" => client.press(&[DELETE]),
        _ => client
            .devtools("Input.insertText", &json!({ "text": text }))
            .map(drop),
    }
}

fn choose(client: &Client, control: &Control, option: usize) -> Result<()> {
    let Some(value) = control.options.get(option) else {
        bail!("{} has no option {option}", control.key);
    };
    client
        .execute(
            "const [select, value] = arguments; select.focus(); select.value = value;\
             select.dispatchEvent(new Event('input', { bubbles: true }));\
             select.dispatchEvent(new Event('change', { bubbles: true }))",
            &[control.element.argument(), json!(value)],
        )
        .context("choosing an option")
        .map(drop)
}

impl fmt::Display for Action {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |control: &Control| {
            if control.label.is_empty() || control.kind == Kind::Text {
                control.key.clone()
            } else {
                format!("{} ({:?})", control.key, control.label)
            }
        };
        match self {
            Self::Click { control, times: 1 } => write!(out, "click {}", named(control)),
            Self::Click { control, times } => write!(out, "click {} {times} times", named(control)),
            Self::Fill {
                control,
                text,
                enter,
            } => {
                let enter = if *enter { ", Enter" } else { "" };
                write!(out, "type {text:?} into {}{enter}", named(control))
            }
            Self::Choose { control, option } => {
                let value = control.options.get(*option).map_or("?", String::as_str);
                write!(out, "choose {value:?} in {}", control.key)
            }
            Self::Files { control, files } => {
                write!(out, "choose {} in {}", names(files), control.key)
            }
            Self::Bar { control, key } => {
                write!(out, "click a bar ({:?}) and press {}", control.label, key.0)
            }
            Self::Press(name, _) => write!(out, "press {name}"),
            Self::Scroll { container, to } => {
                write!(out, "scroll container {container} to {:.0} %", 100.0 * to)
            }
            Self::Resize(WindowSize { width, height }) => write!(out, "resize to {width}x{height}"),
            Self::Drop(files) => write!(out, "drop {}", names(files)),
            Self::Reload => out.write_str("reload"),
            Self::BackAndForward => out.write_str("go back and forward"),
        }
    }
}

/// Joins the files' names, without their folders.
fn names(files: &[PathBuf]) -> String {
    let name = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    files.iter().map(name).collect::<Vec<_>>().join(", ")
}
