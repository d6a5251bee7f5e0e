//! Requests to a web server, which answers each.

use std::time::Duration;

use row::Now;
use web_client::{Client, Request, Trust};

use crate::delivery::Outcome;
use crate::format::write_joined;
use crate::records::Records;
use crate::send::Heard;

/// Of an answer so much is read: enough for what a server says of a failure.
const ANSWER_BYTES_MAX: u64 = 1_024;
/// and so much is told.
const SAID_CHARACTERS_MAX: usize = 200;
/// What Prometheus says where it refuses a request for some of its samples.
const IN_PART: [&str; 3] = ["out of order sample", "duplicate sample for timestamp", "out of bounds"];

/// What stands around records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Nothing.
    None,
    /// Each is a line.
    Lines,
    /// All are one JSON array.
    Array,
    /// They are series; all are packed with Snappy, as one block.
    Snappy,
}

impl Framing {
    /// Records with what stands around them; where there is something, they are put together in `out`.
    pub fn frame<'a>(self, out: &'a mut Vec<u8>, records: &'a Records) -> &'a [u8] {
        match self {
            Self::None => return records.bytes(),
            Self::Snappy if records.is_joined() => {
                let mut joined = Vec::with_capacity(records.bytes().len());
                write_joined(&mut joined, records);
                return pack(out, &joined);
            }
            Self::Snappy => return pack(out, records.bytes()),
            Self::Lines => {
                out.clear();
                records.iter().for_each(|record| {
                    out.extend_from_slice(record);
                    out.push(b'\n');
                });
            }
            Self::Array => {
                out.clear();
                let mut before: &[u8] = b"[\n";
                for record in records.iter() {
                    out.extend_from_slice(before);
                    out.extend_from_slice(record);
                    before = b",\n";
                }
                out.extend_from_slice(b"\n]\n");
            }
        }
        out
    }
}

fn pack<'a>(out: &'a mut Vec<u8>, series: &[u8]) -> &'a [u8] {
    let most = snap::raw::max_compress_len(series.len());
    if out.len() < most {
        out.resize(most, 0);
    }
    // It fails for what is longer than a batch can be.
    let packed = snap::raw::Encoder::new().compress(series, out).unwrap_or(0);
    &out[..packed]
}

/// Sends records as requests to the first of some servers that answers.
#[derive(Debug)]
pub struct Web {
    config: WebConfig,
    client: Option<Client>,
    body: Vec<u8>,
    heard: Heard,
}

/// Where requests go, and what they are.
#[derive(Clone)]
pub struct WebConfig {
    /// Tried in this order.
    pub urls: Vec<String>,
    /// Beside those that any request has; may hold secrets.
    pub headers: Vec<(String, String)>,
    /// What the body is.
    pub content_type: &'static str,
    /// What stands around records.
    pub framing: Framing,
    /// Who vouches for servers.
    pub trust: Trust,
    /// When a request has failed.
    pub timeout: Duration,
}

impl std::fmt::Debug for WebConfig {
    /// URLs and headers may hold secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebConfig").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl Web {
    /// Nothing is connected yet.
    #[must_use]
    pub const fn new(config: WebConfig) -> Self {
        Self { config, client: None, body: Vec::new(), heard: Heard { connections: 0, answers: 0, answer_bytes: 0 } }
    }

    /// Sends records. What it came to, and why, in words that hold no URL.
    pub fn send(&mut self, records: &Records, now: Now) -> (Outcome, String) {
        let body = self.config.framing.frame(&mut self.body, records);
        let client = match self.client.take() {
            Some(client) => client,
            None => {
                let is_encrypted = self.config.urls.iter().any(|url| url.starts_with("https:"));
                match Client::new(&self.config.trust, is_encrypted) {
                    Ok(client) => client,
                    Err(why) => return (Outcome::Later(None), why),
                }
            }
        };
        let mut last = (Outcome::Later(None), "there is no destination".to_owned());
        for url in &self.config.urls {
            let request = Request {
                method: "POST",
                url,
                headers: &self.config.headers,
                content_type: self.config.content_type,
                body,
                timeout: self.config.timeout,
                answer_bytes_max: ANSWER_BYTES_MAX,
            };
            match client.ask(&request) {
                Ok(answer) => {
                    self.heard.answers += 1;
                    self.heard.answer_bytes += answer.body.len() as u64;
                    last = judge(answer.status, answer.retry_after_s(now), &answer.text());
                    break;
                }
                Err(failure) => last = (Outcome::Later(None), failure.words),
            }
        }
        self.client = Some(client);
        (last.0, self.hide(last.1))
    }

