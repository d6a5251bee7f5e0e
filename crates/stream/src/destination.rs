//! Destinations: where a stream goes.
//!
//! ```text
//! [tcp:]HOST[%INTERFACE][:PORT][:SSL]
//! ```
//!
//! HOST is a name, an IPv4 address or an IPv6 address in brackets. Names are resolved at each
//! attempt, on the streaming thread: a thread for it would cost more memory than the wait.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// One parent to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    host: String,
    port: u16,
}

/// Why a destination cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It names no host.
    #[error("destination \"{0}\": expected HOST or HOST:PORT")]
    NoHost(String),
    /// The port is not a number from 1 to 65535.
    #[error("destination \"{0}\": expected a port from 1 to 65535")]
    Port(String),
    /// It asks for what is not built yet.
    #[error("destination \"{0}\": {1} not built yet")]
    NotBuilt(String, &'static str),
}

impl Destination {
    /// Reads a list of destinations, separated by blanks or commas.
    ///
    /// # Errors
    /// For the first one that cannot be used.
    pub fn list(text: &str, default_port: u16) -> Result<Vec<Self>, DestinationError> {
        let words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
        words.map(|word| Self::parse(word, default_port)).collect()
    }

    fn parse(word: &str, default_port: u16) -> Result<Self, DestinationError> {
        if word.starts_with("unix:") || word.starts_with('/') {
            return Err(DestinationError::NotBuilt(word.into(), "unix sockets are"));
        }
        if word.to_ascii_uppercase().ends_with(":SSL") {
            return Err(DestinationError::NotBuilt(word.into(), "TLS is"));
        }
        let rest = word.strip_prefix("tcp:").unwrap_or(word);
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        if host.contains('%') {
            return Err(DestinationError::NotBuilt(word.into(), "choosing an interface is"));
        }
        if host.is_empty() {
            return Err(DestinationError::NoHost(word.into()));
        }
        let port = match port {
            None => default_port,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(DestinationError::Port(word.into())),
            },
        };
        Ok(Self { host: host.into(), port })
    }

    /// The addresses behind the name, as of now.
    ///
    /// # Errors
    /// Where the name is not known.
    pub fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        Ok((self.host.as_str(), self.port).to_socket_addrs()?.collect())
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_read_and_written() {
        let list = Destination::list("master  10.0.0.1:1234,tcp:[::1]:2 [fe80::1]", 19_999).unwrap();
        let written: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(written, ["master:19999", "10.0.0.1:1234", "[::1]:2", "[fe80::1]:19999"]);
        assert_eq!(list[1].addresses().unwrap(), ["10.0.0.1:1234".parse().unwrap()]);
    }

    #[test]
    fn mistakes_name_the_destination() {
        for wrong in [":80", "host:", "host:x", "host:0", "host:99999", "unix:/x", "/x", "host:SSL", "host%eth0:1"] {
            let error = Destination::list(wrong, 1).unwrap_err().to_string();
            assert!(error.contains(wrong), "{error}");
        }
    }
}
