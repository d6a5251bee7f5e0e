//! A child that a test plays by hand: a handshake of its choice, then any bytes.
//!
//! It offers the oldest form of the stream, so that lines go over the wire as they are and the
//! parent asks nothing back.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long one read or write may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What a parent says to a child of this form that it lets in.
pub const WELCOME: &str = "Hit me baby, push them over...";

/// A connected child.
#[derive(Debug)]
pub struct Scripted {
    stream: TcpStream,
    answer: String,
}

impl Scripted {
    /// Connects and says who it is; any answer is taken.
    ///
    /// # Errors
    /// When there is no connection or no answer.
    pub fn connect(parent: SocketAddr, api_key: &str, hostname: &str, guid: &str) -> io::Result<Self> {
        Self::connect_as(parent, api_key, hostname, guid, "")
    }

    /// The same, with more in the request, such as `&ver=15352`: a form with replication, in plain text.
    ///
    /// # Errors
    /// When there is no connection or no answer.
    pub fn connect_as(parent: SocketAddr, api_key: &str, hostname: &str, guid: &str, more: &str) -> io::Result<Self> {
        let mut stream = raw(parent)?;
        let request = request(api_key, hostname, guid).replacen(" HTTP/", &format!("{more} HTTP/"), 1);
        stream.write_all(request.as_bytes())?;
        let mut bytes = [0; 512];
        let length = stream.read(&mut bytes)?;
        Ok(Self { answer: String::from_utf8_lossy(&bytes[..length]).into_owned(), stream })
    }

    /// The answer of the parent.
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// Sends text as it is.
    ///
    /// # Errors
    /// When the parent has closed.
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())
    }

    /// Whether the parent has closed, waiting for it for at most `limit`.
    pub fn is_cut(&mut self, limit: Duration) -> bool {
        is_closed(&mut self.stream, limit)
    }
}

/// A connection that says nothing yet.
///
/// # Errors
/// When nobody listens.
pub fn raw(parent: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&parent, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

/// Whether the other side closes within `limit`; what it says before that is dropped.
pub fn is_closed(stream: &mut TcpStream, limit: Duration) -> bool {
    stream.set_read_timeout(Some(limit)).expect("the limit is not 0");
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(err) => return !matches!(err.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut),
        }
    }
}

/// The request of a child.
pub fn request(api_key: &str, hostname: &str, guid: &str) -> String {
    format!(
        "STREAM key={api_key}&hostname={hostname}&registry_hostname={hostname}&machine_guid={guid}&update_every=1\
         &os=linux&timezone=UTC&NETDATA_SYSTEM_OS_NAME=x&NETDATA_SYSTEM_OS_ID=x&NETDATA_SYSTEM_OS_VERSION=1\
         &NETDATA_SYSTEM_KERNEL_NAME=Linux&NETDATA_SYSTEM_KERNEL_VERSION=6 HTTP/1.1\r\n\
         User-Agent: scripted/1\r\nAccept: */*\r\n\r\n"
    )
}

/// The definition of a chart with one dimension `a`, as a child of this form sends it.
pub fn definition(chart: &str) -> String {
    format!(
        "CHART \"{chart}\" \"\" \"a chart\" \"things\" \"family\" \"{chart}\" line 1000 1 \"\" \"test\" \"\"\nDIMENSION \"a\" \"\" absolute 1 1 \"\"\n"
    )
}

/// One row of that chart.
pub fn row(chart: &str, value: i64) -> String {
    format!("BEGIN \"{chart}\" 1000000\nSET \"a\" = {value}\nEND\n")
}
