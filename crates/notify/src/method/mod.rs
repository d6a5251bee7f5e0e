//! Methods: what takes messages, and what a message looks like there.

mod chat;
mod mail;
mod ntfy;
mod pagerduty;
mod syslog;
mod telegram;
mod webhook;

use std::path::{Path, PathBuf};
use std::time::Duration;

use health::expression::Status;
use health::files::Definition;
use health::notify::Message;
use row::Now;
use web_client::{Client, IS_BUILT, Trust};

use crate::facts::Facts;
use crate::http::{Request, Success, send};
use crate::queue::Outcome;
use crate::recipient::{Audience, Recipient};
use crate::secret::{Secret, cleared};

/// A file of a secret is no longer than this.
const SECRET_BYTES_MAX: u64 = 64 * 1_024;
/// The recipient that is whoever stands behind the URL.
const ANYBODY: &str = "*";

/// What settings say of a method.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// What it is called.
    pub name: String,
    /// `mail`, `slack`, …
    pub kind: String,
    /// Who is told where `roles` says nothing; `None`: as the type does.
    pub recipients: Option<Vec<String>>,
    /// Who is told of alarms for single roles.
    pub roles: Vec<(String, Vec<String>)>,
    /// How long one letter may take.
    pub timeout: Duration,
    /// Where letters go, or the file that says so.
    pub url: (Secret, PathBuf),
    /// What the type takes for a token, or its file.
    pub token: (Secret, PathBuf),
    /// The password, or its file.
    pub password: (Secret, PathBuf),
    /// File of authorities; empty: the system's.
    pub ca_file: PathBuf,
    /// Whom letters come from.
    pub sender: String,
    /// `HOST[:PORT]`, or a path.
    pub server: String,
    /// `starttls`, `tls` or `none`.
    pub tls: String,
    /// Name at the server; empty: none.
    pub username: String,
    /// Facility of syslog.
    pub facility: String,
    /// Method of requests.
    pub method: String,
    /// More headers of requests, templates.
    pub headers: Vec<(String, Secret)>,
    /// `json`, `form`, `html` or `text`.
    pub format: String,
    /// Template of the body of requests.
    pub body: Secret,
    /// Statuses that mean success.
    pub success: Vec<String>,
}

/// What is wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key of the setting.
    pub key: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl Fault {
    fn new(key: &'static str, what: impl Into<String>) -> Self {
        Self { key, what: what.into() }
    }
}

/// A method of notification.
#[derive(Debug)]
pub struct Method {
    name: String,
    audience: Audience,
    timeout: Duration,
    carrier: Carrier,
    /// What nobody is to see.
    secrets: Vec<Secret>,
}

#[derive(Debug)]
enum Carrier {
    Mail(Box<mail::Mail>),
    Syslog(syslog::Syslog),
    Web { service: Service, success: Success, trust: Trust, is_encrypted: bool },
}

/// What stands behind a URL.
#[derive(Debug)]
enum Service {
    Chat(chat::Chat),
    Telegram(telegram::Telegram),
    Pagerduty(pagerduty::Pagerduty),
    Ntfy(ntfy::Ntfy),
    Webhook(Box<webhook::Webhook>),
}

/// What a method keeps open while letters wait.
#[derive(Debug, Default)]
pub(crate) struct Line(Option<Client>);

