#![expect(
    clippy::unwrap_used,
    reason = "a test that can't reach its own server has failed"
)]

use std::fs;

use tempfile::TempDir;
use ureq::http::Response;
use ureq::{Agent, Body};

use super::*;

/// A page and a model, served on a free port for as long as the test runs.
struct Site {
    url: String,
    _folder: TempDir,
}

fn entry() -> ModelEntry {
    ModelEntry {
        name: "A".to_owned(),
        file: "a.gguf".to_owned(),
        bytes: 10,
        sha256: "ab12".to_owned(),
        default: true,
    }
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (dist, models) = (folder.path().join("dist"), folder.path().join("models"));
        fs::create_dir(&dist).unwrap();
        fs::create_dir(&models).unwrap();
        fs::write(dist.join("index.html"), "<!doctype html>").unwrap();
        fs::write(dist.join("app-0123456789abcdef_bg.wasm"), b"\0asm").unwrap();
        fs::write(models.join("a.gguf"), "0123456789").unwrap();
        fs::write(models.join("secret.gguf"), "not listed").unwrap();
        let router = router(&dist, &models, vec![entry()]);
        let url = serve_in_background(0, for_other_origins(router)).unwrap();
        let url = url.trim_end_matches('/').to_owned();
        Self {
            url,
            _folder: folder,
        }
    }

    fn get(&self, path: &str, range: Option<&str>) -> Response<Body> {
        let agent: Agent = Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut request = agent.get(format!("{}{path}", self.url));
        if let Some(range) = range {
            request = request.header("range", range);
        }
        request.call().unwrap()
    }
}

fn header<'a>(response: &'a Response<Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[test]
fn page_is_isolated_and_revalidated() {
    let site = Site::start();
    let mut response = site.get("/", None);
    assert_eq!(response.status(), 200);
    for (name, value) in [
        ("content-type", "text/html"),
        ("cache-control", "no-cache"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(header(&response, name), value, "{name}");
    }
    let policy = header(&response, "content-security-policy");
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert_eq!(
        response.body_mut().read_to_string().unwrap(),
        "<!doctype html>"
    );
}

#[test]
fn hashed_wasm_has_its_type_and_is_cached() {
    let response = Site::start().get("/app-0123456789abcdef_bg.wasm", None);
    assert_eq!(header(&response, "content-type"), "application/wasm");
    assert!(header(&response, "cache-control").contains("immutable"));
}

#[test]
fn missing_file_is_not_cached() {
    let response = Site::start().get("/gone-0123456789abcdef.js", None);
    assert_eq!(response.status(), 404);
    assert_eq!(header(&response, "cache-control"), "no-cache");
}

#[test]
fn models_are_listed() {
    let text = Site::start()
        .get("/models.json", None)
        .body_mut()
        .read_to_string()
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Vec<ModelEntry>>(&text).unwrap(),
        [entry()]
    );
}

#[test]
fn model_is_served_whole_and_by_ranges() {
    let site = Site::start();
    let full = site.get("/models/a.gguf", None);
    assert_eq!(
        (full.status().as_u16(), header(&full, "content-length")),
        (200, "10")
    );
    assert_eq!(header(&full, "etag"), "\"ab12\"");
    assert_eq!(header(&full, "accept-ranges"), "bytes");
    assert_eq!(header(&full, "access-control-allow-origin"), "*");

    let mut range = site.get("/models/a.gguf", Some("bytes=2-5"));
    assert_eq!(
        (range.status().as_u16(), header(&range, "content-length")),
        (206, "4")
    );
    assert_eq!(header(&range, "content-range"), "bytes 2-5/10");
    assert_eq!(range.body_mut().read_to_string().unwrap(), "2345");

    assert_eq!(site.get("/models/a.gguf", Some("bytes=10-")).status(), 416);
}

#[test]
fn unlisted_model_is_not_served() {
    assert_eq!(Site::start().get("/models/secret.gguf", None).status(), 404);
}

#[test]
fn error_for_port_in_use_suggests_another() {
    let first = listen(0).unwrap();
    let port = first.local_addr().unwrap().port();
    let error = listen(port).unwrap_err();
    assert!(error.to_string().contains("--port"), "{error}");
}
