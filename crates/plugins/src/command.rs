//! What a line of a plugin says.
//!
//! The lines are those of a stream, and [`protocol::Decoder`] reads most of them. What is read here
//! are the commands that only plugins send, and the numbers of rows: those of plugins may have anything
//! behind their digits.

use protocol::words::Words;
use protocol::{Command as Common, DecodeError, Decoder, Step, number};
use row::{Algorithm, DimensionDefinition, DimensionOptions, Guid};

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Command<'a> {
    /// `BEGIN`: a row begins; microseconds since the one before, 0 where the plugin does not know.
    Begin { id: &'a [u8], elapsed_us: u64 },
    /// `SET`: a collected value, or none.
    Set { id: &'a [u8], value: Option<i64> },
    /// `END`: the row is complete.
    End,
    /// `FLUSH`: the row is to be forgotten.
    Flush,
    /// `DIMENSION`: a dimension of the current chart.
    Dimension(DimensionDefinition<'a>),
    /// `DISABLE`: the plugin does not want to run.
    Disable,
    /// `EXIT`: this run is over.
    Exit,
    /// `TRUST_DURATIONS`: the microseconds of rows are right, whatever the clock says.
    TrustDurations,
    /// `HOST_DEFINE`: a host of the plugin's is being defined.
    HostDefine { guid: Guid, hostname: &'a str },
    /// `HOST_LABEL`: a label of the host that is being defined.
    HostLabel { name: &'a str, value: &'a str },
    /// `HOST_DEFINE_END`: the host is defined, and the current one.
    HostDefineEnd,
    /// `HOST`: what follows is about this host; `None` for the node's own.
    Host(Option<Guid>),
    /// What streams know, too.
    Common(Common<'a>),
    /// A command that nobody knows.
    Unknown,
}

/// Why a line cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("{}", .0.fault)]
    Decode(DecodeError),
    #[error("{0} without {1}")]
    Missing(&'static str, &'static str),
    #[error("{0}: expected a GUID")]
    Guid(&'static str),
}

/// Reads a line, which ends with its newline; `None` where it is empty, or of no use here.
#[inline]
pub(crate) fn read<'a>(line: &'a [u8], decoder: &mut Decoder) -> Result<Option<Command<'a>>, Mistake> {
    let mut words = Words::new(line);
    let Some(keyword) = words.next() else { return Ok(None) };
    let command = match keyword {
        b"SET" => set(words)?,
        b"BEGIN" => begin(words)?,
        b"END" => Command::End,
        b"DIMENSION" => dimension(words)?,
        // A variable without a number is one that is not known.
        b"VARIABLE" => return common(line, decoder).or(Ok(None)),
        b"CHART"
        | b"CLABEL"
        | b"CLABEL_COMMIT"
        | b"LABEL"
        | b"OVERWRITE"
        | b"FUNCTION"
        | b"FUNCTION_DEL"
        | b"FUNCTION_PROGRESS"
        | b"FUNCTION_RESULT_BEGIN" => return common(line, decoder),
        b"FLUSH" => Command::Flush,
        b"DISABLE" => Command::Disable,
        b"EXIT" => Command::Exit,
        b"TRUST_DURATIONS" => Command::TrustDurations,
        b"HOST_DEFINE" => host_define(words)?,
        b"HOST_LABEL" => {
            let name = required_text(&mut words, "HOST_LABEL", "a name")?;
            Command::HostLabel { name, value: text(words.next()) }
        }
        b"HOST_DEFINE_END" => Command::HostDefineEnd,
        b"HOST" => host(words)?,
        _ if means_nothing(keyword) => return Ok(None),
        _ => Command::Unknown,
    };
    Ok(Some(command))
}

/// Reads on in the text that answers a call, which is not lines; returns how much of it.
pub(crate) fn read_result<'a>(
    text: &'a [u8],
    decoder: &mut Decoder,
    consumed: &mut usize,
) -> Result<Option<Common<'a>>, Mistake> {
    match decoder.step(text, consumed).map_err(Mistake::Decode)? {
        Step::Command(command) => Ok(Some(command)),
        Step::NeedMore => Ok(None),
    }
}

fn common<'a>(line: &'a [u8], decoder: &mut Decoder) -> Result<Option<Command<'a>>, Mistake> {
    let read = read_result(line, decoder, &mut 0)?;
    Ok(read.filter(|command| !matches!(command, Common::Ignored { .. })).map(Command::Common))
}

