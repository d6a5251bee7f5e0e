//! A real Netdata 1.37.1 of Debian 12: `netdata-core` and `netdata-plugins-bash`.
//!
//! Each instance has its own folders, ports and identity, and only the plugins that a test asks
//! for. It never passes in the absence of the program: it says which package has it.

use std::fmt::Write;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::api::{Api, Host};
use crate::certificates::Pair;
use crate::line::Line;
use crate::process::{self, Process};
use crate::{port, wait};

/// How long until its API answers.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to stop; its own data collection threads are slow to notice.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// Where the files of its dashboards are.
const WEB: &str = "/usr/share/netdata/web";
/// Every part of it that collects and can be switched.
const PLUGINS: &[&str] = &[
    "proc",
    "diskspace",
    "cgroups",
    "timex",
    "idlejitter",
    "tc",
    "statsd",
    "checks",
    "netdata monitoring",
    "netdata monitoring extended",
    "apps",
    "charts.d",
    "python.d",
    "go.d",
    "node.d",
    "fping",
    "ioping",
    "ebpf",
    "freeipmi",
    "perf",
    "slabinfo",
    "nfacct",
    "xenstat",
    "cups",
];

/// How to start it; everything has a default.
#[derive(Debug, Clone)]
pub struct Settings {
    hostname: String,
    memory_mode: String,
    plugins: Vec<String>,
    replication: bool,
    compression: bool,
    sends_to: Option<(SocketAddr, String)>,
    accepts: Option<String>,
    forwards: bool,
    shows: Option<Pair>,
    trusts: Option<PathBuf>,
    address: IpAddr,
    inside: Vec<String>,
    alarms: Option<(String, PathBuf)>,
    statsd: Option<u16>,
    registry: bool,
    exporting: Option<String>,
}

/// A running Netdata.
#[derive(Debug)]
pub struct Netdata {
    process: Process,
    api: Api,
    settings: Settings,
    folder: TempDir,
}

/// A Netdata that collects with its `proc` plugin into memory, and knows nobody.
pub fn named(hostname: &str) -> Settings {
    Settings {
        hostname: hostname.to_owned(),
        memory_mode: "ram".to_owned(),
        plugins: vec!["proc".to_owned()],
        replication: true,
        compression: false,
        sends_to: None,
        accepts: None,
        forwards: false,
        shows: None,
        trusts: None,
        address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        inside: Vec::new(),
        alarms: None,
        statsd: None,
        registry: false,
        exporting: None,
    }
}

/// A copy of its dashboards, as Debian's `netdata-web` has them: the new one, and the old one in `old`. In the package
/// some files are links to files of others, which a node that serves the folder would not follow.
///
/// # Panics
/// When the package is not installed.
pub fn dashboards() -> TempDir {
    let folder = tempfile::Builder::new().prefix("tributary-netdata-web-").tempdir().expect("a temporary folder");
    assert!(Path::new(WEB).join("old").is_dir(), "{WEB} is missing: install the Debian package netdata-web");
    let status =
        Command::new("cp").args(["--recursive", "--dereference", &format!("{WEB}/.")]).arg(folder.path()).status();
    assert!(status.expect("cp is on every Linux").success(), "{WEB} cannot be copied");
    folder
}

impl Settings {
    /// Watches its children for the alarms of this text, and runs `program` for each notification.
    #[must_use]
    pub fn alarms(mut self, text: &str, program: &Path) -> Self {
        self.alarms = Some((text.to_owned(), program.to_owned()));
        self
    }

    /// `none`, `ram`, `save`, `map`, `alloc` or `dbengine`; also what its children get.
    #[must_use]
    pub fn memory_mode(mut self, mode: &str) -> Self {
        mode.clone_into(&mut self.memory_mode);
        self
    }

    /// Takes metrics of statsd at this port of loopback; `statsd` must be among its plugins.
    #[must_use]
    pub fn statsd(mut self, port: u16) -> Self {
        self.statsd = Some(port);
        self
    }

    /// Archives as these lines of `exporting.conf` say.
    #[must_use]
    pub fn exports(mut self, instances: &str) -> Self {
        self.exporting = Some(format!("[exporting:global]\n    enabled = yes\n{instances}"));
        self
    }

    /// Is a registry, the one that it announces itself.
    #[must_use]
    pub fn registry(mut self) -> Self {
        self.registry = true;
        self
    }

    /// What collects, by the names of its `[plugins]` section; nothing else does.
    #[must_use]
    pub fn plugins(mut self, names: &[&str]) -> Self {
        self.plugins = names.iter().map(|name| (*name).to_owned()).collect();
        self
    }

    /// Listens at this address in place of loopback.
    #[must_use]
    pub fn at(mut self, address: IpAddr) -> Self {
        self.address = address;
        self
    }

