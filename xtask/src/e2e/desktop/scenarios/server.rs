//! Servers that the program calls for its page: one that never answers, and one of another project.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::super::super::scenarios::other;
use super::super::super::steps::SOON;
use super::{Person, Site, Window};

/// Maximum time for the page to give up on a server, for which it waits 20 s.
const PATIENCE: Duration = Duration::from_secs(40);

/// Gives up on a server that accepts a request and never answers, and uses another one as in a browser.
pub fn run(site: &Site) -> Result<()> {
    let person = Person::new()?;
    let window = Window::open(&site.desk, &person, &[])?;
    window.with("server", |window| {
        window.wait_for_element("[data-testid=choose-file]", SOON)?;
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
        // Closes the server's form, because `meet` starts by opening it.
        window.click("[data-testid=server-open]")?;
        other::meet(window, "desktop-server")
    })?;
    window.quit().map(drop)
}
