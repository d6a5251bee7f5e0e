//! Syslog: the socket of this machine, or a server by UDP.

use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use health::expression::Status;

use super::{Fault, Settings};
use crate::facts::Facts;
use crate::queue::Outcome;

const DEFAULT_SOCKET: &str = "/dev/log";
const DEFAULT_PORT: u16 = 514;
/// What every server takes is a kilobyte; what is longer is cut.
const BYTES_MAX: usize = 1_024;

/// Facilities in the order of their numbers.
const FACILITIES: [&str; 12] =
    ["kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"];

/// Where lines go, and what they are filed under.
#[derive(Debug)]
pub(super) struct Syslog {
    target: Target,
    facility: u8,
}

#[derive(Debug)]
enum Target {
    Socket(PathBuf),
    Server(String),
}

impl Syslog {
    pub(super) fn build(settings: &Settings) -> Result<Self, Vec<Fault>> {
        let target = match &*settings.server {
            "" => Target::Socket(DEFAULT_SOCKET.into()),
            path if path.starts_with('/') => Target::Socket(path.into()),
            server => match super::mail::host_and_port(server) {
                Some((host, port)) => Target::Server(joined(&host, port.unwrap_or(DEFAULT_PORT))),
                None => return Err(vec![Fault::new("server", "expected HOST, HOST:PORT or a path")]),
            },
        };
        let local = settings.facility.strip_prefix("local").and_then(|number| number.parse::<u8>().ok());
        let known = || FACILITIES.iter().position(|known| *known == settings.facility).map(|number| number as u8);
        let facility = local.map(|number| 16 + number.min(7)).or_else(known).unwrap_or(22);
        Ok(Self { target, facility })
    }

    pub(super) fn send(&self, facts: &Facts) -> (Outcome, String) {
        let line = self.line(facts);
        let sent = match &self.target {
            Target::Socket(path) => UnixDatagram::unbound().and_then(|socket| socket.send_to(line.as_bytes(), path)),
            Target::Server(server) => {
                let of_kin = |server: &str| if server.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
                let send = |from: &str| UdpSocket::bind(from)?.send_to(line.as_bytes(), &**server);
                // A name may be one of either kind.
                send(of_kin(server)).or_else(|_| send("[::]:0"))
            }
        };
        match sent {
            Ok(_) => (Outcome::Sent, String::new()),
            Err(err) => (Outcome::Later { after_us: None, is_general: true }, format!("syslog takes nothing: {err}")),
        }
    }

    /// A line. The socket's reader knows time and machine; a server is told both (RFC 5424).
    fn line(&self, facts: &Facts) -> String {
        let level = match facts.status {
            Status::Critical => 2,
            Status::Warning => 4,
            _ => 6,
        };
        let priority = self.facility * 8 + level;
        let info = facts.get("info");
        let text =
            format!("{} ({}){}{info}", facts.get("title"), facts.get("chart"), if info.is_empty() { "" } else { ": " });
        let line = match self.target {
            Target::Socket(_) => format!("<{priority}>tributary: {text}"),
            Target::Server(_) => {
                let host: String = facts.get("host").chars().filter(char::is_ascii_graphic).take(255).collect();
                let host = if host.is_empty() { "-" } else { &host };
                format!("<{priority}>1 {} {host} tributary - - - {text}", facts.get("when"))
            }
        };
        line[..line.floor_char_boundary(BYTES_MAX)].to_owned()
    }
}

fn joined(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::method::tests::{facts, settings};

    fn syslog(server: &str, facility: &str) -> Syslog {
        Syslog::build(&Settings { server: server.into(), facility: facility.into(), ..settings("syslog") }).unwrap()
    }

    /// Goal: the socket and the server get one datagram each, in the form that each reads.
    #[test]
    fn lines_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut bytes = [0; 2_000];
        assert_eq!(syslog(path.to_str().unwrap(), "local6").send(&facts(Status::Critical)).0, Outcome::Sent);
        let length = socket.recv(&mut bytes).unwrap();
        let line = String::from_utf8_lossy(&bytes[..length]);
        assert!(line.starts_with("<178>tributary: web1  Bcc: all@example.org: disk space usage is CRITICAL, 97.5% (disk_space._home): space runs out"), "{line}");

        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        server.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let target = server.local_addr().unwrap().to_string();
        assert_eq!(syslog(&target, "daemon").send(&facts(Status::Clear)).0, Outcome::Sent);
        let length = server.recv(&mut bytes).unwrap();
        let line = String::from_utf8_lossy(&bytes[..length]);
        assert!(line.starts_with("<30>1 2026-11-22T22:48:18Z web1Bcc:all@example.org tributary - - - web1"), "{line}");
    }

    /// Goal: nobody who listens is a reason to try again.
    #[test]
    fn nobody_listens() {
        let (outcome, why) = syslog("/nowhere/log", "local6").send(&facts(Status::Clear));
        assert_eq!(outcome, Outcome::Later { after_us: None, is_general: true });
        assert!(why.starts_with("syslog takes nothing: "), "{why}");
    }
}
