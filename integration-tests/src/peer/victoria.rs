//! A VictoriaMetrics, which takes most formats and gives back what it was sent.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::archives::Series;
use crate::api::Api;
use crate::certificates::Pair;
use crate::port;
use crate::process::Process;
use crate::wait::{s, until};

/// A running VictoriaMetrics.
#[derive(Debug)]
pub struct Victoria {
    process: Option<Process>,
    folder: TempDir,
    /// HTTP.
    pub http: u16,
    /// Graphite's lines.
    pub graphite: u16,
    /// OpenTSDB's lines.
    pub opentsdb: u16,
    /// OpenTSDB's requests.
    pub opentsdb_http: u16,
}

impl Victoria {
    /// Starts one on free ports.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("victoria-").tempdir().expect("a temporary folder");
        let [http, graphite, opentsdb, opentsdb_http] = [(); 4].map(|()| port::free());
        let mut victoria = Self { process: None, folder, http, graphite, opentsdb, opentsdb_http };
        victoria.run();
        victoria
    }

    /// Starts it again on what it has.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run(&mut self) {
        let arguments = [
            format!("-storageDataPath={}", self.folder.path().join("data").display()),
            "-retentionPeriod=1".into(),
            "-search.latencyOffset=0s".into(),
            "-memory.allowedBytes=128MB".into(),
            format!("-httpListenAddr=127.0.0.1:{}", self.http),
            format!("-graphiteListenAddr=127.0.0.1:{}", self.graphite),
            format!("-opentsdbListenAddr=127.0.0.1:{}", self.opentsdb),
            format!("-opentsdbHTTPListenAddr=127.0.0.1:{}", self.opentsdb_http),
        ];
        let program = Path::new("/usr/bin/victoria-metrics");
        let log = self.folder.path().join("log");
        let adjust = |command: &mut std::process::Command| {
            command.args(arguments);
        };
        self.process = Some(Process::start("victoria-metrics", program, adjust, &log));
        let api = self.api();
        until(s(20), "VictoriaMetrics to answer", || api.try_get("/health").ok().filter(|answer| answer.status == 200));
    }

    /// Stops it in order: what it took, it keeps.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate(s(20));
        }
    }

    /// Kills it, without a chance to write anything.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// A vmauth before it, which speaks TLS and lets in whom `users` names, entries of its settings without
    /// the place that they lead to. With its port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn gate(&self, users: &[&str], pair: &Pair) -> (Process, u16) {
        let port = port::free();
        let url = format!("http://127.0.0.1:{}", self.http);
        let entry = |user: &&str| format!("- {{{user}, url_prefix: \"{url}\"}}\n");
        let config = self.folder.path().join("auth.yml");
        let text = format!("users:\n{}", users.iter().map(entry).collect::<String>());
        std::fs::write(&config, text).expect("a file");
        let adjust = |command: &mut std::process::Command| {
            command.arg(format!("-auth.config={}", config.display()));
            command.arg(format!("-httpListenAddr=127.0.0.1:{port}"));
            command.args(["-tls", &format!("-tlsCertFile={}", pair.certificate())]);
            command.arg(format!("-tlsKeyFile={}", pair.key()));
        };
        let log = self.folder.path().join("auth.log");
        let process = Process::start("vmauth", Path::new("/usr/bin/vmauth"), adjust, &log);
        until(s(20), "vmauth to listen", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        (process, port)
    }

    fn api(&self) -> Api {
        Api::on_port(self.http)
    }

    /// Lets queries see what was written so far.
    pub fn flush(&self) {
        self.api().get("/internal/force_flush");
    }

    /// All series whose name begins with `prefix`, by name and labels as `{"name":"value",…}` in order.
    pub fn series(&self, prefix: &str) -> BTreeMap<BTreeMap<String, String>, Series> {
        self.api().get("/internal/force_flush");
        let matching = format!("%7B__name__%3D~%22{prefix}.%2A%22%7D");
        let answer = self.api().get(&format!("/api/v1/export?match[]={matching}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let lines = answer.body.lines().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
        let mut all: BTreeMap<_, Series> = BTreeMap::new();
        for series in lines {
            let texts = series["metric"].as_object().into_iter().flatten();
            let key =
                texts.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect();
            let times = series["timestamps"].as_array().into_iter().flatten().filter_map(Value::as_i64);
            let values = series["values"].as_array().into_iter().flatten().filter_map(Value::as_f64);
            all.entry(key).or_default().extend(times.map(|ms| ms.div_euclid(1_000)).zip(values));
        }
        all
    }
}
