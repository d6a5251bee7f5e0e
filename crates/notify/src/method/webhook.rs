//! Any web server: a request whose parts are templates.

use serde_json::Value;

use super::{Fault, Settings};
use crate::facts::{Facts, NAMES};
use crate::http::Request;
use crate::template::{Escape, Template};

/// A request to be filled in.
pub(super) struct Webhook {
    method: &'static str,
    url: Template,
    headers: Vec<(String, Template)>,
    format: Format,
    body: Template,
}

impl std::fmt::Debug for Webhook {
    /// Any part may hold a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("method", &self.method).field("format", &self.format).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Form,
    Html,
    Text,
}

impl Webhook {
    pub(super) fn build(settings: &Settings, url: &str, url_key: &'static str) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut template = |key, text: &str, name: &str| {
            Template::parse(text).unwrap_or_else(|what| {
                faults.push(Fault::new(key, format!("{name}{what}")));
                Template::parse("").expect("there is nothing wrong in it")
            })
        };
        let url = template(url_key, url, "");
        let body = template("body", settings.body.reveal(), "");
        let headers = settings.headers.iter();
        let headers =
            headers.map(|(name, value)| (name.clone(), template("headers", value.reveal(), &format!("{name}: "))));
        let headers: Vec<_> = headers.collect();
        if let Some((name, _)) = headers.iter().find(|(name, _)| !is_token(name)) {
            faults.push(Fault::new("headers", format!("{name:?}: expected the name of a header such as \"X-Token\"")));
        }
        let method = ["POST", "PUT", "PATCH", "GET"].into_iter().find(|method| *method == settings.method);
        let format = match &*settings.format {
            "form" => Format::Form,
            "html" => Format::Html,
            "text" => Format::Text,
            _ => Format::Json,
        };
        let webhook = Self { method: method.unwrap_or("POST"), url, headers, format, body };
        if faults.is_empty() { Ok(webhook) } else { Err(faults) }
    }

    pub(super) fn request(&self, facts: &Facts) -> Request {
        let (content_type, escape) = match self.format {
            Format::Json => ("application/json", Escape::Json),
            Format::Form => ("application/x-www-form-urlencoded", Escape::Form),
            Format::Html => ("text/html; charset=utf-8", Escape::Html),
            Format::Text => ("text/plain; charset=utf-8", Escape::Plain),
        };
        let body = if self.body.is_empty() { self.everything(facts) } else { self.body.fill(facts, escape) };
        let header = |(name, value): &(String, Template)| (name.clone(), value.fill(facts, Escape::Plain));
        let (url, headers) = (self.url.fill(facts, Escape::Form), self.headers.iter().map(header).collect());
        Request { method: self.method, url, headers, content_type, body }
    }

    /// The body where no template says otherwise: all values.
    fn everything(&self, facts: &Facts) -> String {
        let values = NAMES.iter().map(|name| (*name, facts.get(name)));
        match self.format {
            Format::Json => {
                let object = values.map(|(name, value)| (name.to_owned(), Value::from(value)));
                Value::Object(object.collect()).to_string()
            }
            Format::Form => {
                values.map(|(name, value)| format!("{name}={}", Escape::Form.of(value))).collect::<Vec<_>>().join("&")
            }
            Format::Html => format!("<pre>{}</pre>", Escape::Html.of(&with_title(facts))),
            Format::Text => with_title(facts),
        }
    }
}

fn with_title(facts: &Facts) -> String {
    format!("{}\n\n{}\n", facts.get("title"), facts.plain_text())
}

/// Whether a name may be that of a header.
fn is_token(name: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_fine)
}

#[cfg(test)]
mod tests {
    use health::expression::Status;

    use super::*;
    use crate::method::tests::{facts, request, settings, url};
    use crate::secret::Secret;

    /// Goal: each part of the request is filled in, escaped as its place asks for.
    #[test]
    fn templates() {
        let settings = Settings {
            url: url("https://example.org/{{recipient}}/x?alarm={{alarm}}"),
            method: "PUT".into(),
            headers: vec![("X-Title".into(), Secret::new("{{title}}"))],
            format: "form".into(),
            body: Secret::new("key=hunter2&text={{family}}"),
            ..settings("webhook")
        };
        let sent = request(&settings, Status::Warning, "a/b c");
        assert_eq!((sent.method, &*sent.url), ("PUT", "https://example.org/a%2Fb%20c/x?alarm=disk%20space%20usage"));
        let title = "web1  Bcc: all@example.org: disk space usage is WARNING, 97.5%";
        assert_eq!(sent.headers, [("X-Title".to_owned(), title.to_owned())]);
        assert_eq!(sent.content_type, "application/x-www-form-urlencoded");
        assert_eq!(sent.body, "key=hunter2&text=%2Fhome%22%5C%3Cb%3E%26%20%40channel%20%2A_%60~%7C");
    }

    /// Goal: without a template all values are sent, in the format that was asked for.
    #[test]
    fn everything_by_default() {
        let of = |format: &str| {
            let settings = Settings { url: url("http://x/"), format: format.into(), ..settings("webhook") };
            request(&settings, Status::Critical, "*")
        };
        let json: serde_json::Value = serde_json::from_str(&of("json").body).unwrap();
        assert_eq!(json.as_object().unwrap().len(), NAMES.len());
        assert_eq!((&json["status"], &json["recipient"]), (&"CRITICAL".into(), &"*".into()));
        assert_eq!(json["family"], facts(Status::Critical).get("family"));
        assert!(of("form").body.starts_with("title=web1%20%20Bcc%3A"), "{}", of("form").body);
        assert_eq!(of("form").body.matches('&').count(), NAMES.len() - 1);
        assert!(of("html").body.contains("/home&quot;\\&lt;b&gt;&amp;"), "{}", of("html").body);
        assert!(of("text").body.contains("Value: 97.5%, before 50%\n"), "{}", of("text").body);
    }
}
