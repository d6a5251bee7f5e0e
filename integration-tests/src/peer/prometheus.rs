//! A real Prometheus of Debian 12 (package `prometheus`), which scrapes one node.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::api::{Api, escape};
use crate::process::{self, Process};
use crate::{port, wait};

/// How long until its API answers.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running Prometheus.
#[derive(Debug)]
pub struct Prometheus {
    process: Process,
    api: Api,
    // Outlives the process.
    _folder: TempDir,
}

/// One sample: milliseconds and value.
pub type Sample = (i64, f64);

impl Prometheus {
    /// Scrapes `/api/v1/allmetrics` of a node with these parameters every two seconds.
    ///
    /// # Panics
    /// When it does not start.
    pub fn scraping(node: SocketAddr, parameters: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
        let listen = format!("127.0.0.1:{}", port::free());
        let parameters: String =
            parameters.iter().map(|(name, value)| format!("      {name}: ['{value}']\n")).collect();
        let config = format!(
            "scrape_configs:\n  - job_name: node\n    scrape_interval: 2s\n    scrape_timeout: 2s\n    \
             honor_labels: true\n    metrics_path: /api/v1/allmetrics\n    params:\n{parameters}    \
             static_configs: [{{ targets: ['{node}'] }}]\n"
        );
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).expect("the folder is ours");
        let adjust = |command: &mut std::process::Command| {
            command.arg(format!("--config.file={}", file.display()));
            command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
            command.arg(format!("--web.listen-address={listen}"));
        };
        let program = process::program("prometheus", "prometheus");
        let process = Process::start("prometheus", &program, adjust, &folder.path().join("log"));
        let api = Api::new(listen.parse().expect("it is an address"));
        let prometheus = Self { process, api, _folder: folder };
        wait::until(START_LIMIT, "Prometheus to answer", || {
            prometheus.api.try_get("/-/ready").ok().filter(|answer| answer.status == 200)
        });
        prometheus
    }

    /// What it says of its target: whether it is up, and the last error.
    pub fn health(&self) -> (String, String) {
        let targets = self.api.try_json("/api/v1/targets").unwrap_or_default();
        let target = &targets["data"]["activeTargets"][0];
        let text = |key: &str| target[key].as_str().unwrap_or_default().to_owned();
        (text("health"), text("lastError"))
    }

    /// All samples that it stored of the last two minutes, by series.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn samples(&self, selector: &str) -> Vec<(Value, Vec<Sample>)> {
        let target = format!("/api/v1/query?query={}", escape(&format!("{selector}[2m]")));
        let answer = self.api.try_json(&target).unwrap_or_else(|err| panic!("{err}\n{}", self.process.log()));
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.into_iter().map(|one| (one["metric"].clone(), read(&one["values"]))).collect()
    }
}

fn read(values: &Value) -> Vec<Sample> {
    let pairs = values.as_array().cloned().unwrap_or_default();
    let sample = |pair: &Value| {
        let time_ms = (pair[0].as_f64()? * 1_000.0).round() as i64;
        Some((time_ms, pair[1].as_str()?.parse().ok()?))
    };
    pairs.iter().map(|pair| sample(pair).unwrap_or_else(|| panic!("no sample: {pair}"))).collect()
}
