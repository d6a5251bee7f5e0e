//! Databases that backends write to, each with its folder and ports, and how all of it is read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::api::Api;
use crate::port;
use crate::process::Process;
use crate::wait::{s, until};

/// Values of one series by second.
pub type Series = BTreeMap<i64, f64>;

/// A running database.
#[derive(Debug)]
pub struct Archive {
    _process: Process,
    folder: TempDir,
    /// Its ports; what each is for, its start tells.
    pub ports: [u16; 3],
}

/// Graphite's database. Its first port takes lines.
///
/// # Panics
/// When it does not start, as below.
pub fn carbon() -> Archive {
    let (folder, ports) = place("carbon");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [lines, pickles, queries] = ports;
    for name in ["conf", "whisper", "log", "run"] {
        fs::create_dir(folder.path().join(name)).expect("a folder");
    }
    let settings = format!(
        "[cache]\nSTORAGE_DIR = {}\nLOCAL_DATA_DIR = {}\nCONF_DIR = {}\nLOG_DIR = {}\nPID_DIR = {}\nDATABASE = whisper\n\
         USER =\nMAX_UPDATES_PER_SECOND = inf\nMAX_CREATES_PER_MINUTE = inf\nLINE_RECEIVER_INTERFACE = 127.0.0.1\n\
         LINE_RECEIVER_PORT = {lines}\nPICKLE_RECEIVER_INTERFACE = 127.0.0.1\nPICKLE_RECEIVER_PORT = {pickles}\n\
         CACHE_QUERY_INTERFACE = 127.0.0.1\nCACHE_QUERY_PORT = {queries}\nENABLE_UDP_LISTENER = False\n\
         ENABLE_TAGS = False\nWHISPER_AUTOFLUSH = True\n",
        at(""),
        at("whisper"),
        at("conf"),
        at("log"),
        at("run"),
    );
    fs::write(at("conf/carbon.conf"), settings).expect("a file");
    fs::write(at("conf/storage-schemas.conf"), "[all]\npattern = .*\nretentions = 1s:2h\n").expect("a file");
    let arguments = vec![
        format!("--config={}", at("conf/carbon.conf")),
        format!("--logdir={}", at("log")),
        format!("--pidfile={}", at("run/pid")),
        "--nodaemon".into(),
        "start".into(),
    ];
    start("/usr/bin/carbon-cache", arguments, folder, ports, lines)
}

/// InfluxDB 1.6. Its ports are those of HTTP, of Graphite's lines and of OpenTSDB's.
pub fn influx() -> Archive {
    let (folder, ports) = place("influx");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [http, graphite, opentsdb] = ports;
    let settings = format!(
        "reporting-disabled = true\nbind-address = \"127.0.0.1:{}\"\n[meta]\ndir = \"{}\"\n[data]\ndir = \"{}\"\n\
         wal-dir = \"{}\"\n[http]\nbind-address = \"127.0.0.1:{http}\"\n[[graphite]]\nenabled = true\n\
         bind-address = \"127.0.0.1:{graphite}\"\nprotocol = \"tcp\"\ndatabase = \"graphite\"\nbatch-timeout = \"1s\"\n\
         templates = [\"gr.* prefix.host.measurement*\", \"measurement*\"]\n[[opentsdb]]\nenabled = true\n\
         bind-address = \"127.0.0.1:{opentsdb}\"\ndatabase = \"opentsdb\"\nbatch-timeout = \"1s\"\n",
        port::free(),
        at("meta"),
        at("data"),
        at("wal"),
    );
    fs::write(at("influxdb.conf"), settings).expect("a file");
    let arguments = vec!["run".into(), "-config".into(), at("influxdb.conf")];
    start("/usr/bin/influxd", arguments, folder, ports, http)
}

/// Prometheus, which takes remote writes. Its first port is that of HTTP.
pub fn prometheus() -> Archive {
    let (folder, ports) = place("prometheus");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("p.yml"), "global: {}\n").expect("a file");
    let arguments = vec![
        format!("--config.file={}", at("p.yml")),
        format!("--storage.tsdb.path={}", at("tsdb")),
        format!("--web.listen-address=127.0.0.1:{}", ports[0]),
        "--web.enable-remote-write-receiver".into(),
        "--log.level=warn".into(),
    ];
    start("/usr/bin/prometheus", arguments, folder, ports, ports[0])
}

