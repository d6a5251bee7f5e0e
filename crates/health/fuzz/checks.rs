//! What holds for whatever alarm files and alarm logs hold.

use std::sync::Arc;

use health::expression::Expression;
use health::files::{DEFINITIONS_MAX, PROBLEMS_MAX, read};
use health::log::Log;
use health::silencers::Silencers;
use row::Guid;
use rrd_store::memory::MemoryDisk;

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

/// Any bytes are read as a log, up to what is damaged; what is read can be asked for.
pub fn log(data: &[u8]) {
    let guid = Guid::from_bytes([0; 16]);
    let disk = MemoryDisk::of([(format!("{guid}/0000000001.alarms"), Arc::new(data.to_vec()))].into());
    disk.set_room(Some(0));
    let (log, damaged) = Log::open(Arc::new(disk), guid).expect("the disk can be read");
    assert!(damaged <= data.len() as u64);
    let entries = log.read(0, None, usize::MAX).expect("the disk can be read");
    assert!(entries.iter().all(|entry| entry.unique_id <= log.last_unique_id()));
    assert!(entries.len() <= data.len() / 50);
}
