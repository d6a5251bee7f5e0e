//! The request that opens a stream.
//!
//! ```text
//! STREAM key=…&hostname=…&machine_guid=…&… HTTP/1.1\r\n
//! User-Agent: PROGRAM/VERSION\r\n
//! \r\n
//! ```
//!
//! It looks like HTTP and is not: the query has no path and may contain raw blanks, so it ends at
//! the first ` HTTP/`. A head is read once per connection, hence owned texts here and nowhere else.
//! Who may enter is not decided here.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use row::Guid;
use row::text::{write_int, write_uint};

use crate::{Capabilities, number};

/// Bytes of a request head at most.
pub const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a host name at most, as of a name in the DNS.
pub const HOSTNAME_BYTES_MAX: usize = 255;
/// Hops at most.
pub const HOPS_MAX: u16 = 32_767;
/// Nodes that a way of ours may name at most; what passed more of them is going in a circle.
pub const PATH_NODES_MAX: usize = 16;
/// Seconds between rows at most: a day.
const UPDATE_EVERY_S_MAX: i64 = 86_400;
/// Bytes of a text that we send at most; peers take a query of 8,192 bytes in all, and a host name
/// must not get longer than a reader takes.
const SENT_TEXT_BYTES_MAX: usize = HOSTNAME_BYTES_MAX;
/// Bytes after which no further system parameter is sent.
const SENT_QUERY_BYTES: usize = 7_000;

const METHOD: &[u8] = b"STREAM ";
const UNKNOWN: &str = "unknown";

/// Texts that an old proxy between us and a master cannot live without.
const ALWAYS_SENT: [&str; 5] = [
    "NETDATA_SYSTEM_OS_NAME",
    "NETDATA_SYSTEM_OS_ID",
    "NETDATA_SYSTEM_OS_VERSION",
    "NETDATA_SYSTEM_KERNEL_NAME",
    "NETDATA_SYSTEM_KERNEL_VERSION",
];

/// A child's request, or ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The API key.
    pub key: Guid,
    /// The host's name.
    pub hostname: String,
    /// Its name in the registry.
    pub registry_hostname: String,
    /// The host's identity.
    pub machine_guid: Guid,
    /// Seconds between rows where a chart does not say, from 1.
    pub update_every_s: u32,
    /// `linux`, `freebsd`, …
    pub os: String,
    /// Such as `Etc/UTC`.
    pub timezone: String,
    /// Such as `UTC`.
    pub abbrev_timezone: String,
    /// Seconds east of UTC.
    pub utc_offset_s: i32,
    /// 1 from a host's own agent, one more for each proxy.
    pub hops: u16,
    /// Free text, of old agents only.
    pub tags: String,
    /// What the child offers; of our own request, what it will offer, markers apart.
    pub capabilities: Capabilities,
    /// Whether the request carried `ver`; agents before 1.20 did not.
    pub version_given: bool,
    /// The program that streams, empty where it does not say.
    pub program_name: String,
    /// Its version.
    pub program_version: String,
    /// The parameters `NETDATA_…` about system, container and cloud, in the order received.
    pub system: Vec<(String, String)>,
    /// Changes with every boot of the host; only our own children tell.
    pub boot_id: Option<String>,
    /// Tells apart machines that share a GUID; only our own children tell.
    pub fingerprint: Option<String>,
    /// Our nodes that the stream passed before it came here, the first one first, at most
    /// [`PATH_NODES_MAX`]; what passed a node that tells nothing of it begins anew there.
    pub path: Vec<Guid>,
    /// The child wants to know which alarms are held above; only our own nodes ask.
    pub asks_alarms: bool,
    /// Parameters that nobody here knows.
    pub unknown_parameters: u32,
}

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestError {
    /// The head is longer than [`HEAD_BYTES_MAX`].
    TooLong,
    /// It does not begin with `STREAM `, or has no ` HTTP/`, or no empty line at its end.
    NotARequest,
    /// No API key.
    MissingKey,
    /// The API key is not a GUID.
    InvalidKey,
    /// No host name.
    MissingHostname,
    /// A host name longer than [`HOSTNAME_BYTES_MAX`].
    InvalidHostname,
    /// No machine GUID.
    MissingMachineGuid,
    /// The machine GUID is not a GUID.
    InvalidMachineGuid,
    /// Hops are not a number from 1 to [`HOPS_MAX`].
    InvalidHops,
    /// The way is no list of up to [`PATH_NODES_MAX`] GUIDs.
    InvalidPath,
    /// The text of a known parameter is not UTF-8, or holds control characters.
    NotPrintable,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "request head is longer than 16384 bytes",
            Self::NotARequest => "expected `STREAM parameters HTTP/1.1` and an empty line",
            Self::MissingKey => "request has no key",
            Self::InvalidKey => "key is not a GUID of 36 characters",
            Self::MissingHostname => "request has no hostname",
            Self::InvalidHostname => "hostname is longer than 255 bytes",
            Self::MissingMachineGuid => "request has no machine_guid",
            Self::InvalidMachineGuid => "machine_guid is not a GUID of 36 characters",
            Self::InvalidHops => "hops: expected a number from 1 to 32767",
            Self::InvalidPath => "tributary_path: expected up to 16 GUIDs",
            Self::NotPrintable => "a parameter is not printable UTF-8",
        })
    }
}

