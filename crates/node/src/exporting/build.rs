//! Backends as settings name them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use config::Settings;
use export::send::{Framing, Heard, Lines, Web, WebConfig};
use export::{
    Backend, BackendConfig, Cut, Delivery, DiskQueue, Format, FormatOptions, Ledger, Outcome, Queue, Records, Source,
};
use patterns::SimplePattern;
use row::{Guid, Now};
use rrd_store::{Disk, RealDisk};
use socket::destination::Destination;
use tracing::warn;
use web_client::Trust;

use crate::folder;

/// A backend and what it takes to send to it.
pub(super) struct Built {
    pub(super) backend: Backend,
    pub(super) queue: Queue,
    pub(super) delivery: Delivery,
    pub(super) way: Way,
    pub(super) ledger: Arc<Ledger>,
}

/// What is left of a backend that had other settings.
#[derive(Debug)]
pub(super) struct Before {
    /// Up to when it was told.
    pub(super) told_s: Option<i64>,
    /// What waits for it, where that has the form that it takes, and the place.
    pub(super) queue: Option<Queue>,
}

/// How it is sent to.
#[derive(Debug)]
pub(super) enum Way {
    /// With what stands around lines, and where they are put together.
    Lines(Lines, Framing, Vec<u8>),
    Web(Web),
}

/// What a type is.
struct Kind {
    format: Format,
    framing: Framing,
    port: u16,
    /// For requests: their path, and what their body is.
    web: Option<(&'static str, &'static str)>,
}

/// A file of a secret is no longer than this.
const SECRET_BYTES_MAX: u64 = 64 * 1_024;

fn kind(word: &str) -> Option<Kind> {
    let lines = |format, framing, port| Some(Kind { format, framing, port, web: None });
    let web = |format, framing, port, path, content| Some(Kind { format, framing, port, web: Some((path, content)) });
    match word {
        "graphite" => lines(Format::Graphite, Framing::None, 2003),
        "graphite-http" => web(Format::Graphite, Framing::None, 2003, "/api/put", "application/graphite"),
        "opentsdb" => lines(Format::OpenTsdb, Framing::None, 4242),
        "opentsdb-http" => web(Format::OpenTsdbObjects, Framing::Array, 4242, "/api/put", "application/json"),
        "json" => lines(Format::Json, Framing::Lines, 5448),
        "json-http" => web(Format::Json, Framing::Array, 5448, "/api/put", "application/json"),
        "influx" => {
            web(Format::Influx, Framing::None, 8086, "/write?db=tributary&precision=s", "text/plain; charset=utf-8")
        }
        "prometheus-remote-write" => {
            web(Format::RemoteWrite, Framing::Snappy, 80, "/api/v1/write", "application/x-protobuf")
        }
        _ => None,
    }
}

impl Way {
    /// Sends records; what it came to, and why.
    pub(super) fn send(&mut self, records: &Records, now: Now) -> (Outcome, String) {
        match self {
            Self::Lines(lines, framing, buffer) => match lines.send(framing.frame(buffer, records)) {
                Ok(outcome) => (outcome, String::new()),
                Err(failure) => (Outcome::Later(None), failure.to_string()),
            },
            Self::Web(web) => web.send(records, now),
        }
    }

    /// What was heard since this was asked last.
    pub(super) fn take_heard(&mut self) -> Heard {
        match self {
            Self::Lines(lines, ..) => lines.take_heard(),
            Self::Web(web) => web.take_heard(),
        }
    }
}

/// What settings say of archiving. Holds secrets.
pub(crate) struct Plan {
    backends: Vec<config::Backend>,
    lib_dir: PathBuf,
    is_bare: bool,
}

impl Plan {
    /// The backends that are enabled.
    #[must_use]
    pub(crate) fn new(settings: &Settings) -> Self {
        let enabled = settings.backends.iter().filter(|backend| backend.enabled);
        Self {
            backends: enabled.cloned().collect(),
            lib_dir: settings.global.lib_dir.clone(),
            is_bare: settings.global.memory_mode == config::MemoryMode::None,
        }
    }

    pub(super) fn backends(&self) -> &[config::Backend] {
        &self.backends
    }

