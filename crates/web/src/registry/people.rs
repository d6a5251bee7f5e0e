//! Who visited what: a plain state machine, bounded.

use std::collections::HashMap;

use row::Guid;

use super::Change;

/// Persons at most. One more, and the one who came least is forgotten.
const PERSONS_MAX: usize = 5_000;
/// URLs of one person at most, and of all together.
const URLS_OF_PERSON_MAX: usize = 300;
const URLS_MAX: usize = 30_000;
/// Who did not come for so long is forgotten: their cookie is, too.
const AGE_S_MAX: i64 = 365 * 86_400;

/// All persons.
#[derive(Debug, Default)]
pub(crate) struct People {
    persons: HashMap<Guid, Vec<Visit>>,
    urls: usize,
}

/// What a person knows of one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) url: String,
    /// The machine that was found there last.
    pub(crate) machine: Guid,
    pub(crate) name: String,
    pub(crate) last_s: i64,
    pub(crate) count: u32,
}

/// Which dashboard asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) machine: &'a str,
    pub(crate) url: &'a str,
}

/// Why a person cannot become another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SwitchError {
    /// Who asks is not known.
    UnknownPerson,
    /// Nor is who they want to be.
    UnknownOther,
    /// The machine is not.
    UnknownMachine,
    /// Who asks does not know the machine.
    NotOfPerson,
    /// Who they want to be does not.
    NotOfOther,
}

impl Asking<'_> {
    fn machine(&self) -> Option<Guid> {
        Guid::parse(self.machine.as_bytes()).ok()
    }
}

impl People {
    pub(super) fn access(
        &mut self,
        person: Option<Guid>,
        asking: &Asking<'_>,
        name: &str,
        now_s: i64,
        new: impl FnOnce() -> Guid,
    ) -> (Guid, Vec<Change>) {
        let person = person.filter(|person| self.persons.contains_key(person)).unwrap_or_else(new);
        let Some(machine) = asking.machine() else { return (person, Vec::new()) };
        let known = self.visits(person).iter().find(|visit| visit.url == asking.url);
        let count = known.map_or(1, |visit| visit.count.saturating_add(1));
        let visit = Visit { url: asking.url.into(), machine, name: name.into(), last_s: now_s, count };
        let change = Change::Visited(person, visit);
        self.apply(&change);
        let mut changes = vec![change];
        changes.extend(self.make_room(person));
        (person, changes)
    }

    pub(super) fn delete(&mut self, person: Option<Guid>, asking: &Asking<'_>, url: &str) -> Option<Change> {
        let person = self.verified(person, asking)?;
        self.visits(person).iter().find(|visit| visit.url == url)?;
        let change = Change::Deleted(person, url.into());
        self.apply(&change);
        Some(change)
    }

    pub(super) fn search(&self, person: Option<Guid>, asking: &Asking<'_>, machine: &str) -> Option<Vec<Visit>> {
        self.verified(person, asking)?;
        let machine = Guid::parse(machine.as_bytes()).ok()?;
        let visits = self.persons.values().flatten().filter(|visit| visit.machine == machine);
        let mut found: Vec<Visit> = Vec::new();
        for visit in visits {
            if let Some(known) = found.iter_mut().find(|known| known.url == visit.url) {
                known.last_s = known.last_s.max(visit.last_s);
                known.count = known.count.saturating_add(visit.count);
            } else if found.len() < URLS_OF_PERSON_MAX {
                found.push(visit.clone());
            }
        }
        (!found.is_empty()).then_some(found)
    }

    pub(super) fn switch(&self, person: Option<Guid>, asking: &Asking<'_>, to: &str) -> Result<Guid, SwitchError> {
        let person = person.filter(|person| self.persons.contains_key(person)).ok_or(SwitchError::UnknownPerson)?;
        let other = Guid::parse(to.as_bytes()).ok().filter(|other| self.persons.contains_key(other));
        let other = other.ok_or(SwitchError::UnknownOther)?;
        let machine = asking.machine().ok_or(SwitchError::UnknownMachine)?;
        let knows = |person| self.visits(person).iter().any(|visit| visit.machine == machine);
        match (knows(person), knows(other)) {
            (true, true) => Ok(other),
            (false, _) if !self.persons.keys().any(|person| knows(*person)) => Err(SwitchError::UnknownMachine),
            (false, _) => Err(SwitchError::NotOfPerson),
            (true, false) => Err(SwitchError::NotOfOther),
        }
    }

