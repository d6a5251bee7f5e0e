//! Chats with incoming webhooks: Slack, those that take what Slack takes, and Discord.
//!
//! Names come from children, and must neither call people nor change how a message looks.

use serde_json::{Value, json};

use super::named;
use crate::facts::{Facts, color};
use crate::http::Request;
use crate::secret::Secret;

/// A webhook of a chat.
#[derive(Debug)]
pub(super) struct Chat {
    kind: Kind,
    url: Secret,
    sender: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Slack,
    Mattermost,
    Rocketchat,
    Discord,
}

impl Kind {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "slack" => Some(Self::Slack),
            "mattermost" => Some(Self::Mattermost),
            "rocketchat" => Some(Self::Rocketchat),
            "discord" => Some(Self::Discord),
            _ => None,
        }
    }

    /// A text that stands for itself.
    fn escaped(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            match (self, character) {
                // Slack knows no other way to write what calls people or makes links.
                (Self::Slack, '&') => out.push_str("&amp;"),
                (Self::Slack, '<') => out.push_str("&lt;"),
                (Self::Slack, '>') => out.push_str("&gt;"),
                (Self::Slack, other) => out.push(other),
                // A mark of no width keeps a name from being called.
                (_, '@') => out.push_str("@\u{200b}"),
                (_, '\\' | '`' | '*' | '_' | '~' | '|' | '<' | '>' | '[' | ']' | '#' | '(' | ')') => {
                    out.extend(['\\', character]);
                }
                (_, other) => out.push(other),
            }
        }
        out
    }
}

impl Chat {
    pub(super) fn new(kind: Kind, url: String, sender: String) -> Self {
        Self { kind, url: Secret::new(url), sender }
    }

    pub(super) fn request(&self, facts: &Facts) -> Request {
        let body = if self.kind == Kind::Discord { self.discord(facts) } else { self.slack(facts) };
        Request::json(self.url.reveal().to_owned(), &body)
    }

