//! Secrets that clients tell: compared in a time that tells nothing, never written anywhere.

use std::fmt;
use std::hint::black_box;

use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

/// The cookie of a browser whose user gave a token.
pub(crate) const COOKIE_NAME: &str = "tributary_token";
const SCHEME: &str = "bearer ";

/// Whether two keys are the same, in the same time whatever they hold.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0, |difference, (one, other)| black_box(difference | (one ^ other)));
    one.len() == other.len() && !other.is_empty() && black_box(difference) == 0
}

/// The tokens of which API and dashboard want one; none if they want none.
#[derive(Clone, Default)]
pub struct Tokens(Vec<String>);

impl Tokens {
    /// These; empty ones do not count.
    #[must_use]
    pub fn new(tokens: &[String]) -> Self {
        Self(tokens.iter().filter(|token| !token.is_empty()).cloned().collect())
    }

    pub(crate) fn are_wanted(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a request shows one of them, in its header or in its cookie.
    pub(crate) fn are_shown(&self, headers: &HeaderMap) -> bool {
        let of_header = headers.get_all(AUTHORIZATION).iter().filter_map(|value| bearer(value.as_bytes()));
        let of_cookie = cookies(headers).filter(|(name, _)| *name == COOKIE_NAME);
        let of_cookie: Vec<_> = of_cookie.filter_map(|(_, value)| from_hex(value)).collect();
        of_header.chain(of_cookie.iter().map(Vec::as_slice)).any(|told| self.have(told))
    }

    /// Whether this is one of them.
    pub(crate) fn have(&self, told: &[u8]) -> bool {
        // All are looked at, so that the time does not tell which of them it is.
        self.0.iter().fold(false, |found, token| is_same(told, token.as_bytes()) | found)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} tokens", self.0.len())
    }
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME.as_bytes()).then(|| token.trim_ascii())
}

/// The cookies of a request: names and values.
pub(crate) fn cookies(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

/// A token as a cookie may hold it, whatever characters it has.
pub(crate) fn to_hex(token: &str) -> String {
    token.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |pair: &[u8]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|pair| byte(pair)).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    /// Goal: a token is known in header and cookie, a part of one or none never.
    #[test]
    fn tokens_are_known() {
        let tokens = Tokens::new(&["first; token".into(), String::new(), "second".into()]);
        let cookie = format!("a=b; {COOKIE_NAME}={}; c", to_hex("first; token"));
        for (name, value, is_known) in [
            ("authorization", "Bearer second", true),
            ("authorization", "bearer  first; token ", true),
            ("authorization", "Bearer secon", false),
            ("authorization", "Bearer second2", false),
            ("authorization", "Bearer ", false),
            ("authorization", "Basic second", false),
            ("authorization", "second", false),
            ("cookie", &cookie, true),
            ("cookie", "tributary_token=second", false),
            ("cookie", "tributary_token=", false),
            ("cookie", "tributary_token=7", false),
            ("x-auth-token", "second", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            assert_eq!(tokens.are_shown(&headers), is_known, "{name}: {value}");
        }
        assert!(!format!("{tokens:?}").contains("second"));
        assert!(!Tokens::default().are_wanted() && !Tokens::default().have(b""));
    }
}