impl core::error::Error for RequestError {}

impl Request {
    /// Our own request, everything else at its default.
    #[must_use]
    pub fn new(key: Guid, machine_guid: Guid, hostname: &str) -> Self {
        Self {
            key,
            hostname: hostname.to_owned(),
            registry_hostname: hostname.to_owned(),
            machine_guid,
            update_every_s: 1,
            os: UNKNOWN.to_owned(),
            timezone: UNKNOWN.to_owned(),
            abbrev_timezone: "UTC".to_owned(),
            utc_offset_s: 0,
            hops: 1,
            tags: String::new(),
            capabilities: Capabilities::V1,
            version_given: false,
            program_name: String::new(),
            program_version: String::new(),
            system: Vec::new(),
            boot_id: None,
            fingerprint: None,
            path: Vec::new(),
            asks_alarms: false,
            unknown_parameters: 0,
        }
    }

    /// Bytes up to and with the empty line that ends a head; `None` where it has not come yet. The
    /// caller stops reading at [`HEAD_BYTES_MAX`].
    #[must_use]
    pub fn head_length(bytes: &[u8]) -> Option<usize> {
        memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
    }

    /// Reads a complete head. Of a parameter that is given twice the first counts; one without a
    /// value counts as absent; a broken `%` stays as it is.
    ///
    /// # Errors
    /// [`RequestError`] says what is missing or malformed.
    pub fn parse(head: &[u8]) -> Result<Self, RequestError> {
        if head.len() > HEAD_BYTES_MAX {
            return Err(RequestError::TooLong);
        }
        let head = head.strip_suffix(b"\r\n\r\n").ok_or(RequestError::NotARequest)?;
        let line_end = memchr::memmem::find(head, b"\r\n").unwrap_or(head.len());
        let (line, headers) = head.split_at(line_end);
        let line = line.strip_prefix(METHOD).ok_or(RequestError::NotARequest)?;
        let query_end = memchr::memmem::find(line, b" HTTP/").ok_or(RequestError::NotARequest)?;
        let parameters = Parameters::read(&line[..query_end])?;
        let mut request = parameters.into_request()?;
        request.read_user_agent(headers);
        Ok(request)
    }