    /// Runs at the far end of this line, where only the line leads to it: its API is out of reach.
    #[must_use]
    pub fn inside(mut self, line: &Line) -> Self {
        self.inside = line.far_end();
        self
    }

    /// Streams to `parent`.
    #[must_use]
    pub fn sends_to(mut self, parent: SocketAddr, api_key: &str) -> Self {
        self.sends_to = Some((parent, api_key.to_owned()));
        self
    }

    /// Takes TLS connections with this certificate.
    #[must_use]
    pub fn shows(mut self, pair: &Pair) -> Self {
        self.shows = Some(pair.clone());
        self
    }

    /// Streams with TLS, to a parent whose certificate these authorities vouch for.
    #[must_use]
    pub fn trusts(mut self, authorities: &Path) -> Self {
        self.trusts = Some(authorities.to_path_buf());
        self
    }

    /// Whether it compresses what it sends, with LZ4, and takes compressed streams.
    #[must_use]
    pub fn compression(mut self, on: bool) -> Self {
        self.compression = on;
        self
    }

    /// Whether it fills gaps, on either side.
    #[must_use]
    pub fn replication(mut self, on: bool) -> Self {
        self.replication = on;
        self
    }

    /// Lets children in.
    #[must_use]
    pub fn accepts(mut self, api_key: &str) -> Self {
        self.accepts = Some(api_key.to_owned());
        self
    }

    /// Passes what its children send on to where it sends itself.
    #[must_use]
    pub fn forwards(mut self) -> Self {
        self.forwards = true;
        self
    }

    /// Starts it and waits until its API answers.
    ///
    /// # Panics
    /// When the program is not installed, or the API stays silent.
    pub fn start(&self) -> Netdata {
        let folder = tempfile::Builder::new().prefix("tributary-netdata-").tempdir().expect("a temporary folder");
        let port = port::free();
        self.write_files(folder.path(), port);
        let process = self.run_in(folder.path());
        let api = Api::new(SocketAddr::new(self.address, port));
        let mut netdata = Netdata { process, api, settings: self.clone(), folder };
        netdata.wait_until_ready();
        netdata
    }

    fn run_in(&self, folder: &Path) -> Process {
        let (name, program) = (format!("netdata {}", self.hostname), process::program("netdata", "netdata-core"));
        process::start_inside(&self.inside, &name, &program, |it| command(it, folder), &folder.join("output"))
    }

    fn write_files(&self, root: &Path, port: u16) {
        for folder in ["etc", "cache", "lib/registry", "log", "run"] {
            fs::create_dir_all(root.join(folder)).expect("a folder in the temporary folder");
        }
        let write = |name: &str, text: String| fs::write(root.join("etc").join(name), text).expect("a small file");
        write(".opt-out-from-anonymous-statistics", String::new());
        write("netdata.conf", self.netdata_conf(root, port));
        write("stream.conf", self.stream_conf());
        if let Some(text) = &self.exporting {
            write("exporting.conf", text.clone());
        }
        if let Some((alarms, _)) = &self.alarms {
            fs::create_dir_all(root.join("etc/health.d")).expect("a folder in the temporary folder");
            write("health.d/test.conf", alarms.clone());
        }
    }

    fn netdata_conf(&self, root: &Path, port: u16) -> String {
        let (root, hostname, mode) = (root.display(), &self.hostname, &self.memory_mode);
        let (replication, user, address) = (yes_no(self.replication), user(), self.address);
        let (plugins, cgroups, registry) = (self.plugin_lines(), cgroup_lines(), yes_no(self.registry));
        let health = match &self.alarms {
            Some((_, program)) => format!(
                "    enabled = yes\n    enable stock health configuration = no\n    run at least every seconds = 1\n\
                 \x20   health configuration directory = {root}/etc/health.d\n\
                 \x20   script to execute on alarm = {}\n",
                program.display()
            ),
            None => "    enabled = no\n".to_owned(),
        };
        // It would answer plain HTTP with a way to https otherwise.
        let both = if self.shows.is_some() {
            "=dashboard|registry|badges|management|streaming|netdata.conf^SSL=optional"
        } else {
            ""
        };
        let statsd = self.statsd.map_or_else(String::new, |port| {
            format!("[statsd]\n    bind to = udp:127.0.0.1:{port} tcp:127.0.0.1:{port}\n")
        });
        let tls = self.shows.as_ref().map_or_else(String::new, |pair| {
            format!("    ssl key = {}\n    ssl certificate = {}\n", pair.key(), pair.certificate())
        });
        format!(
            "[global]\n    run as user = {user}\n    hostname = {hostname}\n\
             [db]\n    mode = {mode}\n    retention = 3600\n    enable replication = {replication}\n\
             [directories]\n    config = {root}/etc\n    cache = {root}/cache\n    lib = {root}/lib\n\
             \x20   log = {root}/log\n    run = {root}/run\n    home = {root}/lib\n    registry = {root}/lib/registry\n\
             [logs]\n    access = none\n    error = {root}/log/error.log\n\
             \x20   errors flood protection period = 0\n\
             [web]\n    mode = static-threaded\n    bind to = {address}:{port}{both}\n    default port = {port}\n{tls}\
             [health]\n{health}[registry]\n    enabled = {registry}\n    registry to announce = http://{address}:{port}\n[ml]\n    enabled = no\n{statsd}\
             [plugins]\n    enable running new plugins = no\n{plugins}{cgroups}"
        )
    }

