//! One request to a web server, and what its answer means.

use std::io::Read;
use std::time::{Duration, UNIX_EPOCH};

use row::Now;

use crate::queue::Outcome;
use crate::trust::Trust;

/// Of an answer so much is read: enough for what a server says of a failure.
const ANSWER_BYTES_MAX: u64 = 1_024;
/// Connecting may take a part of the time of a request.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content_type: &'static str,
    pub(crate) body: String,
}

impl Request {
    /// A JSON text to be posted.
    pub(crate) fn json(url: String, body: &serde_json::Value) -> Self {
        let (headers, content_type) = (Vec::new(), "application/json");
        Self { method: "POST", url, headers, content_type, body: body.to_string() }
    }
}

/// Statuses that mean success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Success(Vec<(u16, u16)>);

impl Success {
    /// Reads `204` and `2xx`.
    pub(crate) fn parse(texts: &[String]) -> Option<Self> {
        let range = |text: &String| match text.strip_suffix("xx") {
            Some(hundreds) => hundreds.parse::<u16>().ok().map(|hundreds| (hundreds * 100, hundreds * 100 + 99)),
            None => text.parse().ok().map(|status| (status, status)),
        };
        texts.iter().map(range).collect::<Option<_>>().map(Self)
    }

    fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

/// A client that keeps its connections and authorities for as long as it lives.
#[derive(Debug)]
pub(crate) struct Client(ureq::Agent);

impl Client {
    /// A client that trusts these; they are read only where they are needed.
    pub(crate) fn new(trust: &Trust, is_encrypted: bool) -> Result<Self, String> {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent("tributary");
        let config = if is_encrypted { config.tls_config(tls(trust)?) } else { config };
        Ok(Self(config.build().new_agent()))
    }

    /// Sends a request. What it came to, and why, in words that may hold secrets.
    pub(crate) fn send(&self, request: &Request, success: &Success, timeout: Duration, now: Now) -> (Outcome, String) {
        match self.exchange(request, timeout) {
            Ok(answer) => answer.judge(success, now),
            Err(error) => (failure(&error), words(&error)),
        }
    }

    fn exchange(&self, request: &Request, timeout: Duration) -> Result<Answer, ureq::Error> {
        let mut builder = ureq::http::Request::builder().method(request.method).uri(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(name, value);
        }
        let has_body = request.method != "GET";
        if has_body && !request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            builder = builder.header("Content-Type", request.content_type);
        }
        let body = if has_body { request.body.as_bytes() } else { &[] };
        let limited = builder.body(body)?;
        let limited = self.0.configure_request(limited);
        let limited = limited.timeout_global(Some(timeout)).timeout_connect(Some(timeout.min(CONNECT_MAX))).build();
        let mut response = self.0.run(limited)?;
        let retry_after = response.headers().get("Retry-After").and_then(|value| value.to_str().ok());
        let (status, retry_after) = (response.status().as_u16(), retry_after.map(str::to_owned));
        let mut body = Vec::new();
        // What was sent counts, also where the rest of the answer does not come.
        let _rest_is_lost = response.body_mut().as_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut body);
        Ok(Answer { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
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

#[cfg(not(feature = "tls"))]
fn tls(_trust: &Trust) -> Result<ureq::tls::TlsConfig, String> {
    Err("this program was built without TLS".into())
}

/// What a server answers.
#[derive(Debug)]
struct Answer {
    status: u16,
    retry_after: Option<String>,
    body: String,
}

impl Answer {
    fn judge(&self, success: &Success, now: Now) -> (Outcome, String) {
        if success.contains(self.status) {
            return (Outcome::Sent, String::new());
        }
        let said = if self.body.trim().is_empty() { String::new() } else { format!(": {}", self.body) };
        let outcome = match self.status {
            408 | 425 | 429 | 503 => Outcome::Later { after_us: self.after_us(now), is_general: true },
            500.. => Outcome::Later { after_us: self.after_us(now), is_general: false },
            _ => Outcome::Refused,
        };
        (outcome, format!("the server answers {}{said}", self.status))
    }

    /// When the server wants to be asked again: seconds or a date, or what Telegram and Discord say.
    fn after_us(&self, now: Now) -> Option<u64> {
        let header = self.retry_after.as_deref().map(str::trim);
        let from_header = header.and_then(|text| {
            let date_s = || httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok();
            let wait_s = || date_s().map(|date| date.as_secs_f64() - now.wall_us as f64 / 1e6);
            text.parse::<f64>().ok().or_else(wait_s)
        });
        let from_body = || {
            let body: serde_json::Value = serde_json::from_str(&self.body).ok()?;
            let of_telegram = body["parameters"]["retry_after"].as_f64();
            of_telegram.or_else(|| body["retry_after"].as_f64())
        };
        let wait_s = from_header.or_else(from_body)?;
        (wait_s > 0.0).then_some((wait_s * 1e6) as u64)
    }
}

/// What a failure to exchange anything means.
fn failure(error: &ureq::Error) -> Outcome {
    match error {
        ureq::Error::Http(_) | ureq::Error::BadUri(_) | ureq::Error::InvalidProxyUrl => Outcome::Refused,
        _ => Outcome::Later { after_us: None, is_general: true },
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { wall_us: 784_111_777_000_000, mono_us: 5 };

    /// Goal: answers mean what the documents of HTTP say: success, later, or never.
    #[test]
    fn answers() {
        let later = |after_us, is_general| Outcome::Later { after_us, is_general };
        let success = Success::parse(&["2xx".into(), "409".into()]).unwrap();
        for (status, retry_after, body, outcome) in [
            (200, None, "", Outcome::Sent),
            (299, None, "", Outcome::Sent),
            (409, None, "", Outcome::Sent),
            (302, None, "", Outcome::Refused),
            (400, Some("5"), "", Outcome::Refused),
            (404, None, "no_service", Outcome::Refused),
            (429, None, "", later(None, true)),
            (429, Some("30"), "", later(Some(30_000_000), true)),
            (429, Some(" 1.5 "), "", later(Some(1_500_000), true)),
            (429, Some("Sun, 06 Nov 1994 08:50:37 GMT"), "", later(Some(60_000_000), true)),
            (429, Some("Sun, 06 Nov 1994 08:40:00 GMT"), "", later(None, true)),
            (429, Some("soon"), "", later(None, true)),
            (429, Some("nan"), "", later(None, true)),
            (429, Some("inf"), "", later(Some(u64::MAX), true)),
            (429, None, r#"{"ok":false,"parameters":{"retry_after":35}}"#, later(Some(35_000_000), true)),
            (429, None, r#"{"retry_after":0.5,"global":false}"#, later(Some(500_000), true)),
            (500, None, "", later(None, false)),
            (503, Some("7"), "", later(Some(7_000_000), true)),
            (599, None, "", later(None, false)),
        ] {
            let answer = Answer { status, retry_after: retry_after.map(str::to_owned), body: body.into() };
            assert_eq!(answer.judge(&success, NOW).0, outcome, "{status} {retry_after:?} {body}");
        }
        assert!(Success::parse(&["ok".into()]).is_none());
    }
}
