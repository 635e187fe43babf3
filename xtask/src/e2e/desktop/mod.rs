//! The check `desktop` of `cargo xtask test`: drives the program in its own window as a user would.
//!
//! The program runs on a virtual display (Xvfb) and is driven through WebKitWebDriver, so that its real window,
//! menus, page and engine are tested. Every scenario has its own home folder, which holds nothing that the
//! scenario did not make itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::outcome;
use super::webdriver::WindowSize;
use crate::command;
use crate::context::{Context, Verdict};
use crate::page::embed;
use crate::product;
use crate::project::Project;

mod bus;
mod display;
mod framebuffer;
mod person;
mod scenarios;
mod webkit;
mod window;

use bus::Bus;
use display::Display;
use person::Person;
use window::Window;

/// Maximum time for a window to appear.
const PATIENCE: Duration = Duration::from_secs(20);

/// The display, bus and program that are needed to open windows.
struct Desk {
    display: Display,
    bus: Bus,
    /// The program and its first arguments, which precede those of a scenario.
    program: Vec<String>,
    /// Folder for screenshots and logs.
    folder: PathBuf,
}

/// Everything that a scenario can use.
struct Site {
    desk: Desk,
    /// The default model.
    model: PathBuf,
    /// The checkout.
    root: PathBuf,
}

impl Desk {
    /// Starts a display and a bus; `program` is the command line that starts our program.
    fn set_up(program: Vec<String>, folder: PathBuf) -> Result<Self> {
        Ok(Self {
            display: Display::start()?,
            bus: Bus::start()?,
            program,
            folder,
        })
    }

    /// Presses keys such as `ctrl+q` on the display. Keys that are sent by the driver reach only the page, not the
    /// menu.
    fn press(&self, key: &str) -> Result<()> {
        // Without a window manager, keys go to the window under the mouse pointer.
        self.hand(&["mousemove", "200", "200", "key", key])
    }

    /// Types the text as slowly as a person, with 200 ms per key.
    fn type_text(&self, text: &str) -> Result<()> {
        self.hand(&["type", "--delay", "200", text])
    }

    /// Waits until a window with the title is visible.
    fn wait_for_window(&self, title: &str) -> Result<()> {
        let start = Instant::now();
        while self
            .hand(&["search", "--onlyvisible", "--name", title])
            .is_err()
        {
            ensure!(start.elapsed() < PATIENCE, "there is no window {title:?}");
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn hand(&self, words: &[&str]) -> Result<()> {
        let mut xdotool = Command::new("xdotool");
        xdotool.env("DISPLAY", &self.display.name).args(words);
        command::output(&mut xdotool).map(drop)
    }

    /// Saves a screenshot of the display as `NAME.png`, cropped to `size` from the upper left corner if given.
    fn picture(&self, name: &str, size: Option<WindowSize>) -> Result<PathBuf> {
        let file = self.folder.join(format!("{name}.png"));
        self.display.picture(&file, size)?;
        Ok(file)
    }
}

/// Builds the page and the program, and runs every scenario even if one fails.
pub fn run(context: &Context<'_>) -> Result<Verdict> {
    if cfg!(not(target_os = "linux")) {
        return Ok(Verdict::NotRun("the window is driven on Linux only".into()));
    }
    context.page()?;
    embed::fill(context.project)?;
    product::build(context)?;
    let program = product::program(context.project, "llamaglass-desktop");
    let site = Site {
        desk: Desk::set_up(
            vec![program.display().to_string()],
            super::folder(context.project)?,
        )?,
        model: context.model()?.to_path_buf(),
        root: context.project.root.clone(),
    };
    outcome::attempt_all("desktop", scenarios::ALL, |scenario| (scenario.run)(&site))
}

/// Opens an installed program with a model, waits until its engine is ready, and returns the path of a
/// screenshot. `program` is the command line that starts it.
pub fn try_installed(project: &Project, program: Vec<String>, model: &Path) -> Result<PathBuf> {
    let desk = Desk::set_up(program, super::folder(project)?)?;
    let person = Person::new()?;
    let window = Window::open(&desk, &person, &[model])?;
    let picture = window.with("installed", |window| {
        super::steps::wait_until_ready(window)?;
        window.picture("desktop-installed")
    })?;
    window.quit()?;
    Ok(picture)
}