    /// Appends the request as our child sends it. It must leave in one write.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(METHOD);
        out.extend_from_slice(b"key=");
        out.extend_from_slice(&self.key.to_text());
        write_parameter(out, "hostname", &self.hostname);
        write_parameter(out, "registry_hostname", &self.registry_hostname);
        out.extend_from_slice(b"&machine_guid=");
        out.extend_from_slice(&self.machine_guid.to_text());
        self.write_numbers_and_texts(out);
        for name in ALWAYS_SENT {
            write_parameter(out, name, self.system_text(name).unwrap_or(UNKNOWN));
        }
        for (name, value) in &self.system {
            if out.len() - start > SENT_QUERY_BYTES {
                break;
            }
            if !ALWAYS_SENT.contains(&name.as_str()) && is_system(name.as_bytes()) {
                write_parameter(out, name, value);
            }
        }
        out.extend_from_slice(b"&NETDATA_PROTOCOL_VERSION=1.1 HTTP/1.1\r\nUser-Agent: ");
        write_token(out, &self.program_name);
        out.push(b'/');
        write_token(out, &self.program_version);
        out.extend_from_slice(b"\r\nAccept: */*\r\n\r\n");
    }

    /// The text of a system parameter, where there is one.
    #[must_use]
    pub fn system_text(&self, name: &str) -> Option<&str> {
        self.system.iter().find(|(known, value)| known == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    fn write_numbers_and_texts(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"&update_every=");
        write_uint(out, u64::from(self.update_every_s));
        write_parameter(out, "os", &self.os);
        write_parameter(out, "timezone", &self.timezone);
        write_parameter(out, "abbrev_timezone", &self.abbrev_timezone);
        out.extend_from_slice(b"&utc_offset=");
        write_int(out, i64::from(self.utc_offset_s));
        out.extend_from_slice(b"&hops=");
        write_uint(out, u64::from(self.hops));
        out.extend_from_slice(b"&ver=");
        write_uint(out, u64::from(self.capabilities.offer()));
        write_parameter(out, "tags", &self.tags);
        write_parameter(out, "tributary_boot_id", self.boot_id.as_deref().unwrap_or(""));
        write_parameter(out, "tributary_fingerprint", self.fingerprint.as_deref().unwrap_or(""));
        write_parameter(out, "tributary_alarms", if self.asks_alarms { "1" } else { "" });
        for (at, node) in self.path.iter().take(PATH_NODES_MAX).enumerate() {
            out.extend_from_slice(if at == 0 { b"&tributary_path=" } else { b"," });
            out.extend_from_slice(&node.to_text());
        }
    }

    fn read_user_agent(&mut self, headers: &[u8]) {
        const NAME: &[u8] = b"user-agent:";
        for line in headers.split(|&byte| byte == b'\n') {
            let Some((name, value)) = line.split_at_checked(NAME.len()) else { continue };
            if !name.eq_ignore_ascii_case(NAME) {
                continue;
            }
            let agent = String::from_utf8_lossy(value.trim_ascii()).replace(char::is_control, "");
            let (name, version) = agent.split_once('/').unwrap_or((&agent, ""));
            self.program_name = name.to_owned();
            self.program_version = version.to_owned();
            return;
        }
    }
}

/// The query's parameters, before what is missing is noticed.
#[derive(Default)]
struct Parameters {
    key: Option<String>,
    hostname: Option<String>,
    registry_hostname: Option<String>,
    machine_guid: Option<String>,
    update_every: Option<String>,
    os: Option<String>,
    timezone: Option<String>,
    abbrev_timezone: Option<String>,
    utc_offset: Option<String>,
    hops: Option<String>,
    tags: Option<String>,
    version: Option<String>,
    boot_id: Option<String>,
    fingerprint: Option<String>,
    path: Option<String>,
    alarms: Option<String>,
    system: Vec<(String, String)>,
    unknown: u32,
}

impl Parameters {
    fn read(query: &[u8]) -> Result<Self, RequestError> {
        let mut parameters = Self::default();
        for pair in query.split(|&byte| byte == b'&') {
            let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
            let (name, value) = (&pair[..equals], pair.get(equals + 1..).unwrap_or_default());
            if name.is_empty() || value.is_empty() {
                continue;
            }
            parameters.set(name, value)?;
        }
        Ok(parameters)
    }

    fn set(&mut self, name: &[u8], value: &[u8]) -> Result<(), RequestError> {
        let place = match name {
            b"key" => &mut self.key,
            b"hostname" => &mut self.hostname,
            b"registry_hostname" => &mut self.registry_hostname,
            b"machine_guid" => &mut self.machine_guid,
            b"update_every" => &mut self.update_every,
            b"os" => &mut self.os,
            b"timezone" => &mut self.timezone,
            b"abbrev_timezone" => &mut self.abbrev_timezone,
            b"utc_offset" => &mut self.utc_offset,
            b"hops" => &mut self.hops,
            b"tags" => &mut self.tags,
            b"ver" => &mut self.version,
            b"tributary_boot_id" => &mut self.boot_id,
            b"tributary_fingerprint" => &mut self.fingerprint,
            b"tributary_path" => &mut self.path,
            b"tributary_alarms" => &mut self.alarms,
            b"ml_capable" | b"ml_enabled" | b"mc_version" | b"NETDATA_PROTOCOL_VERSION" => return Ok(()),
            name if is_system(name) => {
                self.system.push((decode(name)?, decode(value)?));
                return Ok(());
            }
            _ => {
                self.unknown += 1;
                return Ok(());
            }
        };
        if place.is_none() {
            *place = Some(decode(value)?);
        }
        Ok(())
    }