fn place(name: &str) -> (TempDir, [u16; 3]) {
    let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir().expect("a temporary folder");
    (folder, [(); 3].map(|()| port::free()))
}

fn start(program: &str, arguments: Vec<String>, folder: TempDir, ports: [u16; 3], ready: u16) -> Archive {
    let adjust = |command: &mut Command| {
        command.args(arguments);
    };
    let process = Process::start(program, Path::new(program), adjust, &folder.path().join("output"));
    let is_up = || std::net::TcpStream::connect(("127.0.0.1", ready)).ok();
    until(s(30), &format!("{program} to listen"), is_up);
    Archive { _process: process, folder, ports }
}

impl Archive {
    /// All series of a Graphite, by name.
    ///
    /// # Panics
    /// When they cannot be read, as below.
    pub fn whisper(&self) -> BTreeMap<String, Series> {
        // One look at all files, by the library of those who made their format.
        const READ: &str = "import json,os,sys,whisper\nroot=sys.argv[1]\nall={}\n\
            for d,_,fs in os.walk(root):\n for f in fs:\n  if f.endswith('.wsp'):\n   p=os.path.join(d,f)\n   \
            i,v=whisper.fetch(p,0)\n   n=os.path.relpath(p,root)[:-4].replace('/','.')\n   \
            all[n]=[[i[0]+k*i[2],x] for k,x in enumerate(v) if x is not None]\nprint(json.dumps(all))";
        let root = self.folder.path().join("whisper");
        let output = Command::new("/usr/bin/python3").args(["-c", READ]).arg(root).output().expect("python3 of Debian");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let all: BTreeMap<String, Vec<(i64, f64)>> = serde_json::from_slice(&output.stdout).expect("JSON");
        all.into_iter().map(|(name, points)| (name, points.into_iter().collect())).collect()
    }

    /// All series of one of Influx' databases, by measurement and tags.
    pub fn influx(&self, database: &str) -> BTreeMap<BTreeMap<String, String>, Series> {
        let target = format!("/query?db={database}&epoch=s&q=select%20%2A%20from%20%2F.%2A%2F%20group%20by%20%2A");
        let answer = Api::on_port(self.ports[0]).try_json(&target).unwrap_or_default();
        let series = answer["results"][0]["series"].as_array().cloned().unwrap_or_default();
        let read = |series: &Value| {
            let mut key = texts(&series["tags"]);
            key.insert("__name__".into(), series["name"].as_str().unwrap_or_default().into());
            let points = series["values"].as_array().into_iter().flatten();
            (key, points.filter_map(|point| Some((point[0].as_i64()?, point[1].as_f64()?))).collect())
        };
        series.iter().map(read).collect()
    }

    /// Makes one of Influx' databases.
    pub fn make_influx(&self, database: &str) {
        let target = format!("/query?q=create%20database%20{database}");
        // Influx 1.6 takes this by GET, too, and only warns.
        let answer = Api::on_port(self.ports[0]).get(&target);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// The last two minutes of all series of a Prometheus whose name begins with `prefix`, by labels.
    pub fn prometheus(&self, prefix: &str) -> BTreeMap<BTreeMap<String, String>, Series> {
        let target = format!("/api/v1/query?query=%7B__name__%3D~%22{prefix}.%2B%22%7D%5B120s%5D");
        let answer = Api::on_port(self.ports[0]).try_json(&target).unwrap_or_default();
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        let read = |series: &Value| {
            let points = series["values"].as_array().into_iter().flatten();
            let point = |point: &Value| Some((point[0].as_f64()? as i64, point[1].as_str()?.parse().ok()?));
            (texts(&series["metric"]), points.filter_map(point).collect())
        };
        series.iter().map(read).collect()
    }
}

fn texts(object: &Value) -> BTreeMap<String, String> {
    let entries = object.as_object().into_iter().flatten();
    entries.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}
