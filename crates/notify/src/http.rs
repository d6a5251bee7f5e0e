//! One request to a web server, and what its answer means.

use std::time::Duration;

use row::Now;
use web_client::{Answer, Client, NoAnswer};

use crate::queue::Outcome;

/// Of an answer so much is read: enough for what a server says of a failure.
const ANSWER_BYTES_MAX: u64 = 1_024;

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

/// Sends a request. What it came to, and why, in words that may hold secrets.
pub(crate) fn send(
    client: &Client,
    request: &Request,
    success: &Success,
    timeout: Duration,
    now: Now,
) -> (Outcome, String) {
    let asked = web_client::Request {
        method: request.method,
        url: &request.url,
        headers: &request.headers,
        content_type: request.content_type,
        body: request.body.as_bytes(),
        timeout,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    match client.ask(&asked) {
        Ok(answer) => judge(&answer, success, now),
        Err(NoAnswer { words, is_final: true }) => (Outcome::Refused, words),
        Err(NoAnswer { words, is_final: false }) => (Outcome::Later { after_us: None, is_general: true }, words),
    }
}

fn judge(answer: &Answer, success: &Success, now: Now) -> (Outcome, String) {
    if success.contains(answer.status) {
        return (Outcome::Sent, String::new());
    }
    let body = answer.text();
    let said = if body.trim().is_empty() { String::new() } else { format!(": {body}") };
    let outcome = match answer.status {
        408 | 425 | 429 | 503 => Outcome::Later { after_us: after_us(answer, now), is_general: true },
        500.. => Outcome::Later { after_us: after_us(answer, now), is_general: false },
        _ => Outcome::Refused,
    };
    (outcome, format!("the server answers {}{said}", answer.status))
}

/// When the server wants to be asked again: as its header says, or as Telegram and Discord say it.
fn after_us(answer: &Answer, now: Now) -> Option<u64> {
    let from_body = || {
        let body: serde_json::Value = serde_json::from_slice(&answer.body).ok()?;
        let of_telegram = body["parameters"]["retry_after"].as_f64();
        of_telegram.or_else(|| body["retry_after"].as_f64())
    };
    let wait_s = answer.retry_after_s(now).or_else(from_body)?;
    (wait_s > 0.0).then_some((wait_s * 1e6) as u64)
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
            assert_eq!(judge(&answer, &success, NOW).0, outcome, "{status} {retry_after:?} {body}");
        }
        assert!(Success::parse(&["ok".into()]).is_none());
    }
}
