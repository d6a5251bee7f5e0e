//! What became of each backend's windows, for its charts.

use collect::{BackendFigures, Backends};
use export::{Amount, Ledgers};

/// Tells the figures of all backends.
pub(crate) fn figures(ledgers: Ledgers) -> Backends {
    Box::new(move |see| {
        ledgers.each(|ledger| {
            ledger.look(|figures| {
                let of = |amount: Amount| [amount.records, amount.bytes];
                see(&BackendFigures {
                    name: &ledger.name,
                    every_s: ledger.every_s.clamp(1, i64::from(u32::MAX)) as u32,
                    windows: figures.windows,
                    buffered: of(figures.buffered),
                    lost: of(figures.lost),
                    sent: of(figures.sent),
                    received_bytes: figures.answer_bytes,
                    writes: figures.attempts - figures.failures,
                    failures: figures.failures,
                    discards: figures.discards,
                    reconnects: figures.connections,
                    reads: figures.answers,
                    took_us: figures.took_us,
                    slowest_us: figures.slowest_us,
                    waiting_windows: figures.waiting.windows,
                    memory_bytes: figures.waiting.memory_bytes,
                    disk_bytes: figures.waiting.bytes - figures.waiting.memory_bytes,
                });
            });
        });
    })
}