    /// Takes secrets out of what a server says: some say what they were shown.
    fn hide(&self, mut why: String) -> String {
        for (_, value) in self.config.headers.iter().filter(|(name, _)| name == "Authorization") {
            let secret = value.split_once(' ').map_or(&**value, |(_, secret)| secret);
            if !secret.is_empty() {
                why = why.replace(secret, "…");
            }
        }
        why
    }

    /// What was heard since this was asked last.
    pub fn take_heard(&mut self) -> Heard {
        std::mem::take(&mut self.heard)
    }
}

/// What an answer means.
fn judge(status: u16, retry_after_s: Option<f64>, body: &str) -> (Outcome, String) {
    let said: String = body.trim().chars().take(SAID_CHARACTERS_MAX).collect();
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let why = format!("the server answers {status}{}{said}", if said.is_empty() { "" } else { ": " });
    let after_us = retry_after_s.filter(|wait_s| *wait_s > 0.0).map(|wait_s| (wait_s * 1e6) as u64);
    match status {
        200..=299 => (Outcome::Delivered, String::new()),
        408 | 425 | 429 | 500.. => (Outcome::Later(after_us), why),
        // Nothing is wrong with the batch, but with the place or the password: somebody mends that.
        300..=399 | 401..=405 | 407 => (Outcome::Later(after_us), why),
        413 => (Outcome::RefusedInPart, why),
        400 if IN_PART.iter().any(|text| body.contains(text)) => (Outcome::RefusedInPart, why),
        _ => (Outcome::Refused, why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    #[test]
    fn frames() {
        let written = |framing: Framing, texts: &[&str]| {
            let mut out = vec![1, 2, 3];
            framing.frame(&mut out, &records(texts)).to_vec()
        };
        assert_eq!(written(Framing::None, &["a\n", "b\n"]), b"a\nb\n");
        assert_eq!(written(Framing::Lines, &["{}", "{}"]), b"{}\n{}\n");
        assert_eq!(written(Framing::Array, &["{1}", "{2}"]), b"[\n{1},\n{2}\n]\n");
        assert_eq!(written(Framing::Array, &["{1}"]), b"[\n{1}\n]\n");
        let text = "series ".repeat(1_000);
        let packed = written(Framing::Snappy, &[&text, "x"]);
        assert!(packed.len() < 500, "{}", packed.len());
        assert_eq!(snap::raw::Decoder::new().decompress_vec(&packed).unwrap(), format!("{text}x").as_bytes());
    }

    /// Goal: a server that repeats what it was shown gives nothing away.
    #[test]
    fn secrets_are_not_repeated() {
        let web = Web::new(WebConfig {
            urls: Vec::new(),
            headers: vec![("Authorization".into(), "Basic bWU6eA==".into()), ("X-Other".into(), "t".into())],
            content_type: "text/plain",
            framing: Framing::None,
            trust: Trust { ca_file: Default::default() },
            timeout: Duration::from_secs(1),
        });
        assert_eq!(web.hide("no \"Basic bWU6eA==\" here".into()), "no \"Basic …\" here");
    }

    /// Goal: nothing is dropped that may work later, and nothing tried for ever that will not.
    #[test]
    fn answers() {
        for (status, retry_after_s, body, outcome) in [
            (200, None, "", Outcome::Delivered),
            (204, None, "", Outcome::Delivered),
            (301, None, "", Outcome::Later(None)),
            (400, None, "unable to parse", Outcome::Refused),
            (400, None, "out of order sample\n", Outcome::RefusedInPart),
            (400, None, "duplicate sample for timestamp", Outcome::RefusedInPart),
            (401, None, "", Outcome::Later(None)),
            (404, None, "", Outcome::Later(None)),
            (409, None, "", Outcome::Refused),
            (422, None, "", Outcome::Refused),
            (413, None, "", Outcome::RefusedInPart),
            (408, None, "", Outcome::Later(None)),
            (429, Some(3.0), "", Outcome::Later(Some(3_000_000))),
            (429, Some(-3.0), "", Outcome::Later(None)),
            (500, None, "", Outcome::Later(None)),
            (503, Some(f64::INFINITY), "", Outcome::Later(Some(u64::MAX))),
        ] {
            assert_eq!(judge(status, retry_after_s, body).0, outcome, "{status} {body}");
        }
        let (_, why) = judge(400, None, &format!("line 1\nline 2 {}", "x".repeat(1_000)));
        assert!(why.starts_with("the server answers 400: line 1 line 2 xxx") && why.len() < 250, "{why}");
    }
}
