//! Lists of addresses: who may connect.
//!
//! A client on this machine is known by the word `localhost` beside its digits. Who connects over
//! a unix socket has no address; callers test such a client with `matches(LOCALHOST)`.

use alloc::string::{String, ToString};
use core::net::IpAddr;

use crate::{SimplePattern, Verdict};

/// The text that stands for loopback addresses and for clients of unix sockets.
pub const LOCALHOST: &str = "localhost";

impl SimplePattern {
    /// Whether an address is allowed by the list.
    ///
    /// A loopback address is matched by a word for `localhost` and by one for its digits, whichever
    /// comes first in the list. An IPv4 address that came in IPv6 form counts as IPv4.
    #[must_use]
    pub fn matches_address(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        let digits: String = ip.to_string();
        let verdict = self.decide(|word| word.matches(&digits) || (ip.is_loopback() && word.matches(LOCALHOST)));
        verdict == Verdict::Positive
    }
}
