//! Reading `/api/v1` of a node, ours or Netdata: hosts, charts, values by second.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::Value;

use crate::http;
pub use crate::http::Answer;

/// The API of one node.
#[derive(Debug, Clone, Copy)]
pub struct Api {
    address: SocketAddr,
}

/// One host of a node, as its API shows it.
#[derive(Debug, Clone)]
pub struct Host {
    api: Api,
    name: String,
}

/// A chart as `/api/v1/charts` describes it.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Dimension id to dimension name.
    pub dimensions: BTreeMap<String, String>,
    /// The oldest second that is kept.
    pub first_entry: i64,
    /// The newest second that is kept.
    pub last_entry: i64,
    /// Seconds between two rows.
    pub update_every: i64,
    /// All that the API says of it.
    pub all: Value,
}

/// Seconds from `after` to `before`, both included, as the API counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first second.
    pub after: i64,
    /// The last second.
    pub before: i64,
}

/// Values of one chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Data {
    /// Dimension names, in the order of the values of a row.
    pub dimensions: Vec<String>,
    /// Second to values; `None` where nothing is stored.
    pub rows: BTreeMap<i64, Vec<Option<f64>>>,
}

impl Api {
    /// The API at `address`.
    pub fn new(address: SocketAddr) -> Self {
        Self { address }
    }

    /// The API at `port` of 127.0.0.1.
    pub fn on_port(port: u16) -> Self {
        Self::new(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// Where it listens.
    pub fn address(self) -> SocketAddr {
        self.address
    }

    /// Any answer to `target`; an error if there is none.
    pub fn try_get(self, target: &str) -> Result<Answer, String> {
        http::get(self.address, target, "").map_err(|err| format!("GET http://{}{target}: {err}", self.address))
    }

    /// The answer to `target`, whatever its status.
    ///
    /// # Panics
    /// When there is none.
    pub fn get(self, target: &str) -> Answer {
        self.try_get(target).unwrap_or_else(|err| panic!("{err}"))
    }

    /// The answer to `target` for who has this cookie.
    ///
    /// # Panics
    /// When there is none.
    pub fn get_with_cookie(self, target: &str, cookie: &str) -> Answer {
        let answer = http::get(self.address, target, &format!("Cookie: {cookie}\r\n"));
        answer.unwrap_or_else(|err| panic!("GET http://{}{target}: {err}", self.address))
    }

    /// The JSON behind `target`; an error for any status but 200.
    pub fn try_json(self, target: &str) -> Result<Value, String> {
        let answer = self.try_get(target)?;
        let place = format!("GET http://{}{target}", self.address);
        if answer.status != 200 {
            return Err(format!("{place}: {} {}", answer.status, answer.body));
        }
        serde_json::from_str(&answer.body).map_err(|err| format!("{place}: {err}: {}", answer.body))
    }

    /// The names of all hosts, the node's own first.
    pub fn hosts(self) -> Vec<String> {
        let info = self.try_json("/api/v1/info").unwrap_or_default();
        let names = info["mirrored_hosts"].as_array().cloned().unwrap_or_default();
        names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    }

    /// The host called `name`, whether it is there or not.
    pub fn host(self, name: &str) -> Host {
        Host { api: self, name: name.to_owned() }
    }
}

impl Host {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Name and address, for messages.
    pub fn place(&self) -> String {
        format!("{} at {}", self.name, self.api.address)
    }

    /// The charts; an error while the host is not there.
    pub fn try_charts(&self) -> Result<BTreeMap<String, Chart>, String> {
        let charts = self.api.try_json(&format!("/host/{}/api/v1/charts", self.name))?;
        let charts = charts["charts"].as_object().ok_or("no charts in the answer")?;
        charts.iter().map(|(id, chart)| Ok((id.clone(), Chart::read(id, chart)?))).collect()
    }

    /// The charts.
    ///
    /// # Panics
    /// When the API does not answer with them.
    pub fn charts(&self) -> BTreeMap<String, Chart> {
        self.try_charts().unwrap_or_else(|err| panic!("{err}"))
    }

    /// The newest second of a chart; `None` while host or chart is not there.
    pub fn last_entry(&self, chart: &str) -> Option<i64> {
        let target = format!("/host/{}/api/v1/chart?chart={}", self.name, escape(chart));
        let chart = self.api.try_json(&target).ok()?;
        chart["last_entry"].as_i64().filter(|second| *second > 0)
    }

    /// What is stored for each second of `window`, hidden dimensions included.
    pub fn try_data(&self, chart: &str, window: Window) -> Result<Data, String> {
        self.try_data_of(chart, window, 0)
    }

    /// The same as so many rows; 0 means as many as there are.
    ///
    /// # Panics
    /// When the API does not answer with values.
    pub fn data_of(&self, chart: &str, window: Window, points: i64) -> Data {
        self.try_data_of(chart, window, points).unwrap_or_else(|err| panic!("{}: {err}", self.place()))
    }

    fn try_data_of(&self, chart: &str, window: Window, points: i64) -> Result<Data, String> {
        let target = format!(
            "/host/{}/api/v1/data?chart={}&after={}&before={}&points={points}&dimensions=*&options=unaligned",
            self.name,
            escape(chart),
            window.after,
            window.before
        );
        Data::read(&self.api.try_json(&target)?).ok_or_else(|| format!("{target}: not labels and data"))
    }

    /// The same.
    ///
    /// # Panics
    /// When the API does not answer with values.
    pub fn data(&self, chart: &str, window: Window) -> Data {
        self.try_data(chart, window).unwrap_or_else(|err| panic!("{}: {err}", self.place()))
    }
}

impl Chart {
    fn read(id: &str, chart: &Value) -> Result<Self, String> {
        let number = |key: &str| chart[key].as_i64().ok_or_else(|| format!("chart {id} has no number {key}"));
        let dimensions = chart["dimensions"].as_object().ok_or_else(|| format!("chart {id} has no dimensions"))?;
        let name = |entry: &Value| entry["name"].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            dimensions: dimensions.iter().map(|(id, entry)| (id.clone(), name(entry))).collect(),
            first_entry: number("first_entry")?,
            last_entry: number("last_entry")?,
            update_every: number("update_every")?,
            all: chart.clone(),
        })
    }
}

impl Window {
    /// How many seconds it has.
    pub fn seconds(self) -> i64 {
        self.before - self.after + 1
    }
}

impl Data {
    /// The values of one dimension, oldest first.
    pub fn column(&self, name: &str) -> Option<Vec<(i64, Option<f64>)>> {
        let place = self.dimensions.iter().position(|dimension| dimension == name)?;
        Some(self.rows.iter().map(|(second, row)| (*second, row[place])).collect())
    }

    fn read(answer: &Value) -> Option<Self> {
        let labels = answer["labels"].as_array()?.iter().skip(1);
        let dimensions: Vec<String> = labels.filter_map(|label| label.as_str().map(str::to_owned)).collect();
        let mut rows = BTreeMap::new();
        for row in answer["data"].as_array()? {
            let (second, values) = row.as_array()?.split_first()?;
            if values.len() != dimensions.len() {
                return None;
            }
            rows.insert(second.as_i64()?, values.iter().map(Value::as_f64).collect());
        }
        Some(Self { dimensions, rows })
    }
}

/// A query value with everything but plain characters escaped.
pub fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
