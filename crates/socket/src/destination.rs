//! Destinations: where a connection goes.
//!
//! ```text
//! [tcp:]HOST[%INTERFACE][:PORT][:SSL]        unix:/PATH  or  /PATH
//! ```
//!
//! HOST is a name, an IPv4 address or an IPv6 address in brackets. With an interface the
//! connection leaves through no other (for a link-local address it is the zone). `:SSL` encrypts.
//! Names are resolved at each attempt.

use std::fmt;
use std::io;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    place: Place,
    is_encrypted: bool,
}

/// Where somebody listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Over the network.
    Tcp {
        /// A name or an address.
        host: String,
        /// Through which it leaves.
        interface: Option<String>,
        /// The port.
        port: u16,
    },
    /// On this machine.
    Unix(PathBuf),
}

/// Why a destination cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("destination \"{word}\": expected {expected}")]
pub struct DestinationError {
    /// The destination.
    word: String,
    /// What would do.
    expected: &'static str,
}

/// Destinations of one list; more are a slip of the pen.
const DESTINATIONS_MAX: usize = 64;
/// Bytes of a name, by the rules of names.
const HOST_BYTES_MAX: usize = 253;
/// Bytes of an interface's name, by the kernel.
const INTERFACE_BYTES_MAX: usize = 15;
/// Bytes of a unix socket's path, by the kernel.
const PATH_BYTES_MAX: usize = 107;

impl Destination {
    /// Reads a list of destinations, separated by blanks or commas.
    ///
    /// # Errors
    /// For the first one that cannot be used.
    pub fn list(text: &str, default_port: u16) -> Result<Vec<Self>, DestinationError> {
        let words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
        let parse = |(at, word): (usize, &str)| match at {
            0..DESTINATIONS_MAX => Self::parse(word, default_port),
            _ => Err("64 destinations at most"),
        };
        let with_word = |(at, word): (usize, &str)| {
            parse((at, word)).map_err(|expected| DestinationError { word: word.into(), expected })
        };
        words.enumerate().map(with_word).collect()
    }

    fn parse(word: &str, default_port: u16) -> Result<Self, &'static str> {
        if let Some(path) = word.strip_prefix("unix:").or_else(|| word.starts_with('/').then_some(word)) {
            return Ok(Self { place: Place::Unix(path_of(path)?), is_encrypted: false });
        }
        let (rest, is_encrypted) = match word.len().checked_sub(4).and_then(|at| word.split_at_checked(at)) {
            Some((rest, end)) if end.eq_ignore_ascii_case(":SSL") => (rest, true),
            _ => (word, false),
        };
        if rest.starts_with("udp:") {
            return Err("tcp: or unix:, for there must be a connection");
        }
        let (host, interface, port) = parts(rest.strip_prefix("tcp:").unwrap_or(rest))?;
        let port = match port {
            None => default_port,
            Some(port) if !port.bytes().all(|byte| byte.is_ascii_digit()) => return Err("a port from 1 to 65535"),
            Some(port) => port.parse().ok().filter(|&port| port > 0).ok_or("a port from 1 to 65535")?,
        };
        let place = Place::Tcp { host: host_of(host)?, interface: interface.map(interface_of).transpose()?, port };
        Ok(Self { place, is_encrypted })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether the connection is to be encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }
}

/// The addresses behind a name, as of now. A link-local address takes the interface as its zone.
///
/// # Errors
/// Where the name has none, or nobody can tell.
pub fn resolve(host: &str, interface: Option<&str>, port: u16) -> io::Result<Vec<SocketAddr>> {
    let is_link_local = host.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_unicast_link_local());
    match interface {
        Some(interface) if is_link_local => {
            let with_zone = format!("{host}%{interface}");
            Ok((with_zone.as_str(), port).to_socket_addrs()?.collect())
        }
        _ => Ok((host, port).to_socket_addrs()?.collect()),
    }
}

/// Host, interface and port, as they stand there.
type Parts<'a> = (&'a str, Option<&'a str>, Option<&'a str>);

fn parts(text: &str) -> Result<Parts<'_>, &'static str> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']').ok_or("a bracket that closes")?,
        None => text.split_at(text.find(['%', ':']).unwrap_or(text.len())),
    };
    let (host, inner) = split(host, '%');
    let (rest, outer) = match rest.strip_prefix('%') {
        Some(zone) => {
            let end = zone.find(':').unwrap_or(zone.len());
            (&zone[end..], Some(&zone[..end]))
        }
        None => (rest, None),
    };
    let port = match rest.strip_prefix(':') {
        Some(port) if port.contains(':') => return Err("HOST:PORT; an IPv6 address stands in brackets"),
        Some(port) => Some(port),
        None if rest.is_empty() => None,
        None => return Err("HOST:PORT"),
    };
    match (inner, outer) {
        (Some(_), Some(_)) => Err("one interface"),
        (inner, outer) => Ok((host, inner.or(outer), port)),
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn host_of(host: &str) -> Result<String, &'static str> {
    if host.is_empty() || host.len() > HOST_BYTES_MAX {
        return Err("HOST or HOST:PORT");
    }
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"[]/@?#\\\"'".contains(&byte);
    if !host.bytes().all(is_plain) || (host.contains(':') && host.parse::<Ipv6Addr>().is_err()) {
        return Err("a name or an address of a host");
    }
    Ok(host.into())
}

fn interface_of(name: &str) -> Result<String, &'static str> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
    let fits = (1..=INTERFACE_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    fits.then(|| name.into()).ok_or("the name of an interface after %")
}

