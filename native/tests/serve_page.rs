//! The page of `llamaglass serve --page`: its headers, and files that must not be served.

mod common;
#[path = "common/server.rs"]
mod server;

use common::split;
use std::fs;

use server::Server;
use tempfile::TempDir;

/// Starts a server with a page in a temporary folder.
fn page() -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page");
    fs::create_dir(&page).expect("a folder");
    fs::write(page.join("index.html"), "<title>hi</title>").expect("written");
    fs::write(page.join("a b.js"), "1").expect("written");
    let words = ["--page", page.to_str().expect("UTF-8")];
    let server = server::tiny(&words);
    (folder, server)
}

#[test]
fn page_comes_with_a_content_security_policy() {
    let (_folder, server) = page();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(server.header("/", name).as_deref(), Some(value));
    }
    let policy = server.header("/", "content-security-policy");
    let policy = policy.expect("a policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    let scripts = policy
        .split("; ")
        .find(|part| part.starts_with("script-src"));
    assert_eq!(scripts, Some("script-src 'self' 'wasm-unsafe-eval'"));
}

#[test]
fn dot_files_are_not_served() {
    let (folder, server) = page();
    let page = folder.path().join("page");
    fs::write(page.join(".env"), "secret").expect("written");
    fs::create_dir(page.join(".git")).expect("a folder");
    fs::write(page.join(".git/config"), "secret").expect("written");
    for path in ["/.env", "/%2eenv", "/.git/config"] {
        let (status, body) = server.get(path);
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains("secret"), "{path}");
    }
    assert_eq!(server.get("/a%20b.js"), (200, "1".into()));
}

#[cfg(unix)]
#[test]
fn pipe_is_not_served() {
    let (folder, server) = page();
    let pipe = folder.path().join("page/pipe");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.expect("mkfifo").success());
    assert_eq!(server.get("/pipe").0, 404);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_served() {
    use std::os::unix::fs::symlink;

    let (folder, server) = page();
    let page = folder.path().join("page");
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).expect("a folder");
    fs::write(outside.join("secret.txt"), "secret").expect("written");
    fs::write(outside.join("index.html"), "secret").expect("written");
    symlink(outside.join("secret.txt"), page.join("file.txt")).expect("linked");
    symlink(&outside, page.join("folder")).expect("linked");
    symlink(page.join("a b.js"), page.join("inside.js")).expect("linked");
    fs::create_dir(page.join(".git")).expect("a folder");
    fs::write(page.join(".git/config"), "secret").expect("written");
    symlink(page.join(".git"), page.join("hidden")).expect("linked");
    for path in split("/file.txt /folder/secret.txt /folder/ /hidden/config") {
        let (status, body) = server.get(path);
        assert_eq!(status, 404, "{path}");
        assert!(!body.contains("secret"), "{path}");
    }
    assert_eq!(server.get("/inside.js"), (200, "1".into()));
    assert_eq!(server.get("/").0, 200);
}
