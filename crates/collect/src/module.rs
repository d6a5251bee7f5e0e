//! What a module is: one file of the kernel and the charts made of it.
//!
//! A module first reads and parses its file into its own plain numbers, then, under the host's
//! lock, hands them over as rows. The two are apart because the kernel takes its time to write a
//! file, and nobody reads files under a host's lock.

use std::io;

use row::Now;

use crate::charts::Batch;
use crate::file::Buffer;

/// One file and its charts.
pub(crate) trait Module: Send {
    /// The file, written from `/`; it is the module's name, too.
    fn name(&self) -> &'static str;

    /// Whether the kernel asks a device when the file is read, which may take as long as the device
    /// pleases: such a file is read on a thread of its own, so that nobody else waits for it.
    fn asks_devices(&self) -> bool {
        false
    }

    /// Reads the file and keeps its numbers until [`write`](Module::write).
    ///
    /// # Errors
    /// [`ReadError`] where the file gives nothing to hand over this time.
    fn read(&mut self, buffer: &mut Buffer, now: Now) -> Result<(), ReadError>;

    /// Hands over what the last reading brought.
    fn write(&mut self, batch: &mut Batch<'_>);
}

/// Why a reading brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The kernel gave an error.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The text is not what this file holds.
    #[error("expected {0}")]
    Expected(&'static str),
}
