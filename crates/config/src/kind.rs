//! What a setting may be: the check of a raw value, and the words that say what was expected.

use std::collections::BTreeMap;

use crate::quantity::{
    duration_text, duration_words, parse_duration, parse_seconds, parse_size, size_text, size_words,
};
use crate::said::{Raw, What, quote};
use crate::secret::{Secrecy, normalize_guid};
use crate::tiers::Tier;

/// The kind of a setting, with its unit and range. Ranges include both ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    /// `true`, `false` or `"auto"`.
    AutoBool,
    Integer {
        min: u64,
        max: u64,
        unit: &'static str,
    },
    /// A multiple of `step_ms`, from `min` to `max` (texts that [`parse_duration`] reads).
    Duration {
        min: &'static str,
        max: &'static str,
        step_ms: u64,
    },
    /// From `min` to `max` (texts that [`parse_size`] reads).
    Size {
        min: &'static str,
        max: &'static str,
    },
    Text,
    Pattern,
    Choice(&'static [&'static str]),
    /// Some of these words, separated by blanks, each once.
    Words(&'static [&'static str]),
    /// A GUID, or the empty text; secret.
    ApiKey,
    List(Item),
    /// Texts that are secret.
    SecretList,
    /// A text that is secret.
    Secret,
    /// A text of any characters, which may hold secrets.
    Template,
    /// A table of lists of texts.
    Lists,
    /// A table of texts that are secret.
    SecretTexts,
}

/// What the texts of a list are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Text,
    /// An address to listen at.
    Listen,
    /// `RESOLUTION:RETENTION`.
    Tier,
    /// A status of HTTP, or a hundred of them.
    Status,
}

/// A checked value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Bool(bool),
    /// `None` is `"auto"`.
    AutoBool(Option<bool>),
    Integer(u64),
    /// In milliseconds.
    Duration(u64),
    /// In bytes.
    Size(u64),
    Text(String),
    List(Vec<String>),
    Table(BTreeMap<String, Value>),
}

pub(crate) const fn integer(min: u64, max: u64, unit: &'static str) -> Kind {
    Kind::Integer { min, max, unit }
}

pub(crate) const fn duration(min: &'static str, max: &'static str, step_ms: u64) -> Kind {
    Kind::Duration { min, max, step_ms }
}

pub(crate) const fn size(min: &'static str, max: &'static str) -> Kind {
    Kind::Size { min, max }
}

/// Characters of one text. Patterns of thousands of words still fit.
const TEXT_BYTES_MAX: usize = 64 * 1024;

impl Kind {
    /// Checks a value; where it is wrong, answers with the part of it that is.
    pub(crate) fn check(self, raw: &Raw) -> Result<Value, &Raw> {
        match &raw.what {
            What::Bare(text) => self.check_bare(text).ok_or(raw),
            What::List(list) => self.check_list(list).unwrap_or(Err(raw)),
            _ => self.check_one(&raw.what).ok_or(raw),
        }
    }

    /// A text from the environment or the command line: as TOML if it is that, else as it stands.
    fn check_bare(self, text: &str) -> Option<Value> {
        let as_toml = Raw::parse(text).and_then(|raw| self.check(&raw).ok());
        as_toml.or_else(|| match self {
            Self::Bool | Self::Integer { .. } => None,
            Self::List(_) | Self::SecretList => {
                let words = text.split_whitespace().map(|word| Raw { what: What::Text(word.into()), line: 0 });
                self.check_list(&words.collect::<Vec<_>>())?.ok()
            }
            _ => self.check_one(&What::Text(text.to_owned())),
        })
    }

