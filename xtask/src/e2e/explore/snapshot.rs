//! Snapshots of the page, which the explorer takes between two actions.

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Session;
use super::super::webdriver::Element;

/// Script that collects controls and state, and tests whether the page reacts.
const SCRIPT: &str = include_str!("snapshot.js");

/// The way in which a control is used.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A button, or the summary of a `<details>`.
    Button,
    /// A link within the page.
    Link,
    /// A text field.
    Text,
    /// A list of options.
    Select,
    /// A checkbox, which is clicked to turn it on or off.
    Checkbox,
    /// A radio button, which is clicked to choose it.
    Radio,
    /// A file input; never clicked, because that would open a dialog of the system.
    File,
    /// A bar of the timeline, which takes the focus and arrow keys.
    Bar,
    /// Another element that takes the focus.
    Region,
}

/// A control that is visible and enabled.
#[derive(Clone, Debug)]
pub struct Control {
    /// Name that stays the same from visit to visit; several controls may share it.
    pub key: String,
    /// The way in which it is used.
    pub kind: Kind,
    /// Its test id, if it has one.
    pub testid: Option<String>,
    /// Its text on the screen.
    pub label: String,
    /// Values of a `<select>`.
    pub options: Vec<String>,
    /// The control itself.
    pub element: Element,
    /// The element to click: the control or its label.
    pub target: Element,
}

/// State of the page, besides its controls.
#[derive(Clone, Debug, Deserialize)]
pub struct State {
    /// The page's address.
    pub address: String,
    /// True if the address is the page's.
    pub ours: bool,
    /// Test ids of all interactive elements, usable or not.
    pub seen: Vec<String>,
    /// Controls that can't be brought into the window, each with the reason.
    pub unreachable: Vec<String>,
    /// Set where the page is wider than the window.
    pub wide: Option<String>,
    /// Text of the page's own crash card.
    pub crash: Option<String>,
    /// Text of the engine's crash card.
    pub crashed: Option<String>,
    /// Text of a panic anywhere on the page.
    pub panic: Option<String>,
    /// Text of the splash, which is empty once the page has started.
    pub splash: String,
    /// Set if the page does not react, with the reason.
    pub dead: Option<String>,
    /// Error that the page shows. Not called `error`, because the driver reports its own errors under that name.
    pub alert: Option<String>,
    /// `data-engine`: starting, empty, loading, ready or crashed.
    pub engine: String,
    /// The server that answers, if one does.
    pub server: Option<String>,
    /// Number of answers in the conversation.
    pub answers: usize,
    /// Number of characters of all answers.
    pub text_length: usize,
    /// `data-state` of the last answer.
    pub state: String,
    /// Text of the last answer.
    pub answer: String,
    /// True if the lab is open.
    pub lab: bool,
    /// True if an experiment runs.
    pub lab_runs: bool,
    pub bench_runs: bool,
    /// True if a modal dialog is open.
    pub dialog: bool,
}

/// Controls and state of the page at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Usable controls, sorted by key.
    pub controls: Vec<Control>,
    /// Everything else.
    pub state: State,
}

impl Snapshot {
    /// Takes a snapshot of the page, which came from `origin`.
    pub fn take(session: &Session, origin: &str) -> Result<Self> {
        let script = format!("return (async (...args) => {{ {SCRIPT} }})(...arguments)");
        let origin = origin.trim_end_matches('/');
        let take = || session.client().execute(&script, &[json!(origin)]);
        let value = match take() {
            // The page removed a control while the driver read the result.
            Err(error) if format!("{error:#}").contains("stale element") => take()?,
            other => other?,
        };
        let controls = value["controls"].as_array().into_iter().flatten();
        let controls = controls.map(control).collect::<Result<_>>()?;
        let state: State =
            serde_json::from_value(value).context("the page's state is incomplete")?;
        session.coverage().see(state.seen.iter().cloned());
        Ok(Self { controls, state })
    }

    /// Returns the first control with the test id.
    pub fn control(&self, testid: &str) -> Option<&Control> {
        let is = |control: &&Control| control.testid.as_deref() == Some(testid);
        self.controls.iter().find(is)
    }
}

fn control(value: &Value) -> Result<Control> {
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let element = |name: &str| Element::from_script(&value[name]);
    let options = value["options"].as_array().into_iter().flatten();
    Ok(Control {
        key: text("key").context("a control has no key")?,
        kind: serde_json::from_value(value["kind"].clone()).context("a control has no kind")?,
        testid: text("testid"),
        label: text("label").unwrap_or_default(),
        options: options
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        element: element("element").context("a control has no element")?,
        target: element("target").context("a control has no target")?,
    })
}
