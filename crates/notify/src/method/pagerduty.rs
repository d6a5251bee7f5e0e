//! PagerDuty, by the second version of its events.

use health::expression::Status;
use serde_json::{Value, json};

use crate::facts::{Facts, NAMES};
use crate::http::Request;
use crate::secret::Secret;

/// An integration of a service.
#[derive(Debug)]
pub(super) struct Pagerduty {
    url: String,
    key: Secret,
}

impl Pagerduty {
    pub(super) fn new(server: &str, key: Secret) -> Self {
        Self { url: format!("{}/v2/enqueue", server.trim_end_matches('/')), key }
    }

    /// An event. All about one alarm have one key, so that its clear resolves what it triggered.
    pub(super) fn request(&self, facts: &Facts) -> Request {
        let action = if facts.status == Status::Clear { "resolve" } else { "trigger" };
        let details = NAMES.iter().filter(|name| !matches!(**name, "recipient" | "url") && !facts.get(name).is_empty());
        let details: serde_json::Map<String, Value> =
            details.map(|name| ((*name).to_owned(), facts.get(name).into())).collect();
        let mut event = json!({
            "routing_key": self.key.reveal(),
            "event_action": action,
            "dedup_key": facts.get("id"),
            "client": "Tributary",
            "payload": {
                "summary": facts.get("title"),
                "source": facts.get("host"),
                "severity": facts.get("severity"),
                "timestamp": facts.get("when"),
                "component": facts.get("chart"),
                "group": facts.get("family"),
                "class": facts.get("class"),
                "custom_details": details,
            },
        });
        if !facts.get("url").is_empty() {
            event["client_url"] = facts.get("url").into();
            event["links"] = json!([{"href": facts.get("url"), "text": facts.get("host")}]);
        }
        Request::json(self.url.clone(), &event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method::Settings;
    use crate::method::tests::{body, request, settings, url};

    /// Goal: events are as PagerDuty's documents say, and a clear resolves what was triggered.
    #[test]
    fn events() {
        let settings = Settings { token: url("hunter2"), ..settings("pagerduty") };
        let sent = request(&settings, Status::Critical, "*");
        assert_eq!(sent.url, "https://events.pagerduty.com/v2/enqueue");
        let raised = body(&sent);
        assert_eq!((&raised["routing_key"], &raised["event_action"]), (&"hunter2".into(), &"trigger".into()));
        let payload = &raised["payload"];
        assert_eq!((&payload["severity"], &payload["timestamp"]), (&"critical".into(), &"2026-11-22T22:48:18Z".into()));
        assert_eq!(payload["summary"], "web1  Bcc: all@example.org: disk space usage is CRITICAL, 97.5%");
        assert_eq!(
            (&payload["source"], &payload["class"]),
            (&"web1  Bcc: all@example.org".into(), &"Utilization".into())
        );
        assert_eq!(payload["custom_details"]["value"], "97.5%");
        assert!(raised["client_url"].as_str().unwrap().ends_with("/host/01010101-0101-0101-0101-010101010101/"));
        let cleared = body(&request(&settings, Status::Clear, "*"));
        assert_eq!(cleared["event_action"], "resolve");
        assert_eq!(cleared["dedup_key"], raised["dedup_key"]);
        assert_eq!(body(&request(&settings, Status::Warning, "*"))["payload"]["severity"], "warning");
    }
}