impl Method {
    /// Makes a method of what settings say; reads the files of secrets and authorities.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn build(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let audience = audience(settings, &mut faults);
        let trust = Trust { ca_file: settings.ca_file.clone() };
        if let Err(why) = trust.check() {
            faults.push(Fault::new("ca_file", why));
        }
        let secrets = ["url", "token", "password"].map(|key| secret(settings, key));
        let secrets = secrets.map(|secret| {
            secret.unwrap_or_else(|fault| {
                faults.push(fault);
                Secret::default()
            })
        });
        let [url, token, password] = secrets;
        let carrier = match &*settings.kind {
            "mail" => mail::Mail::build(settings, password.clone(), trust).map(|mail| Carrier::Mail(Box::new(mail))),
            "syslog" => syslog::Syslog::build(settings).map(Carrier::Syslog),
            _ => web(settings, url.clone(), token.clone(), trust),
        };
        match carrier {
            Ok(carrier) if faults.is_empty() => {
                let secrets = secrets_of(settings, [url, token, password]);
                Ok(Self { name: settings.name.clone(), audience, timeout: settings.timeout, carrier, secrets })
            }
            Ok(_) => Err(faults),
            Err(more) => {
                // What a file should have said is not missed again.
                faults.extend(more.into_iter().filter(|fault| !fault.what.is_empty()));
                Err(faults)
            }
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How long one letter may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whom it tells of a message.
    #[must_use]
    pub fn recipients(&self, message: &Message) -> Vec<&str> {
        let notice = &message.notice;
        self.audience.of(&notice.transition.definition.to, notice.transition.to, notice.was_critical)
    }

    /// Whether it tells somebody of each status that an alarm may raise that is defined like this.
    #[must_use]
    pub fn reaches(&self, definition: &Definition) -> bool {
        let is_heard = |status| !self.audience.of(&definition.to, status, false).is_empty();
        (definition.warn.is_none() || is_heard(Status::Warning))
            && (definition.crit.is_none() || is_heard(Status::Critical))
    }

    /// Sends a message to a recipient. What it came to, and if it failed, why: without secrets.
    pub(crate) fn send(
        &self,
        line: &mut Line,
        facts: &Facts,
        recipient: &str,
        timeout: Duration,
        now: Now,
    ) -> (Outcome, String) {
        let facts = facts.to(recipient);
        let (outcome, why) = match &self.carrier {
            Carrier::Mail(mail) => mail.send(&facts, timeout.min(self.timeout), now),
            Carrier::Syslog(syslog) => syslog.send(&facts),
            Carrier::Web { service, success, trust, is_encrypted } => match line.client(trust, *is_encrypted) {
                Ok(client) => send(client, &service.request(&facts), success, timeout.min(self.timeout), now),
                Err(why) => (Outcome::Later { after_us: None, is_general: true }, why),
            },
        };
        (outcome, cleared(&why, &self.secrets))
    }

    /// Sends a message to a recipient now, once.
    ///
    /// # Errors
    /// Why it failed, without secrets.
    pub fn try_once(&self, facts: &Facts, recipient: &str, now: Now) -> Result<(), String> {
        match self.send(&mut Line::default(), facts, recipient, self.timeout, now) {
            (Outcome::Sent, _) => Ok(()),
            (_, why) => Err(why),
        }
    }
}

impl Line {
    /// Whether it keeps anything.
    pub(crate) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    fn client(&mut self, trust: &Trust, is_encrypted: bool) -> Result<&Client, String> {
        let client = match self.0.take() {
            Some(client) => client,
            None => Client::new(trust, is_encrypted)?,
        };
        Ok(self.0.insert(client))
    }
}

impl Service {
    /// What a message looks like there.
    fn request(&self, facts: &Facts) -> Request {
        match self {
            Self::Chat(chat) => chat.request(facts),
            Self::Telegram(telegram) => telegram.request(facts),
            Self::Pagerduty(pagerduty) => pagerduty.request(facts),
            Self::Ntfy(ntfy) => ntfy.request(facts),
            Self::Webhook(webhook) => webhook.request(facts),
        }
    }
}

/// A channel, if one is named.
fn named(recipient: &str) -> Option<&str> {
    (recipient != ANYBODY && !recipient.is_empty()).then_some(recipient)
}

fn audience(settings: &Settings, faults: &mut Vec<Fault>) -> Audience {
    let mut read = |key: &'static str, texts: &[String]| -> Vec<Recipient> {
        let mut recipients = Vec::new();
        for text in texts {
            match Recipient::parse(text) {
                Ok(recipient) => recipients.push(recipient),
                Err(what) => faults.push(Fault::new(key, what)),
            }
        }
        recipients
    };
    let needs_names = matches!(&*settings.kind, "mail" | "telegram" | "ntfy");
    let anybody = || if needs_names { Vec::new() } else { vec![ANYBODY.to_owned()] };
    let default = settings.recipients.clone().unwrap_or_else(anybody);
    let default = read("recipients", &default);
    let roles = settings.roles.iter().map(|(role, texts)| (role.clone(), read("roles", texts))).collect();
    let audience = Audience { default, roles };
    let stranger = audience.all().find(|recipient| match &*settings.kind {
        "pagerduty" | "discord" | "syslog" => !matches!(&*recipient.name, ANYBODY | "disabled"),
        _ => needs_names && recipient.name == ANYBODY,
    });
    if let Some(Recipient { name, .. }) = stranger {
        let expected = if needs_names { "a name" } else { "\"*\"" };
        let what = format!("{name:?}: expected {expected} with the type {}", settings.kind);
        faults.push(Fault::new("recipients", what));
    }
    audience
}

