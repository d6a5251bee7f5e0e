//! Mail, handed to a server by SMTP.

use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::SmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{SmtpTransport, Transport};
use row::Now;
use web_client::{IS_BUILT, Trust};

use super::{Fault, Settings};
use crate::facts::{Facts, color};
use crate::queue::Outcome;
use crate::secret::Secret;
use crate::template::Escape;

/// A server that takes mail, and whom that comes from.
#[derive(Debug)]
pub(super) struct Mail {
    host: String,
    port: u16,
    mode: Mode,
    login: Option<(String, Secret)>,
    sender: Mailbox,
    trust: Trust,
}

/// What is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All, from the first byte on.
    Tls,
    /// All but the beginning.
    Starttls,
    Nothing,
}

impl Mail {
    pub(super) fn build(settings: &Settings, password: Secret, trust: Trust) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let (mode, default_port) = match &*settings.tls {
            "none" => (Mode::Nothing, 25),
            "tls" => (Mode::Tls, 465),
            _ => (Mode::Starttls, 587),
        };
        if mode != Mode::Nothing && !IS_BUILT {
            faults.push(Fault::new("tls", "this program was built without TLS"));
        }
        let server = host_and_port(&settings.server);
        if server.is_none() {
            faults.push(Fault::new("server", "expected HOST or HOST:PORT"));
        }
        let sender = settings.sender.parse::<Mailbox>();
        if sender.is_err() {
            faults.push(Fault::new("sender", "expected an address such as \"alarms@example.org\""));
        }
        let recipients = settings.recipients.iter().flatten().map(|text| ("recipients", text));
        let of_roles = settings.roles.iter().flat_map(|(_, texts)| texts).map(|text| ("roles", text));
        for (key, text) in recipients.chain(of_roles) {
            let name = text.split('|').next().unwrap_or_default().trim();
            // What is no name at all is told elsewhere.
            if !matches!(name, "" | "*" | "disabled") && name.parse::<Mailbox>().is_err() {
                faults.push(Fault::new(key, format!("{name:?}: expected an address such as \"ops@example.org\"")));
            }
        }
        let login = (!settings.username.is_empty()).then(|| (settings.username.clone(), password));
        match (server, sender) {
            (Some((host, port)), Ok(sender)) if faults.is_empty() => {
                Ok(Self { host, port: port.unwrap_or(default_port), mode, login, sender, trust })
            }
            _ => Err(faults),
        }
    }

    pub(super) fn send(&self, facts: &Facts, timeout: Duration, now: Now) -> (Outcome, String) {
        let general = |why: String| (Outcome::Later { after_us: None, is_general: true }, why);
        let message = match self.message(facts, now) {
            Ok(message) => message,
            Err(why) => return (Outcome::Refused, why),
        };
        let builder = SmtpTransport::builder_dangerous(&self.host).port(self.port).timeout(Some(timeout));
        let builder = match self.encrypted(builder) {
            Ok(builder) => builder,
            Err(why) => return general(why),
        };
        let login = self.login.as_ref();
        let credentials = login.map(|(name, word)| Credentials::new(name.clone(), word.reveal().to_owned()));
        let builder = match credentials {
            Some(credentials) => builder.credentials(credentials),
            None => builder,
        };
        match builder.build().send(&message) {
            Ok(_) => (Outcome::Sent, String::new()),
            Err(error) => (outcome(&error), words(&error)),
        }
    }

    /// A mail as text and as HTML. Mails about one alarm refer to one that never was, so that readers show
    /// them together.
    fn message(&self, facts: &Facts, now: Now) -> Result<lettre::Message, String> {
        let wrong = |err: &dyn std::fmt::Display| format!("this is no mail: {err}");
        let to = facts.get("recipient").parse::<Mailbox>().map_err(|err| wrong(&err))?;
        let seconds = u64::try_from(now.wall_s()).unwrap_or_default();
        let domain = self.sender.email.domain();
        let plain = format!("{}\n\n{}\n", facts.get("title"), facts.plain_text());
        lettre::Message::builder()
            .from(self.sender.clone())
            .to(to)
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .subject(facts.get("title"))
            .message_id(Some(format!("<{}.{}@{domain}>", facts.get("transition"), now.wall_us)))
            .references(format!("<{}@{domain}>", facts.get("id")))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(plain, html(facts)))
            .map_err(|err| wrong(&err))
    }

    #[cfg(feature = "tls")]
    fn encrypted(&self, builder: SmtpTransportBuilder) -> Result<SmtpTransportBuilder, String> {
        use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};

        if self.mode == Mode::Nothing {
            return Ok(builder.tls(Tls::None));
        }
        let mut parameters = TlsParameters::builder(self.host.clone()).certificate_store(CertificateStore::None);
        for certificate in self.trust.read()? {
            let certificate = Certificate::from_der(certificate.to_vec()).map_err(|err| err.to_string())?;
            parameters = parameters.add_root_certificate(certificate);
        }
        let parameters = parameters.build().map_err(|err| err.to_string())?;
        Ok(builder.tls(if self.mode == Mode::Tls { Tls::Wrapper(parameters) } else { Tls::Required(parameters) }))
    }

    /// Settings that ask for TLS are refused before.
    #[cfg(not(feature = "tls"))]
    fn encrypted(&self, builder: SmtpTransportBuilder) -> Result<SmtpTransportBuilder, String> {
        let _not_built = (&self.trust, self.mode == Mode::Nothing);
        Ok(builder)
    }
}

