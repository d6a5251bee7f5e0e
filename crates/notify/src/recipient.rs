//! Who is told: recipients of roles, and of which statuses each wants to hear.

use health::expression::Status;

/// Somebody who takes messages, as the method understands it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    pub(crate) name: String,
    /// Hears of an alarm only once it is critical, and then until it is clear.
    only_critical: bool,
    no_warning: bool,
    no_clear: bool,
}

/// The recipients of a method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience {
    /// Those of roles that have none of their own.
    pub(crate) default: Vec<Recipient>,
    pub(crate) roles: Vec<(String, Vec<Recipient>)>,
}

/// Roles and recipients that nobody is.
const NOBODY: [&str; 2] = ["silent", "disabled"];

impl Recipient {
    /// Reads `NAME`, `NAME|critical`, `NAME|nowarn|noclear`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split('|').map(str::trim);
        let name = words.next().unwrap_or_default();
        if name.is_empty() {
            return Err(format!("{text:?}: expected who is told, such as \"NAME\" or \"NAME|critical\""));
        }
        let mut recipient = Self { name: name.into(), only_critical: false, no_warning: false, no_clear: false };
        for word in words {
            match word.to_ascii_lowercase().as_str() {
                "critical" => recipient.only_critical = true,
                "nowarn" => recipient.no_warning = true,
                "noclear" => recipient.no_clear = true,
                _ => return Err(format!("{text:?}: expected |critical, |nowarn or |noclear behind the name")),
            }
        }
        Ok(recipient)
    }

    /// Whether it is told of a status; `was_critical` says that the alarm was told to be critical since it
    /// was last told to be clear.
    fn hears(&self, status: Status, was_critical: bool) -> bool {
        match status {
            Status::Critical => true,
            Status::Warning => !self.no_warning && (!self.only_critical || was_critical),
            Status::Clear => !self.no_clear && (!self.only_critical || was_critical),
            _ => false,
        }
    }
}

impl Audience {
    /// Who is told of a status of an alarm for `roles` (words separated by blanks or commas), each once.
    pub(crate) fn of(&self, roles: &str, status: Status, was_critical: bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for role in roles.split([' ', ',']).filter(|role| !role.is_empty() && !NOBODY.contains(role)) {
            let own = self.roles.iter().find(|(name, _)| name == role).map(|(_, recipients)| recipients);
            for recipient in own.unwrap_or(&self.default) {
                if !NOBODY.contains(&&*recipient.name)
                    && !names.contains(&&*recipient.name)
                    && recipient.hears(status, was_critical)
                {
                    names.push(&recipient.name);
                }
            }
        }
        names
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Recipient> {
        self.default.iter().chain(self.roles.iter().flat_map(|(_, recipients)| recipients))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(texts: &[&str]) -> Vec<Recipient> {
        texts.iter().map(|text| Recipient::parse(text).unwrap()).collect()
    }

    /// Goal: each filter lets through what it says, and `|critical` follows an alarm until it is clear.
    #[test]
    fn filters() {
        use Status::{Clear, Critical, Removed, Warning};
        for (text, status, was_critical, told) in [
            ("a", Warning, false, true),
            ("a", Clear, false, true),
            ("a", Removed, true, false),
            ("a|critical", Warning, false, false),
            ("a|critical", Critical, false, true),
            ("a|critical", Warning, true, true),
            ("a|critical", Clear, true, true),
            ("a|critical", Clear, false, false),
            ("a|nowarn", Warning, true, false),
            ("a|nowarn", Clear, false, true),
            ("a|NoClear", Clear, true, false),
            ("a | critical | noclear", Critical, false, true),
            ("a|critical|nowarn", Warning, true, false),
            ("a|critical|noclear", Clear, true, false),
        ] {
            let recipient = Recipient::parse(text).unwrap();
            assert_eq!(recipient.hears(status, was_critical), told, "{text} {status:?} {was_critical}");
        }
        for text in ["", "|critical", "a|loud", "a|"] {
            assert!(Recipient::parse(text).is_err(), "{text}");
        }
    }

    /// Goal: a role that has recipients of its own tells those, others the default; nobody twice; an empty
    /// list is nobody.
    #[test]
    fn roles() {
        let roles = vec![("dba".to_owned(), list(&["b|critical", "c"])), ("web".into(), Vec::new())];
        let audience = Audience { default: list(&["a", "b"]), roles };
        for (roles, expected) in [
            ("sysadmin", &["a", "b"][..]),
            ("dba", &["c"]),
            ("web", &[]),
            ("web, dba", &["c"]),
            ("dba sysadmin", &["c", "a", "b"]),
            ("silent", &[]),
            ("disabled sysadmin sysadmin", &["a", "b"]),
            ("", &[]),
        ] {
            assert_eq!(audience.of(roles, Status::Warning, false), expected, "{roles}");
        }
        assert_eq!(audience.of("dba", Status::Critical, false), ["b", "c"]);
        let nobody = Audience { default: list(&["disabled"]), roles: Vec::new() };
        assert_eq!(nobody.of("dba", Status::Critical, false), [""; 0]);
        assert_eq!(audience.all().count(), 4);
    }
}
