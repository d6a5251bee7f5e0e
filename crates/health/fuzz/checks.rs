//! What holds for whatever alarm files and alarm logs hold.

use std::io;
use std::sync::Arc;

use health::expression::Expression;
use health::files::{DEFINITIONS_MAX, PROBLEMS_MAX, read};
use health::log::Log;
use health::silencers::Silencers;
use row::Guid;
use rrd_store::{Disk, DiskFile};

/// Any text is read to its end; what is read is in order, and expressions can be evaluated and read back.
pub fn files(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (definitions, problems) = read("fuzz.conf", &text);
    assert!(definitions.len() <= DEFINITIONS_MAX && problems.len() <= PROBLEMS_MAX);
    for definition in &definitions {
        assert!(definition.every_s > 0 && !definition.name.is_empty(), "{definition:?}");
        let parts = [&definition.calc, &definition.warn, &definition.crit];
        parts.into_iter().flatten().for_each(expression);
    }
    if let Ok(whole) = Expression::parse(&text) {
        expression(&whole);
    }
    if let Some(silencers) = Silencers::from_json(&text) {
        assert_eq!(Silencers::from_json(&silencers.to_json()), Some(silencers));
    }
}

fn expression(expression: &Expression) {
    let values = [f64::NAN, f64::INFINITY, -1.5, 0.0, 1e300];
    for first in 0..values.len() {
        let outcome = expression.evaluate(|number| values.get((first + number) % (values.len() + 1)).copied());
        assert!(outcome.failure.is_some() || outcome.value.is_finite(), "{outcome:?}");
    }
    // Numbers are shown with seven decimals, so that only the form comes back for sure.
    if expression.parsed().len() < 2_000 {
        let again = Expression::parse(expression.parsed()).expect("what is shown can be read");
        assert_eq!(again.variables().len(), expression.variables().len());
    }
}

/// A disk with one file, which takes no more.
#[derive(Debug)]
struct OneFile(Vec<u8>);

struct File(Vec<u8>);

/// Any bytes are read as a log, up to what is damaged; what is read can be asked for.
pub fn log(data: &[u8]) {
    let disk: Arc<dyn Disk> = Arc::new(OneFile(data.to_vec()));
    let (log, damaged) = Log::open(disk, Guid::from_bytes([0; 16])).expect("the disk can be read");
    assert!(damaged <= data.len() as u64);
    let entries = log.read(0, None, usize::MAX).expect("the disk can be read");
    assert!(entries.iter().all(|entry| entry.unique_id <= log.last_unique_id()));
    assert!(entries.len() <= data.len() / 50);
}

impl Disk for OneFile {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(vec![format!("{}/0000000001.alarms", Guid::from_bytes([0; 16]))])
    }

    fn open(&self, _: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File(self.0.clone())))
    }

    fn append(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn sync(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
