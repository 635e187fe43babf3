//! Servers, which the program asks for its page: one of somebody else's, and one that says nothing.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::super::scenarios::other;
use super::{Person, Site, Window};

/// The page waits 20 s for a server.
const PATIENCE: Duration = Duration::from_secs(40);

/// Gives a server up that takes a request and never answers, and meets another one as in a browser.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("server", |window| {
        window.wait_for_element("[data-testid=choose-file]", Duration::from_secs(30))?;
        let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        window.click("[data-testid=server-open]")?;
        window.fill(
            "[data-testid=server-url]",
            &silent.local_addr()?.to_string(),
        )?;
        window.click("[data-testid=server-connect]")?;
        let error = "[data-testid=server-error]";
        let why = window.wait_for_text(error, PATIENCE, |text| !text.is_empty())?;
        ensure!(why.contains("20 s"), "the page says {why:?}");
        // Closes its form, as the other one begins.
        window.click("[data-testid=server-open]")?;
        other::meet(window, "desktop-server")
    })?;
    window.quit().map(drop)
}
