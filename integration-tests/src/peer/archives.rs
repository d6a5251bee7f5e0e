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
    process: Process,
    program: &'static str,
    arguments: Vec<String>,
    folder: TempDir,
    /// Its ports; what each is for, its start tells.
    pub ports: [u16; 3],
}

/// rsyslog, which takes lines of JSON at its first port and writes down what they tell.
pub fn rsyslog() -> Archive {
    let (folder, ports) = place("rsyslog");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let settings = format!(
        "global(maxMessageSize=\"64k\" workDirectory=\"{}\")\nmodule(load=\"imtcp\")\nmodule(load=\"mmjsonparse\")\n\
         template(name=\"row\" type=\"list\") {{\n{}constant(value=\"\\n\")\n}}\n\
         ruleset(name=\"nd\") {{\n action(type=\"mmjsonparse\" cookie=\"\" useRawMsg=\"on\")\n \
         action(type=\"omfile\" file=\"{}\" template=\"row\")\n}}\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{}\" ruleset=\"nd\")\n",
        at(""),
        ["chart_name", "name", "timestamp", "value"]
            .map(|name| format!("property(name=\"$!{name}\")\nconstant(value=\"\\t\")\n"))
            .concat(),
        at("rows"),
        ports[0],
    );
    fs::write(at("r.conf"), settings).expect("a file");
    let arguments = vec!["-n".into(), "-f".into(), at("r.conf"), "-i".into(), at("pid")];
    start("/usr/sbin/rsyslogd", arguments, folder, ports, ports[0])
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

fn start(program: &'static str, arguments: Vec<String>, folder: TempDir, ports: [u16; 3], ready: u16) -> Archive {
    let process = run(program, &arguments, &folder, ready);
    Archive { process, program, arguments, folder, ports }
}

fn run(program: &str, arguments: &[String], folder: &TempDir, ready: u16) -> Process {
    let adjust = |command: &mut Command| {
        command.args(arguments);
    };
    let process = Process::start(program, Path::new(program), adjust, &folder.path().join("output"));
    let is_up = || std::net::TcpStream::connect(("127.0.0.1", ready)).ok();
    until(s(30), &format!("{program} to listen"), is_up);
    process
}

impl Archive {
    /// Kills it, without a chance to write anything.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on what it has; it listens at its first port.
    ///
    /// # Panics
    /// When it does not start.
    pub fn run_again(&mut self) {
        self.kill();
        self.process = run(self.program, &self.arguments, &self.folder, self.ports[0]);
    }

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

    /// All series of an rsyslog, by chart and dimension.
    ///
    /// # Panics
    /// When a line is not what was to be written.
    pub fn rsyslog(&self) -> BTreeMap<(String, String), Series> {
        let text = fs::read_to_string(self.folder.path().join("rows")).unwrap_or_default();
        let mut all: BTreeMap<_, Series> = BTreeMap::new();
        // The last line may be half written.
        let lines = text[..text.rfind('\n').map_or(0, |end| end + 1)].lines();
        for line in lines {
            let [chart, dimension, second, value] = line.split('\t').collect::<Vec<_>>()[..4].try_into().expect("four");
            let (second, value) = (second.parse().expect("a second"), value.parse().expect("a number"));
            all.entry((chart.to_owned(), dimension.to_owned())).or_default().insert(second, value);
        }
        all
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

    /// The last ten minutes of all series of a Prometheus whose name begins with `prefix`, by labels.
    pub fn prometheus(&self, prefix: &str) -> BTreeMap<BTreeMap<String, String>, Series> {
        let target = format!("/api/v1/query?query=%7B__name__%3D~%22{prefix}.%2B%22%7D%5B600s%5D");
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