    fn check_one(self, what: &What) -> Option<Value> {
        match (self, what) {
            (Self::Lists | Self::SecretTexts, What::Table) => Some(Value::Table(BTreeMap::new())),
            (Self::Bool, What::Bool(value)) => Some(Value::Bool(*value)),
            (Self::AutoBool, What::Bool(value)) => Some(Value::AutoBool(Some(*value))),
            (Self::AutoBool, What::Text(text)) if text == "auto" => Some(Value::AutoBool(None)),
            (Self::Integer { min, max, .. }, What::Integer(value)) => {
                let value = u64::try_from(*value).ok()?;
                (min..=max).contains(&value).then_some(Value::Integer(value))
            }
            (Self::Duration { min, max, step_ms }, _) => {
                let ms = milliseconds(what)?;
                let fits = (bound_ms(min)..=bound_ms(max)).contains(&ms) && ms.is_multiple_of(step_ms);
                fits.then_some(Value::Duration(ms))
            }
            (Self::Size { min, max }, _) => {
                let bytes = bytes(what)?;
                (bound_bytes(min)..=bound_bytes(max)).contains(&bytes).then_some(Value::Size(bytes))
            }
            (_, What::Text(text)) if text.len() <= TEXT_BYTES_MAX => self.check_text(text).map(Value::Text),
            _ => None,
        }
    }

    fn check_text(self, text: &str) -> Option<String> {
        let fits = match self {
            Self::Text | Self::Secret => is_plain(text),
            Self::Pattern | Self::Template => true,
            Self::Choice(words) => words.contains(&text),
            Self::Words(words) => is_selection(text, words),
            Self::ApiKey if text.is_empty() => true,
            Self::ApiKey => return normalize_guid(text).filter(|_| text.contains('-')),
            _ => false,
        };
        fits.then(|| text.to_owned())
    }

    /// `None` where this kind is no list; else the texts, or the first that is wrong.
    fn check_list(self, list: &[Raw]) -> Option<Result<Value, &Raw>> {
        let fits: fn(&str) -> bool = match self {
            Self::List(Item::Text) => is_plain,
            Self::List(Item::Listen) => is_listen_address,
            Self::List(Item::Tier) => is_tier,
            Self::List(Item::Status) => is_status,
            Self::SecretList => |text| is_plain(text) && !text.is_empty(),
            _ => return None,
        };
        let texts = list.iter().map(|raw| match &raw.what {
            What::Text(text) if fits(text) => Ok(text.clone()),
            _ => Err(raw),
        });
        Some(texts.collect::<Result<_, _>>().map(Value::List))
    }

    /// What stands in a table that is the value of a key; `None` where the value is no table.
    pub(crate) fn of_entries(self) -> Option<Self> {
        match self {
            Self::Lists => Some(Self::List(Item::Text)),
            Self::SecretTexts => Some(Self::Secret),
            _ => None,
        }
    }

    /// How much of a value may be shown.
    pub(crate) fn secrecy(self) -> Secrecy {
        match self {
            Self::ApiKey => Secrecy::ApiKey,
            Self::SecretList | Self::Secret | Self::Template | Self::SecretTexts => Secrecy::Secret,
            _ => Secrecy::Open,
        }
    }

    /// What would do, to follow the word "expected".
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Bool => "true or false".into(),
            Self::AutoBool => "true, false or \"auto\"".into(),
            Self::Integer { min, max, unit: "" } => format!("an integer from {min} to {max}"),
            Self::Integer { min, max, unit } => format!("an integer from {min} to {max} ({unit})"),
            Self::Duration { min, max, step_ms } => {
                let (min, max) = (bound_ms(min), bound_ms(max));
                let sample = if max < 5_000 { "\"50ms\"" } else { "5 or \"5s\"" };
                let whole = if step_ms == 1_000 { " in whole seconds" } else { "" };
                format!("a duration such as {sample}{whole}, from {} to {}", duration_words(min), duration_words(max))
            }
            Self::Size { min, max } => {
                let (min, max) = (size_words(bound_bytes(min)), size_words(bound_bytes(max)));
                format!("a size such as 65536 or \"64KiB\", from {min} to {max}")
            }
            Self::Text | Self::Secret | Self::Template => "a text in quotes".into(),
            Self::Lists => "a table of lists such as { sysadmin = [\"a\", \"b\"] }".into(),
            Self::SecretTexts => "a table of texts such as { Name = \"value\" }".into(),
            Self::Pattern => "a simple pattern such as \"!this that*\"".into(),
            Self::Choice(words) => format!("one of {}", quoted(words)),
            Self::Words(words) => format!("one or more of {}, separated by blanks", quoted(words)),
            Self::ApiKey => "a GUID such as \"11111111-2222-3333-4444-555555555555\"".into(),
            Self::List(Item::Listen) => {
                "a list of addresses such as \"127.0.0.1:19999\", \"[::]:19999\", \"*:19999\" or \"unix:/path\"".into()
            }
            Self::List(Item::Tier) => {
                "a list of RESOLUTION:RETENTION such as [\"1m:7d\", \"1h:1GiB\", \"1d:10y:1GiB\"]".into()
            }
            Self::List(Item::Status) => "a list of statuses such as [\"2xx\", \"409\"]".into(),
            Self::List(Item::Text) | Self::SecretList => "a list of texts such as [\"a\", \"b\"]".into(),
        }
    }
}

