//! The server under load: its address, its model, and requests that are ready to send.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use llamaglass_openai::{refusal, served_models};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use serde_json::Value;

use super::fault::words;
use super::protocol::Asking;

/// Time limit for the list of models.
const PATIENCE: Duration = Duration::from_secs(10);

/// A server, and the model to request from it.
#[derive(Clone, Debug)]
pub struct Target {
    /// HTTP client with the connections to it.
    pub client: Client,
    /// Its address without `/v1`.
    root: Url,
    /// Name of the model on the server.
    pub model: String,
    /// True for a llamaglass server, which sends timings on request.
    pub sends_timings: bool,
    /// The server's description of the model.
    pub card: Option<Value>,
}

impl Target {
    /// Creates a target for a server that is known to have `model`.
    ///
    /// # Errors
    /// Fails if `url` is not a server's address or the key can't be sent.
    pub fn new(url: &str, key: Option<&str>, model: &str) -> Result<Self> {
        Ok(Self {
            client: client(key)?,
            root: root(url)?,
            model: model.to_owned(),
            sends_timings: false,
            card: None,
        })
    }

    /// Asks a server for its models. Without `model`, the server must have exactly one.
    ///
    /// # Errors
    /// Fails if the server can't be reached, or if it is not clear which model to request.
    pub async fn find(url: &str, key: Option<&str>, model: Option<&str>) -> Result<Self> {
        let mut target = Self::new(url, key, model.unwrap_or_default())?;
        let address = target.address(&["v1".into(), "models".into()]);
        let list = target.models(address.clone()).await;
        let list = match (list, model) {
            (Ok(list), _) => list,
            // Not every server has such a list.
            (Err(Unlisted::Said(_)), Some(_)) => return Ok(target),
            (Err(Unlisted::Said(why)), None) => {
                bail!("{address} does not say which models there are ({why}): give --model NAME")
            }
            (Err(Unlisted::Unreachable(why)), _) => bail!("{address} can't be reached: {why}"),
        };
        let models = match (served_models(&list), model) {
            (Ok(models), _) => models,
            (Err(_), Some(_)) => return Ok(target),
            (Err(error), None) => {
                return Err(error).with_context(|| format!("{address}: give --model NAME"));
            }
        };
        let ids: Vec<&str> = models.iter().map(|model| &*model.id).collect();
        let found = match model {
            Some(name) => models.iter().find(|model| model.id == name),
            None if models.len() == 1 => models.first(),
            None if models.is_empty() => bail!("{address}: the server has no model"),
            None => bail!(
                "the server has {}: choose with --model NAME",
                ids.join(", ")
            ),
        };
        if let Some(found) = found {
            target.model.clone_from(&found.id);
            target.sends_timings = found.sends_timings;
            target.card = card(&list, &found.id);
        }
        Ok(target)
    }

    async fn models(&self, address: Url) -> Result<Vec<u8>, Unlisted> {
        let asked = self.client.get(address).timeout(PATIENCE).send().await;
        let response = asked.map_err(|error| Unlisted::Unreachable(words(error)))?;
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| Unlisted::Unreachable(words(error)))?;
        if !status.is_success() {
            let code = status.as_u16();
            return Err(Unlisted::Said(format!("HTTP {code}: {}", refusal(&body))));
        }
        Ok(body.to_vec())
    }

    /// Returns the server's address for results.
    pub fn url(&self) -> &str {
        self.root.as_str().trim_end_matches('/')
    }

    /// Prepares a request for an answer to `prompt`.
    pub fn prepare(&self, asking: &Asking, prompt: &str) -> Request {
        let (path, body) = asking.request(&self.model, prompt);
        let mut request = Request::new(Method::POST, self.address(&path));
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.to_string().into());
        request
    }

    fn address(&self, path: &[String]) -> Url {
        let mut url = self.root.clone();
        // `root` accepts only URLs to whose path segments can be added.
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url
    }
}

/// Reason why there is no list of models.
enum Unlisted {
    Unreachable(String),
    Said(String),
}

/// Returns a model's entry in the list of models.
fn card(list: &[u8], id: &str) -> Option<Value> {
    let list: Value = serde_json::from_slice(list).ok()?;
    let cards = list.get("data")?.as_array()?;
    cards.iter().find(|card| card["id"] == id).cloned()
}

fn client(key: Option<&str>) -> Result<Client> {
    // Fails if a provider has been installed before, which is fine.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let mut headers = HeaderMap::new();
    if let Some(key) = key {
        let value = HeaderValue::from_str(&format!("Bearer {key}"));
        let mut value = value.context("the API key has characters that can't be sent")?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    // A proxy would add to the measured time. Redirects and retries would send a request twice, or to another
    // server.
    Client::builder()
        .default_headers(headers)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build()
        .context("setting up the HTTP client")
}

/// Parses a server's address and removes `/v1` and a trailing slash.
fn root(text: &str) -> Result<Url> {
    let url = Url::parse(text).with_context(|| format!("{text:?} is no address"))?;
    ensure!(
        matches!(url.scheme(), "http" | "https") && url.has_host(),
        "{text:?} is no address of a server: http://HOST:PORT/v1"
    );
    ensure!(
        url.username().is_empty() && url.password().is_none(),
        "no name or password in the address: give the server's key with --api-key or LLAMAGLASS_API_KEY"
    );
    ensure!(
        url.query().is_none() && url.fragment().is_none(),
        "{text:?} has something after its path"
    );
    let mut root = url.clone();
    let path = url.path().trim_end_matches('/');
    root.set_path(path.strip_suffix("/v1").unwrap_or(path));
    Ok(root)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Protocol;
    use super::*;

    const ASKING: Asking = Asking {
        protocol: Protocol::Study,
        stream: false,
        raw: false,
        max_tokens: 5,
        temperature: 0.0,
        seed: 1,
        ignore_eos: false,
        timings: false,
    };

    #[test]
    fn all_spellings_of_an_address_lead_to_the_same_server() {
        for url in [
            "http://h:1",
            "http://h:1/",
            "http://h:1/v1",
            "http://h:1/v1/",
        ] {
            let target = Target::new(url, Some("secret"), "a/b").expect(url);
            assert_eq!(target.url(), "http://h:1");
            let openai = Asking {
                protocol: Protocol::Openai,
                ..ASKING
            };
            let request = target.prepare(&openai, "Hi");
            assert_eq!(request.url().as_str(), "http://h:1/v1/chat/completions");
            // The slash in the name is escaped: a name is one path segment.
            let request = target.prepare(&ASKING, "Hi");
            assert_eq!(request.url().as_str(), "http://h:1/models/a%2Fb/generate");
        }
        let below = Target::new("https://h/api/v1", None, "m").expect("an address");
        assert_eq!(below.url(), "https://h/api");
    }

    #[test]
    fn invalid_address_is_refused_without_repeating_its_password() {
        for url in ["", "h:1", "ftp://h", "http://h/v1?x=1"] {
            assert!(root(url).is_err(), "{url}");
        }
        let refused = root("http://me:secret@h/v1")
            .expect_err("a password")
            .to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
