//! What a parent answers to a request: a prompt, or one sentence of refusal.
//!
//! Answers are texts without a newline. A parent sends one with a single write and nothing behind
//! it: children read once and compare. The prompt carries what both sides agreed on.

use alloc::vec::Vec;

use crate::Capabilities;

const PROMPT_V1: &[u8] = b"Hit me baby, push them over...";
const PROMPT_V2: &[u8] = b"Hit me baby, push them over and bring the host labels...";
const PROMPT_NUMBER: &[u8] = b"Hit me baby, push them over with the version=";
/// Digits of the largest number that fits 31 bits.
const NUMBER_DIGITS_MAX: usize = 10;

/// Bytes of an answer at most; what is longer is no answer that anybody knows.
pub const ANSWER_BYTES_MAX: usize = 256;

/// Seconds that a child leaves a parent alone whose answer it does not know.
pub const UNKNOWN_RETRY_S: u32 = 60;
/// Seconds that a child leaves a parent alone that closed without an answer, or said nothing.
pub const SILENT_RETRY_S: u32 = 30;

/// Why a parent does not take a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Key, machine or address are not allowed, or the request is not in order.
    NotPermitted,
    /// Another connection of this machine is alive.
    AlreadyStreaming,
    /// The machine is the parent itself.
    SameLocalhost,
    /// The machine is a virtual node of the parent.
    SameVirtualNode,
    /// Too many requests in too short a time.
    Busy,
    /// Something went wrong at the parent.
    InternalError,
    /// The parent is starting.
    Initializing,
    /// The address may not use this port at all.
    AddressNotAllowed,
}

impl Refusal {
    /// All refusals.
    pub const ALL: [Self; 8] = [
        Self::NotPermitted,
        Self::AlreadyStreaming,
        Self::SameLocalhost,
        Self::SameVirtualNode,
        Self::Busy,
        Self::InternalError,
        Self::Initializing,
        Self::AddressNotAllowed,
    ];

