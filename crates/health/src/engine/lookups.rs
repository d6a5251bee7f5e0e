//! The lookups of a host's alarms. They are standing queries: those that are due are asked together,
//! some charts under each hold of the host's lock, and most of what they want to know is remembered.

use rrd_store::Host;
use rrd_store::query::{Desk, Due, Found, Query, Standing, Values};

use super::alarm::Alarm;
use super::question::{Answer, query};

/// What lookups remember of a host.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    standing: Standing,
}

/// Space for a step. One suffices for the watches of all hosts.
#[derive(Debug, Default)]
pub struct Space {
    desk: Desk,
    due: Vec<Due>,
}

impl Lookups {
    /// Alarms were bound: finds out what their lookups are to be asked as. Takes the host's lock.
    pub(super) fn renew(&mut self, host: &Host, alarms: &mut [Alarm]) {
        let with_lookup = alarms.iter().enumerate().filter_map(|(place, alarm)| Some((place, query_of(alarm)?)));
        let (places, queries): (Vec<usize>, Vec<Query<'_>>) = with_lookup.unzip();
        let asks = self.standing.renew(host, &queries);
        alarms.iter_mut().for_each(|alarm| alarm.ask = None);
        for (place, ask) in places.into_iter().zip(asks) {
            alarms[place].ask = ask;
        }
    }

    /// Answers the lookups of the alarms at these places. Takes the host's lock, but for no work.
    pub(super) fn answer(
        &mut self,
        host: &Host,
        alarms: &mut [Alarm],
        places: &[usize],
        now_s: i64,
        space: &mut Space,
    ) {
        let Space { desk, due } = space;
        due.clear();
        for &place in places {
            let alarm = &mut alarms[place];
            alarm.state.old_value = alarm.state.value;
            match alarm.ask {
                Some(ask) => due.push(Due { ask, by: place }),
                None => ask_plain(host, alarm, now_s),
            }
        }
        self.standing.answer(host, now_s, due, desk, |place, found| {
            let alarm = &mut alarms[place];
            let Some(lookup) = &alarm.definition.lookup else { return };
            match found {
                Found::Nothing => Answer::NONE.put(&mut alarm.state),
                Found::Row(window, values) => {
                    Answer::of(lookup, window, Values::Computed(values)).put(&mut alarm.state);
                }
                Found::AskPlain => ask_plain(host, alarm, now_s),
            }
        });
    }

    /// Bytes that they take.
    pub(super) fn bytes(&self) -> usize {
        self.standing.bytes()
    }
}

fn query_of(alarm: &Alarm) -> Option<Query<'_>> {
    alarm.definition.lookup.as_ref().map(|lookup| query(alarm, lookup))
}

/// Asks for an alarm's lookup as if for the first time, if it has one.
fn ask_plain(host: &Host, alarm: &mut Alarm, now_s: i64) {
    let Some(lookup) = &alarm.definition.lookup else { return };
    let answer = host.query(&query(alarm, lookup), now_s);
    let answer = answer.map_or(Answer::NONE, |answer| Answer::of(lookup, &answer.window, answer.values()));
    answer.put(&mut alarm.state);
}
