//! The part of the W3C WebDriver protocol that the scenarios use: JSON over HTTP, one request per
//! command. <https://www.w3.org/TR/webdriver2/>

use std::fmt;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::Agent;

/// Maximum time for the driver to respond: a page may compute for minutes on a software adapter.
const COMMAND_LIMIT: Duration = Duration::from_secs(300);

/// Size of a window in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSize {
    pub width: u32,
    pub height: u32,
}

impl WindowSize {
    /// Creates a size.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }
}

/// Key under which the protocol passes an element's id.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A connection to a browser, which is closed when this value is dropped.
pub struct Client {
    agent: Agent,
    /// `http://HOST:PORT/session/ID`.
    base: String,
}

/// An element of the page, valid until the page replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element(String);

impl Element {
    /// Returns the element that a script's result refers to.
    pub fn from_script(value: &Value) -> Option<Self> {
        Some(Self(value[ELEMENT].as_str()?.to_owned()))
    }

    /// Returns the form in which a script takes the element as an argument.
    pub fn argument(&self) -> Value {
        json!({ ELEMENT: self.0 })
    }
}

/// One entry of the browser's console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsoleEntry {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// The part of the browser that wrote it: `console-api`, `network`, `javascript`, ..
    pub source: String,
    /// Its text, which begins with the address of its source.
    pub message: String,
}

impl fmt::Display for ConsoleEntry {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: {}", self.level, self.source, self.message)
    }
}

