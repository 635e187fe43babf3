//! A browser session with the verbs of scenarios: wait, read, click, type.
//!
//! Elements are named by CSS selectors; every action first waits until its element is there.

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
use super::webdriver::{Client, ConsoleEntry, Element};

/// Types a digit and takes it back: the field is as before, and the page has noticed.
pub const TOUCH: &str = "1\u{e003}";
/// How long an element may take to appear by default.
const PATIENCE: Duration = Duration::from_secs(30);
/// Pause between two looks at the page.
const PAUSE: Duration = Duration::from_millis(100);

/// A browser window of one scenario.
pub struct Session {
    client: Client,
    folder: PathBuf,
    coverage: Coverage,
}

impl Session {
    /// Opens a browser with the capabilities; its screenshots go to the folder.
    ///
    /// # Errors
    /// Where the browser does not start.
    pub fn start(driver: &Driver, capabilities: &Value, folder: &Path) -> Result<Self> {
        let client =
            Client::open(&driver.url, capabilities).context("the browser did not start")?;
        Ok(Self {
            client,
            folder: folder.to_path_buf(),
            coverage: Coverage::default(),
        })
    }

    /// The connection to the browser, for rarer commands.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The controls that this session has seen and used.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// Notes the controls that are on the page, with their test ids.
    fn see_controls(&self) {
        let seen = self.execute(
            "return [...document.querySelectorAll('button, input, select, textarea, summary, a')]\
               .map(control => control.dataset.testid).filter(id => id)",
        );
        // A page that is just being loaded shows its controls the next time.
        if let Ok(Value::Array(ids)) = seen {
            let ids = ids.iter().filter_map(Value::as_str);
            self.coverage.see(ids.map(str::to_owned));
        }
    }

    /// Notes that the element is used, where it is a control with a test id.
    fn note_use(&self, element: &Element) {
        self.see_controls();
        // An element that is gone by now fails whatever is done with it next.
        if let Ok(Some(id)) = self.client.attribute(element, "data-testid") {
            self.coverage.note_use(&id);
        }
    }

    /// Loads the address.
    pub fn go_to(&self, url: &str) -> Result<()> {
        self.client.go_to(url)
    }

    /// Sets the window's size in CSS pixels.
    pub fn resize(&self, width: u32, height: u32) -> Result<()> {
        self.client.resize(width, height)
    }

    /// Gives the page a viewport of exactly this size in CSS pixels. Chromium only.
    pub fn set_viewport(&self, width: u32, height: u32) -> Result<()> {
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false,
        });
        self.client
            .devtools("Emulation.setDeviceMetricsOverride", &size)
            .map(drop)
    }

    /// The window's width and height in CSS pixels.
    pub fn size(&self) -> Result<(u64, u64)> {
        self.client.size()
    }

    /// Calls `ask` until it gives an answer or the time is up.
    ///
    /// # Errors
    /// With `what` was waited for, and the last error.
    pub fn wait_for<T>(
        &self,
        what: &str,
        limit: Duration,
        mut ask: impl FnMut() -> Result<Option<T>>,
    ) -> Result<T> {
        let start = Instant::now();
        loop {
            // The page may replace an element between two commands: that is no answer yet.
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

    /// Waits until the selector finds something.
    pub fn wait_for_element(&self, css: &str, limit: Duration) -> Result<Element> {
        self.wait_for(css, limit, || {
            Ok(self.client.find_all(css)?.into_iter().next())
        })
    }

    /// Waits until the element's text is as wanted, and gives it.
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

    /// Number of elements that the selector finds.
    pub fn count(&self, css: &str) -> Result<usize> {
        Ok(self.client.find_all(css)?.len())
    }

    /// The text of the first element, as a person sees it.
    pub fn text(&self, css: &str) -> Result<String> {
        let found = self.client.find_all(css)?;
        self.client.text(
            found
                .first()
                .with_context(|| format!("there is no {css}"))?,
        )
    }

    /// Clicks the element once it can be used.
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

    /// Clicks the element as it is now.
    pub fn click_now(&self, css: &str) -> Result<()> {
        let found = self.client.find_all(css)?;
        let element = found
            .first()
            .with_context(|| format!("there is no {css}"))?;
        self.note_use(element);
        self.client.click(element)
    }

    /// Clicks a radio button or a checkbox, which may lie invisible on its label.
    pub fn check(&self, css: &str) -> Result<()> {
        let input = self.wait_for_element(css, PATIENCE)?;
        self.note_use(&input);
        let click = "arguments[0].click()";
        self.client.execute(click, &[input.argument()]).map(drop)
    }

    /// Chooses an option of a list by its value.
    ///
    /// # Errors
    /// Where the list has no such option.
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
            // Clearing fires `change`, but not the `input` that the page listens to: only keys do.
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
                // The driver refuses a path with `..` in it.
                let whole = fs::canonicalize(file)
                    .with_context(|| format!("could not find {}", file.display()))?;
                Ok(whole.display().to_string())
            })
            .collect::<Result<Vec<String>>>()?;
        self.client.send_keys(&picker, &paths.join("\n"))
    }

    /// Runs a script's body in the page and gives what it returns.
    pub fn execute(&self, script: &str) -> Result<Value> {
        self.client.execute(script, &[])
    }

    /// Keeps a picture of the window as `NAME.png`.
    pub fn screenshot(&self, name: &str) -> Result<PathBuf> {
        let file = self.folder.join(format!("{name}.png"));
        let picture = STANDARD
            .decode(self.client.screenshot()?)
            .context("the picture is not Base64")?;
        fs::write(&file, picture).with_context(|| format!("could not write {}", file.display()))?;
        Ok(file)
    }

    /// Returns what was written to the console since the last call. Chromium only.
    pub fn console(&self) -> Result<Vec<ConsoleEntry>> {
        self.client.console()
    }

    /// Checks that the console has no fault of the page since the last read.
    ///
    /// # Errors
    /// With the faults.
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

    /// Prints the console and keeps a picture, as far as either can be had.
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
