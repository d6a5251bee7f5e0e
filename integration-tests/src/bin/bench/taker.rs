//! What stands for a database: it takes all that backends send, counts it, and answers requests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const READ_BYTES: usize = 256 * 1024;

/// The taker; it listens until the program ends.
#[derive(Clone)]
pub(crate) struct Taker {
    pub(crate) address: SocketAddr,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    bytes: AtomicU64,
    lines: AtomicU64,
}

/// What was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken {
    /// Heads of requests included.
    pub(crate) bytes: u64,
    /// Lines of bodies, or of connections without requests.
    pub(crate) lines: u64,
}

impl Taker {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port on loopback");
        let address = listener.local_addr().expect("it is bound");
        let taker = Self { address, counts: Arc::default() };
        let of_thread = taker.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let taker = of_thread.clone();
                std::thread::spawn(move || taker.take(&stream));
            }
        });
        taker
    }

    /// What it took so far.
    pub(crate) fn taken(&self) -> Taken {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Taken { bytes: read(&self.counts.bytes), lines: read(&self.counts.lines) }
    }

    fn take(&self, stream: &TcpStream) {
        let mut reader = BufReader::with_capacity(READ_BYTES, stream);
        while let Ok(bytes) = reader.fill_buf() {
            if bytes.is_empty() {
                return;
            }
            if bytes.starts_with(b"POST ") {
                if self.request(&mut reader, stream).is_none() {
                    return;
                }
                continue;
            }
            let count = bytes.len();
            self.count(bytes);
            reader.consume(count);
        }
    }

    /// Reads a request and answers it.
    fn request(&self, reader: &mut BufReader<&TcpStream>, mut stream: &TcpStream) -> Option<()> {
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            reader.read_line(&mut line).ok().filter(|count| *count > 0)?;
            self.counts.bytes.fetch_add(line.len() as u64, Ordering::Relaxed);
            let header = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            length = header.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(length);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        self.count(&body);
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").ok()
    }

    fn count(&self, bytes: &[u8]) {
        self.counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
        self.counts.lines.fetch_add(lines as u64, Ordering::Relaxed);
    }
}