    /// What is wrong with it, for `check`, at the start, and before other settings are taken over: one text each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let problem = |backend: &config::Backend| {
            let err = way(backend).err().or_else(|| self.without_rows(backend).err());
            let err = err.or_else(|| cannot_be_read_back(backend).err())?;
            Some(format!("backend.{}: {err:#}", backend.name))
        };
        self.backends.iter().filter_map(problem).collect()
    }

    /// A backend that goes on where it was `before`, or else with what waits for it on the disk.
    pub(super) fn build(
        &self,
        backend: &config::Backend,
        own: Guid,
        before: Option<Before>,
        now: Now,
    ) -> anyhow::Result<Built> {
        self.one(backend, own, before, now).with_context(|| format!("backend.{}", backend.name))
    }

    fn one(&self, backend: &config::Backend, own: Guid, before: Option<Before>, now: Now) -> anyhow::Result<Built> {
        cannot_be_read_back(backend)?;
        let (kind, way) = way(backend)?;
        let windows_max = backend.buffer_on_failures as usize;
        let told_s = before.as_ref().and_then(|before| before.told_s);
        let queue = match before.and_then(|before| before.queue) {
            Some(queue) => queue.of_windows(windows_max),
            None => Queue::new(windows_max, self.disk(backend)?).context("the queue on the disk")?,
        };
        let every_s = backend.update_every.as_secs().max(1);
        let config = BackendConfig {
            name: backend.name.clone(),
            every_s: every_s as i64,
            cut: if backend.read_back { Cut::Whole } else { Cut::AsTold },
            format: FormatOptions {
                format: kind.format,
                source: Source::of_word(&backend.data_source).unwrap_or_default(),
                prefix: backend.prefix.clone(),
                names: backend.send_names_instead_of_ids && !backend.read_back,
                configured_labels: backend.send_configured_labels,
                automatic_labels: backend.send_automatic_labels,
                node: backend.read_back,
                undot_hostname: false,
            },
            hosts: SimplePattern::new(&backend.send_hosts_matching),
            charts: SimplePattern::new(&backend.send_charts_matching),
            hostname: backend.hostname.clone(),
        };
        let ledger = Ledger::new(&backend.name, &backend.kind, &without_secrets(&backend.destination), every_s as i64);
        let backend = Backend::new(config, own, queue.told_s().max(told_s), now);
        let delivery = Delivery::new(every_s * 1_000_000);
        // One series with many samples is a fraction of as many series with one.
        let delivery = if kind.format == Format::RemoteWrite { delivery.joining() } else { delivery };
        Ok(Built { backend, queue, delivery, way, ledger: Arc::new(ledger) })
    }

    /// Averages and sums are made of rows.
    fn without_rows(&self, backend: &config::Backend) -> anyhow::Result<()> {
        anyhow::ensure!(
            !self.is_bare || backend.data_source == "as collected",
            "expected data_source = \"as collected\", for this node keeps no rows (global.memory_mode = \"none\")"
        );
        Ok(())
    }

    fn disk(&self, backend: &config::Backend) -> anyhow::Result<Option<DiskQueue>> {
        if backend.queue_on_disk == 0 {
            return Ok(None);
        }
        let lib_dir = &self.lib_dir;
        let is_default = lib_dir == Path::new(config::LIB_DIR);
        let state = folder::state(lib_dir, is_default, &|name| std::env::var(name).ok())?;
        let disk = Arc::new(RealDisk::new(&state.path.join("export")));
        // What waits has the form of a type, and is nothing for another one.
        let (name, folder) = (folder_name(&backend.name), folder_name_of(backend));
        let is_left = |file: &String| file.starts_with(&format!("{name}.")) && !file.starts_with(&format!("{folder}/"));
        if disk.list().is_ok_and(|files| files.iter().any(is_left)) {
            warn!(
                "export: {}: windows that waited on the disk before it became {} are not told",
                backend.name, backend.kind
            );
        }
        Ok(Some(DiskQueue::new(disk, &folder, backend.queue_on_disk)))
    }
}

/// Only what has a query API can be read back, and only averages are.
fn cannot_be_read_back(backend: &config::Backend) -> anyhow::Result<()> {
    if backend.read_back {
        let is_right = backend.kind == "prometheus-remote-write" && backend.data_source == "average";
        anyhow::ensure!(
            is_right,
            "read_back = true: expected type = \"prometheus-remote-write\" and data_source = \"average\""
        );
    }
    Ok(())
}

/// Where its windows wait on the disk.
fn folder_name_of(backend: &config::Backend) -> String {
    format!("{}.{}", folder_name(&backend.name), backend.kind)
}

/// A name as that of a folder: letters, digits, `-` and `_` stand for themselves.
fn folder_name(name: &str) -> String {
    let mut folder = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => folder.push(char::from(byte)),
            // Some 300 characters at most: names have 100.
            _ => folder.push_str(&format!("%{byte:02x}")),
        }
    }
    folder
}

