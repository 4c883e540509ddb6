use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(60);

/// HTTP/1.1 over mutual TLS that knows nothing of our client crate. Cheap to clone.
#[derive(Clone)]
pub struct Raw {
    client: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Raw {
    /// A client with its own connections.
    pub fn new(url: String, tls: ClientConfig) -> Raw {
        let builder = reqwest::Client::builder().tls_backend_preconfigured(tls).http1_only().no_proxy();
        Raw { client: builder.timeout(TIMEOUT).build().unwrap(), url, headers: HeaderMap::new() }
    }

    /// The same with a header in every request.
    pub fn with_header(&self, name: &'static str, value: &str) -> Raw {
        let mut raw = self.clone();
        raw.headers.append(name, value.parse().unwrap());
        raw
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, token: Option<&str>, body: &Value) -> Reply {
        self.send(Method::POST, path, token, Some("application/json"), body.to_string().into_bytes()).await
    }

    /// Gets.
    pub async fn get(&self, path: &str, token: Option<&str>) -> Reply {
        self.send(Method::GET, path, token, None, Vec::new()).await
    }

    /// Sends anything, and must be answered.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Reply {
        let sent = self.try_send(method, path, token, content_type, body).await;
        sent.unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }

    /// The same where it may come to nothing, as with a vault that refuses the handshake or is killed.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request =
            self.client.request(method, format!("{}{path}", self.url)).body(body).headers(self.headers.clone());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(media) = content_type {
            request = request.header(CONTENT_TYPE, media);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply { status, headers, body: response.bytes().await?.to_vec() })
    }
}

impl Reply {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    /// The outcome of one item.
    pub fn item(&self, at: usize) -> Value {
        let mut json = self.json();
        json["items"][at].take()
    }

    /// Status and code as a caller sees them: of the envelope, or of the first item where the
    /// envelope is 200. The code of a success is `ok`.
    pub fn outcome(&self) -> (u16, String) {
        let json = match self.status {
            200 if self.body.starts_with(b"{") => self.json(),
            200 => Value::Null,
            _ => self.json(),
        };
        let said = if json["items"].is_array() { &json["items"][0] } else { &json };
        let status = said["status"].as_u64().map_or(self.status, |status| status as u16);
        (status, said["code"].as_str().unwrap_or("ok").to_owned())
    }

    /// Insists on success of envelope and every item.
    #[track_caller]
    pub fn granted(self) -> Reply {
        assert_eq!(self.status, 200, "{self}");
        let json = self.json();
        let items = json["items"].as_array().into_iter().flatten();
        assert!(items.into_iter().all(|item| item["status"] == 200), "{self}");
        self
    }

    /// Insists on a status and code of envelope or first item.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Reply {
        assert_eq!(self.outcome(), (status, code.to_owned()), "{self}");
        self
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

/// TLS of a client that trusts one authority and shows a certificate, if it has one (PEM files of
/// certificate and key).
pub fn tls(ca: &Path, identity: Option<(&Path, &Path)>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::in_memory_sessions(8);
    config
}