/// Says that no person wrote a mail, so that nobody's absence is answered (RFC 3834).
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

fn html(facts: &Facts) -> String {
    let escaped = |text: &str| Escape::Html.of(text);
    let row = |(caption, value): (&str, String)| {
        format!("<tr><td style=\"padding-right:1em;color:#666\">{caption}</td><td>{}</td></tr>\n", escaped(&value))
    };
    let rows: String = facts.lines().into_iter().map(row).collect();
    let link = match facts.get("url") {
        "" => String::new(),
        url => format!("<p><a href=\"{}\">{}</a></p>\n", escaped(url), escaped(facts.get("host"))),
    };
    format!(
        "<!DOCTYPE html>\n<html><body style=\"font-family:sans-serif\">\n\
         <h3 style=\"border-left:.4em solid #{:06x};padding-left:.5em\">{}</h3>\n<p>{}</p>\n<table>\n{rows}</table>\n\
         {link}</body></html>\n",
        color(facts.status),
        escaped(facts.get("title")),
        escaped(facts.get("info")),
    )
}

fn outcome(error: &Error) -> Outcome {
    match error.status().map(|code| code.to_string()).as_deref() {
        // The server closes, or has too many.
        Some("421") | None => Outcome::Later { after_us: None, is_general: true },
        Some(_) if error.is_permanent() => Outcome::Refused,
        Some(_) => Outcome::Later { after_us: None, is_general: false },
    }
}

fn words(error: &Error) -> String {
    use std::error::Error as _;
    let mut words = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = error.source();
    }
    format!("the mail server: {words}")
}

/// `HOST`, `HOST:PORT`, `[IPV6]:PORT`.
pub(super) fn host_and_port(server: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match server.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':')?)),
        None => match server.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (server, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port > 0)?),
        None => None,
    };
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:".contains(&byte);
    (!host.is_empty() && host.bytes().all(is_fine)).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use health::expression::Status;

    use super::*;
    use crate::method::tests::{facts, settings};

    /// Goal: a host's name cannot write headers, nor HTML; mails about one alarm belong together, and none
    /// is the same as another.
    #[test]
    fn mails() {
        let settings = Settings {
            server: "mail.example.org".into(),
            sender: "Alarms <alarms@example.org>".into(),
            ..settings("mail")
        };
        let mail = Mail::build(&settings, Secret::default(), Trust::default()).unwrap();
        let now = Now { wall_us: 784_111_777_000_000, mono_us: 0 };
        let of = |status, now| {
            let facts = facts(status).to("Ops <ops@example.org>");
            String::from_utf8(mail.message(&facts, now).unwrap().formatted()).unwrap()
        };
        let text = of(Status::Critical, now);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let header = |name: &str| head.lines().find(|line| line.starts_with(name)).unwrap_or_default().to_owned();
        assert_eq!(header("To:"), "To: Ops <ops@example.org>");
        assert_eq!(header("From:"), "From: Alarms <alarms@example.org>");
        assert!(header("Subject:").starts_with("Subject: web1  Bcc: all@example.org: disk space usage"), "{head}");
        assert_eq!(header("Bcc:"), "", "{head}");
        assert_eq!(header("Date:"), "Date: Sun, 06 Nov 1994 08:49:37 +0000");
        assert_eq!(header("Auto-Submitted:"), "Auto-Submitted: auto-generated");
        assert_eq!(header("References:"), "References: <01010101-0101-0101-0101-010101010101-17@example.org>");
        let body = body.replace("=\r\n", "");
        assert!(body.contains("Content-Type: text/html") && body.contains("&lt;b&gt;"), "{body}");
        let later = of(Status::Clear, Now { wall_us: now.wall_us + 1, ..now });
        let id = |text: &str| text.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
        assert_ne!(id(&text), id(&later));
    }

    #[test]
    fn servers() {
        for (server, expected) in [
            ("mail", Some(("mail", None))),
            ("mail.example.org:25", Some(("mail.example.org", Some(25)))),
            ("127.0.0.1:2525", Some(("127.0.0.1", Some(2525)))),
            ("[::1]:25", Some(("::1", Some(25)))),
            ("[::1]", Some(("::1", None))),
            ("::1", Some(("::1", None))),
            ("mail:", None),
            ("mail:0", None),
            ("mail:70000", None),
            ("", None),
            ("ma il", None),
            ("[::1]x", None),
        ] {
            assert_eq!(host_and_port(server), expected.map(|(host, port)| (host.to_owned(), port)), "{server}");
        }
    }
}
