//! A vmagent that takes remote writes and shares them out among several VictoriaMetrics by the name of their host.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::api::Api;
use crate::port;
use crate::process::Process;
use crate::wait::{s, until};

/// A running vmagent.
#[derive(Debug)]
pub struct Vmagent {
    _process: Process,
    _folder: TempDir,
    /// HTTP.
    pub http: u16,
}

impl Vmagent {
    /// Starts one that sends each host's series to one of these ports.
    ///
    /// # Panics
    /// When it does not start.
    pub fn sharding(ports: &[u16]) -> Self {
        let folder = tempfile::Builder::new().prefix("vmagent-").tempdir().expect("a temporary folder");
        let http = port::free();
        let mut arguments = vec![
            format!("-httpListenAddr=127.0.0.1:{http}"),
            format!("-remoteWrite.tmpDataPath={}", folder.path().join("queue").display()),
            "-remoteWrite.flushInterval=200ms".into(),
        ];
        for (shard, port) in ports.iter().enumerate() {
            let file = folder.path().join(format!("shard{shard}.yml"));
            let rules = format!(
                "- {{action: hashmod, source_labels: [instance], modulus: {}, target_label: __tmp_shard}}\n\
                 - {{action: keep, source_labels: [__tmp_shard], regex: \"{shard}\"}}\n",
                ports.len()
            );
            fs::write(&file, rules).expect("a file");
            arguments.push(format!("-remoteWrite.url=http://127.0.0.1:{port}/api/v1/write"));
            arguments.push(format!("-remoteWrite.urlRelabelConfig={}", file.display()));
        }
        let adjust = |command: &mut std::process::Command| {
            command.args(arguments);
        };
        let process = Process::start("vmagent", Path::new("/usr/bin/vmagent"), adjust, &folder.path().join("log"));
        let vmagent = Self { _process: process, _folder: folder, http };
        until(s(20), "vmagent to answer", || {
            vmagent.api().try_get("/health").ok().filter(|answer| answer.status == 200)
        });
        vmagent
    }

    fn api(&self) -> Api {
        Api::on_port(self.http)
    }

    /// Bytes that wait for a database that is away.
    pub fn waiting_bytes(&self) -> f64 {
        let page = self.api().get("/metrics").body;
        let lines = page.lines().filter(|line| line.starts_with("vmagent_remotewrite_pending_data_bytes"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
