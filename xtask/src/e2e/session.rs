//! A browser session with the operations that scenarios use: wait, read, click, type.
//!
//! Elements are named by CSS selectors; most actions first wait until their element is there.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::console;
use super::coverage::Coverage;
use super::driver::Driver;
use super::webdriver::{Client, ConsoleEntry, Element, WindowSize};

/// Size of a window on a desktop computer.
const DESKTOP: WindowSize = WindowSize::new(1280, 900);
/// Size of a phone's screen.
const PHONE: WindowSize = WindowSize::new(390, 844);

/// Keys that type a digit and delete it: the field keeps its text, and the page is notified.
pub const TOUCH: &str = "1\u{e003}";
/// Maximum time for an element to appear, by default.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two polls of the page.
const PAUSE: Duration = Duration::from_millis(100);

/// A browser window of one scenario.
pub struct Session {
    client: Client,
    folder: PathBuf,
    coverage: Coverage,
}

impl Session {
    /// Opens a browser with the capabilities; its screenshots go to the folder.
    pub fn start(driver: &Driver, capabilities: &Value, folder: &Path) -> Result<Self> {
        let client =
            Client::open(&driver.url, capabilities).context("the browser did not start")?;
        Ok(Self {
            client,
            folder: folder.to_path_buf(),
            coverage: Coverage::default(),
        })
    }

    /// Returns the connection to the browser, for less common commands.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the controls that this session has seen and used.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Records the test ids of the controls that are on the page.
    fn see_controls(&self) {
        let seen = self.execute(
            "return [...document.querySelectorAll('button, input, select, textarea, summary, a')]\
               .map(control => control.dataset.testid).filter(id => id)",
        );
        // A page that is still loading shows its controls at the next call.
        if let Ok(Value::Array(ids)) = seen {
            let ids = ids.iter().filter_map(Value::as_str);
            self.coverage.see(ids.map(str::to_owned));
        }
    }

    /// Records the use of the element, if it has a test id.
    fn note_use(&self, element: &Element) {
        self.see_controls();
        // If the element is gone by now, the next operation on it fails anyway.
        if let Ok(Some(id)) = self.client.attribute(element, "data-testid") {
            self.coverage.note_use(&id);
        }
    }

    /// Loads the address.
    pub fn go_to(&self, url: &str) -> Result<()> {
        self.client.go_to(url)
    }

    /// Sets the window's size.
    pub fn resize(&self, size: WindowSize) -> Result<()> {
        self.client.resize(size)
    }

    /// Gives the window the size of one on a desktop computer.
    pub fn resize_to_desktop(&self) -> Result<()> {
        self.resize(DESKTOP)
    }

    /// Gives the window the size of a phone's screen.
    pub fn resize_to_phone(&self) -> Result<()> {
        self.resize(PHONE)
    }

