//! Telegram: a bot writes to chats.

use serde_json::json;

use crate::facts::Facts;
use crate::http::Request;
use crate::secret::Secret;
use crate::template::Escape;

/// Characters of a line, before they are escaped.
const LINE_CHARACTERS_MAX: usize = 600;

/// A bot.
#[derive(Debug)]
pub(super) struct Telegram {
    url: Secret,
}

impl Telegram {
    pub(super) fn new(server: &str, token: Secret) -> Self {
        let server = server.trim_end_matches('/');
        Self { url: Secret::new(format!("{server}/bot{}/sendMessage", token.reveal())) }
    }

    /// A message in HTML; that an alarm is over makes no sound.
    pub(super) fn request(&self, facts: &Facts) -> Request {
        // Even where every character takes six, a line fits.
        let html = |name: &str| Escape::Html.of(&facts.get(name).chars().take(LINE_CHARACTERS_MAX).collect::<String>());
        let mut text = format!("<b>{}</b>\n", html("title"));
        if !facts.get("info").is_empty() {
            text.push_str(&format!("{}\n", html("info")));
        }
        for (caption, value) in facts.lines() {
            text.push_str(&format!("{caption}: {}\n", Escape::Html.of(&value)));
        }
        if !facts.get("url").is_empty() {
            text.push_str(&format!("<a href=\"{}\">{}</a>", html("url"), html("host")));
        }
        let body = json!({
            "chat_id": facts.get("recipient"),
            "text": shortened(text),
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": true},
            "disable_notification": facts.status == health::expression::Status::Clear,
        });
        Request::json(self.url.reveal().to_owned(), &body)
    }
}

/// Texts have at most 4,096 characters. What is longer is sent whole lines of, so that no tag stays open.
fn shortened(text: String) -> String {
    const CHARACTERS_MAX: usize = 4_096;
    let mut count = 0;
    let fits = |line: &&str| {
        count += line.chars().count();
        count <= CHARACTERS_MAX
    };
    text.split_inclusive('\n').take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use health::expression::Status;

    use super::*;
    use crate::method::tests::{body, request, settings, url};
    use crate::method::{Method, Settings};

    /// Goal: the bot is asked as its documents say, names are no HTML, and a clear makes no sound.
    #[test]
    fn messages() {
        let settings =
            Settings { token: url("123:hunter2"), recipients: Some(vec!["-100".into()]), ..settings("telegram") };
        let sent = request(&settings, Status::Critical, "-100");
        assert_eq!(sent.url, "https://api.telegram.org/bot123:hunter2/sendMessage");
        let message = body(&sent);
        assert_eq!((&message["chat_id"], &message["parse_mode"]), (&"-100".into(), &"HTML".into()));
        assert_eq!(message["disable_notification"], false);
        let text = message["text"].as_str().unwrap();
        assert!(text.starts_with("<b>web1  Bcc: all@example.org: disk space usage is CRITICAL, 97.5%</b>\n"), "{text}");
        assert!(text.contains("Family: /home&quot;\\&lt;b&gt;&amp; @channel") && !text.contains("<!"), "{text}");
        assert_eq!(body(&request(&settings, Status::Clear, "-100"))["disable_notification"], true);
        let own = Settings { url: url("http://127.0.0.1:8081/"), ..settings.clone() };
        assert_eq!(request(&own, Status::Clear, "1").url, "http://127.0.0.1:8081/bot123:hunter2/sendMessage");
        assert!(!format!("{:?}", Method::build(&settings).unwrap()).contains("hunter2"));
    }

    /// Goal: however long names are, the title is sent, and no tag stays open.
    #[test]
    fn long_names() {
        use crate::facts::{Facts, tests::message};
        let long = health::notify::Message { hostname: "\"".repeat(5_000), ..message(Status::Warning) };
        let request = Telegram::new("http://x", Secret::default()).request(&Facts::of(&long, ""));
        let text = body(&request)["text"].as_str().unwrap().to_owned();
        assert!(text.starts_with("<b>&quot;") && text.contains("</b>\n") && text.len() < 4_096, "{text}");
    }

    #[test]
    fn long_texts() {
        let line = format!("{}\n", "ä".repeat(1_000));
        assert_eq!(shortened(line.repeat(9)), line.repeat(4));
    }
}