fn way(backend: &config::Backend) -> anyhow::Result<(Kind, Way)> {
    let kind = kind(&backend.kind).context("a type that is none")?;
    let timeout = backend.timeout;
    let way = match kind.web {
        None => {
            let destinations = Destination::list(&backend.destination, kind.port)?;
            anyhow::ensure!(!destinations.is_empty(), "expected a destination");
            anyhow::ensure!(
                !destinations.iter().any(Destination::is_encrypted),
                "lines are not encrypted: expected no :SSL"
            );
            Way::Lines(Lines::new(destinations, timeout), kind.framing, Vec::new())
        }
        Some((path, content_type)) => {
            let mut headers = Vec::new();
            let mut urls = Vec::new();
            for word in backend.destination.split([' ', ',', '\t']).filter(|word| !word.is_empty()) {
                let (url, login) = url(word, kind.port, path)?;
                headers.extend(login.map(|login| ("Authorization".to_owned(), basic(&login))));
                urls.push(url);
            }
            anyhow::ensure!(!urls.is_empty(), "expected a destination");
            anyhow::ensure!(headers.len() <= 1, "expected a user in one of the URLs at most");
            headers.extend(authorization(backend)?);
            anyhow::ensure!(headers.len() <= 1, "expected one of a user in the URL, a username and a token");
            if kind.format == Format::RemoteWrite {
                headers.push(("Content-Encoding".into(), "snappy".into()));
                headers.push(("X-Prometheus-Remote-Write-Version".into(), "0.1.0".into()));
            }
            let trust = Trust { ca_file: backend.ca_file.clone() };
            trust.check().map_err(|why| anyhow::anyhow!("ca_file: {why}"))?;
            let framing = kind.framing;
            Way::Web(Web::new(WebConfig { urls, headers, content_type, framing, trust, timeout }))
        }
    };
    Ok((kind, way))
}

/// The whole URL that a word stands for, and the user in it.
pub(crate) fn url(word: &str, port: u16, default_path: &str) -> anyhow::Result<(String, Option<String>)> {
    let (scheme, rest) = word.split_once("://").unwrap_or(("http", word));
    anyhow::ensure!(matches!(scheme, "http" | "https"), "expected a destination that begins with http:// or https://");
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (login, place) = authority.rsplit_once('@').map_or((None, authority), |(login, place)| (Some(login), place));
    anyhow::ensure!(!place.is_empty(), "expected a destination with a host");
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    // A URL has the port of its scheme.
    let port = if has_port || word.contains("://") { String::new() } else { format!(":{port}") };
    let path = if path.len() <= 1 { default_path } else { path };
    Ok((format!("{scheme}://{place}{port}{path}"), login.map(str::to_owned)))
}

/// Destinations without users and queries.
fn without_secrets(destination: &str) -> String {
    let words = destination.split([' ', ',', '\t']).filter(|word| !word.is_empty());
    let plain = words.map(|word| {
        let word = word.split('?').next().unwrap_or_default();
        let (scheme, rest) = word.split_at(word.find("://").map_or(0, |at| at + 3));
        // A password may hold a slash.
        format!("{scheme}{}", rest.rsplit('@').next().unwrap_or_default())
    });
    plain.collect::<Vec<_>>().join(" ")
}

fn authorization(backend: &config::Backend) -> anyhow::Result<Option<(String, String)>> {
    let token = secret(&backend.token, &backend.token_file).context("token_file")?;
    let password = secret(&backend.password, &backend.password_file).context("password_file")?;
    let value = match (&*token, &*backend.username) {
        ("", "") => return Ok(None),
        (token, "") => format!("Bearer {token}"),
        ("", username) => basic(&format!("{username}:{password}")),
        _ => anyhow::bail!("expected either a username or a token"),
    };
    Ok(Some(("Authorization".into(), value)))
}

pub(crate) fn basic(login: &str) -> String {
    format!("Basic {}", base64::Engine::encode(&base64::engine::general_purpose::STANDARD, login))
}

/// A secret as it stands, or the first line of a file.
pub(crate) fn secret(text: &str, file: &Path) -> anyhow::Result<String> {
    use std::io::Read;

    if file.as_os_str().is_empty() {
        return Ok(text.to_owned());
    }
    anyhow::ensure!(text.is_empty(), "expected either the secret or its file");
    let mut content = String::new();
    let open = std::fs::File::open(file).with_context(|| file.display().to_string())?;
    open.take(SECRET_BYTES_MAX).read_to_string(&mut content).with_context(|| file.display().to_string())?;
    Ok(content.lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a destination may be a host, with or without a port, or a URL, with or without a path and a user.
    #[test]
    fn urls() {
        let whole = |word: &str| url(word, 8_086, "/write?db=x").map_err(|err| err.to_string());
        for (word, expected, login) in [
            ("db", "http://db:8086/write?db=x", None),
            ("db:1", "http://db:1/write?db=x", None),
            ("[::1]", "http://[::1]:8086/write?db=x", None),
            ("[::1]:9", "http://[::1]:9/write?db=x", None),
            ("http://db", "http://db/write?db=x", None),
            ("https://me:pass@db:1/", "https://db:1/write?db=x", Some("me:pass")),
            ("https://db/insert/0/write", "https://db/insert/0/write", None),
        ] {
            assert_eq!(whole(word), Ok((expected.to_owned(), login.map(str::to_owned))), "{word}");
        }
        assert_eq!(
            without_secrets("https://me:p/w@db/write?u=me&p=word unix:/run/x  [::1]:9,me:x@db:1"),
            "https://db/write unix:/run/x [::1]:9 db:1"
        );
        assert!(whole("ftp://db").is_err() && whole("http:///x").is_err());
        assert_eq!(basic("Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(folder_name("site/../a b-ü_1"), "site%2f%2e%2e%2fa%20b-%c3%bc_1");
    }
}
