//! A plugin's standard error: its lines go to our log, with its name and within a limit.

use std::cell::RefCell;
use std::rc::Rc;

use tokio::io::{AsyncRead, AsyncReadExt};
use tracing::{info, warn};

use crate::Clock;
use crate::flow::{Lines, Verdict};
use crate::shown::shown;

/// Bytes of a line; the rest of a longer one is the next.
const LINE_BYTES_MAX: usize = 1_024;

/// Reads one plugin's complaints.
#[derive(Debug)]
pub(crate) struct Complaints<R> {
    plugin: Box<str>,
    from: Option<R>,
    buffer: Vec<u8>,
    lines: Rc<RefCell<Lines>>,
}

impl<R: AsyncRead + Unpin> Complaints<R> {
    /// Lines are counted with those of the plugin's runs before.
    pub(crate) fn new(plugin: &str, from: R, lines: &Rc<RefCell<Lines>>) -> Self {
        Self { plugin: plugin.into(), from: Some(from), buffer: Vec::new(), lines: Rc::clone(lines) }
    }

    /// Whether there may be more.
    pub(crate) fn goes_on(&self) -> bool {
        self.from.is_some()
    }

    /// Waits for something to be said, and logs it; returns how many bytes that was.
    pub(crate) async fn log_some(&mut self, clock: Clock) -> usize {
        let mut some = [0; LINE_BYTES_MAX];
        let read = match &mut self.from {
            Some(from) => from.read(&mut some).await,
            None => Ok(0),
        };
        match read {
            Ok(0) | Err(_) => self.from = None,
            Ok(count) => self.buffer.extend_from_slice(&some[..count]),
        }
        let mut at = 0;
        while let Some(end) = memchr::memchr(b'\n', &self.buffer[at..]) {
            log(&self.plugin, &self.buffer[at..at + end], &self.lines, clock);
            at += end + 1;
        }
        self.buffer.drain(..at);
        if self.buffer.len() >= LINE_BYTES_MAX || (self.from.is_none() && !self.buffer.is_empty()) {
            log(&self.plugin, &self.buffer, &self.lines, clock);
            self.buffer.clear();
        }
        read.unwrap_or(0)
    }
}

fn log(plugin: &str, line: &[u8], lines: &RefCell<Lines>, clock: Clock) {
    let Verdict { writes, left_out } = lines.borrow_mut().judge(clock());
    if left_out > 0 {
        warn!("PLUGIN {plugin}: {left_out} lines of it were left out");
    }
    if writes && !line.trim_ascii().is_empty() {
        info!("PLUGIN {plugin} says: {}", shown(line));
    }
}