impl Value {
    /// The value as TOML, as much of it as may be shown.
    pub(crate) fn shown(&self, secrecy: Secrecy) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::AutoBool(None) => quote("auto"),
            Self::AutoBool(Some(value)) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Duration(ms) if *ms < 1_000 && *ms > 0 => quote(&duration_text(*ms)),
            Self::Duration(0) => "0".into(),
            Self::Duration(ms) => quote(&duration_text(*ms)),
            Self::Size(0) => "0".into(),
            Self::Size(bytes) => quote(&size_text(*bytes)),
            Self::Text(text) => quote(&secrecy.shown(text)),
            Self::List(texts) => {
                let texts: Vec<String> = texts.iter().map(|text| quote(&secrecy.shown(text))).collect();
                format!("[{}]", texts.join(", "))
            }
            Self::Table(entries) if entries.is_empty() => "{}".into(),
            Self::Table(entries) => {
                let entry = |(name, value): (&String, &Self)| format!("{} = {}", quote(name), value.shown(secrecy));
                format!("{{ {} }}", entries.iter().map(entry).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

fn bound_ms(text: &str) -> u64 {
    parse_duration(text).expect("bounds of the list of keys are durations")
}

fn bound_bytes(text: &str) -> u64 {
    parse_size(text).expect("bounds of the list of keys are sizes")
}

fn milliseconds(what: &What) -> Option<u64> {
    match what {
        What::Integer(seconds) => u64::try_from(*seconds).ok()?.checked_mul(1_000),
        What::Float(seconds) => parse_seconds(seconds),
        What::Text(text) => parse_duration(text),
        _ => None,
    }
}

fn bytes(what: &What) -> Option<u64> {
    match what {
        What::Integer(bytes) => u64::try_from(*bytes).ok(),
        What::Text(text) => parse_size(text),
        _ => None,
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(", ")
}

/// Names, paths and addresses go into logs and onto the wire: no line breaks in them.
fn is_plain(text: &str) -> bool {
    text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

/// Words of the list, none twice; "none" only alone.
fn is_selection(text: &str, words: &[&str]) -> bool {
    let chosen: Vec<&str> = text.split_whitespace().collect();
    let known = chosen.iter().all(|word| words.contains(word));
    let twice = chosen.iter().enumerate().any(|(at, word)| chosen[..at].contains(word));
    known && !twice && !chosen.is_empty() && (chosen.len() == 1 || !chosen.contains(&"none"))
}

/// `IP:PORT`, `[IPV6]:PORT`, `*:PORT`, `HOST:PORT` or `unix:/path`; whether it can be bound is not
/// asked here.
fn is_listen_address(text: &str) -> bool {
    if let Some(path) = text.strip_prefix("unix:") {
        return path.starts_with('/') && path.len() > 1 && is_plain(path);
    }
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    digits && port.parse::<u16>().is_ok() && is_listen_host(host)
}

fn is_listen_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    // What consists of digits and dots is an address of IPv4 or a slip of the pen.
    let is_number = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match is_number {
        true => host.parse::<std::net::Ipv4Addr>().is_ok(),
        false => host == "*" || (!host.is_empty() && host.bytes().all(is_name)),
    }
}

/// `204`, or `2xx`.
fn is_status(text: &str) -> bool {
    match text.as_bytes() {
        [b'1'..=b'5', rest @ ..] => rest == b"xx" || (rest.len() == 2 && rest.iter().all(u8::is_ascii_digit)),
        _ => false,
    }
}

fn is_tier(text: &str) -> bool {
    Tier::parse(text).is_some()
}
