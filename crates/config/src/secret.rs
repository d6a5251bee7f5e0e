//! What may be shown of a secret: of an API key its first 8 characters, of anything else nothing.

use std::borrow::Cow;

/// Stands for what is not shown.
pub(crate) const HIDDEN: &str = "…";

/// How much of a setting's value may appear in messages and in printed settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// All of it, but for the user and password of a URL.
    Open,
    /// Its first 8 characters.
    ApiKey,
    /// Nothing.
    Secret,
}

impl Secrecy {
    /// What may be shown of a text; the empty text is no secret.
    pub(crate) fn shown(self, text: &str) -> Cow<'_, str> {
        match self {
            _ if text.is_empty() => Cow::Borrowed(""),
            Self::Open => without_password(text),
            Self::ApiKey => shorten_key(text).into(),
            Self::Secret => HIDDEN.into(),
        }
    }
}

/// The first 8 characters of an API key. What is too short to be one (a password in the wrong
/// place, perhaps) is not shown at all.
pub(crate) fn shorten_key(key: &str) -> String {
    let shown = if key.chars().count() < 16 { 0 } else { 8 };
    key.chars().take(shown).chain(HIDDEN.chars()).collect()
}

/// Hides what stands between `://` and the last `@` of each word.
fn without_password(text: &str) -> Cow<'_, str> {
    if !(text.contains("://") && text.contains('@')) {
        return Cow::Borrowed(text);
    }
    let word = |word: &str| match (word.find("://"), word.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://{HIDDEN}{}", &word[..scheme], &word[at..]),
        _ => word.to_owned(),
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ").into()
}

/// Shortens every GUID inside a text of unknown content, with dashes or, as in the names of
/// environment variables, with underscores.
pub(crate) fn shorten_guids(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        match rest.get(..GUID_LENGTH).filter(|start| is_guid(start)) {
            Some(guid) => {
                shown.push_str(&guid[..8]);
                shown.push_str(HIDDEN);
                rest = &rest[GUID_LENGTH..];
            }
            None => {
                shown.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    shown
}

/// Characters of a GUID in its text form.
const GUID_LENGTH: usize = 36;

fn is_guid(text: &str) -> bool {
    normalize_guid(text).is_some()
}

/// A GUID in lower case with dashes, of one in either case with dashes or underscores.
pub(crate) fn normalize_guid(text: &str) -> Option<String> {
    let normal = text.replace('_', "-").to_ascii_lowercase();
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    (normal.len() == GUID_LENGTH && normal.bytes().enumerate().all(fits)).then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nothing that could be a secret is shown in full.
    #[test]
    fn secrets_are_cut() {
        let guid = "6F6D8322-1976-11e6-ae19-7cdd9077342a";
        for (text, shown) in [
            (format!("x{guid} {guid}"), "x6F6D8322… 6F6D8322…"),
            (format!("A__{}__B", guid.replace('-', "_")), "A__6F6D8322…__B"),
            ("größe 12345678-1234".into(), "größe 12345678-1234"),
        ] {
            assert_eq!(shorten_guids(&text), shown);
        }
        for (secrecy, text, shown) in [
            (Secrecy::Open, "plain", "plain"),
            (Secrecy::Open, "a@b http://user:p@ss@host/x", "a@b http://…@host/x"),
            (Secrecy::ApiKey, guid, "6F6D8322…"),
            (Secrecy::ApiKey, "hunter2", "…"),
            (Secrecy::Secret, "hunter2", "…"),
            (Secrecy::Secret, "", ""),
        ] {
            assert_eq!(secrecy.shown(text), shown, "{text}");
        }
    }

    /// Goal: GUIDs are told from other texts, and brought to one form.
    #[test]
    fn guids() {
        let normal = "6f6d8322-1976-11e6-ae19-7cdd9077342a";
        for (text, expected) in [
            ("6F6D8322-1976-11E6-AE19-7CDD9077342A", Some(normal)),
            ("6F6D8322_1976_11E6_AE19_7CDD9077342A", Some(normal)),
            ("6f6d8322-1976-11e6-ae19-7cdd9077342", None),
            ("6f6d8322-1976-11e6-ae19-7cdd9077342g", None),
            ("6f6d8322019760011e60ae1907cdd9077342", None),
            ("", None),
        ] {
            assert_eq!(normalize_guid(text).as_deref(), expected, "{text}");
        }
    }
}
