//! Requests to servers, made for the page: its content security policy lets it contact no server, and few servers
//! accept a page that did not come from one. The program contacts only servers that the page names here, because
//! the user did.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use futures::future::{AbortHandle, AbortRegistration, Abortable};
use llamaglass_session::platform::{FetchPart, FetchRequest};
use reqwest::Client;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};

use crate::allowed::Servers;
use crate::error::note;

/// Running requests, by the page's numbers.
#[derive(Default)]
pub struct Fetches {
    running: Mutex<HashMap<u64, AbortHandle>>,
    client: OnceLock<Result<Client, String>>,
    servers: Servers,
}

impl Fetches {
    /// Starts a request; its response goes through `channel`, as JSON.
    pub fn start(app: &AppHandle, fetch: FetchRequest, channel: Channel<String>) {
        let id = fetch.id;
        let (abort, registration) = AbortHandle::new_pair();
        app.state::<Self>().lock().insert(id, abort);
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            let this = app.state::<Self>();
            let send = |part| match serde_json::to_string(&part) {
                // Fails only if the window is gone.
                Ok(json) => drop(channel.send(json)),
                Err(error) => note(&format!(
                    "a part of a response can't be written as JSON: {error}"
                )),
            };
            let client = this.client.get_or_init(client).as_ref();
            // A stopped request is removed already, and its number may belong to a request of another page now.
            if respond_until(registration, client, &this.servers, fetch, send).await {
                this.lock().remove(&id);
            }
        });
    }

    /// Stops a request, if it is still running.
    pub fn stop(&self, id: u64) {
        if let Some(abort) = self.lock().remove(&id) {
            abort.abort();
        }
    }

    /// Stops all requests, because their page is gone.
    pub fn stop_all(&self) {
        for (_, abort) in self.lock().drain() {
            abort.abort();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, AbortHandle>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Builds a client like the terminal's: without a proxy, which would add to the server's time, and without
/// redirects or retries. Returns the reason if it can't be built.
fn client() -> Result<Client, String> {
    // Fails if it was done before.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never());
    client.build().map_err(innermost_message)
}

/// Makes a request. If it is stopped, reports that, since the page waits for an end, and returns false.
async fn respond_until(
    stopped: AbortRegistration,
    client: Result<&Client, &String>,
    servers: &Servers,
    fetch: FetchRequest,
    mut send: impl FnMut(FetchPart),
) -> bool {
    let responded = Abortable::new(respond(client, servers, fetch, &mut send), stopped).await;
    if responded.is_err() {
        let why = "the request was stopped".into();
        send(FetchPart::Failed { why });
    }
    responded.is_ok()
}

async fn respond(
    client: Result<&Client, &String>,
    servers: &Servers,
    fetch: FetchRequest,
    mut send: impl FnMut(FetchPart),
) {
    let ended = match client {
        Ok(client) => send_parts(client, servers, fetch, &mut send).await,
        Err(why) => Err(why.clone()),
    };
    send(match ended {
        Ok(()) => FetchPart::End,
        Err(why) => FetchPart::Failed { why },
    });
}

async fn send_parts(
    client: &Client,
    servers: &Servers,
    fetch: FetchRequest,
    send: &mut impl FnMut(FetchPart),
) -> Result<(), String> {
    let allowed = servers.check(&fetch)?;
    let url = allowed.url.clone();
    let mut request = match fetch.body {
        Some(body) => client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body),
        None => client.get(url),
    };
    if let Some(authorization) = fetch.authorization {
        let mut value = HeaderValue::from_str(&authorization)
            .map_err(|_| "the key has characters that can't be sent")?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let mut response = request.send().await.map_err(innermost_message)?;
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let status = response.status();
    let has_body = servers.allows_body(&allowed, status.is_success(), &content_type);
    if !has_body && status.is_success() {
        let kind = format!("its answer is of the type {content_type:?}");
        return Err(format!("{kind}, and servers of this protocol send JSON"));
    }
    send(FetchPart::Head {
        status: status.as_u16(),
        content_type,
    });
    if !has_body {
        return Ok(());
    }
    while let Some(bytes) = response.chunk().await.map_err(innermost_message)? {
        let bytes = bytes.to_vec();
        send(FetchPart::Bytes { bytes });
    }
    Ok(())
}

/// Returns the innermost message, without the address, which the page knows.
fn innermost_message(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut inner: &dyn Error = &error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use super::*;

    /// Starts a server that sends `answer` once. Returns its address, and the thread that returns the request.
    fn server(answer: &'static str) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).expect("a request");
            request.truncate(read);
            stream.write_all(answer.as_bytes()).expect("it is read");
            String::from_utf8_lossy(&request).into_owned()
        });
        (format!("http://{address}/v1/models"), thread)
    }

    fn ask(url: &str, authorization: Option<&str>, body: Option<&str>) -> Vec<FetchPart> {
        let fetch = FetchRequest {
            id: 0,
            url: url.into(),
            authorization: authorization.map(str::to_owned),
            body: body.map(str::to_owned),
        };
        let servers = Servers::default();
        if let Some(base) = url.strip_suffix("/chat/completions") {
            let list = FetchRequest {
                url: format!("{base}/models"),
                body: None,
                ..fetch.clone()
            };
            let list = servers.check(&list).expect("of the protocol");
            assert!(servers.allows_body(&list, true, "application/json"));
        }
        let mut parts = Vec::new();
        let send = |part| parts.push(part);
        tauri::async_runtime::block_on(respond(client().as_ref(), &servers, fetch, send));
        parts
    }

    fn head(status: u16, content_type: &str) -> FetchPart {
        FetchPart::Head {
            status,
            content_type: content_type.into(),
        }
    }

    #[test]
    fn response_arrives_in_parts() {
        let (url, server) = server(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        );
        let bytes = b"{}".to_vec();
        let [head, bytes] = [head(200, "application/json"), FetchPart::Bytes { bytes }];
        assert_eq!(ask(&url, None, None), [head, bytes, FetchPart::End]);
        let request = server.join().expect("no panic").to_lowercase();
        assert!(request.starts_with("get /v1/models http/1.1\r\n"));
        assert!(!request.contains("authorization"));
    }

    #[test]
    fn body_is_posted_with_key_and_error_status_is_passed_on() {
        let (url, server) = server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        let url = url.replace("/models", "/chat/completions");
        let parts = ask(&url, Some("Bearer secret"), Some(r#"{"a":1}"#));
        assert_eq!(parts, [head(401, ""), FetchPart::End]);
        let request = server.join().expect("no panic");
        assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"));
        assert!(request.contains("Bearer secret") && request.ends_with(r#"{"a":1}"#));
        let request = request.to_lowercase();
        assert!(request.contains("content-type: application/json"));
    }

    #[test]
    fn redirects_are_not_followed() {
        let (url, _server) = server(
            "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
        );
        assert_eq!(ask(&url, None, None), [head(307, ""), FetchPart::End]);
    }

    #[test]
    fn broken_connection_is_reported() {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10\r\n\r\nabc";
        let (url, _server) = server(answer);
        let parts = ask(&url, None, None);
        assert_eq!(parts.first(), Some(&head(200, "text/event-stream")));
        assert!(matches!(parts.last(), Some(FetchPart::Failed { .. })));
    }

    #[test]
    fn connection_error_omits_the_address() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let url = format!("http://{}/v1/models", free.expect("a port"));
        let parts = ask(&url, None, None);
        let [FetchPart::Failed { why }] = parts.as_slice() else {
            panic!("nobody answers: {parts:?}");
        };
        assert!(why.to_lowercase().contains("refused"), "{why}");
    }

    #[test]
    fn stopped_request_ends_with_a_failure() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = silent.local_addr().expect("an address");
        let url = format!("http://{address}/v1/models");
        let (stop, stopped) = AbortHandle::new_pair();
        let client = std::thread::spawn(move || {
            let (id, authorization, body) = (0, None, None);
            let fetch = FetchRequest {
                id,
                url,
                authorization,
                body,
            };
            let mut parts = Vec::new();
            let send = |part| parts.push(part);
            let (client, servers) = (client(), Servers::default());
            let responded = respond_until(stopped, client.as_ref(), &servers, fetch, send);
            tauri::async_runtime::block_on(responded);
            parts
        });
        let (_stream, _) = silent.accept().expect("a client");
        stop.abort();
        let parts = client.join().expect("no panic");
        assert!(
            matches!(parts.as_slice(), [FetchPart::Failed { why }] if why.contains("stopped")),
            "{parts:?}"
        );
    }

    #[test]
    fn requests_outside_the_protocol_are_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("set");
        for path in ["/", "/admin?page=/models", "/v1/completions"] {
            let parts = ask(&format!("http://{address}{path}"), None, None);
            assert!(matches!(parts[..], [FetchPart::Failed { .. }]), "{path}");
        }
        assert!(listener.accept().is_err(), "a request was sent");
    }

    #[test]
    fn body_of_web_page_is_withheld() {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret";
        let (url, _server) = server(page);
        let parts = ask(&url, None, None);
        let [FetchPart::Failed { why }] = parts.as_slice() else {
            panic!("the page received {parts:?}");
        };
        assert!(why.contains("text/html"), "{why}");
        let (url, _server) = server(
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret",
        );
        let parts = ask(&url, None, None);
        assert_eq!(parts, [head(404, "text/html"), FetchPart::End]);
    }
}
