//! What was to be told, and is not known to have been: of each alarm the last of it, and who was reached.
//!
//! A node that ends in between does not know what became of it. The next one tells the alarm's status again, but
//! not to those who are known to have heard it.

use std::collections::HashMap;
use std::sync::Arc;

use super::record::Record;
use crate::expression::Status;

/// Of one alarm so many are known to be reached at most.
const REACHED_MAX: usize = 100;

/// Alarms by chart and name.
#[derive(Debug, Default)]
pub(super) struct Unsettled(HashMap<(Arc<str>, Arc<str>), Open>);

#[derive(Debug)]
struct Open {
    unique_id: u32,
    status: Status,
    at_s: i64,
    reached: Vec<Arc<str>>,
}

impl Unsettled {
    /// A status is to be told. Who heard it of an earlier try still did.
    pub(super) fn begin(&mut self, alarm: (Arc<str>, Arc<str>), unique_id: u32, status: Status, at_s: i64) {
        let before = self.0.remove(&alarm).filter(|before| before.status == status);
        let reached = before.map(|before| before.reached).unwrap_or_default();
        self.0.insert(alarm, Open { unique_id, status, at_s, reached });
    }

    /// Somebody heard it.
    pub(super) fn reach(&mut self, unique_id: u32, who: &str) {
        let open = self.0.values_mut().find(|open| open.unique_id == unique_id);
        // The beginning of a file says again what the one before said.
        let is_news =
            |open: &&mut Open| open.reached.len() < REACHED_MAX && !open.reached.iter().any(|known| **known == *who);
        if let Some(open) = open.filter(is_news) {
            open.reached.push(who.into());
        }
    }

    /// It is known what became of it.
    pub(super) fn settle(&mut self, unique_id: u32) {
        self.0.retain(|_, open| open.unique_id != unique_id);
    }

    /// Another status, or somebody else's telling, has taken its place.
    pub(super) fn forget(&mut self, alarm: &(Arc<str>, Arc<str>)) {
        self.0.remove(alarm);
    }

    /// Who heard a status of an alarm.
    pub(super) fn reached(&self, alarm: &(Arc<str>, Arc<str>), status: Status) -> Vec<Arc<str>> {
        let open = self.0.get(alarm).filter(|open| open.status == status);
        open.map(|open| open.reached.clone()).unwrap_or_default()
    }

    /// The alarms.
    pub(super) fn alarms(&self) -> impl Iterator<Item = &(Arc<str>, Arc<str>)> {
        self.0.keys()
    }

    /// Writes all of it, for the beginning of a file.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for ((chart, name), open) in &self.0 {
            let (chart, name) = (chart.to_string(), name.to_string());
            let Open { unique_id, status, at_s, ref reached } = *open;
            Record::Told { unique_id, at_s, code: super::WAITS, chart, name, status }.write(out);
            for who in reached {
                Record::Reached { unique_id, who: who.to_string() }.write(out);
            }
        }
    }
}