    /// A message with one attachment, whose bar has the color of the status.
    fn slack(&self, facts: &Facts) -> Value {
        let escaped = |text: &str| self.kind.escaped(text);
        let field = |(caption, value): (&'static str, String)| json!({"title": caption, "value": escaped(&value), "short": true});
        let mut attachment = json!({
            "fallback": escaped(facts.get("title")),
            "color": format!("#{:06x}", color(facts.status)),
            "title": escaped(facts.get("alarm")),
            "text": escaped(facts.get("info")),
            "fields": facts.lines().into_iter().map(field).collect::<Vec<_>>(),
            "ts": facts.when_s,
        });
        put(&mut attachment, "title_link", facts.get("url"));
        let mut message = json!({"text": escaped(facts.get("title")), "attachments": [attachment]});
        put(&mut message, "channel", named(facts.get("recipient")).unwrap_or_default());
        put(&mut message, "username", &self.sender);
        message
    }

    fn discord(&self, facts: &Facts) -> Value {
        const NAME_CHARACTERS_MAX: usize = 80;
        const TITLE_CHARACTERS_MAX: usize = 256;
        let escaped = |text: &str| self.kind.escaped(text);
        let field = |(caption, value): (&'static str, String)| json!({"name": caption, "value": escaped(&value), "inline": true});
        let title: String = escaped(facts.get("title")).chars().take(TITLE_CHARACTERS_MAX).collect();
        let mut embed = json!({
            "title": title,
            "description": escaped(facts.get("info")),
            "color": color(facts.status),
            "timestamp": facts.get("when"),
            "fields": facts.lines().into_iter().map(|line| (line.0, shortened(line.1))).map(field).collect::<Vec<_>>(),
        });
        put(&mut embed, "url", facts.get("url"));
        let mut message = json!({"embeds": [embed], "allowed_mentions": {"parse": []}});
        let sender: String = self.sender.chars().take(NAME_CHARACTERS_MAX).collect();
        put(&mut message, "username", &sender);
        message
    }
}

/// A field of Discord takes 1,024 characters and all together 6,000, escapes included; none must be empty.
fn shortened(value: String) -> String {
    const CHARACTERS_MAX: usize = 200;
    if value.is_empty() { "-".into() } else { value.chars().take(CHARACTERS_MAX).collect() }
}

fn put(object: &mut Value, key: &str, value: &str) {
    if !value.is_empty() {
        object[key] = value.into();
    }
}

#[cfg(test)]
mod tests {
    use health::expression::Status;

    use crate::method::Settings;
    use crate::method::tests::{body, request, settings, url};

    const HOOK: &str = "https://hooks.example.org/services/T0/B0/XXX";
    const LINK: &str = "https://master.example.org/host/01010101-0101-0101-0101-010101010101/";

    /// Goal: Slack is told what its documents ask for, names cannot call a channel, and a channel that is
    /// named is asked for.
    #[test]
    fn slack() {
        let settings = Settings { url: url(HOOK), sender: "Tributary".into(), ..settings("slack") };
        let sent = request(&settings, Status::Warning, "#ops");
        assert_eq!(sent.url, HOOK);
        let message = body(&sent);
        assert_eq!((&message["channel"], &message["username"]), (&"#ops".into(), &"Tributary".into()));
        assert_eq!(message["text"], "web1  Bcc: all@example.org: disk space usage is WARNING, 97.5%");
        let attachment = &message["attachments"][0];
        assert_eq!(attachment["color"], "#f2a900");
        assert_eq!(attachment["title_link"], LINK);
        assert_eq!(attachment["ts"], 1_795_387_698);
        assert_eq!(attachment["text"], "space runs out on &lt;!channel&gt; {{title}} \"$\"");
        let fields = attachment["fields"].as_array().unwrap();
        let value = |title: &str| &fields.iter().find(|field| field["title"] == title).unwrap()["value"];
        assert_eq!(value("Chart"), "disk_space._home");
        assert_eq!(value("Family"), "/home\"\\&lt;b&gt;&amp; @channel *_`~|");
        assert_eq!(value("Value"), "97.5%, before 50%");
        assert_eq!(value("Before"), "CLEAR for 1 h 2 min");
        let message = body(&request(&settings, Status::Clear, "*"));
        assert!(message.get("channel").is_none() && message["attachments"][0]["color"] == "#2ea043");
    }

    /// Goal: those that take what Slack takes, but write Markdown, are given names that stand for themselves.
    #[test]
    fn mattermost_and_rocketchat() {
        for kind in ["mattermost", "rocketchat"] {
            let settings = Settings { url: url(HOOK), ..settings(kind) };
            let message = body(&request(&settings, Status::Critical, "town-square"));
            assert_eq!((&message["channel"], message.get("username")), (&"town-square".into(), None));
            assert_eq!(message["attachments"][0]["color"], "#d0212b");
            let text = message.to_string();
            assert!(
                text.contains(r"@\u{200b}channel \\*\\_\\`\\~\\|".replace(r"\u{200b}", "\u{200b}").as_str()),
                "{text}"
            );
            assert!(!text.contains("@channel"), "{text}");
        }
    }

    /// Goal: Discord is told what its documents ask for, and told to call nobody.
    #[test]
    fn discord() {
        let settings = Settings { url: url(HOOK), sender: "x".repeat(100), ..settings("discord") };
        let message = body(&request(&settings, Status::Critical, "*"));
        assert_eq!(message["allowed_mentions"]["parse"], serde_json::json!([]));
        assert_eq!(message["username"].as_str().unwrap().len(), 80);
        let embed = &message["embeds"][0];
        assert_eq!((&embed["color"], &embed["url"]), (&0xd0_21_2b.into(), &LINK.into()));
        assert_eq!(embed["timestamp"], "2026-11-22T22:48:18Z");
        assert!(embed["title"].as_str().unwrap().contains("disk space usage is CRITICAL"));
        assert!(embed["description"].as_str().unwrap().starts_with("space runs out on \\<!channel\\>"));
        assert!(embed["fields"].as_array().unwrap().iter().all(|field| field["inline"] == true));
    }
}