    fn plugin_lines(&self) -> String {
        let unknown = self.plugins.iter().find(|name| !PLUGINS.contains(&name.as_str()));
        assert!(unknown.is_none(), "{unknown:?} is no part of Netdata that can be switched");
        PLUGINS.iter().fold(String::new(), |mut lines, name| {
            let on = self.plugins.iter().any(|wanted| wanted == name);
            writeln!(lines, "    {name} = {}", yes_no(on)).expect("a String takes everything");
            lines
        })
    }

    fn stream_conf(&self) -> String {
        let (compression, replication) = (yes_no(self.compression), yes_no(self.replication));
        let sending = yes_no(self.sends_to.is_some());
        let mut text = format!("[stream]\n    enabled = {sending}\n    enable compression = {compression}\n");
        let destination = self.sends_to.as_ref().map_or_else(String::new, |(parent, key)| {
            let tls = self.trusts.as_ref().map_or_else(String::new, |authorities| {
                format!(":SSL\n    CAfile = {}\n    ssl skip certificate verification = no", authorities.display())
            });
            format!("    destination = {parent}{tls}\n    api key = {key}\n    reconnect delay seconds = 1\n")
        });
        text.push_str(&destination);
        if let Some(key) = &self.accepts {
            let (mode, forwards) = (&self.memory_mode, yes_no(self.forwards));
            let health = yes_no(self.alarms.is_some());
            text.push_str(&format!(
                "[{key}]\n    type = api\n    enabled = yes\n    allow from = *\n    default history = 3600\n\
                 \x20   default memory mode = {mode}\n    health enabled by default = {health}\n\
                 \x20   default postpone alarms on connect seconds = 1\n\
                 \x20   enable replication = {replication}\n    enable compression = {compression}\n\
                 \x20   default proxy enabled = {forwards}\n"
            ));
        }
        text
    }
}

impl Netdata {
    /// Its API.
    pub fn api(&self) -> Api {
        self.api
    }

    /// Where children connect.
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Its own host.
    pub fn host(&self) -> Host {
        self.api.host(&self.settings.hostname)
    }

    /// Its process, for measurements.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its error log.
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log/error.log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Stops it: SIGTERM, and SIGKILL if it takes too long.
    pub fn stop(&mut self) {
        self.process.signal(rustix::process::Signal::TERM);
        wait::until_or(STOP_LIMIT, || self.process.ended());
        self.process.kill();
    }

    /// Kills it, without a chance to write anything.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again where it was: same folder, same identity, same port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.kill();
        self.process = self.settings.run_in(self.folder.path());
        self.wait_until_ready();
    }

    fn wait_until_ready(&mut self) {
        if !self.settings.inside.is_empty() {
            return;
        }
        let what = format!("netdata {} to answer", self.settings.hostname);
        wait::until(START_LIMIT, &what, || {
            let ended = self.process.ended();
            assert!(ended.is_none(), "netdata {} ended at once: {ended:?}", self.settings.hostname);
            self.api.try_json("/api/v1/info").ok()
        });
    }
}

impl Drop for Netdata {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let of_streams: Vec<&str> = log.lines().filter(|line| line.contains("STREAM")).collect();
            eprintln!("--- what netdata {} says of streams:", self.settings.hostname);
            eprintln!("{}", process::tail(&of_streams.join("\n")));
        }
    }
}

fn command(command: &mut Command, root: &Path) {
    command.arg("-D").arg("-c").arg(root.join("etc/netdata.conf")).arg("-P").arg(root.join("run/netdata.pid"));
    command.env("DISABLE_TELEMETRY", "1").current_dir(root);
}

/// Which version of control groups it reads. Left to itself it takes a tree of version 2 for the right one even
/// where that has no controllers, and then knows next to nothing of any group.
fn cgroup_lines() -> &'static str {
    let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
    let is_unified = ["cpu", "memory"].iter().all(|name| controllers.split_whitespace().any(|word| word == *name));
    if is_unified { "" } else { "[plugin:cgroups]\n    use unified cgroups = no\n" }
}

fn yes_no(on: bool) -> &'static str {
    if on { "yes" } else { "no" }
}

/// The user to run as: the one who runs the test.
fn user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id is on every Linux");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
