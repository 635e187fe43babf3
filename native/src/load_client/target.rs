//! The server under load: its address, its model, and requests that are ready to send.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use llamaglass_openai::{ServerAddress, response_error, served_models};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method, Request, Url};
use serde_json::Value;

use super::fault::http_error;
use super::settings::RequestSettings;
use crate::cli::Protocol;

/// Time limit for the list of models.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);

/// A server, and the model to request from it.
#[derive(Clone, Debug)]
pub struct Target {
    /// HTTP client with the connections to it.
    pub client: Client,
    address: ServerAddress,
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
    /// Fails if `url` is not a server's address, or if the key has invalid characters.
    pub fn new(url: &str, key: Option<&str>, model: &str) -> Result<Self> {
        Ok(Self {
            client: client(key)?,
            address: ServerAddress::parse(url).context("invalid --url")?,
            model: model.to_owned(),
            sends_timings: false,
            card: None,
        })
    }

    /// Asks a server for its models. Without `model`, the server must have exactly one.
    pub async fn find(url: &str, key: Option<&str>, model: Option<&str>) -> Result<Self> {
        let mut target = Self::new(url, key, model.unwrap_or_default())?;
        let address = join(target.address.base(), &["models".into()])?;
        let list = match (target.models(address.clone()).await, model) {
            (Ok(list), _) => list,
            // Not every server has such a list.
            (Err(ListError::Refused(_)), Some(_)) => return Ok(target),
            (Err(ListError::Refused(why)), None) => {
                bail!("{address} does not list its models ({why}); choose one with --model NAME")
            }
            (Err(ListError::Unreachable(why)), _) => bail!("{address} can't be reached: {why}"),
        };
        let models = match (served_models(&list), model) {
            (Ok(models), _) => models,
            (Err(_), Some(_)) => return Ok(target),
            (Err(error), None) => {
                return Err(error)
                    .with_context(|| format!("{address}; choose a model with --model NAME"));
            }
        };
        let ids: Vec<&str> = models.iter().map(|model| &*model.id).collect();
        let found = match model {
            Some(name) => models.iter().find(|model| model.id == name),
            None if models.len() == 1 => models.first(),
            None if models.is_empty() => bail!("{address} lists no models"),
            None => bail!(
                "the server has several models; choose one with --model NAME: {}",
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

    async fn models(&self, address: Url) -> Result<Vec<u8>, ListError> {
        let response = self.client.get(address).timeout(LIST_TIMEOUT).send().await;
        let response = response.map_err(|error| ListError::Unreachable(http_error(error)))?;
        let status = response.status();
        let body = response.bytes().await;
        let body = body.map_err(|error| ListError::Unreachable(http_error(error)))?;
        if !status.is_success() {
            let code = status.as_u16();
            return Err(ListError::Refused(format!(
                "HTTP {code}: {}",
                response_error(&body)
            )));
        }
        Ok(body.to_vec())
    }

    /// Returns the server's address for results, without `/v1`.
    pub fn url(&self) -> &str {
        self.address.root()
    }

    /// Prepares a request for an answer to `prompt`.
    pub fn prepare(&self, settings: &RequestSettings, prompt: &str) -> Result<Request> {
        let (path, body) = settings.request(&self.model, prompt);
        let base = match settings.protocol {
            Protocol::Openai => self.address.base(),
            Protocol::Study => self.address.root(),
        };
        let mut request = Request::new(Method::POST, join(base, &path)?);
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(CONTENT_TYPE, json);
        *request.body_mut() = Some(body.to_string().into());
        Ok(request)
    }
}

/// Appends path segments, which are escaped, to a base address.
fn join(base: &str, path: &[String]) -> Result<Url> {
    let mut url = Url::parse(base)?;
    // Addresses of servers have a host, so segments can be added.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    Ok(url)
}

/// Reason why there is no list of models.
enum ListError {
    Unreachable(String),
    Refused(String),
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
        let mut value =
            value.context("the API key contains characters that are not allowed in a header")?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_to_the_same_server_however_its_address_is_typed() {
        for url in ["h:1", "http://h:1/", "http://h:1/v1", "http://h:1/v1/"] {
            let target = Target::new(url, Some("secret"), "a/b").expect(url);
            assert_eq!(target.url(), "http://h:1");
            let openai = RequestSettings::TEST;
            let request = target.prepare(&openai, "Hi").expect("a URL");
            assert_eq!(request.url().as_str(), "http://h:1/v1/chat/completions");
            // The slash in the name is escaped: a name is one path segment.
            let study = RequestSettings {
                protocol: Protocol::Study,
                stream: false,
                ..openai
            };
            let request = target.prepare(&study, "Hi").expect("a URL");
            assert_eq!(request.url().as_str(), "http://h:1/models/a%2Fb/generate");
        }
    }

    #[test]
    fn invalid_address_is_rejected() {
        let error = Target::new("ftp://h", None, "m").expect_err("no http");
        assert!(format!("{error:#}").contains("\"ftp\""), "{error:#}");
    }
}