    /// The text of the wire.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::NotPermitted => "You are not permitted to access this. Check the logs for more info.",
            Self::AlreadyStreaming => "This GUID is already streaming to this server",
            Self::SameLocalhost => "Don't hit me baby, you are trying to stream my localhost back",
            Self::SameVirtualNode => "Don't hit me baby, you are trying to stream my vnode back",
            Self::Busy => "The server is too busy now to accept this request. Try later.",
            Self::InternalError => "The server encountered an internal error. Try later.",
            Self::Initializing => "The server is initializing. Try later.",
            Self::AddressNotAllowed => "You are not allowed to access this resource.",
        }
    }

    /// What it means, for who reads the child's log.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NotPermitted => "its log says which of key, address and machine it does not allow",
            Self::AlreadyStreaming => "another connection with this machine GUID is alive there",
            Self::SameLocalhost => "it is the parent's own host, or would come back to a node that it passed",
            Self::SameVirtualNode => "it is a virtual host of the parent",
            Self::Busy => "it takes streams more slowly than they come",
            Self::InternalError => "its log says more",
            Self::Initializing => "it is starting",
            Self::AddressNotAllowed => "our address may not stream there",
        }
    }

    /// Seconds that a child leaves this parent alone, at most; a child draws from 5 up to this, so
    /// that a fleet does not come back at once.
    #[must_use]
    pub const fn retry_after_s(self) -> u32 {
        match self {
            Self::NotPermitted | Self::AddressNotAllowed => 60,
            Self::AlreadyStreaming | Self::Busy => 120,
            Self::SameLocalhost | Self::SameVirtualNode => 3600,
            Self::InternalError => 300,
            Self::Initializing => 30,
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The stream may begin, with what both ends can do.
    Go(Capabilities),
    /// The stream is refused.
    Refused(Refusal),
    /// A text that is neither prompt nor known refusal.
    Unknown,
}

impl Answer {
    /// Reads what came from the parent so far, `own` being what the child offered. `None` where the
    /// bytes may still become a known text.
    ///
    /// A number in a prompt has no end mark: it is taken as it stands, since parents send the
    /// prompt with one write. Line ends behind an answer are let pass.
    #[must_use]
    pub fn parse(bytes: &[u8], own: Capabilities) -> Option<Self> {
        let text = bytes.trim_ascii_end();
        if text == PROMPT_V1 {
            return Some(Self::Go(Capabilities::V1));
        }
        if text == PROMPT_V2 {
            return Some(Self::go(2, own));
        }
        if let Some(refusal) = Refusal::ALL.into_iter().find(|refusal| refusal.sentence().as_bytes() == text) {
            return Some(Self::Refused(refusal));
        }
        match text.strip_prefix(PROMPT_NUMBER) {
            Some([]) => None,
            Some(digits) => Some(number(digits).map_or(Self::Unknown, |number| Self::go(number, own))),
            None if is_prefix_of_known(bytes) => None,
            None => Some(Self::Unknown),
        }
    }

    fn go(number: i64, own: Capabilities) -> Self {
        Self::Go(Capabilities::from_version(number).and(own.with(Capabilities::MARKERS)))
    }
}

/// Appends the prompt for negotiated capabilities.
pub fn write_prompt(out: &mut Vec<u8>, capabilities: Capabilities) {
    match capabilities.prompt_number() {
        Some(number) => {
            out.extend_from_slice(PROMPT_NUMBER);
            row::text::write_uint(out, u64::from(number));
        }
        None if capabilities.has(Capabilities::V2) => out.extend_from_slice(PROMPT_V2),
        None => out.extend_from_slice(PROMPT_V1),
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let plausible = digits.len() <= NUMBER_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit);
    let number = crate::number::parse_int(digits).filter(|_| plausible)?;
    (number <= i64::from(i32::MAX)).then_some(number)
}

fn is_prefix_of_known(bytes: &[u8]) -> bool {
    let prompts = [PROMPT_V1, PROMPT_V2, PROMPT_NUMBER];
    let sentences = Refusal::ALL.map(|refusal| refusal.sentence().as_bytes());
    prompts.iter().chain(&sentences).any(|text| text.starts_with(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    use Capabilities as C;

    fn prompt(capabilities: C) -> Vec<u8> {
        let mut out = Vec::new();
        write_prompt(&mut out, capabilities);
        out
    }

    /// Every agreement has its own prompt, which a child understands as the parent meant it.
    #[test]
    fn prompts_round_trip() {
        let own = C::CHILD.with(C::LZ4).with(C::ZSTD);
        for (number, text) in [
            (1, "Hit me baby, push them over..."),
            (2, "Hit me baby, push them over and bring the host labels..."),
            (3, "Hit me baby, push them over with the version=3"),
            (4, "Hit me baby, push them over with the version=4"),
            (5, "Hit me baby, push them over with the version=5"),
            (15_352, "Hit me baby, push them over with the version=15296"),
        ] {
            let agreed = C::from_version(number);
            assert_eq!(prompt(agreed), text.as_bytes());
            let expected = agreed.and(own.with(C::MARKERS));
            assert_eq!(Answer::parse(text.as_bytes(), own), Some(Answer::Go(expected)), "{text}");
        }
    }

    /// A parent may echo the markers, and bits that the child does not know are dropped.
    #[test]
    fn a_child_keeps_what_it_can() {
        let own = C::CHILD;
        for number in ["15352", "15296"] {
            let text = alloc::format!("Hit me baby, push them over with the version={number}");
            let expected = C::from_version(15_352).and(own.with(C::VCAPS));
            assert_eq!(Answer::parse(text.as_bytes(), own), Some(Answer::Go(expected)));
        }
        let text = b"Hit me baby, push them over with the version=466418624\n";
        assert_eq!(Answer::parse(text, own), Some(Answer::Go(own.with(C::VCAPS))));
    }

    /// Refusals are known by their exact sentences.
    #[test]
    fn refusals_round_trip() {
        for refusal in Refusal::ALL {
            assert_eq!(Answer::parse(refusal.sentence().as_bytes(), C::CHILD), Some(Answer::Refused(refusal)));
            assert!(refusal.retry_after_s() >= 30);
        }
    }

    /// The beginning of a known text asks for more, anything else is unknown at once.
    #[test]
    fn beginnings_wait_and_strangers_do_not() {
        for waiting in
            ["", "H", "Hit me baby, push them over", "Hit me baby, push them over with the version=", "The server is "]
        {
            assert_eq!(Answer::parse(waiting.as_bytes(), C::CHILD), None, "{waiting}");
        }
        for unknown in [
            "HTTP/1.1 400 Bad Request",
            "Hit me baby, push them over....",
            "Hit me baby, push them over with the version=4160REPLAY_CHART",
            "Hit me baby, push them over with the version=-1",
            "Hit me baby, push them over with the version=2147483648",
            "Hit me baby, push them over with the version=99999999999",
            "The server is tired",
        ] {
            assert_eq!(Answer::parse(unknown.as_bytes(), C::CHILD), Some(Answer::Unknown), "{unknown}");
        }
    }
}