    fn into_request(self) -> Result<Request, RequestError> {
        let key = self.key.ok_or(RequestError::MissingKey)?;
        let key = Guid::parse(key.as_bytes()).map_err(|_| RequestError::InvalidKey)?;
        let hostname = self.hostname.ok_or(RequestError::MissingHostname)?;
        let registry_hostname = self.registry_hostname.unwrap_or_else(|| hostname.clone());
        if hostname.len() > HOSTNAME_BYTES_MAX || registry_hostname.len() > HOSTNAME_BYTES_MAX {
            return Err(RequestError::InvalidHostname);
        }
        let machine_guid = self.machine_guid.ok_or(RequestError::MissingMachineGuid)?;
        let machine_guid = Guid::parse(machine_guid.as_bytes()).map_err(|_| RequestError::InvalidMachineGuid)?;
        let version = self.version.as_deref().and_then(|text| number::parse_int(text.as_bytes()));
        let mut request = Request::new(key, machine_guid, "");
        request.hostname = hostname;
        request.registry_hostname = registry_hostname;
        request.update_every_s = int(self.update_every.as_deref(), 1).clamp(1, UPDATE_EVERY_S_MAX) as u32;
        request.os = self.os.unwrap_or(request.os);
        request.timezone = self.timezone.unwrap_or(request.timezone);
        request.abbrev_timezone = self.abbrev_timezone.unwrap_or(request.abbrev_timezone);
        request.utc_offset_s = i32::try_from(int(self.utc_offset.as_deref(), 0)).unwrap_or(0);
        request.hops = hops(self.hops.as_deref())?;
        request.tags = self.tags.unwrap_or_default();
        request.capabilities = Capabilities::from_version(version.unwrap_or(0));
        request.version_given = self.version.is_some();
        request.system = self.system;
        request.boot_id = self.boot_id;
        request.fingerprint = self.fingerprint;
        request.path = path(self.path.as_deref())?;
        request.asks_alarms = self.alarms.as_deref() == Some("1");
        request.unknown_parameters = self.unknown;
        Ok(request)
    }
}

fn is_system(name: &[u8]) -> bool {
    name.starts_with(b"NETDATA_") && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

fn int(text: Option<&str>, default: i64) -> i64 {
    text.and_then(|text| number::parse_int(text.as_bytes())).unwrap_or(default)
}

fn hops(text: Option<&str>) -> Result<u16, RequestError> {
    let Some(text) = text else { return Ok(1) };
    let hops = number::parse_int(text.as_bytes()).and_then(|hops| u16::try_from(hops).ok());
    hops.filter(|hops| (1..=HOPS_MAX).contains(hops)).ok_or(RequestError::InvalidHops)
}

fn path(text: Option<&str>) -> Result<Vec<Guid>, RequestError> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let nodes = text.split(',').take(PATH_NODES_MAX + 1).map(|node| Guid::parse(node.as_bytes()));
    let nodes: Vec<_> = nodes.collect::<Result<_, _>>().map_err(|_| RequestError::InvalidPath)?;
    if nodes.len() > PATH_NODES_MAX { Err(RequestError::InvalidPath) } else { Ok(nodes) }
}

/// Undoes the encoding of a query, `+` and `%XX`.
fn decode(text: &[u8]) -> Result<String, RequestError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        match (first, hex_byte(tail)) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => bytes.push(first),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| RequestError::NotPrintable)?;
    if text.contains(char::is_control) { Err(RequestError::NotPrintable) } else { Ok(text) }
}

fn hex_byte(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*text.get(at)?).to_digit(16);
    Some((digit(0)? << 4 | digit(1)?) as u8)
}

