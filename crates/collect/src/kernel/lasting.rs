//! Modules whose files come and go with drivers.
//!
//! A driver that is loaded later brings its file then, and one that is unloaded and loaded again brings
//! another: what was open of the first stays unreadable. So a file that is missing or cannot be read is
//! looked for once per [`EVERY_S`] seconds.

use std::io;
use std::path::PathBuf;

use row::Now;
use tracing::info;

use crate::charts::Batch;
use crate::file::Buffer;
use crate::module::{Module, ReadError};
use crate::pace::Cadence;

/// Seconds between two looks for a file.
const EVERY_S: u32 = 60;

/// How to open a module.
pub(super) type Open = Box<dyn Fn() -> io::Result<Box<dyn Module>> + Send>;

/// A module that is opened when its file is there, and again when the file is another.
pub(super) struct Lasting {
    name: &'static str,
    /// The whole path of the file.
    path: PathBuf,
    open: Open,
    module: Option<Box<dyn Module>>,
    cadence: Cadence,
}

impl Lasting {
    /// The module of a file that `open` opens; `None` while it is missing.
    pub(super) fn new(name: &'static str, path: PathBuf, open: Open, module: Option<Box<dyn Module>>) -> Self {
        Self { name, path, open, module, cadence: Cadence::new(EVERY_S) }
    }

    fn reopen(&mut self) {
        // Asking first costs no allocation where the answer is no, as it is on most machines for good.
        if !self.path.exists() {
            return;
        }
        if let Ok(module) = (self.open)()
            && self.module.replace(module).is_none()
        {
            info!(file = self.name, "file is there by now");
        }
    }
}

impl Module for Lasting {
    fn name(&self) -> &'static str {
        self.module.as_ref().map_or(self.name, |module| module.name())
    }

    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError> {
        let due = self.cadence.is_due(now);
        if self.module.is_none() && due {
            self.reopen();
        }
        let Some(module) = &mut self.module else { return Ok(()) };
        let read = module.read(buffer, now);
        if due && matches!(read, Err(ReadError::Io(_))) {
            self.reopen();
        }
        read
    }

    fn write(&mut self, batch: &mut Batch<'_>) {
        if let Some(module) = &mut self.module {
            module.write(batch);
        }
    }

    fn asks_devices(&self) -> bool {
        self.module.as_ref().is_some_and(|module| module.asks_devices())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use super::*;

    /// Reads well or not, as it is told.
    struct Told(Arc<AtomicBool>);

    impl Module for Told {
        fn name(&self) -> &'static str {
            "told"
        }

        fn read(&mut self, _buffer: &mut Buffer, _now: Now) -> Result<(), ReadError> {
            if self.0.load(Ordering::Relaxed) { Ok(()) } else { Err(io::Error::other("gone").into()) }
        }

        fn write(&mut self, _batch: &mut Batch<'_>) {}
    }

    /// A file that is missing is looked for once a minute, one that cannot be read is opened again likewise,
    /// and one that is well is left alone.
    #[test]
    fn files_come_and_go() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        let (opened, good) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(true)));
        let open: Open = {
            let (opened, good) = (Arc::clone(&opened), Arc::clone(&good));
            Box::new(move || {
                opened.fetch_add(1, Ordering::Relaxed);
                Ok(Box::new(Told(Arc::clone(&good))))
            })
        };
        let mut lasting = Lasting::new("file", path.clone(), open, None);
        let mut buffer = Buffer::new();
        let mut read_until = |second: &mut u64, end: u64| {
            let mut failures = 0;
            while *second < end {
                let now = Now { wall_us: (*second * 1_000_000).cast_signed(), mono_us: *second * 1_000_000 };
                failures += u32::from(lasting.read(&mut buffer, now).is_err());
                *second += 1;
            }
            (opened.load(Ordering::Relaxed), failures)
        };
        let mut second = 0;
        assert_eq!(read_until(&mut second, 90), (0, 0));
        std::fs::write(&path, "").unwrap();
        assert_eq!(read_until(&mut second, 120), (0, 0));
        assert_eq!(read_until(&mut second, 300), (1, 0));
        good.store(false, Ordering::Relaxed);
        assert_eq!(read_until(&mut second, 420), (3, 120));
        good.store(true, Ordering::Relaxed);
        assert_eq!(read_until(&mut second, 600), (3, 0));
    }
}
