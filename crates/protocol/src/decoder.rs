//! Bytes to commands.
//!
//! A [`Decoder`] takes the plain text of one connection, in pieces of any size, and gives one
//! command after the other. The caller keeps what is not consumed and appends to it. Lines of rows
//! are by far the most, so they are tried first, in the form that they nearly always have, and never
//! touch the table of keywords.
//!
//! A line that lacks a required word, or has a word that cannot be read, is an error: after it the
//! two ends may mean different charts, so the caller should close. Unknown keywords are commands
//! of their own, because ignoring them does less harm. Bodies of known blocks are skipped within a
//! limit, or given piece by piece where they answer a call or come with one; nothing in them is taken
//! for a command. The body of an unknown block would be taken for lines.
//!
//! It does not keep which chart is current, and does not know which ids exist.

mod alarms;
mod definitions;
mod fields;
mod functions;
mod replay;
mod rows;
mod usual;

use core::fmt;

use memchr::memchr;

use crate::words::Words;
use crate::{Capabilities, Command};

/// Limits of what a peer may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line, without its newline.
    pub line_bytes: usize,
    /// Bytes of the body of a block, such as a function's result.
    pub block_bytes: u64,
}

impl Default for Limits {
    /// The longest line that peers take, and 10 MiB of a block.
    fn default() -> Self {
        Self { line_bytes: 15_487, block_bytes: 10 * 1024 * 1024 }
    }
}

/// What a step brought.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step<'a> {
    /// A command.
    Command(Command<'a>),
    /// The input holds no further complete line.
    NeedMore,
}

/// Where a stream went wrong, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeError {
    /// The line of the stream, from 1.
    pub line: u64,
    /// Bytes of plain text before the line.
    pub offset: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The line is longer than the limit.
    LineTooLong {
        /// The limit in bytes.
        limit: usize,
    },
    /// The body of a block is longer than the limit.
    BlockTooLong {
        /// The limit in bytes.
        limit: u64,
    },
    /// A word that the command needs is not there.
    Missing {
        /// The command.
        keyword: &'static str,
        /// The word.
        word: &'static str,
    },
    /// A word is there and makes no sense.
    Invalid {
        /// The command.
        keyword: &'static str,
        /// The word.
        word: &'static str,
        /// What would do.
        expected: &'static str,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} (byte {}): {}", self.line, self.offset, self.fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong { limit } => write!(f, "line is longer than {limit} bytes"),
            Self::BlockTooLong { limit } => write!(f, "block is longer than {limit} bytes"),
            Self::Missing { keyword, word } => write!(f, "{keyword} without {word}"),
            Self::Invalid { keyword, word, expected } => write!(f, "{keyword}: {word}: expected {expected}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// The body that is being read.
#[derive(Debug, Clone, Copy)]
struct Block {
    /// The first word of the line that ends it.
    end: &'static [u8],
    /// What its text is to the caller.
    text: BlockText,
    /// Bytes that may still come.
    left: u64,
    /// The beginning of the present line is consumed already, so it cannot be the last.
    in_line: bool,
    /// Where it was opened: the line, and the bytes before it.
    opened: (u64, u64),
}

/// What the text of a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BlockText {
    Skipped,
    Result,
    Payload,
}

impl BlockText {
    /// A piece of it; `None` where it is skipped.
    fn piece(self, text: &[u8]) -> Option<Command<'_>> {
        match self {
            Self::Skipped => None,
            Self::Result => Some(Command::ResultText { text }),
            Self::Payload => Some(Command::PayloadText { text }),
        }
    }

    fn end(self) -> Option<Command<'static>> {
        match self {
            Self::Skipped => None,
            Self::Result => Some(Command::ResultEnd),
            Self::Payload => Some(Command::PayloadEnd),
        }
    }
}

/// Which end of the connection the bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Child,
    Parent,
}

/// Reads the plain text of one direction of one connection.
#[derive(Debug, Clone)]
pub struct Decoder {
    limits: Limits,
    origin: Origin,
    /// Rows of the past carry the letter of the anomaly bit.
    replay_has_anomaly: bool,
    block: Option<Block>,
    lines: u64,
    offset: u64,
}