    /// What a person knows, in the order in which they came to know it.
    pub(super) fn visits(&self, person: Guid) -> &[Visit] {
        self.persons.get(&person).map_or(&[], Vec::as_slice)
    }

    /// All that is known, as changes of nothing.
    pub(super) fn all(&self) -> impl Iterator<Item = Change> {
        let of_person = |(person, visits): (&Guid, &Vec<Visit>)| (*person, visits.clone());
        let visits = self.persons.iter().map(of_person);
        visits.flat_map(|(person, visits)| visits.into_iter().map(move |visit| Change::Visited(person, visit)))
    }

    pub(super) fn urls(&self) -> usize {
        self.urls
    }

    /// Takes over a change, new or kept.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Visited(person, visit) => {
                let visits = self.persons.entry(*person).or_default();
                match visits.iter_mut().find(|known| known.url == visit.url) {
                    Some(known) => *known = visit.clone(),
                    None => {
                        if visits.len() >= URLS_OF_PERSON_MAX {
                            let oldest = (0..visits.len()).min_by_key(|&place| visits[place].last_s).unwrap_or(0);
                            visits.remove(oldest);
                            self.urls -= 1;
                        }
                        visits.push(visit.clone());
                        self.urls += 1;
                    }
                }
            }
            Change::Deleted(person, url) => {
                if let Some(visits) = self.persons.get_mut(person) {
                    let before = visits.len();
                    visits.retain(|visit| visit.url != *url);
                    self.urls -= before - visits.len();
                }
            }
            Change::Forgotten(person) => {
                let gone = self.persons.remove(person);
                self.urls -= gone.map_or(0, |visits| visits.len());
            }
        }
    }

    pub(super) fn forget_old(&mut self, now_s: i64) {
        let is_old = |visits: &Vec<Visit>| visits.iter().all(|visit| visit.last_s < now_s - AGE_S_MAX);
        self.persons.retain(|_, visits| !is_old(visits));
        self.urls = self.persons.values().map(Vec::len).sum();
    }

    /// Forgets whoever came once and longest ago, or longest ago at all, but for `present`.
    fn make_room(&mut self, present: Guid) -> Vec<Change> {
        let mut changes = Vec::new();
        while self.persons.len() > PERSONS_MAX || self.urls > URLS_MAX {
            let worth = |visits: &[Visit]| {
                let last_s = visits.iter().map(|visit| visit.last_s).max().unwrap_or(0);
                (visits.iter().any(|visit| visit.count > 1), last_s)
            };
            let others = self.persons.iter().filter(|(person, _)| **person != present);
            let Some((least, _)) = others.min_by_key(|(_, visits)| worth(visits)) else { break };
            let change = Change::Forgotten(*least);
            self.apply(&change);
            changes.push(change);
        }
        changes
    }

    /// The person, if they know the dashboard that asks.
    fn verified(&self, person: Option<Guid>, asking: &Asking<'_>) -> Option<Guid> {
        let (person, machine) = (person?, asking.machine()?);
        let knows = |visit: &Visit| visit.url == asking.url && visit.machine == machine;
        self.visits(person).iter().any(knows).then_some(person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guid(number: u32) -> Guid {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        Guid::from_bytes(bytes)
    }

    fn visit(people: &mut People, person: u32, machine: u32, url: &str, now_s: i64) -> Vec<Change> {
        let machine = guid(machine).to_string();
        let asking = Asking { machine: &machine, url };
        let (who, changes) = people.access(Some(guid(person)), &asking, "name", now_s, || guid(person));
        assert_eq!(who, guid(person));
        changes
    }

    /// Goal: persons and URLs stay within their bounds, and who comes often outlives a flood of others.
    #[test]
    fn floods_are_forgotten() {
        let mut people = People::default();
        visit(&mut people, 0, 1, "http://home/", 1);
        visit(&mut people, 0, 1, "http://home/", 2);
        for number in 1..PERSONS_MAX as u32 + 100 {
            visit(&mut people, number, 1, "http://flood/", 100);
        }
        assert_eq!(people.persons.len(), PERSONS_MAX);
        assert_eq!(people.visits(guid(0))[0].count, 2);
        for number in 0..URLS_OF_PERSON_MAX + 10 {
            visit(&mut people, 0, 1, &format!("http://{number}/"), 200 + number as i64);
        }
        assert_eq!(people.visits(guid(0)).len(), URLS_OF_PERSON_MAX);
        assert_eq!(people.urls, people.persons.values().map(Vec::len).sum::<usize>());
        let many = (URLS_MAX / URLS_OF_PERSON_MAX) as u32 + 2;
        for person in 0..many {
            (0..URLS_OF_PERSON_MAX)
                .for_each(|number| drop(visit(&mut people, person, 1, &format!("http://{number}"), 900)));
        }
        assert!(people.urls <= URLS_MAX, "{}", people.urls);
    }

    /// Goal: who did not come for a year is forgotten.
    #[test]
    fn old_ones_are_forgotten() {
        let mut people = People::default();
        visit(&mut people, 1, 1, "http://a/", 1_000);
        visit(&mut people, 2, 1, "http://a/", 2_000);
        people.forget_old(1_500 + AGE_S_MAX);
        assert_eq!((people.visits(guid(1)), people.visits(guid(2)).len(), people.urls), (&[][..], 1, 1));
    }

    /// Goal: only a dashboard that the person knows may ask for more.
    #[test]
    fn who_may_ask() {
        let mut people = People::default();
        visit(&mut people, 1, 1, "http://a/", 10);
        visit(&mut people, 1, 2, "http://b/", 11);
        visit(&mut people, 2, 2, "http://b/", 12);
        visit(&mut people, 3, 3, "http://c/", 13);
        let (one, two, nine) = (guid(1).to_string(), guid(2).to_string(), guid(9).to_string());
        let a = Asking { machine: &one, url: "http://a/" };
        let found = people.search(Some(guid(1)), &a, &two).unwrap();
        assert_eq!((found.len(), found[0].count, found[0].last_s), (1, 2, 12));
        for (person, asking, wanted) in [
            (None, a, &two),
            (Some(guid(9)), a, &two),
            (Some(guid(1)), Asking { machine: &two, ..a }, &two),
            (Some(guid(1)), Asking { url: "http://c/", ..a }, &two),
            (Some(guid(1)), a, &nine),
        ] {
            assert_eq!(people.search(person, &asking, wanted), None);
        }
        let b = Asking { machine: &two, url: "http://b/" };
        assert_eq!(people.switch(Some(guid(1)), &b, &guid(2).to_string()), Ok(guid(2)));
        assert_eq!(people.switch(None, &b, &two), Err(SwitchError::UnknownPerson));
        assert_eq!(people.switch(Some(guid(1)), &b, &nine), Err(SwitchError::UnknownOther));
        assert_eq!(people.switch(Some(guid(1)), &b, &guid(3).to_string()), Err(SwitchError::NotOfOther));
        assert_eq!(people.switch(Some(guid(3)), &b, &guid(1).to_string()), Err(SwitchError::NotOfPerson));
        let unknown = Asking { machine: &nine, ..b };
        assert_eq!(people.switch(Some(guid(1)), &unknown, &guid(2).to_string()), Err(SwitchError::UnknownMachine));
        assert!(people.delete(Some(guid(1)), &a, "http://b/").is_some());
        assert!(people.delete(Some(guid(1)), &a, "http://b/").is_none());
        assert_eq!(people.visits(guid(1)).len(), 1);
    }
}