    /// Gives the page a viewport of exactly this size. Chromium only.
    pub fn set_viewport(&self, WindowSize { width, height }: WindowSize) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.client
            .devtools("Emulation.setDeviceMetricsOverride", &size)
            .map(drop)
    }

    /// Returns the window's size.
    pub fn size(&self) -> Result<WindowSize> {
        self.client.size()
    }

    /// Calls `ask` until it returns a value or `limit` has passed.
    ///
    /// # Errors
    /// If `limit` has passed; the message names `what` was waited for and the last error.
    pub fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            // The page may replace an element between two commands, so an error is not final.
            let last = match ask() {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) => None,
                Err(error) => Some(error),
            };
            if start.elapsed() > limit {
                let waited = format!("waited {} s for {what}", limit.as_secs());
                match last {
                    Some(error) => return Err(error.context(waited)),
                    None => bail!(waited),
                }
            }
            thread::sleep(PAUSE);
        }
    }

    /// Waits until the selector matches an element, and returns the first one.
    pub fn wait_for_element(&self, css: &str, limit: Duration) -> Result<Element> {
        self.wait_for(css, limit, || {
            Ok(self.client.find_all(css)?.into_iter().next())
        })
    }

    /// Waits until `wanted` accepts the element's text, and returns the text.
    pub fn wait_for_text(
        &self,
        css: &str,
        limit: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let mut last = String::new();
        let outcome = self.wait_for(&format!("the text of {css}"), limit, || {
            last = self.text(css)?;
            Ok(wanted(&last).then(|| last.clone()))
        });
        outcome.with_context(|| format!("the text was last {last:?}"))
    }

    /// Returns the number of elements that the selector matches.
    pub fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(css)?.len())
    }

    /// Returns the text of the first match, as a user sees it.
    pub fn text(&self, css: &str) -> Result<String> {
        let found = self.client.find_all(css)?;
        self.client.text(
            found
                .first()
                .with_context(|| format!("there is no {css}"))?,
        )
    }

    /// Clicks the element once it is there and enabled.
    pub fn click(&self, css: &str) -> Result<()> {
        self.wait_for(&format!("a usable {css}"), PATIENCE, || {
            let Some(element) = self.client.find_all(css)?.into_iter().next() else {
                return Ok(None);
            };
            if !self.client.is_enabled(&element)? {
                return Ok(None);
            }
            self.note_use(&element);
            self.client.click(&element).map(Some)
        })
    }

    /// Clicks the element without waiting for it.
    pub fn click_now(&self, css: &str) -> Result<()> {
        let found = self.client.find_all(css)?;
        let element = found
            .first()
            .with_context(|| format!("there is no {css}"))?;
        self.note_use(element);
        self.client.click(element)
    }

    /// Clicks a radio button or a checkbox by script, because it may lie invisible on its label.
    pub fn check(&self, css: &str) -> Result<()> {
        let input = self.wait_for_element(css, PATIENCE)?;
        self.note_use(&input);
        let click = "arguments[0].click()";
        self.client.execute(click, &[input.argument()]).map(drop)
    }

    /// Chooses an option of a list by its value.
    pub fn choose(&self, css: &str, value: &str) -> Result<()> {
        let list = self.wait_for_element(css, PATIENCE)?;
        self.note_use(&list);
        let chosen = self.client.execute(
            "const [list, value] = arguments;\
             list.value = value;\
             list.dispatchEvent(new Event('change', { bubbles: true }));\
             return list.value",
            &[list.argument(), value.into()],
        )?;
        ensure!(chosen == value, "{css} has no option {value:?}");
        Ok(())
    }

    /// Replaces the field's text.
    pub fn fill(&self, css: &str, text: &str) -> Result<()> {
        self.wait_for(&format!("the field {css}"), PATIENCE, || {
            let Some(field) = self.client.find_all(css)?.into_iter().next() else {
                return Ok(None);
            };
            self.note_use(&field);
            self.client.clear(&field)?;
            // Clearing fires `change`, but only keys fire `input`, to which the page listens.
            let keys = if text.is_empty() { TOUCH } else { text };
            self.client.send_keys(&field, keys).map(Some)
        })
    }

    /// Chooses files in a file picker.
    pub fn choose_files(&self, css: &str, files: &[&Path]) -> Result<()> {
        let picker = self.wait_for_element(css, PATIENCE)?;
        self.note_use(&picker);
        let paths = files
            .iter()
            .map(|file| {
                // The driver rejects a path with `..` in it.
                let whole = fs::canonicalize(file)
                    .with_context(|| format!("could not find {}", file.display()))?;
                Ok(whole.display().to_string())
            })
            .collect::<Result<Vec<String>>>()?;
        self.client.send_keys(&picker, &paths.join("\n"))
    }

    /// Runs a script's body in the page and returns its result.
    pub fn execute(&self, script: &str) -> Result<Value> {
        self.client.execute(script, &[])
    }

    /// Saves a screenshot of the window as `NAME.png`, and returns its path.
    pub fn screenshot(&self, name: &str) -> Result<PathBuf> {
        let file = self.folder.join(format!("{name}.png"));
        let picture = STANDARD
            .decode(self.client.screenshot()?)
            .context("the picture is not Base64")?;
        fs::write(&file, picture).with_context(|| format!("could not write {}", file.display()))?;
        Ok(file)
    }

    /// Returns the console's entries since the last call. Chromium only.
    pub fn console(&self) -> Result<Vec<ConsoleEntry>> {
        self.client.console()
    }

    /// Checks that the console has no fault of the page since the last read.
    ///
    /// # Errors
    /// If it has some; the message lists them.
    pub fn check_console(&self) -> Result<()> {
        let origin = self.execute("return location.origin")?;
        let origin = origin.as_str().unwrap_or_default();
        let entries = self.console()?;
        let faults = entries
            .iter()
            .filter(|entry| console::is_fault(entry, origin));
        let faults: Vec<String> = faults.map(ToString::to_string).collect();
        ensure!(
            faults.is_empty(),
            "the console has errors:\n{}",
            faults.join("\n")
        );
        Ok(())
    }

    /// Runs the script at the start of every page that this tab opens from now on. Chromium only.
    pub fn before_page(&self, script: &str) -> Result<()> {
        let parameters = json!({ "source": script });
        self.client
            .devtools("Page.addScriptToEvaluateOnNewDocument", &parameters)
            .map(drop)
    }

    /// Turns the content security policy of this tab's pages off, for scripts of the tests that it forbids.
    /// Chromium only.
    pub fn bypass_content_security_policy(&self) -> Result<()> {
        let parameters = json!({ "enabled": true });
        self.client
            .devtools("Page.setBypassCSP", &parameters)
            .map(drop)
    }

    /// Saves a screenshot and prints the console, as far as either is available.
    pub fn keep_evidence(&self, name: &str) {
        match self.screenshot(name) {
            Ok(file) => println!("screenshot: {}", file.display()),
            Err(error) => println!("no screenshot: {error:#}"),
        }
        match self.console() {
            Ok(lines) => lines.iter().for_each(|line| println!("console: {line}")),
            Err(error) => println!("no console: {error:#}"),
        }
    }
}