fn path_of(path: &str) -> Result<PathBuf, &'static str> {
    if path.to_ascii_uppercase().ends_with(":SSL") {
        return Err("no :SSL after a unix socket, whose bytes stay on this machine");
    }
    let fits = path.starts_with('/') && (2..=PATH_BYTES_MAX).contains(&path.len());
    fits.then(|| Path::new(path).into()).ok_or("unix:/PATH, 107 bytes at most")
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, interface, port) = match &self.place {
            Place::Unix(path) => return write!(f, "unix:{}", path.display()),
            Place::Tcp { host, interface, port } => (host, interface, port),
        };
        if host.contains(':') { write!(f, "[{host}]") } else { f.write_str(host) }?;
        interface.as_ref().map_or(Ok(()), |interface| write!(f, "%{interface}"))?;
        write!(f, ":{port}")?;
        if self.is_encrypted { f.write_str(":SSL") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The goal: every form that is documented is read, and written as it was meant.
    #[test]
    fn destinations_are_read_and_written() {
        for (text, meant) in [
            ("master", "master:19999"),
            ("master:80", "master:80"),
            ("tcp:master:80", "master:80"),
            ("10.0.0.1:1234", "10.0.0.1:1234"),
            ("[::1]:2", "[::1]:2"),
            ("tcp:[fe80::1]", "[fe80::1]:19999"),
            ("[fe80::1%eth0]:3", "[fe80::1]%eth0:3"),
            ("[fe80::1]%eth0:3", "[fe80::1]%eth0:3"),
            ("master%eth0.100", "master%eth0.100:19999"),
            ("10.0.0.1%wg0:1:ssl", "10.0.0.1%wg0:1:SSL"),
            ("master:SSL", "master:19999:SSL"),
            ("[::1]:SSL", "[::1]:19999:SSL"),
            ("ssl:443", "ssl:443"),
            ("unix:/run/x.sock", "unix:/run/x.sock"),
            ("/run/x.sock", "unix:/run/x.sock"),
            ("/run/a:1", "unix:/run/a:1"),
        ] {
            let list = Destination::list(text, 19_999).unwrap();
            assert_eq!(list.len(), 1, "{text}");
            assert_eq!(list[0].to_string(), meant, "{text}");
            assert_eq!(list[0].is_encrypted(), meant.ends_with(":SSL"), "{text}");
            assert_eq!(Destination::list(meant, 1).unwrap(), list, "what is written is read again");
        }
        let list = Destination::list(" a  b,c:1\t/d ,", 9).unwrap();
        assert_eq!(list.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a:9", "b:9", "c:1", "unix:/d"]);
        assert!(Destination::list(" , ", 9).unwrap().is_empty());
    }

    /// The goal: what is none is refused by name, and the message says what would do.
    #[test]
    fn mistakes_name_the_destination() {
        let long = format!("{}:1", "h".repeat(300));
        let path = format!("unix:/{}", "p".repeat(107));
        for (wrong, words) in [
            (":80", "HOST"),
            ("tcp:", "HOST"),
            (":SSL", "HOST"),
            ("host:", "a port from 1"),
            ("host:x", "a port from 1"),
            ("host:+1", "a port from 1"),
            ("host:0", "a port from 1"),
            ("host:99999", "a port from 1"),
            ("host:0:SSL", "a port from 1"),
            ("fe80::1", "brackets"),
            ("host:1:2", "brackets"),
            ("host:1:SLS", "brackets"),
            ("[::1", "closes"),
            ("[::1]1", "HOST:PORT"),
            ("[::zz]:1", "a name or an address"),
            ("[]:1", "HOST"),
            ("http://host", "a port from 1"),
            ("host/path", "a name or an address"),
            ("host%:1", "interface"),
            ("host%a/b", "interface"),
            ("host%sixteen-letters-", "interface"),
            ("[::1%a]%b", "one interface"),
            ("udp:host:1", "tcp:"),
            ("unix:x", "unix:/PATH"),
            ("unix:/", "unix:/PATH"),
            ("unix:/x:SSL", "no :SSL"),
            (long.as_str(), "HOST"),
            (path.as_str(), "107"),
        ] {
            let error = Destination::list(&format!("good {wrong}"), 1).unwrap_err().to_string();
            assert!(error.contains(wrong) && error.contains(words), "{wrong}: {error}");
        }
        assert!(Destination::list(&"a ".repeat(64), 1).is_ok());
        assert!(Destination::list(&"a ".repeat(65), 1).is_err());
    }

    /// The goal: addresses are taken as they are, names are asked for, an unknown zone is an error.
    #[test]
    fn names_become_addresses() {
        assert_eq!(resolve("10.0.0.1", None, 7).unwrap(), ["10.0.0.1:7".parse().unwrap()]);
        assert_eq!(resolve("10.0.0.1", Some("lo"), 7).unwrap(), ["10.0.0.1:7".parse().unwrap()]);
        assert!(resolve("localhost", None, 7).unwrap().iter().all(|address| address.ip().is_loopback()));
        assert!(resolve("no.such.name.invalid", None, 7).is_err());
        assert!(resolve("fe80::1", Some("nosuch0"), 7).is_err());
        let lo = resolve("fe80::1", Some("lo"), 7).unwrap();
        assert!(matches!(lo[0], SocketAddr::V6(address) if address.scope_id() > 0), "{lo:?}");
    }
}