/// Writes `&name=value`, nothing where the value is empty. Peers decode the whole query before they
/// split it, so an `&` cannot be sent.
fn write_parameter(out: &mut Vec<u8>, name: &str, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    if value.is_empty() {
        return;
    }
    out.push(b'&');
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    for byte in value[..value.floor_char_boundary(SENT_TEXT_BYTES_MAX)].bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            b' ' => out.push(b'+'),
            b'&' | 0..=0x1f | 0x7f => out.push(b'_'),
            _ => out.extend_from_slice(&[b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]),
        }
    }
}

/// Writes a text of a header line, letters that HTTP would not like replaced.
fn write_token(out: &mut Vec<u8>, text: &str) {
    let bytes = text.bytes().take(SENT_TEXT_BYTES_MAX);
    out.extend(bytes.map(|byte| if byte.is_ascii_graphic() { byte } else { b'_' }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    const KEY: &str = "11111111-2222-3333-4444-555555555555";
    const MACHINE: &str = "11111111-aaaa-4aaa-8aaa-000000000003";

    fn parse(query: &str) -> Result<Request, RequestError> {
        Request::parse(format!("STREAM {query} HTTP/1.1\r\nUser-Agent: x/1\r\n\r\n").as_bytes())
    }

    fn minimal(more: &str) -> Result<Request, RequestError> {
        parse(&format!("key={KEY}&hostname=h&machine_guid={MACHINE}{more}"))
    }

    /// The shortest request that parents take gets the documented defaults.
    #[test]
    fn a_minimal_request_has_defaults() {
        let request = minimal("").unwrap();
        let mut expected = Request::new(KEY.parse().unwrap(), MACHINE.parse().unwrap(), "h");
        expected.program_name = "x".to_string();
        expected.program_version = "1".to_string();
        assert_eq!(request, expected);
        assert!(minimal("&ver=15352").unwrap().capabilities.has(Capabilities::REPLICATION));
        assert!(minimal("&ver=0").unwrap().version_given);
    }

    /// Raw blanks, both encodings, `=` in values and repeated or empty parameters are read.
    #[test]
    fn values_are_decoded() {
        let request = minimal(
            "&NETDATA_CONTAINER_OS_NAME=Debian GNU/Linux&NETDATA_CONTAINER_OS_VERSION=12+%28bookworm%29&timezone=Etc%2fUTC\
             &tags=a=b&os=linux&os=other&abbrev_timezone=&utc_offset=-3600&update_every=0x2&hops=2&foo=1&bar=2\
             &tributary_boot_id=b&tributary_fingerprint=%zz&ml_capable=0&registry_hostname=h%C3%BC",
        )
        .unwrap();
        let system: Vec<_> = request.system.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            system,
            [("NETDATA_CONTAINER_OS_NAME", "Debian GNU/Linux"), ("NETDATA_CONTAINER_OS_VERSION", "12 (bookworm)")]
        );
        assert_eq!(
            (request.timezone.as_str(), request.tags.as_str(), request.os.as_str()),
            ("Etc/UTC", "a=b", "linux")
        );
        assert_eq!(request.abbrev_timezone, "UTC");
        assert_eq!((request.utc_offset_s, request.update_every_s, request.hops), (-3600, 2, 2));
        assert_eq!(request.unknown_parameters, 2);
        assert_eq!(request.boot_id.as_deref(), Some("b"));
        assert_eq!(request.fingerprint.as_deref(), Some("%zz"));
        assert_eq!(request.registry_hostname, "hü");
    }

    /// Each mistake has its own error.
    #[test]
    fn mistakes_are_told_apart() {
        let long = "h".repeat(256);
        for (query, error) in [
            (format!("hostname=h&machine_guid={MACHINE}"), RequestError::MissingKey),
            (format!("?key={KEY}&hostname=h&machine_guid={MACHINE}"), RequestError::MissingKey),
            (format!("key=xyz&hostname=h&machine_guid={MACHINE}"), RequestError::InvalidKey),
            (format!("key={KEY}&hostname=&machine_guid={MACHINE}"), RequestError::MissingHostname),
            (format!("key={KEY}&hostname={long}&machine_guid={MACHINE}"), RequestError::InvalidHostname),
            (format!("key={KEY}&hostname=h"), RequestError::MissingMachineGuid),
            (format!("key={KEY}&hostname=h&machine_guid=xyz"), RequestError::InvalidMachineGuid),
            (format!("key={KEY}&hostname=a%0ab&machine_guid={MACHINE}"), RequestError::NotPrintable),
            (format!("key={KEY}&hostname=%ff&machine_guid={MACHINE}"), RequestError::NotPrintable),
        ] {
            assert_eq!(parse(&query), Err(error), "{query}");
        }
        for hops in ["x", "0", "-1", "40000"] {
            assert_eq!(minimal(&format!("&hops={hops}")), Err(RequestError::InvalidHops), "{hops}");
        }
        let node = MACHINE;
        for path in ["x".to_string(), format!("{node},"), [node; PATH_NODES_MAX + 1].join(",")] {
            assert_eq!(minimal(&format!("&tributary_path={path}")), Err(RequestError::InvalidPath), "{path}");
        }
        for head in ["GET / HTTP/1.1\r\n\r\n", "STREAM key=1\r\n\r\n", "STREAM key=1 HTTP/1.1\n\n", ""] {
            assert_eq!(Request::parse(head.as_bytes()), Err(RequestError::NotARequest), "{head}");
        }
        assert_eq!(Request::parse(&[b'x'; HEAD_BYTES_MAX + 1]), Err(RequestError::TooLong));
    }

    /// The end of a head is found once it is there.
    #[test]
    fn heads_end_with_an_empty_line() {
        assert_eq!(Request::head_length(b"STREAM x HTTP/1.1\r\n"), None);
        assert_eq!(Request::head_length(b"STREAM x HTTP/1.1\r\n\r\nCHART"), Some(21));
    }

    /// What we write is what is read, with blanks and foreign letters, and with the texts that
    /// old proxies need.
    #[test]
    fn requests_round_trip() {
        let mut request = Request::new(KEY.parse().unwrap(), MACHINE.parse().unwrap(), "Knoten 7ü");
        request.capabilities = Capabilities::CHILD.with(Capabilities::LZ4);
        request.timezone = "Europe/Berlin".to_string();
        request.utc_offset_s = 7200;
        request.hops = 3;
        request.update_every_s = 2;
        request.program_name = "tributary".to_string();
        request.program_version = "0.1.0".to_string();
        request.boot_id = Some("6f6d".to_string());
        request.path = [KEY, MACHINE].map(|node| node.parse().unwrap()).to_vec();
        request.system = ALWAYS_SENT.iter().map(|name| (name.to_string(), "12 (book & worm)".to_string())).collect();
        request.system.push(("NETDATA_SYSTEM_ARCHITECTURE".to_string(), "x86_64".to_string()));
        let mut out = Vec::new();
        request.write(&mut out);
        assert_eq!(Request::head_length(&out), Some(out.len()));
        let mut back = Request::parse(&out).unwrap();
        assert!(back.version_given);
        back.version_given = false;
        assert_eq!(back.capabilities, request.capabilities.with(Capabilities::VCAPS));
        back.capabilities = request.capabilities;
        for (_, value) in &mut request.system {
            *value = value.replace('&', "_");
        }
        assert_eq!(back, request);
        let mut bare = Vec::new();
        Request::new(request.key, request.machine_guid, "h").write(&mut bare);
        for name in ALWAYS_SENT {
            assert!(memchr::memmem::find(&bare, format!("&{name}=unknown").as_bytes()).is_some(), "{name}");
        }
    }

    /// However much a host tells of itself, the request stays under what peers take.
    #[test]
    fn long_texts_are_cut() {
        let mut request = Request::new(KEY.parse().unwrap(), MACHINE.parse().unwrap(), &"ü".repeat(4000));
        request.path = alloc::vec![request.key; 100];
        request.system = (0..100).map(|at| (format!("NETDATA_X{at}"), "y".repeat(4000))).collect();
        let mut out = Vec::new();
        request.write(&mut out);
        assert!(out.len() < 8192, "{}", out.len());
        assert!(Request::parse(&out).is_ok());
    }
}
