//! Our own binaries: settings, start, log, stop, restart.
//!
//! Each node has a temporary folder and, unless it is a collector, a port that it chooses itself
//! and tells in its log. A node that is started again keeps folder, identity and port.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::api::{Api, Host};
use crate::certificates::Pair;
use crate::line::Line;
use crate::process::{self, Process};
use crate::wait;

/// How long until a node listens.
const START_LIMIT: Duration = Duration::from_secs(10);
/// How long an orderly stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// What the log says before the address, once connections are taken.
const LISTENING: &str = "listening on ";

/// Which binary a node runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Collects and streams.
    Collector,
    /// Receives, forwards, may keep.
    Proxy,
    /// Receives and keeps.
    Master,
}

/// How to start a node.
#[derive(Debug, Clone)]
pub struct Settings {
    role: Role,
    hostname: String,
    values: Vec<(String, String)>,
    variables: Vec<(String, String)>,
    file: Option<PathBuf>,
    inside: Vec<String>,
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    process: Process,
    settings: Settings,
    address: Option<SocketAddr>,
    folder: TempDir,
}

/// A collector of that name.
pub fn collector(hostname: &str) -> Settings {
    settings(Role::Collector, hostname)
}

/// A proxy of that name.
pub fn proxy(hostname: &str) -> Settings {
    settings(Role::Proxy, hostname).set("web.bind_to", "127.0.0.1:0")
}

/// A master of that name.
pub fn master(hostname: &str) -> Settings {
    settings(Role::Master, hostname).set("web.bind_to", "127.0.0.1:0")
}

fn settings(role: Role, hostname: &str) -> Settings {
    Settings {
        role,
        hostname: hostname.to_owned(),
        values: Vec::new(),
        variables: Vec::new(),
        file: None,
        inside: Vec::new(),
    }
    .set("global.hostname", hostname)
}

impl Role {
    /// The name of the binary.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Collector => "tributary-collector",
            Self::Proxy => "tributary-proxy",
            Self::Master => "tributary-master",
        }
    }

    /// The built binary: in `TRIBUTARY_BIN_DIR`, or where a release build leaves it.
    ///
    /// # Panics
    /// When it is not built.
    pub fn program(self) -> PathBuf {
        let built = || PathBuf::from(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()));
        let folder = std::env::var_os("TRIBUTARY_BIN_DIR").map_or_else(|| built().join("release"), PathBuf::from);
        let file = crate::workspace().join(folder).join(self.binary());
        assert!(file.is_file(), "{} is not built: run `make build` first", file.display());
        file
    }

    /// Runs it to its end with these arguments, as a person would on a terminal.
    ///
    /// # Panics
    /// When it does not end within 10 s.
    pub fn run(self, arguments: &[&str]) -> Output {
        let mut command = Command::new("timeout");
        command.args(["--kill-after=1", "10"]).arg(self.program()).args(arguments);
        let output = without_settings(&mut command).output().expect("timeout of coreutils is on every Linux");
        assert_ne!(output.status.code(), Some(124), "{} {arguments:?} did not end", self.binary());
        output
    }
}

impl Settings {
    /// Sets one key, as `--set KEY=VALUE` does; the last one wins.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.values.retain(|(other, _)| other != key);
        self.values.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reads this file, as `--config` does; what [`Settings::set`] says wins.
    #[must_use]
    pub fn file(mut self, path: &Path) -> Self {
        self.file = Some(path.to_owned());
        self
    }

    /// Runs at the far end of this line.
    #[must_use]
    pub fn inside(mut self, line: &Line) -> Self {
        self.inside = line.far_end();
        self
    }

    /// Takes TLS connections with this certificate.
    #[must_use]
    pub fn shows(self, pair: &Pair) -> Self {
        self.set("web.tls_certificate", pair.certificate()).set("web.tls_key", pair.key())
    }

    /// Streams to `parent`.
    #[must_use]
    pub fn sends_to(self, parent: SocketAddr, api_key: &str) -> Self {
        let this = if self.role == Role::Collector { self } else { self.set("stream.enabled", "true") };
        this.set("stream.destination", &parent.to_string())
            .set("stream.api_key", api_key)
            .set("stream.reconnect_delay", "1s")
    }

    /// Lets children in.
    #[must_use]
    pub fn accepts(self, api_key: &str) -> Self {
        self.set(&format!("api_keys.{api_key}.enabled"), "true")
    }

    /// Starts it in a folder of its own; a proxy or a master is returned once it listens.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(&self) -> Node {
        let prefix = format!("tributary-{}-", self.hostname);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        let process = self.run_in(folder.path());
        let mut node = Node { process, settings: self.clone(), address: None, folder };
        node.wait_until_listening(0);
        node
    }

    fn run_in(&self, folder: &Path) -> Process {
        let arguments = self.arguments(folder);
        let name = format!("{} {}", self.role.binary(), self.hostname);
        let adjust = |command: &mut Command| {
            without_settings(command.args(arguments)).envs(self.variables.iter().cloned()).current_dir(folder);
        };
        process::start_inside(&self.inside, &name, &self.role.program(), adjust, &folder.join("output"))
    }

    fn arguments(&self, folder: &Path) -> Vec<String> {
        // A collector keeps nothing in a cache folder, and would say so.
        let names = if self.role == Role::Collector { &["lib"][..] } else { &["lib", "cache"] };
        let own = names.iter().map(|name| (format!("global.{name}_dir"), folder.join(name).display().to_string()));
        let own: Vec<(String, String)> = own.collect();
        let file = self.file.iter().flat_map(|path| ["--config".to_owned(), path.display().to_string()]);
        let values = own.iter().chain(&self.values);
        file.chain(values.flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")])).collect()
    }
}