/// A secret, as it is said or as its file has it.
fn secret(settings: &Settings, key: &str) -> Result<Secret, Fault> {
    let (key, (said, file)) = match key {
        "url" => ("url_file", &settings.url),
        "token" => ("token_file", &settings.token),
        _ => ("password_file", &settings.password),
    };
    if file.as_os_str().is_empty() {
        return Ok(said.clone());
    }
    let text = read_secret(file).map_err(|why| Fault::new(key, format!("{}: {why}", file.display())))?;
    Ok(Secret::new(text))
}

fn read_secret(path: &Path) -> Result<String, String> {
    use std::io::Read;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|err| err.to_string())?;
    file.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(|err| err.to_string())?;
    match text.trim() {
        "" => Err("expected the secret in it".into()),
        text if text.contains(char::is_control) => Err("expected one line".into()),
        text => Ok(text.to_owned()),
    }
}

/// All that is to be kept from logs: also parts of URLs, which libraries may tell alone.
fn secrets_of(settings: &Settings, secrets: [Secret; 3]) -> Vec<Secret> {
    let parts = |url: &Secret| {
        let rest = url.reveal().split_once("://").map_or(url.reveal(), |(_, rest)| rest);
        let path = rest.find(['/', '?']).map(|at| &rest[at..]).filter(|path| path.len() > 1).map(Secret::new);
        let user = rest.split('/').next().and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
        [path, user.map(Secret::new)]
    };
    let more: Vec<Secret> = parts(&secrets[0]).into_iter().flatten().collect();
    let headers = settings.headers.iter().map(|(_, value)| value.clone());
    let mut all: Vec<Secret> = secrets.into_iter().chain(more).chain(headers).collect();
    all.retain(|secret| !secret.is_empty());
    // What holds another goes first.
    all.sort_by_key(|secret| std::cmp::Reverse(secret.reveal().len()));
    all
}

/// A method that talks to a web server.
fn web(settings: &Settings, url: Secret, token: Secret, trust: Trust) -> Result<Carrier, Vec<Fault>> {
    let url = match (&*settings.kind, url.is_empty()) {
        ("telegram", true) => "https://api.telegram.org".to_owned(),
        ("pagerduty", true) => "https://events.pagerduty.com".to_owned(),
        ("ntfy", true) => "https://ntfy.sh".to_owned(),
        _ => url.reveal().to_owned(),
    };
    let key = if settings.url.1.as_os_str().is_empty() { "url" } else { "url_file" };
    // One that is missing was told before, as a file that cannot be read.
    let is_encrypted = if url.is_empty() { false } else { scheme(&url).map_err(|what| vec![Fault::new(key, what)])? };
    let success = match &*settings.kind {
        "webhook" => Success::parse(&settings.success),
        _ => Success::parse(&["2xx".to_owned()]),
    };
    let success = success.ok_or_else(|| vec![Fault::new("success", "expected statuses such as \"2xx\"")])?;
    let service = match &*settings.kind {
        "telegram" => Service::Telegram(telegram::Telegram::new(&url, token)),
        "pagerduty" => Service::Pagerduty(pagerduty::Pagerduty::new(&url, token)),
        "ntfy" => Service::Ntfy(ntfy::Ntfy::new(url, token)),
        "webhook" => Service::Webhook(Box::new(webhook::Webhook::build(settings, &url, key)?)),
        kind => match chat::Kind::of(kind) {
            Some(kind) => Service::Chat(chat::Chat::new(kind, url, settings.sender.clone())),
            None => return Err(vec![Fault::new("type", format!("{kind}: expected a type of method"))]),
        },
    };
    Ok(Carrier::Web { service, success, trust, is_encrypted })
}