impl Client {
    /// Opens a browser.
    pub fn open(driver: &str, capabilities: &Value) -> Result<Self> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // The driver waits for the page, but none of our commands takes longer than this.
            .timeout_global(Some(COMMAND_LIMIT))
            .build()
            .new_agent();
        let body = json!({ "capabilities": { "alwaysMatch": capabilities } });
        let answer = post(&agent, &format!("{driver}/session"), &body)?;
        let id = answer["sessionId"]
            .as_str()
            .context("the driver gave no session id")?;
        Ok(Self {
            base: format!("{driver}/session/{id}"),
            agent,
        })
    }

    /// Loads the address and waits until the page has loaded.
    pub fn go_to(&self, url: &str) -> Result<()> {
        self.command("url", &json!({ "url": url })).map(drop)
    }

    /// Sets the window's outer size.
    pub fn resize(&self, WindowSize { width, height }: WindowSize) -> Result<()> {
        self.command("window/rect", &json!({ "width": width, "height": height }))
            .map(drop)
    }

    /// Returns the window's outer size.
    pub fn size(&self) -> Result<WindowSize> {
        let rect = self.query("window/rect")?;
        let side = |name: &str| {
            let pixels = rect[name].as_f64();
            pixels
                .map(|pixels| pixels.round() as u32)
                .context("the window has no size")
        };
        Ok(WindowSize::new(side("width")?, side("height")?))
    }

    /// Runs a script's body in the page and returns its result; awaits it if it is a promise.
    pub fn execute(&self, script: &str, arguments: &[Value]) -> Result<Value> {
        self.command(
            "execute/sync",
            &json!({ "script": script, "args": arguments }),
        )
    }

    /// Returns all elements that the CSS selector matches, in document order.
    pub fn find_all(&self, css: &str) -> Result<Vec<Element>> {
        let found = self.command(
            "elements",
            &json!({ "using": "css selector", "value": css }),
        )?;
        let ids = found
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|element| element[ELEMENT].as_str());
        Ok(ids.map(|id| Element(id.to_owned())).collect())
    }

    /// Returns the element's text as a user sees it.
    pub fn text(&self, element: &Element) -> Result<String> {
        let text = self.query(&format!("element/{}/text", element.0))?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    pub fn is_enabled(&self, element: &Element) -> Result<bool> {
        Ok(self
            .query(&format!("element/{}/enabled", element.0))?
            .as_bool()
            .unwrap_or_default())
    }

    /// Clicks the centre of the element.
    pub fn click(&self, element: &Element) -> Result<()> {
        self.command(&format!("element/{}/click", element.0), &json!({}))
            .map(drop)
    }

    /// Types into the element; into a file picker, the path of a file.
    pub fn send_keys(&self, element: &Element, text: &str) -> Result<()> {
        self.command(
            &format!("element/{}/value", element.0),
            &json!({ "text": text }),
        )
        .map(drop)
    }

    /// Clears a field.
    pub fn clear(&self, element: &Element) -> Result<()> {
        self.command(&format!("element/{}/clear", element.0), &json!({}))
            .map(drop)
    }

    /// Returns a screenshot of the window: a PNG in Base64.
    pub fn screenshot(&self) -> Result<String> {
        Ok(self
            .query("screenshot")?
            .as_str()
            .unwrap_or_default()
            .to_owned())
    }

    /// Returns the console's entries since the last call. Chromium only.
    pub fn console(&self) -> Result<Vec<ConsoleEntry>> {
        let entries = self.command("se/log", &json!({ "type": "browser" }))?;
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        let entry = |entry: &Value| ConsoleEntry {
            level: text(&entry["level"]),
            source: text(&entry["source"]),
            message: text(&entry["message"]),
        };
        let entries = entries.as_array().into_iter().flatten();
        Ok(entries.map(entry).collect())
    }

    pub fn attribute(&self, element: &Element, name: &str) -> Result<Option<String>> {
        let value = self.query(&format!("element/{}/attribute/{name}", element.0))?;
        Ok(value.as_str().map(str::to_owned))
    }

    /// Presses the keys in order on the focused element, and releases them in reverse order.
    pub fn press(&self, keys: &[&str]) -> Result<()> {
        let key = |kind: &str, key: &&str| json!({ "type": kind, "value": key });
        let down = keys.iter().map(|of| key("keyDown", of));
        let up = keys.iter().rev().map(|of| key("keyUp", of));
        let actions: Vec<Value> = down.chain(up).collect();
        let body = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.command("actions", &body).map(drop)
    }

    /// Reloads the page.
    pub fn refresh(&self) -> Result<()> {
        self.command("refresh", &json!({})).map(drop)
    }

    /// Goes back in the window's history.
    pub fn back(&self) -> Result<()> {
        self.command("back", &json!({})).map(drop)
    }

    /// Goes forward in the window's history.
    pub fn forward(&self) -> Result<()> {
        self.command("forward", &json!({})).map(drop)
    }

    /// Returns the handles of all windows and tabs of the session.
    pub fn windows(&self) -> Result<Vec<String>> {
        let handles = self.query("window/handles")?;
        let handles = handles.as_array().into_iter().flatten();
        Ok(handles
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect())
    }

    /// Returns the handle of the tab that commands go to.
    pub fn window(&self) -> Result<String> {
        let handle = self.query("window")?;
        Ok(handle.as_str().context("there is no window")?.to_owned())
    }

    /// Opens another tab and returns its handle; commands still go to the current one.
    pub fn new_tab(&self) -> Result<String> {
        let tab = self.command("window/new", &json!({ "type": "tab" }))?;
        Ok(tab["handle"]
            .as_str()
            .context("there is no new tab")?
            .to_owned())
    }

    /// Makes all further commands go to the tab.
    pub fn switch_to(&self, handle: &str) -> Result<()> {
        self.command("window", &json!({ "handle": handle }))
            .map(drop)
    }

    /// Closes the tab that commands go to.
    pub fn close_tab(&self) -> Result<()> {
        let response = self.agent.delete(format!("{}/window", self.base)).call();
        value(response.context("the tab was not closed")?).map(drop)
    }

    /// Runs a command of the Chrome DevTools Protocol. Chromium only.
    pub fn devtools(&self, command: &str, parameters: &Value) -> Result<Value> {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("goog/cdp/execute", &body)
    }

    fn command(&self, name: &str, body: &Value) -> Result<Value> {
        post(&self.agent, &format!("{}/{name}", self.base), body)
    }

    fn query(&self, name: &str) -> Result<Value> {
        let url = format!("{}/{name}", self.base);
        let response = self
            .agent
            .get(&url)
            .call()
            .with_context(|| format!("no answer from {url}"))?;
        value(response)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The driver closes the browser anyway when it ends.
        let _ = self.agent.delete(&self.base).call();
    }
}

fn post(agent: &Agent, url: &str, body: &Value) -> Result<Value> {
    let request = agent.post(url).content_type("application/json");
    value(
        request
            .send(body.to_string())
            .with_context(|| format!("no answer from {url}"))?,
    )
}

/// Returns the value in the driver's response, or its error as one of ours.
fn value(mut response: ureq::http::Response<ureq::Body>) -> Result<Value> {
    // Screenshots and logs are larger than ureq's default limit.
    let text = response
        .body_mut()
        .with_config()
        .limit(1 << 28)
        .read_to_string()?;
    let answer: Value =
        serde_json::from_str(&text).with_context(|| format!("not WebDriver's JSON: {text}"))?;
    let value = answer["value"].clone();
    match value["error"].as_str() {
        Some(error) => bail!("{error}: {}", value["message"].as_str().unwrap_or_default()),
        None => Ok(value),
    }
}
