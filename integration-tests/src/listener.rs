//! A web server for one test: it notes what it is asked and answers what it is told to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long a client may take for a request.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The longest body.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The first line.
    pub line: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// What was answered.
    pub status: String,
}

/// The server; it listens until the test ends.
#[derive(Debug, Clone)]
pub struct Listener {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    status: Arc<Mutex<String>>,
}

impl Asked {
    /// The body as JSON.
    ///
    /// # Panics
    /// Where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|err| panic!("{err}: {}", self.body))
    }

    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

impl Listener {
    /// Listens at a port of its own, and answers `200 OK`.
    ///
    /// # Panics
    /// When the system gives no port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of this machine");
        let address = listener.local_addr().expect("it listens");
        let server = Self { address, asked: Arc::default(), status: Arc::new(Mutex::new("200 OK".into())) };
        let of_thread = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = of_thread.clone();
                std::thread::spawn(move || server.serve(&stream));
            }
        });
        server
    }

    /// The URL of a path of it.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers this from now on, such as `503 Service Unavailable`; headers may follow, each after `\r\n`.
    pub fn answer(&self, status: &str) {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status.to_owned();
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.status.starts_with("2")).collect()
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, stream: &TcpStream) {
        stream.set_read_timeout(Some(TIMEOUT)).expect("a time that is not zero");
        let mut reader = BufReader::new(stream);
        while let Some(mut asked) = read(&mut reader) {
            let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
            asked.status.clone_from(&status);
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok");
            if (&mut &*stream).write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line()?;
    let mut headers = Vec::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0).min(BODY_BYTES_MAX);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { line: first, headers, body: String::from_utf8_lossy(&body).into_owned(), status: String::new() })
}
