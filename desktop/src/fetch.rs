//! Requests to servers, made for the page: its content security policy lets it contact no server, and few servers
//! accept a page that did not come from one. The program contacts only servers that the page names here, because
//! the user did.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use futures::future::{AbortHandle, AbortRegistration, Abortable};
use llamaglass_session::platform::{Asked, Piece};
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
    pub fn begin(app: &AppHandle, asked: Asked, channel: Channel<String>) {
        let id = asked.id;
        let (abort, registration) = AbortHandle::new_pair();
        app.state::<Self>().lock().insert(id, abort);
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            let this = app.state::<Self>();
            let hear = |piece| match serde_json::to_string(&piece) {
                // Fails only if the window is gone.
                Ok(json) => drop(channel.send(json)),
                Err(error) => note(&format!("a piece can't be written as JSON: {error}")),
            };
            let client = this.client.get_or_init(client).as_ref();
            // A stopped request is removed already, and its number may belong to a request of another page now.
            if answer_until(registration, client, &this.servers, asked, hear).await {
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
    client.build().map_err(words)
}

/// Makes a request. If it is stopped, reports that, since the page waits for an end, and returns false.
async fn answer_until(
    stopped: AbortRegistration,
    client: Result<&Client, &String>,
    servers: &Servers,
    asked: Asked,
    mut hear: impl FnMut(Piece),
) -> bool {
    let answered = Abortable::new(answer(client, servers, asked, &mut hear), stopped).await;
    if answered.is_err() {
        let why = "the request was given up".into();
        hear(Piece::Failed { why });
    }
    answered.is_ok()
}

async fn answer(
    client: Result<&Client, &String>,
    servers: &Servers,
    asked: Asked,
    mut hear: impl FnMut(Piece),
) {
    let ended = match client {
        Ok(client) => pieces(client, servers, asked, &mut hear).await,
        Err(why) => Err(why.clone()),
    };
    hear(match ended {
        Ok(()) => Piece::End,
        Err(why) => Piece::Failed { why },
    });
}

async fn pieces(
    client: &Client,
    servers: &Servers,
    asked: Asked,
    hear: &mut impl FnMut(Piece),
) -> Result<(), String> {
    let allowed = servers.check(&asked)?;
    let url = allowed.url.clone();
    let mut request = match asked.body {
        Some(body) => client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body),
        None => client.get(url),
    };
    if let Some(authorization) = asked.authorization {
        let mut value = HeaderValue::from_str(&authorization)
            .map_err(|_| "the key has characters that can't be sent")?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    let mut response = request.send().await.map_err(words)?;
    let content_type = response.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let status = response.status();
    let has_body = servers.may_hand_over(&allowed, status.is_success(), &content_type);
    if !has_body && status.is_success() {
        let kind = format!("its answer is of the type {content_type:?}");
        return Err(format!("{kind}, and servers of this protocol send JSON"));
    }
    hear(Piece::Head {
        status: status.as_u16(),
        content_type,
    });
    if !has_body {
        return Ok(());
    }
    while let Some(bytes) = response.chunk().await.map_err(words)? {
        let bytes = bytes.to_vec();
        hear(Piece::Bytes { bytes });
    }
    Ok(())
}

/// Returns the innermost message, without the address, which the page knows.
fn words(error: reqwest::Error) -> String {
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
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).expect("a request");
            asked.truncate(read);
            stream.write_all(answer.as_bytes()).expect("is heard");
            String::from_utf8_lossy(&asked).into_owned()
        });
        (format!("http://{address}/v1/models"), thread)
    }

    fn ask(url: &str, authorization: Option<&str>, body: Option<&str>) -> Vec<Piece> {
        let asked = Asked {
            id: 0,
            url: url.into(),
            authorization: authorization.map(str::to_owned),
            body: body.map(str::to_owned),
        };
        let servers = Servers::default();
        let base = url.strip_suffix("/chat/completions");
        if let Some(base) = base {
            let list = Asked {
                url: format!("{base}/models"),
                body: None,
                ..asked.clone()
            };
            let list = servers.check(&list).expect("of the protocol");
            assert!(servers.may_hand_over(&list, true, "application/json"));
        }
        let mut heard = Vec::new();
        let hear = |piece| heard.push(piece);
        tauri::async_runtime::block_on(answer(client().as_ref(), &servers, asked, hear));
        heard
    }

    fn head(status: u16, content_type: &str) -> Piece {
        let content_type = content_type.into();
        Piece::Head {
            status,
            content_type,
        }
    }

    #[test]
    fn response_arrives_in_pieces() {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        let (url, server) = server(answer);
        let bytes = b"{}".to_vec();
        let wanted = [
            head(200, "application/json"),
            Piece::Bytes { bytes },
            Piece::End,
        ];
        assert_eq!(ask(&url, None, None), wanted);
        let asked = server.join().expect("no panic").to_lowercase();
        assert!(asked.starts_with("get /v1/models http/1.1\r\n"), "{asked}");
        assert!(!asked.contains("authorization"));
    }

    #[test]
    fn body_is_posted_with_key_and_error_status_is_passed_on() {
        let (url, server) = server("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
        let url = url.replace("/models", "/chat/completions");
        let heard = ask(&url, Some("Bearer secret"), Some(r#"{"a":1}"#));
        assert_eq!(heard, [head(401, ""), Piece::End]);
        let asked = server.join().expect("no panic");
        assert!(
            asked.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
            "{asked}"
        );
        assert!(
            asked.contains("Bearer secret") && asked.ends_with(r#"{"a":1}"#),
            "{asked}"
        );
        assert!(
            asked
                .to_lowercase()
                .contains("content-type: application/json")
        );
    }

    #[test]
    fn redirects_are_not_followed() {
        let moved =
            "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
        let (url, _server) = server(moved);
        assert_eq!(ask(&url, None, None), [head(307, ""), Piece::End]);
    }

    #[test]
    fn broken_connection_is_reported() {
        let answer =
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 10\r\n\r\nabc";
        let (url, _server) = server(answer);
        let heard = ask(&url, None, None);
        assert_eq!(heard.first(), Some(&head(200, "text/event-stream")));
        assert!(
            matches!(heard.last(), Some(Piece::Failed { .. })),
            "{:?}",
            heard.last()
        );
    }

    #[test]
    fn connection_error_omits_the_address() {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let url = format!("http://{}/v1/models", free.expect("a port"));
        let heard = ask(&url, None, None);
        let [Piece::Failed { why }] = heard.as_slice() else {
            panic!("nobody answers: {heard:?}");
        };
        assert!(why.to_lowercase().contains("refused"), "{why}");
    }

    #[test]
    fn stopped_request_ends_with_a_failure() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!(
            "http://{}/v1/models",
            silent.local_addr().expect("an address")
        );
        let (stop, stopped) = AbortHandle::new_pair();
        let asker = std::thread::spawn(move || {
            let asked = Asked {
                id: 0,
                url,
                authorization: None,
                body: None,
            };
            let mut heard = Vec::new();
            let hear = |piece| heard.push(piece);
            let (client, servers) = (client(), Servers::default());
            let answered = answer_until(stopped, client.as_ref(), &servers, asked, hear);
            tauri::async_runtime::block_on(answered);
            heard
        });
        let (_stream, _) = silent.accept().expect("a client");
        stop.abort();
        let heard = asker.join().expect("no panic");
        assert!(
            matches!(heard.as_slice(), [Piece::Failed { why }] if why.contains("given up")),
            "{heard:?}"
        );
    }

    #[test]
    fn requests_outside_the_protocol_are_not_sent() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        listener.set_nonblocking(true).expect("set");
        for path in ["/", "/admin?page=/models", "/v1/completions"] {
            let heard = ask(&format!("http://{address}{path}"), None, None);
            assert!(matches!(heard.as_slice(), [Piece::Failed { .. }]), "{path}");
        }
        assert!(listener.accept().is_err(), "nobody was asked");
        let heard = ask("file:///etc/models", None, None);
        assert!(matches!(heard.as_slice(), [Piece::Failed { .. }]));
    }

    #[test]
    fn web_page_is_not_handed_over() {
        let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret";
        let (url, _server) = server(page);
        let heard = ask(&url, None, None);
        let [Piece::Failed { why }] = heard.as_slice() else {
            panic!("the page hears {heard:?}");
        };
        assert!(why.contains("text/html"), "{why}");
        let gone =
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\nsecret";
        let (url, _server) = server(gone);
        assert_eq!(ask(&url, None, None), [head(404, "text/html"), Piece::End]);
    }
}