impl Decoder {
    /// A decoder for what a child sends.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits, origin: Origin::Child, replay_has_anomaly: false, block: None, lines: 0, offset: 0 }
    }

    /// A decoder for what a parent sends.
    #[must_use]
    pub const fn of_parent(limits: Limits) -> Self {
        Self { origin: Origin::Parent, ..Self::new(limits) }
    }

    /// Takes into account what was negotiated: with [`Capabilities::INTERPOLATED`] an `RSET` without
    /// the letter `A` is anomalous, before it was normal.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.replay_has_anomaly = capabilities.has(Capabilities::INTERPOLATED);
        self
    }

    /// Reads the next command of `input`, which begins where the last step ended. `consumed` becomes
    /// the number of bytes to drop, whatever the result is; at most one line of a command is among
    /// them, beside empty lines and the bodies of blocks.
    ///
    /// # Errors
    /// [`DecodeError`] for a line that cannot be read. The line is consumed; a stream with a line
    /// that is too long is of no further use.
    #[inline]
    pub fn step<'a>(&mut self, input: &'a [u8], consumed: &mut usize) -> Result<Step<'a>, DecodeError> {
        match self.usual_step(input, consumed) {
            Some(command) => Ok(Step::Command(command)),
            None => self.step_by_words(input, consumed),
        }
    }

    /// The same, if the next line is one of a row in the form that nearly all peers write; `None` leaves
    /// everything as it is. It becomes a part of its caller, where the command need not be put
    /// together in memory if it is looked into at once: that is a third of what a line takes.
    #[inline(always)]
    pub fn usual_step<'a>(&mut self, input: &'a [u8], consumed: &mut usize) -> Option<Command<'a>> {
        let (command, bytes) = usual::line(input, self.replay_has_anomaly)?;
        if self.block.is_some() || bytes > self.limits.line_bytes {
            return None;
        }
        self.lines += 1;
        self.offset += bytes as u64;
        *consumed = bytes;
        Some(command)
    }

    /// The same as [`Decoder::step`], for any line, where [`Decoder::usual_step`] had nothing to give.
    ///
    /// # Errors
    /// As there.
    pub fn step_by_words<'a>(&mut self, input: &'a [u8], consumed: &mut usize) -> Result<Step<'a>, DecodeError> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let Some(end) = memchr(b'\n', rest) else {
                return self.cut_line(rest, at, consumed);
            };
            let line = &rest[..end];
            at += end + 1;
            self.lines += 1;
            *consumed = at;
            let bytes = end + 1;
            self.offset += bytes as u64;
            if self.block.is_some() {
                match self.block_line(&rest[..=end])? {
                    Some(command) => return Ok(Step::Command(command)),
                    None => continue,
                }
            }
            if end > self.limits.line_bytes {
                return Err(self.error(Fault::LineTooLong { limit: self.limits.line_bytes }, bytes));
            }
            // Each arm returns for itself. Were their results gathered in one place first, a command
            // of 160 bytes would be copied, and reading what was just written stalls: 25 ns a line.
            match line {
                [b'R', b'S', b'E', b'T', b' ', rest @ ..] => {
                    return self.result(bytes, replay::set(Words::new(rest), self.replay_has_anomaly));
                }
                [b'R', b'B', b'E', b'G', b'I', b'N', b' ', rest @ ..] => {
                    return self.result(bytes, replay::begin(Words::new(rest)));
                }
                _ => match self.rare_command(line) {
                    Ok(None) => {}
                    Ok(Some(command)) => return Ok(Step::Command(command)),
                    Err(fault) => return Err(self.error(fault, bytes)),
                },
            }
        }
    }

    #[inline(always)]
    fn result<'a>(&self, bytes: usize, result: Result<Command<'a>, Fault>) -> Result<Step<'a>, DecodeError> {
        match result {
            Ok(command) => Ok(Step::Command(command)),
            Err(fault) => Err(self.error(fault, bytes)),
        }
    }

    /// The number of the line that was consumed last, from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.lines
    }

    /// One line as a command; `None` for an empty one.
    #[cold]
    fn rare_command<'a>(&mut self, line: &'a [u8]) -> Result<Option<Command<'a>>, Fault> {
        let mut words = Words::new(line);
        let Some(keyword) = words.next() else { return Ok(None) };
        let command = match keyword {
            b"SET" => rows::set(words),
            b"BEGIN" => rows::begin(words),
            b"END" => Ok(Command::End),
            b"SET2" => rows::set2(words),
            b"BEGIN2" => rows::begin2(words),
            b"END2" => Ok(Command::End2),
            b"RSET" => replay::set(words, self.replay_has_anomaly),
            b"RBEGIN" => replay::begin(words),
            b"RDSTATE" => replay::dimension_state(words),
            b"RSSTATE" => replay::chart_state(words),
            b"REND" => replay::end(words),
            b"REPLAY_CHART" => replay::request(words),
            b"CHART" => definitions::chart(words),
            b"DIMENSION" => definitions::dimension(words),
            b"CLABEL" => definitions::chart_label(words),
            b"CLABEL_COMMIT" => Ok(Command::ChartLabelsCommit),
            b"CHART_DEFINITION_END" => replay::definition_end(words),
            b"LABEL" => definitions::host_label(words),
            b"OVERWRITE" => Ok(Command::HostLabelsOverwrite),
            b"VARIABLE" => definitions::variable(words, keyword),
            b"CLAIMED_ID" => definitions::claimed_id(words),
            b"FUNCTION" if self.origin == Origin::Child => functions::offer(words),
            b"FUNCTION" => functions::call(words, false),
            b"FUNCTION_DEL" => functions::delete(words),
            b"FUNCTION_PAYLOAD" | b"FUNCTION_PAYLOAD_BEGIN" => {
                let text = if self.origin == Origin::Parent { BlockText::Payload } else { BlockText::Skipped };
                self.open_block(line, b"FUNCTION_PAYLOAD_END", text);
                functions::call(words, true)
            }
            b"FUNCTION_CANCEL" if self.origin == Origin::Parent => functions::cancel(words),
            b"FUNCTION_PROGRESS" if self.origin == Origin::Parent => functions::awaited(words),
            b"FUNCTION_PROGRESS" => functions::progress(words),
            b"FUNCTION_RESULT_BEGIN" => {
                self.open_block(line, b"FUNCTION_RESULT_END", BlockText::Result);
                functions::result(words)
            }
            b"TRIBUTARY_ALARMS" => alarms::word(words),
            b"JSON" => {
                self.open_block(line, b"JSON_PAYLOAD_END", BlockText::Skipped);
                Ok(Command::Ignored { keyword })
            }
            _ if is_ignored(keyword) => Ok(Command::Ignored { keyword }),
            _ => Ok(Command::Unknown { keyword }),
        };
        command.map(Some)
    }

    fn open_block(&mut self, line: &[u8], end: &'static [u8], text: BlockText) {
        let opened = (self.lines, self.offset - line.len() as u64 - 1);
        self.block = Some(Block { end, text, left: self.limits.block_bytes, in_line: false, opened });
    }

    /// What is to be done with input that ends within a line. `at` bytes before it are consumed.
    fn cut_line<'a>(&mut self, rest: &'a [u8], at: usize, consumed: &mut usize) -> Result<Step<'a>, DecodeError> {
        *consumed = at;
        if rest.len() <= self.limits.line_bytes {
            return Ok(Step::NeedMore);
        }
        *consumed += rest.len();
        self.offset += rest.len() as u64;
        if let Some(block) = &mut self.block {
            block.in_line = true;
            let text = block.text;
            self.count_block_bytes(rest.len())?;
            return Ok(text.piece(rest).map_or(Step::NeedMore, Step::Command));
        }
        self.lines += 1;
        Err(self.error(Fault::LineTooLong { limit: self.limits.line_bytes }, rest.len()))
    }

    /// A line of a block's body with its newline, or its end; `None` where it is skipped.
    #[cold]
    fn block_line<'a>(&mut self, line: &'a [u8]) -> Result<Option<Command<'a>>, DecodeError> {
        let Some(block) = &mut self.block else { return Ok(None) };
        let text = block.text;
        let is_whole = !core::mem::take(&mut block.in_line) && line.len() <= self.limits.line_bytes + 1;
        if is_whole && Words::new(line).next() == Some(block.end) {
            self.block = None;
            return Ok(text.end());
        }
        self.count_block_bytes(line.len())?;
        Ok(text.piece(line))
    }

    /// A block that is too long is named by the line that opened it.
    fn count_block_bytes(&mut self, bytes: usize) -> Result<(), DecodeError> {
        let Some(block) = &mut self.block else { return Ok(()) };
        if let Some(left) = block.left.checked_sub(bytes as u64) {
            block.left = left;
            return Ok(());
        }
        let (line, offset) = block.opened;
        self.block = None;
        Err(DecodeError { line, offset, fault: Fault::BlockTooLong { limit: self.limits.block_bytes } })
    }

    /// The error of the line that was just counted.
    #[cold]
    fn error(&self, fault: Fault, line_bytes: usize) -> DecodeError {
        DecodeError { line: self.lines, offset: self.offset - line_bytes as u64, fault }
    }
}

/// Keywords that are known and of no use here.
fn is_ignored(keyword: &[u8]) -> bool {
    const IGNORED: [&[u8]; 14] = [
        b"FUNCTION_CANCEL",
        b"FUNCTION_RESULT_END",
        b"FUNCTION_PAYLOAD_END",
        b"JSON_PAYLOAD_END",
        b"NODE_ID",
        b"FLUSH",
        b"DISABLE",
        b"DYNCFG_ENABLE",
        b"DYNCFG_REGISTER_MODULE",
        b"DYNCFG_REGISTER_JOB",
        b"DYNCFG_RESET",
        b"REPORT_JOB_STATUS",
        b"DELETE_JOB",
        b"STREAM_PATH",
    ];
    IGNORED.contains(&keyword)
}

#[cfg(test)]
mod tests;
