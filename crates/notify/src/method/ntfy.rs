//! ntfy: a topic that phones and browsers listen to.

use health::expression::Status;
use serde_json::json;

use crate::facts::Facts;
use crate::http::Request;
use crate::secret::Secret;

/// A server.
#[derive(Debug)]
pub(super) struct Ntfy {
    url: Secret,
    token: Secret,
}

impl Ntfy {
    pub(super) fn new(url: String, token: Secret) -> Self {
        Self { url: Secret::new(url), token }
    }

    pub(super) fn request(&self, facts: &Facts) -> Request {
        // 3 is the usual priority; 5 goes through where a phone is silent.
        let (priority, tag) = match facts.status {
            Status::Critical => (5, "rotating_light"),
            Status::Warning => (4, "warning"),
            _ => (3, "white_check_mark"),
        };
        let mut message = json!({
            "topic": facts.get("recipient"),
            "title": facts.get("title"),
            "message": facts.plain_text(),
            "priority": priority,
            "tags": [tag],
        });
        if !facts.get("url").is_empty() {
            message["click"] = facts.get("url").into();
        }
        let mut request = Request::json(self.url.reveal().to_owned(), &message);
        if !self.token.is_empty() {
            request.headers.push(("Authorization".into(), format!("Bearer {}", self.token.reveal())));
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Settings;
    use crate::method::tests::{body, request, settings, url};

    /// Goal: messages are as ntfy's documents say, with the token where there is one.
    #[test]
    fn messages() {
        let settings = Settings { recipients: Some(vec!["alarms".into()]), ..settings("ntfy") };
        let sent = request(&settings, Status::Critical, "alarms");
        assert_eq!((&*sent.url, sent.headers.len()), ("https://ntfy.sh", 0));
        let message = body(&sent);
        assert_eq!((&message["topic"], &message["priority"]), (&"alarms".into(), &5.into()));
        assert_eq!(message["tags"], serde_json::json!(["rotating_light"]));
        assert!(message["message"].as_str().unwrap().contains("Chart: disk_space._home\n"));
        let settings = Settings { token: url("hunter2"), url: url("https://ntfy.example.org"), ..settings };
        let sent = request(&settings, Status::Clear, "alarms");
        assert_eq!(sent.url, "https://ntfy.example.org");
        assert_eq!(sent.headers, [("Authorization".to_owned(), "Bearer hunter2".to_owned())]);
    }
}
