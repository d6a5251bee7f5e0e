//! Lines of alarms, between nodes of ours.

use row::{AlarmWord, Told};

use super::Fault;
use super::fields::{required, required_int, required_text};
use crate::Command;
use crate::words::Words;

const KEYWORD: &str = "TRIBUTARY_ALARMS";

/// `TRIBUTARY_ALARMS WAIT | READY | HOLD key | DROP key | TOLD key status second`; a key is 16
/// hexadecimal digits
pub(super) fn word(mut words: Words<'_>) -> Result<Command<'_>, Fault> {
    let verb = required(&mut words, KEYWORD, "verb")?;
    Ok(Command::Alarm(match verb {
        b"WAIT" => AlarmWord::Wait,
        b"READY" => AlarmWord::Ready,
        b"HOLD" => AlarmWord::Hold(key(&mut words)?),
        b"DROP" => AlarmWord::Drop(key(&mut words)?),
        b"TOLD" => AlarmWord::Told(key(&mut words)?, told(&mut words)?),
        _ => return Ok(Command::Ignored { keyword: KEYWORD.as_bytes() }),
    }))
}

fn key(words: &mut Words<'_>) -> Result<u64, Fault> {
    let text = required_text(words, KEYWORD, "key")?;
    let expected = "16 hexadecimal digits";
    let is_key = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = u64::from_str_radix(text, 16).ok().filter(|_| is_key);
    key.ok_or(Fault::Invalid { keyword: KEYWORD, word: "key", expected })
}

fn told(words: &mut Words<'_>) -> Result<Told, Fault> {
    let status = required_int(words, KEYWORD, "status")?;
    let status = i8::try_from(status);
    let invalid = |_| Fault::Invalid { keyword: KEYWORD, word: "status", expected: "the number of a status" };
    Ok(Told { status: status.map_err(invalid)?, at_s: required_int(words, KEYWORD, "second")? })
}
