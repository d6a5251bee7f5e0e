//! What is asked of the machine as a whole: how busy its cores were, how long it is up, and
//! whether anything is in swap.

use std::path::Path;

use crate::file::{Buffer, KeptFile};
use crate::scan::{Words, lines, thousandths};

/// Three files, each of which may be missing.
#[derive(Debug)]
pub(super) struct Machine {
    stat: Option<KeptFile>,
    uptime: Option<KeptFile>,
    swaps: Option<KeptFile>,
}

impl Machine {
    pub(super) fn open(root: &Path) -> Self {
        let open = |path| KeptFile::open(root, path).ok();
        Self { stat: open("/proc/stat"), uptime: open("/proc/uptime"), swaps: open("/proc/swaps") }
    }

    /// Ticks that the cores were busy so far.
    pub(super) fn busy_ticks(&self, buffer: &mut Buffer) -> Option<u64> {
        busy(self.stat.as_ref()?.read(buffer).ok()?)
    }

    /// Ticks since the machine started.
    pub(super) fn uptime_ticks(&self, buffer: &mut Buffer) -> Option<u64> {
        let text = self.uptime.as_ref()?.read(buffer).ok()?;
        let ms = thousandths(Words::new(text).next()?)?;
        u64::try_from(ms / 10).ok()
    }

    /// Whether anything is in swap; yes, where that is not known.
    pub(super) fn swap_is_used(&self, buffer: &mut Buffer) -> bool {
        self.swaps.as_ref().and_then(|file| file.read(buffer).ok()).is_none_or(any_used)
    }
}

/// Of the first line: all but idle, waiting for a device, and what other machines took. Guests are in user.
fn busy(text: &[u8]) -> Option<u64> {
    let mut words = Words::new(lines(text).next()?);
    words.next().filter(|label| *label == b"cpu")?;
    let [user, nice, system, _idle, _iowait, irq, softirq] = words.numbers()?.map(i64::cast_unsigned);
    Some([user, nice, system, irq, softirq].into_iter().fold(0, u64::wrapping_add))
}

/// Lines after the first are `FILE TYPE SIZE USED PRIORITY`; a file's name may hold blanks, written otherwise.
fn any_used(text: &[u8]) -> bool {
    lines(text).skip(1).any(|line| Words::new(line).nth(3).is_none_or(|used| used != b"0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: time that nobody used is not counted, and what is cut gives nothing.
    #[test]
    fn busy_ticks() {
        assert_eq!(busy(b"cpu  1 20 300 4000 50000 600000 7000000 8 9 10\ncpu0 1\n"), Some(7_600_321));
        assert_eq!((busy(b"cpu 1 2 3 4 5 6\n"), busy(b"cpu0 1 2 3 4 5 6 7\n"), busy(b"")), (None, None, None));
        crate::tests::mutate(b"cpu  1 20 300 4000 50000 600000 7000000 8 9 10\n", |text| {
            assert_eq!(busy(text), busy(text))
        });
    }

    /// Goal: no swap and an empty one need no look at processes.
    #[test]
    fn swap() {
        let head = "Filename Type Size Used Priority\n";
        for (lines, expected) in
            [("", false), ("/a partition 9 0 -2\n", false), ("/a p 9 0 1\n/b p 9 4 1\n", true), ("x\n", true)]
        {
            assert_eq!(any_used(format!("{head}{lines}").as_bytes()), expected, "{lines}");
        }
    }
}