/// Whether a URL asks for TLS.
fn scheme(url: &str) -> Result<bool, String> {
    let expected = || "expected a URL such as https://HOST/PATH".to_owned();
    let (scheme, rest) = url.split_once("://").ok_or_else(expected)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let is_plain = !url.contains(|character: char| character.is_control() || character.is_whitespace());
    if host.is_empty() || !is_plain {
        return Err(expected());
    }
    match scheme {
        "https" if !IS_BUILT => Err("this program was built without TLS".into()),
        "https" => Ok(true),
        "http" => Ok(false),
        _ => Err(expected()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use health::expression::Status;

    use super::*;
    use crate::facts::tests::message;

    /// Settings of a method as they are where nothing is said.
    pub(crate) fn settings(kind: &str) -> Settings {
        Settings {
            name: kind.into(),
            kind: kind.into(),
            timeout: Duration::from_secs(5),
            tls: "none".into(),
            facility: "local6".into(),
            method: "POST".into(),
            format: "json".into(),
            success: vec!["2xx".into()],
            ..Settings::default()
        }
    }

    /// The facts of a message whose names are as bad as names can be.
    pub(crate) fn facts(to: Status) -> Facts {
        Facts::of(&message(to), "https://master.example.org")
    }

    /// What a method would send to a recipient.
    pub(crate) fn request(settings: &Settings, to: Status, recipient: &str) -> Request {
        let method = Method::build(settings).unwrap_or_else(|faults| panic!("{faults:?}"));
        let Carrier::Web { service, .. } = &method.carrier else { panic!("a method of the web") };
        service.request(&facts(to).to(recipient))
    }

    /// The JSON body of a request.
    pub(crate) fn body(request: &Request) -> serde_json::Value {
        assert_eq!((request.method, request.content_type), ("POST", "application/json"));
        serde_json::from_str(&request.body).unwrap()
    }

    pub(crate) fn url(url: &str) -> (Secret, PathBuf) {
        (Secret::new(url), PathBuf::new())
    }

    /// Goal: what cannot work is told by its key, without the secret that it is about.
    #[test]
    fn mistakes() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "\n").unwrap();
        let slack = || Settings { url: url("https://hooks.example.org/hunter2"), ..settings("slack") };
        let mail = || Settings {
            server: "mail.example.org".into(),
            sender: "a@example.org".into(),
            recipients: Some(vec!["b@example.org".into()]),
            ..settings("mail")
        };
        assert!(Method::build(&slack()).is_ok() && Method::build(&mail()).is_ok());
        for (settings, key) in [
            (Settings { url: url("hunter2"), ..slack() }, "url"),
            (Settings { url: url("ftp://example.org/hunter2"), ..slack() }, "url"),
            (Settings { url: url("https:///hunter2"), ..slack() }, "url"),
            (Settings { url: url("https://a b/hunter2"), ..slack() }, "url"),
            (Settings { url: (Secret::default(), folder.path().join("none")), ..slack() }, "url_file"),
            (Settings { url: (Secret::default(), empty.clone()), ..slack() }, "url_file"),
            (Settings { token: (Secret::default(), empty.clone()), ..settings("pagerduty") }, "token_file"),
            (Settings { ca_file: empty.clone(), ..slack() }, "ca_file"),
            (Settings { recipients: Some(vec!["#ops|loud".into()]), ..slack() }, "recipients"),
            (Settings { roles: vec![("dba".into(), vec!["|critical".into()])], ..slack() }, "roles"),
            (Settings { recipients: Some(vec!["#x".into()]), ..settings("syslog") }, "recipients"),
            (Settings { recipients: Some(vec!["nobody".into()]), ..mail() }, "recipients"),
            (Settings { recipients: Some(vec!["*".into()]), ..mail() }, "recipients"),
            (Settings { sender: "a@b@c".into(), ..mail() }, "sender"),
            (Settings { server: "mail:port".into(), ..mail() }, "server"),
            (
                Settings { password: (Secret::default(), empty.clone()), username: "a".into(), ..mail() },
                "password_file",
            ),
            (Settings { url: url("http://x/{{hunter2}}"), ..settings("webhook") }, "url"),
            (Settings { url: url("http://x/"), body: Secret::new("{{x}}"), ..settings("webhook") }, "body"),
            (
                Settings {
                    url: url("http://x/"),
                    headers: vec![("A b".into(), Secret::new("hunter2"))],
                    ..settings("webhook")
                },
                "headers",
            ),
            (settings("pigeon"), "type"),
        ] {
            let faults = Method::build(&settings).unwrap_err();
            let keys: Vec<&str> = faults.iter().map(|fault| fault.key).collect();
            assert_eq!(keys, [key], "{faults:?}");
            let is_template = settings.url.0.reveal().contains("{{");
            assert!(is_template || !format!("{faults:?}").contains("hunter2"), "{faults:?}");
        }
    }

    /// Goal: nothing that is printed of a method holds a secret, nor do the parts of one.
    #[test]
    fn secrets() {
        let settings = Settings {
            url: url("https://me:hunter1@hooks.example.org/hunter2?hunter3"),
            headers: vec![("Authorization".into(), Secret::new("hunter4"))],
            body: Secret::new("hunter5"),
            ..settings("webhook")
        };
        let method = Method::build(&settings).unwrap();
        let text = "me:hunter1 /hunter2?hunter3 https://me:hunter1@hooks.example.org/hunter2?hunter3 hunter4";
        assert!(!cleared(text, &method.secrets).contains("hunter"), "{}", cleared(text, &method.secrets));
        assert!(!format!("{method:?} {settings:?}").contains("hunter"), "{method:?} {settings:?}");
    }
}
