//! Texts that are not to be seen in logs, errors and settings.

use std::fmt;

/// Stands for what is not shown.
const HIDDEN: &str = "…";
/// What is shorter than this is no secret worth the name, and would hide half of every message.
const BYTES_MIN: usize = 4;

/// A text that shows itself to nobody by accident.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A text of a server or a library, on one line, without the secrets, and not too long.
pub(crate) fn cleared(text: &str, secrets: &[Secret]) -> String {
    const CHARACTERS_MAX: usize = 200;
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.0.len() >= BYTES_MIN) {
        text = text.replace(&secret.0, HIDDEN);
    }
    let plain = |character: char| if character.is_control() { ' ' } else { character };
    text.trim().chars().take(CHARACTERS_MAX).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: nothing shows a secret, whoever says it; what is shown has one line and an end.
    #[test]
    fn secrets_stay_secret() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "…");
        assert_eq!(cleared("no user\r\nhunter2 at hunter2", &[secret, Secret::default()]), "no user  … at …");
        assert_eq!(cleared(&"x".repeat(1_000), &[]).len(), 200);
    }
}