impl Node {
    /// Where it listens.
    ///
    /// # Panics
    /// For a collector, which does not.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("a proxy or a master")
    }

    /// Its API.
    pub fn api(&self) -> Api {
        Api::new(self.address())
    }

    /// Its own host.
    pub fn host(&self) -> Host {
        self.api().host(&self.settings.hostname)
    }

    /// Its process, for measurements.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.process.ended().is_none()
    }

    /// The GUID that it made for itself.
    pub fn guid(&self) -> String {
        let file = self.folder.path().join("lib/registry/public.unique.id");
        fs::read_to_string(&file).unwrap_or_else(|err| panic!("{}: {err}", file.display())).trim().to_owned()
    }

    /// The key that who silences its alarms must show.
    pub fn management_key(&self) -> String {
        let file = self.folder.path().join("lib/management.api.key");
        fs::read_to_string(&file).unwrap_or_else(|err| panic!("{}: {err}", file.display())).trim().to_owned()
    }

    /// Where it keeps its databases, a folder per host.
    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    /// Where it keeps its state.
    pub fn lib(&self) -> PathBuf {
        self.folder.path().join("lib")
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The place where the log ends now, for [`Node::wait_for_log`].
    pub fn log_end(&self) -> usize {
        self.log().len()
    }

    /// Waits for a line, written after the place `from`, that holds all `words`; yields the line.
    ///
    /// # Panics
    /// When there is none within `limit`.
    pub fn wait_for_log(&self, from: usize, words: &[&str], limit: Duration) -> String {
        let what = format!("a log line of {} with {words:?}", self.settings.hostname);
        wait::until(limit, &what, || {
            let log = self.log();
            let mut lines = log.get(from..).unwrap_or_default().lines();
            lines.find(|line| words.iter().all(|word| line.contains(word))).map(str::to_owned)
        })
    }

    /// Asks it to read its settings again.
    pub fn reload(&mut self) {
        self.process.signal(rustix::process::Signal::HUP);
    }

    /// Stops it as a service manager does.
    ///
    /// # Panics
    /// When it takes longer than 5 s or ends with another status than 0.
    pub fn terminate(&mut self) {
        let status = self.process.terminate(STOP_LIMIT);
        let name = &self.settings.hostname;
        assert_eq!(status.code(), Some(0), "{name} was asked to stop and ended with {status}");
    }

    /// Kills it, without a chance to write anything.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits for an end that comes by itself.
    ///
    /// # Panics
    /// When it still runs after `limit`.
    pub fn wait_for_end(&mut self, limit: Duration) -> ExitStatus {
        self.process.wait_for_end(limit)
    }

    /// Starts it again where it was: same folder, same identity, same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.kill();
        if let Some(address) = self.address {
            self.settings = self.settings.clone().set("web.bind_to", &address.to_string());
        }
        let from = self.log_end();
        self.process = self.settings.run_in(self.folder.path());
        self.wait_until_listening(from);
    }

    fn wait_until_listening(&mut self, from: usize) {
        if self.settings.role == Role::Collector {
            return;
        }
        let what = format!("{} to say `{LISTENING}`", self.settings.hostname);
        self.address = Some(wait::until(START_LIMIT, &what, || {
            let ended = self.process.ended();
            assert!(ended.is_none(), "{} ended at once: {ended:?}", self.settings.hostname);
            self.log().get(from..).unwrap_or_default().lines().find_map(address_in)
        }));
    }
}

/// Hides the variables that a node would take for settings, `TRIBUTARY_BIN_DIR` of ours among them.
fn without_settings(command: &mut Command) -> &mut Command {
    let names = std::env::vars_os().map(|(name, _)| name);
    let settings = names.filter(|name| name.to_string_lossy().starts_with("TRIBUTARY_"));
    settings.fold(command, |command, name| command.env_remove(name))
}

/// The address of a log line such as `… listening on 127.0.0.1:19999 …`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(LISTENING)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// The tail of a node's log, for messages of tests.
pub fn tail(node: &Node) -> String {
    process::tail(&node.log())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the address is found among other words, and only behind the words that announce it.
    #[test]
    fn address_in_a_line() {
        let expected = Some(SocketAddr::from(([127, 0, 0, 1], 19999)));
        for line in ["listening on 127.0.0.1:19999", "INFO node: listening on 127.0.0.1:19999 role=\"master\""] {
            assert_eq!(address_in(line), expected);
        }
        for line in ["", "listening", "listening on ", "connected to 127.0.0.1:19999", "listening on unix:/x"] {
            assert_eq!(address_in(line), None);
        }
    }
}
