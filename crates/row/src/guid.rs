//! A GUID: the identity of a machine, or an API key.

use core::fmt;
use core::str::FromStr;

/// Sixteen bytes, written as 36 characters (`8-4-4-4-12` hexadecimal digits, lower case).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid([u8; 16]);

/// The text is not a GUID of 36 characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidGuid;

impl fmt::Display for InvalidGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a GUID such as 11111111-2222-3333-4444-555555555555")
    }
}

impl core::error::Error for InvalidGuid {}

/// Where the dashes stand in the text form.
const DASHES: [usize; 4] = [8, 13, 18, 23];
const HEX: &[u8; 16] = b"0123456789abcdef";

impl Guid {
    /// Makes a GUID of its bytes, in the order of the text.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, in the order of the text.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the 36-character form, in either case.
    ///
    /// # Errors
    /// [`InvalidGuid`] where length, dashes or digits are not those of a GUID.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidGuid> {
        if text.len() != 36 {
            return Err(InvalidGuid);
        }
        let mut bytes = [0_u8; 16];
        let mut digits = 0;
        for (at, &byte) in text.iter().enumerate() {
            if DASHES.contains(&at) {
                if byte != b'-' {
                    return Err(InvalidGuid);
                }
                continue;
            }
            let digit = char::from(byte).to_digit(16).ok_or(InvalidGuid)? as u8;
            bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
            digits += 1;
        }
        Ok(Self(bytes))
    }

    /// The 36-character form, lower case.
    #[must_use]
    pub fn to_text(self) -> [u8; 36] {
        let mut text = [b'-'; 36];
        let mut at = 0;
        for byte in self.0 {
            for digit in [byte >> 4, byte & 15] {
                if DASHES.contains(&at) {
                    at += 1;
                }
                text[at] = HEX[usize::from(digit)];
                at += 1;
            }
        }
        text
    }
}

impl FromStr for Guid {
    type Err = InvalidGuid;

    fn from_str(text: &str) -> Result<Self, InvalidGuid> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_text()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn text_round_trips_and_case_is_lowered() {
        let guid: Guid = "6F6D8322-1976-11e6-ae19-7CDD9077342A".parse().unwrap();
        assert_eq!(guid.to_string(), "6f6d8322-1976-11e6-ae19-7cdd9077342a");
        assert_eq!(Guid::parse(guid.to_string().as_bytes()), Ok(guid));
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            "xyz",
            "6f6d8322197611e6ae197cdd9077342a",
            "6f6d8322-1976-11e6-ae19-7cdd9077342",
            "6f6d8322-1976-11e6-ae19_7cdd9077342a",
            "6f6d8322-1976-11e6-ae19-7cdd9077342g",
            "{6f6d8322-1976-11e6-ae19-7cdd907734}",
        ] {
            assert_eq!(bad.parse::<Guid>(), Err(InvalidGuid), "{bad}");
        }
    }
}
