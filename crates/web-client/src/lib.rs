//! One request to a web server: bounded in time and in what is read of the answer.
//!
//! ```text
//! Client ─ Request ─> server (TLS: whom Trust names) ─> Answer, or why there is none
//! ```
//!
//! Redirects are not followed, and a status is no error: what an answer means is its asker's to say. Errors
//! are in our words and never hold the URL, which may hold a secret.
#![forbid(unsafe_code)]

mod trust;

use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

use row::Now;

pub use trust::{IS_BUILT, Trust};

/// Connecting may take a part of the time of a request.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// GET, POST, …
    pub method: &'a str,
    /// The whole address.
    pub url: &'a str,
    /// Beside those that any request has.
    pub headers: &'a [(String, String)],
    /// Of the body, unless a header says so.
    pub content_type: &'a str,
    /// Nothing is sent with a GET.
    pub body: &'a [u8],
    /// When it has failed.
    pub timeout: Duration,
    /// Bytes of the answer's body that are read.
    pub answer_bytes_max: u64,
}

/// A client that keeps its connections and authorities for as long as it lives.
#[derive(Debug)]
pub struct Client(ureq::Agent);

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again, as it says it.
    pub retry_after: Option<String>,
    /// The body, up to what was to be read.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer {
    /// In our words.
    pub words: String,
    /// Asking again would not help.
    pub is_final: bool,
}

impl Client {
    /// A client that trusts these; they are read only where they are needed.
    ///
    /// # Errors
    /// Where they cannot be read, in words.
    pub fn new(trust: &Trust, is_encrypted: bool) -> Result<Self, String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("tributary");
        #[cfg(feature = "tls")]
        let config = if is_encrypted { config.tls_config(tls(trust)?) } else { config };
        #[cfg(not(feature = "tls"))]
        if is_encrypted {
            return trust.check().and(Err("this program was built without TLS".into()));
        }
        Ok(Self(config.build().new_agent()))
    }

    /// Sends a request and reads the answer.
    ///
    /// # Errors
    /// Where there is no answer.
    pub fn ask(&self, request: &Request<'_>) -> Result<Answer, NoAnswer> {
        self.exchange(request).map_err(|error| NoAnswer {
            words: words(&error),
            is_final: matches!(error, ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl),
        })
    }

    fn exchange(&self, request: &Request<'_>) -> Result<Answer, ureq::Error> {
        let mut builder = ureq::http::Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let has_body = request.method != "GET";
        if has_body && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            builder = builder.header("Content-Type", request.content_type);
        }
        let body = if has_body { request.body } else { &[] };
        let limited = self.0.configure_request(builder.body(body)?);
        let limited = limited
            .timeout_global(Some(request.timeout))
            .timeout_connect(Some(request.timeout.min(CONNECT_MAX)))
            .build();
        let mut response = self.0.run(limited)?;
        let retry_after = response.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let (status, retry_after) = (response.status().as_u16(), retry_after.map(str::to_owned));
        let mut body = Vec::new();
        // What was sent counts, also where the rest of the answer does not come.
        let _rest_is_lost = response.body_mut().as_reader().take(request.answer_bytes_max).read_to_end(&mut body);
        Ok(Answer { status, retry_after, body })
    }
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// In how many seconds the server wants to be asked again: it says seconds, or a date.
    #[must_use]
    pub fn retry_after_s(&self, now: Now) -> Option<f64> {
        let text = self.retry_after.as_deref().map(str::trim)?;
        let date_s = || httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok();
        let wait_s = || date_s().map(|date| date.as_secs_f64() - now.wall_us as f64 / 1e6);
        text.parse::<f64>().ok().or_else(wait_s)
    }
}

#[cfg(feature = "tls")]
fn tls(trust: &Trust) -> Result<ureq::tls::TlsConfig, String> {
    use std::sync::Arc;
    use ureq::tls::{Certificate, RootCerts, TlsConfig};

    let roots: Vec<_> = trust.read()?.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}

/// In our words, without the URL.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::BadUri(_) => "this is no URL".into(),
        ureq::Error::Http(_) => "a header or the URL has characters that it must not have".into(),
        ureq::Error::Timeout(_) => "the server did not answer in time".into(),
        ureq::Error::HostNotFound => "the server's name is not known".into(),
        ureq::Error::ConnectionFailed => "the server cannot be reached".into(),
        ureq::Error::Io(err) => format!("the connection failed: {err}"),
        other => format!("the exchange failed: {other}"),
    }
}