/// Keywords that are known and of no use here: dynamic configuration, signs of life.
fn means_nothing(keyword: &[u8]) -> bool {
    matches!(keyword, b"PLUGIN_KEEPALIVE" | b"CONFIG" | b"REPORT_JOB_STATUS" | b"DELETE_JOB")
        || keyword.starts_with(b"DYNCFG_")
}

/// `BEGIN chart [microseconds]`
#[inline]
fn begin(mut words: Words<'_>) -> Result<Command<'_>, Mistake> {
    let id = required(&mut words, "BEGIN", "a chart")?;
    let elapsed_us = words.next().and_then(integer).and_then(|us| u64::try_from(us).ok()).unwrap_or(0);
    Ok(Command::Begin { id, elapsed_us })
}

/// `SET dimension = value`
#[inline]
fn set(mut words: Words<'_>) -> Result<Command<'_>, Mistake> {
    let id = required(&mut words, "SET", "a dimension")?;
    Ok(Command::Set { id, value: words.next().and_then(integer) })
}

/// `DIMENSION id [name [algorithm [multiplier [divisor [options]]]]]`
fn dimension(mut words: Words<'_>) -> Result<Command<'_>, Mistake> {
    let id = required_text(&mut words, "DIMENSION", "an id")?;
    let name = text(words.next());
    let algorithm = Algorithm::from_word(words.next().unwrap_or_default());
    let mut factor = || match words.next().and_then(integer) {
        None | Some(0) => 1,
        Some(factor) => factor.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32,
    };
    let (multiplier, divisor) = (factor(), factor());
    let options = DimensionOptions::from_words(words.next().unwrap_or_default());
    let name = if name == id { "" } else { name };
    Ok(Command::Dimension(DimensionDefinition { id, name, algorithm, multiplier, divisor, options }))
}

/// `HOST_DEFINE guid hostname`
fn host_define(mut words: Words<'_>) -> Result<Command<'_>, Mistake> {
    let guid = Guid::parse(required(&mut words, "HOST_DEFINE", "a GUID")?).map_err(|_| Mistake::Guid("HOST_DEFINE"))?;
    Ok(Command::HostDefine { guid, hostname: required_text(&mut words, "HOST_DEFINE", "a hostname")? })
}

/// `HOST guid|localhost`
fn host(mut words: Words<'_>) -> Result<Command<'_>, Mistake> {
    match required(&mut words, "HOST", "a GUID")? {
        b"localhost" => Ok(Command::Host(None)),
        word => Guid::parse(word).map(|guid| Command::Host(Some(guid))).map_err(|_| Mistake::Guid("HOST")),
    }
}

fn required<'a>(words: &mut Words<'a>, keyword: &'static str, what: &'static str) -> Result<&'a [u8], Mistake> {
    words.next().filter(|word| !word.is_empty()).ok_or(Mistake::Missing(keyword, what))
}

fn required_text<'a>(words: &mut Words<'a>, keyword: &'static str, what: &'static str) -> Result<&'a str, Mistake> {
    required(words, keyword, what).map(|word| text(Some(word)))
}

/// A word as a text. Lines are UTF-8 when they come here, so no word is lost.
fn text(word: Option<&[u8]>) -> &str {
    word.and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default()
}

/// The integer that a word begins with, decimal or `0x…`; `None` where it begins with none.
#[inline]
fn integer(word: &[u8]) -> Option<i64> {
    // Nearly always the word is a plain number.
    number::parse_int(word).filter(|_| !word.contains(&b'#')).or_else(|| leading_integer(word))
}

#[cold]
fn leading_integer(word: &[u8]) -> Option<i64> {
    let (negative, digits) = match word {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, word),
    };
    let (prefix, is_digit): (_, fn(&u8) -> bool) = match digits {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => (2, u8::is_ascii_hexdigit),
        _ => (0, u8::is_ascii_digit),
    };
    let count = digits[prefix..].iter().take_while(|&byte| is_digit(byte)).count();
    if count == 0 {
        return None;
    }
    // More digits than 64 bits hold mean the most that they hold.
    let magnitude = number::parse_int(&digits[..prefix + count]).unwrap_or(i64::MAX);
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

#[cfg(test)]
mod tests {
    use protocol::Limits;

    use super::*;

    fn said(line: &str) -> Result<Option<Command<'_>>, Mistake> {
        read(line.as_bytes(), &mut Decoder::new(Limits::default()))
    }

    /// Goal: numbers of rows are read as C programs print them, whatever follows the digits.
    #[test]
    fn numbers_of_rows() {
        for (word, value) in [
            ("5", Some(5)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("12.7", Some(12)),
            ("12abc", Some(12)),
            ("0x10", Some(16)),
            ("0X1f!", Some(31)),
            ("0x", Some(0)),
            ("18446744073709551615", Some(-1)),
            ("99999999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999999", Some(-i64::MAX)),
            ("nan", None),
            ("#BA", None),
            ("-", None),
            ("''", None),
        ] {
            let line = format!("SET a = {word}\n");
            assert_eq!(said(&line), Ok(Some(Command::Set { id: b"a", value })), "{word}");
        }
    }

    /// Goal: each command of plugins is known, however its words are parted and quoted.
    #[test]
    fn commands() {
        const GUID: &str = "11111111-2222-3333-4444-555555555555";
        let guid: Guid = GUID.parse().unwrap();
        for (line, command) in [
            ("BEGIN a.b 1000123", Command::Begin { id: b"a.b", elapsed_us: 1_000_123 }),
            ("BEGIN 'a.b'", Command::Begin { id: b"a.b", elapsed_us: 0 }),
            ("BEGIN a.b -5", Command::Begin { id: b"a.b", elapsed_us: 0 }),
            ("  SET\t\"a b\"=5", Command::Set { id: b"a b", value: Some(5) }),
            ("SET a", Command::Set { id: b"a", value: None }),
            ("END\r", Command::End),
            ("END 1 2 3", Command::End),
            ("FLUSH", Command::Flush),
            ("DISABLE", Command::Disable),
            ("EXIT", Command::Exit),
            ("TRUST_DURATIONS", Command::TrustDurations),
            ("HOST localhost", Command::Host(None)),
            ("HOST_DEFINE_END", Command::HostDefineEnd),
            ("HOST_LABEL _os_name 'a = b'", Command::HostLabel { name: "_os_name", value: "a = b" }),
            ("BEGIN2 a.b 1 2 3", Command::Unknown),
            ("JSON x", Command::Unknown),
            ("begin a.b", Command::Unknown),
            ("#!garbage", Command::Unknown),
        ] {
            assert_eq!(said(&format!("{line}\n")), Ok(Some(command)), "{line}");
        }
        assert_eq!(said(&format!("HOST {GUID}\n")), Ok(Some(Command::Host(Some(guid)))));
        let define = format!("HOST_DEFINE {GUID} box\n");
        assert_eq!(said(&define), Ok(Some(Command::HostDefine { guid, hostname: "box" })));
        for line in ["\n", " \t\r\n", "PLUGIN_KEEPALIVE\n", "CONFIG a create b\n", "DYNCFG_RESET\n", "VARIABLE a\n"] {
            assert_eq!(said(line), Ok(None), "{line}");
        }
        for line in ["BEGIN\n", "SET\n", "SET ''\n", "DIMENSION\n", "CHART x\n", "HOST x\n", "HOST_DEFINE x y\n"] {
            assert!(said(line).is_err(), "{line}");
        }
    }

    /// Goal: a dimension's factors are never 0, and its texts default to the id.
    #[test]
    fn dimensions() {
        let plain = DimensionDefinition { id: "a", ..DimensionDefinition::default() };
        for (line, definition) in [
            ("DIMENSION a", plain),
            ("DIMENSION a '' nonsense 0 0", plain),
            ("DIMENSION a a absolute 1.0 1 ' '", plain),
            (
                "DIMENSION a b incremental -8 1000.5 hidden,noreset",
                DimensionDefinition {
                    name: "b",
                    algorithm: Algorithm::Incremental,
                    multiplier: -8,
                    divisor: 1000,
                    options: DimensionOptions(DimensionOptions::HIDDEN.0 | DimensionOptions::NO_RESET.0),
                    ..plain
                },
            ),
        ] {
            assert_eq!(said(&format!("{line}\n")), Ok(Some(Command::Dimension(definition))), "{line}");
        }
    }
}
