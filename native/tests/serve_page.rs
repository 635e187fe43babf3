//! The page of `llamaglass serve --page`: its headers, and files that must not be served.

mod common;
#[path = "common/server.rs"]
mod server;

use std::fs;

use common::split;
use server::Server;
use tempfile::TempDir;

/// Starts a server with a page in a temporary folder.
fn page(words: &[&str]) -> (TempDir, Server) {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page");
    fs::create_dir(&page).expect("a folder");
    fs::write(page.join("index.html"), "<title>hi</title>").expect("written");
    fs::write(page.join("a b.js"), "1").expect("written");
    let own = ["--page", page.to_str().expect("UTF-8")];
    let server = server::tiny(&[&own[..], words].concat());
    (folder, server)
}

#[test]
fn page_comes_with_security_headers_beside_the_api() {
    let (_folder, server) = page(&[]);
    assert_eq!(server.get("/"), (200, "<title>hi</title>".into()));
    assert!(server.get("/v1/models").1.contains("llamaglass"));
    let list_type = server.header("/models.json", "content-type");
    assert_eq!(list_type.as_deref(), Some("application/json"));
    for (name, value) in [
        ("cross-origin-embedder-policy", "require-corp"),
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
fn page_needs_no_key_but_api_does() {
    let (_folder, server) = page(&["--api-key", "secret"]);
    assert_eq!(server.get("/").0, 200);
    // The page has nothing to load itself, so it asks for the served model.
    assert_eq!(server.get("/models.json"), (200, "[]".into()));
    let (status, error) = server.get("/v1/models");
    assert_eq!(status, 401, "{error}");
    assert!(error.contains("invalid_api_key"), "{error}");
}

#[test]
fn dot_files_are_not_served() {
    let (folder, server) = page(&[]);
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
    let (folder, server) = page(&[]);
    let pipe = folder.path().join("page/pipe");
    let made = std::process::Command::new("mkfifo").arg(pipe).status();
    assert!(made.expect("mkfifo").success());
    assert_eq!(server.get("/pipe").0, 404);
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_served() {
    use std::os::unix::fs::symlink;

    let (folder, server) = page(&[]);
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
