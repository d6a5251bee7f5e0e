//! Levels: where several nodes watch one host, what those above and below say of its alarms.
//!
//! ```text
//! node above ── which alarms it holds, what it told ──> Levels ──> health: holds back what is told above
//! node below ── what it told while alone ─────────────> Levels ──> health: does not tell it again
//! health ──── which alarms are held here, what was told ──> Levels ──> both
//! ```
//!
//! This is what they said and heard, no more: who tells whom is decided in health. A node that does not
//! watch its hosts passes on what it hears. What peers make a node keep is bounded; what goes beyond is
//! as if nobody had said it, so that people are rather told twice than not at all.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use row::{AlarmWord, Told};

use crate::ask::Wake;

/// Alarms of one host that are spoken of between nodes.
pub const HELD_MAX: usize = 20_000;

/// An alarm that a node holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// The hash of its chart, name and definition.
    pub key: u64,
    /// What people were told of it last.
    pub told: Option<Told>,
}

/// What the stream to the node above is to alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// There is none, or it leads to a node that says nothing of alarms.
    #[default]
    None,
    /// The node above does not know yet what it holds.
    Waiting,
    /// What it holds is known.
    Ready,
    /// The stream ended.
    Cut,
}

/// What the nodes around say of a host's alarms.
#[derive(Default)]
pub struct Levels {
    /// Rises with all that is heard.
    heard: AtomicU64,
    /// Rises with all that this node itself has to say.
    own_said: AtomicU64,
    /// Somebody wants to know what is held here.
    is_wanted: AtomicBool,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    own: Own,
    link: Link,
    /// What is held above.
    above: HashMap<u64, Option<Told>>,
    /// The same of a new stream, until it is complete.
    incoming: Option<HashMap<u64, Option<Told>>>,
    /// What nodes below told.
    below: HashMap<u64, Told>,
    wake_up: Option<Wake>,
    /// The feed whose stream wants to know.
    wake_down: Option<(u64, Wake)>,
}

/// What this node says of itself.
#[derive(Clone)]
struct Own {
    /// The feed that it holds for; 0 for none yet.
    generation: u64,
    /// By key.
    alarms: Arc<[Held]>,
    /// What was told here counts above, too.
    reports: bool,
}

impl Default for Own {
    fn default() -> Self {
        Self { generation: 0, alarms: Arc::from([]), reports: false }
    }
}

/// What the node below was told by one stream.
#[derive(Default)]
pub struct SaidBelow {
    seen: Option<(u64, u64)>,
    is_ready: Option<bool>,
    held: Option<Arc<[Held]>>,
}

/// What the node above was told by one stream.
#[derive(Default)]
pub struct SaidAbove {
    seen: Option<(u64, u64)>,
    told: HashMap<u64, Told>,
}

/// What was heard, for who decides.
pub struct Heard<'l> {
    inner: MutexGuard<'l, Inner>,
}

impl Heard<'_> {
    /// What the stream to the node above is.
    #[must_use]
    pub fn link(&self) -> Link {
        self.inner.link
    }

    /// Whether an alarm is held above, as far as is known: after a new stream began, what was held before
    /// counts until that is complete.
    #[must_use]
    pub fn is_held(&self, key: u64) -> bool {
        self.inner.above.contains_key(&key)
    }

    /// What was told of an alarm last, above or below.
    #[must_use]
    pub fn told(&self, key: u64) -> Option<Told> {
        Told::later(self.inner.told_above(key), self.inner.below.get(&key).copied())
    }
}

impl Inner {
    fn told_above(&self, key: u64) -> Option<Told> {
        let incoming = self.incoming.as_ref().and_then(|incoming| *incoming.get(&key)?);
        Told::later(self.above.get(&key).copied().flatten(), incoming)
    }

    /// What is held here or above, by key.
    fn held(&self, own: &Arc<[Held]>) -> Arc<[Held]> {
        if self.link != Link::Ready || self.above.is_empty() {
            return Arc::clone(own);
        }
        let mut all = self.above.clone();
        for held in own.iter() {
            let told = all.entry(held.key).or_default();
            *told = Told::later(held.told, *told);
        }
        let mut all: Vec<_> = all.into_iter().map(|(key, told)| Held { key, told }).collect();
        all.sort_unstable_by_key(|held| held.key);
        all.truncate(HELD_MAX);
        all.into()
    }
}

impl Levels {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that changes with what is heard.
    #[must_use]
    pub fn heard_count(&self) -> u64 {
        self.heard.load(Ordering::Acquire)
    }

    /// Whether a node above or below wants to know what is held here.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire)
    }

    /// Whether a node below does.
    #[must_use]
    pub fn is_wanted_below(&self) -> bool {
        self.is_wanted() && self.lock().wake_down.is_some()
    }

    /// What was heard.
    #[must_use]
    pub fn heard(&self) -> Heard<'_> {
        Heard { inner: self.lock() }
    }

    /// Says which alarms are held here while the feed of this generation is in force; `reports`: what is
    /// told here need not be told above. They are sorted by key; of too many the first ones count.
    pub fn set_own(&self, generation: u64, alarms: &[Held], reports: bool) {
        debug_assert!(alarms.is_sorted_by_key(|held| held.key));
        let alarms = &alarms[..alarms.len().min(HELD_MAX)];
        let mut inner = self.lock();
        let own = &mut inner.own;
        if own.generation == generation && *own.alarms == *alarms && own.reports == reports {
            return;
        }
        *own = Own { generation, alarms: alarms.into(), reports };
        self.own_said.fetch_add(1, Ordering::AcqRel);
        wake(inner);
    }

    /// A stream to a node above begins; `wake` is called when there is something to say.
    pub fn begin_above(&self, wake: Wake) {
        self.lock().wake_up = Some(wake);
    }

    /// Takes what the node above says.
    pub fn hear_above(&self, word: AlarmWord) {
        let mut inner = self.lock();
        let Inner { link, above, incoming, .. } = &mut *inner;
        if matches!(link, Link::None | Link::Cut) {
            (*link, *incoming) = (Link::Waiting, Some(HashMap::new()));
            self.is_wanted.store(true, Ordering::Release);
        }
        let known = incoming.as_mut().unwrap_or(above);
        match word {
            AlarmWord::Wait => {}
            AlarmWord::Ready => {
                if let Some(complete) = incoming.take() {
                    *above = complete;
                }
                *link = Link::Ready;
            }
            AlarmWord::Hold(key) if known.len() < HELD_MAX => drop(known.entry(key).or_default()),
            AlarmWord::Hold(_) => {}
            AlarmWord::Drop(key) => drop(known.remove(&key)),
            AlarmWord::Told(key, told) => {
                if let Some(known) = known.get_mut(&key) {
                    *known = Some(told);
                }
            }
        }
        self.heard.fetch_add(1, Ordering::AcqRel);
        wake(inner);
    }

    /// The stream to the node above ended.
    pub fn end_above(&self) {
        let mut inner = self.lock();
        (inner.wake_up, inner.incoming) = (None, None);
        if inner.link == Link::None {
            return;
        }
        inner.link = Link::Cut;
        self.heard.fetch_add(1, Ordering::AcqRel);
        wake(inner);
    }

    /// A stream from a node below begins that wants to know; `wake` is called when there is something to say.
    pub fn begin_below(&self, generation: u64, wake: Wake) {
        let mut inner = self.lock();
        inner.wake_down = Some((generation, wake));
        inner.below.clear();
        self.is_wanted.store(true, Ordering::Release);
    }

    /// Takes what the node below says: what was told there while nobody above could. Anything else means
    /// nothing.
    pub fn hear_below(&self, word: AlarmWord) {
        let AlarmWord::Told(key, told) = word else { return };
        let mut inner = self.lock();
        let known = inner.below.get(&key).copied();
        if (known.is_none() && inner.below.len() >= HELD_MAX) || Told::later(known, Some(told)) == known {
            return;
        }
        inner.below.insert(key, told);
        self.heard.fetch_add(1, Ordering::AcqRel);
        wake(inner);
    }

    /// The stream of this generation from a node below ended.
    pub fn end_below(&self, generation: u64) {
        let mut inner = self.lock();
        inner.wake_down.take_if(|(known, _)| *known == generation);
    }

    fn seen(&self) -> (u64, u64) {
        (self.heard.load(Ordering::Acquire), self.own_said.load(Ordering::Acquire))
    }

    /// What the node below does not know yet, by the stream of this generation. `is_watched`: this node
    /// watches its hosts, and says what it holds once it knows.
    pub fn say_below(&self, said: &mut SaidBelow, generation: u64, is_watched: bool, mut say: impl FnMut(AlarmWord)) {
        let seen = self.seen();
        if said.seen == Some(seen) {
            return;
        }
        let inner = self.lock();
        let is_ready = !is_watched || inner.own.generation == generation;
        let held = if is_ready { inner.held(&inner.own.alarms) } else { inner.held(&Arc::from([])) };
        drop(inner);
        said.seen = Some(seen);
        if said.is_ready.is_none() && !is_ready {
            say(AlarmWord::Wait);
        }
        let before = said.held.replace(Arc::clone(&held)).unwrap_or_else(|| Arc::from([]));
        say_changes(&before, &held, &mut say);
        if is_ready && said.is_ready != Some(true) {
            say(AlarmWord::Ready);
        }
        // A node that is not ready any more does not say so: what it held is dropped, which says more.
        said.is_ready = Some(is_ready || said.is_ready == Some(true));
    }

    /// What the node above does not know yet of what was told here and below, if it wants to know.
    pub fn say_above(&self, said: &mut SaidAbove, mut say: impl FnMut(AlarmWord)) {
        let seen = self.seen();
        if said.seen == Some(seen) {
            return;
        }
        let inner = self.lock();
        if !matches!(inner.link, Link::Waiting | Link::Ready) {
            return;
        }
        said.seen = Some(seen);
        let own = inner.own.alarms.iter().filter(|_| inner.own.reports);
        let own = own.filter_map(|held| Some((held.key, held.told?)));
        for (key, told) in own.chain(inner.below.iter().map(|(&key, &told)| (key, told))) {
            let known = Told::later(said.told.get(&key).copied(), inner.told_above(key));
            if Told::later(known, Some(told)) != known {
                said.told.insert(key, told);
                say(AlarmWord::Told(key, told));
            }
        }
    }

    /// Whether a stream to the node above has something new to look at.
    #[must_use]
    pub fn has_news_above(&self, said: &SaidAbove) -> bool {
        self.is_wanted() && said.seen != Some(self.seen()) && matches!(self.lock().link, Link::Waiting | Link::Ready)
    }

    /// Whether a stream to the node below has.
    #[must_use]
    pub fn has_news_below(&self, said: &SaidBelow) -> bool {
        said.seen != Some(self.seen())
    }
}

/// What is to be said so that who knows `before` knows `now`; both are sorted by key.
fn say_changes(before: &[Held], now: &[Held], say: &mut impl FnMut(AlarmWord)) {
    let mut before = before.iter().peekable();
    for held in now {
        while let Some(gone) = before.next_if(|known| known.key < held.key) {
            say(AlarmWord::Drop(gone.key));
        }
        let known = before.next_if(|known| known.key == held.key);
        if known.is_none() {
            say(AlarmWord::Hold(held.key));
        }
        if let Some(told) = held.told.filter(|told| known.and_then(|known| known.told) != Some(*told)) {
            say(AlarmWord::Told(held.key, told));
        }
    }
    before.for_each(|gone| say(AlarmWord::Drop(gone.key)));
}

/// Wakes both streams, without the lock.
fn wake(inner: MutexGuard<'_, Inner>) {
    let (up, down) = (inner.wake_up.clone(), inner.wake_down.as_ref().map(|(_, wake)| Arc::clone(wake)));
    drop(inner);
    up.into_iter().chain(down).for_each(|wake| wake());
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Levels").field("link", &self.lock().link).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn told(status: i8, at_s: i64) -> Told {
        Told { status, at_s }
    }

    fn nothing() -> Wake {
        Arc::new(|| {})
    }

    fn below(levels: &Levels, said: &mut SaidBelow) -> Vec<AlarmWord> {
        let mut words = Vec::new();
        levels.say_below(said, 1, true, |word| words.push(word));
        words
    }

    fn above(levels: &Levels, said: &mut SaidAbove) -> Vec<AlarmWord> {
        let mut words = Vec::new();
        levels.say_above(said, |word| words.push(word));
        words
    }

    fn link_and_held(levels: &Levels) -> (Link, bool) {
        let heard = levels.heard();
        (heard.link(), heard.is_held(1))
    }

    /// The goal: a node below hears each thing once, in the end just what is held here or above.
    #[test]
    fn what_is_held_is_said_once() {
        use AlarmWord::{Drop, Hold, Ready, Told, Wait};
        let (levels, mut said) = (Levels::default(), SaidBelow::default());
        assert!(!levels.is_wanted());
        levels.begin_below(1, nothing());
        assert!(levels.is_wanted_below());
        assert_eq!(below(&levels, &mut said), [Wait]);
        levels.set_own(1, &[Held { key: 1, told: None }, Held { key: 3, told: Some(told(4, 9)) }], true);
        assert!(levels.has_news_below(&said));
        assert_eq!(below(&levels, &mut said), [Hold(1), Hold(3), Told(3, told(4, 9)), Ready]);
        assert!(!levels.has_news_below(&said) && below(&levels, &mut said).is_empty());
        [Wait, Hold(2), Hold(3), Told(3, told(1, 10))].into_iter().for_each(|word| levels.hear_above(word));
        assert_eq!(below(&levels, &mut said), [], "what is above is not complete yet");
        levels.hear_above(Ready);
        assert_eq!(below(&levels, &mut said), [Hold(2), Told(3, told(1, 10))]);
        levels.end_above();
        assert_eq!(below(&levels, &mut said)[0], Drop(2));
        levels.set_own(1, &[Held { key: 4, told: None }], true);
        assert_eq!(below(&levels, &mut said), [Drop(1), Drop(3), Hold(4)]);
        let mut other = SaidBelow::default();
        levels.say_below(&mut other, 2, true, |word| assert_eq!(word, Wait, "another feed waits anew"));
        levels.end_below(7);
        assert!(levels.is_wanted_below());
        levels.end_below(1);
        assert!(!levels.is_wanted_below());
    }

    /// The goal: the node above hears what was told here and below, and not what it said itself.
    #[test]
    fn what_was_told_is_reported() {
        use AlarmWord::{Hold, Ready, Told, Wait};
        let (levels, mut said) = (Levels::default(), SaidAbove::default());
        levels.begin_above(nothing());
        levels.set_own(1, &[Held { key: 1, told: Some(told(3, 5)) }], true);
        assert_eq!(above(&levels, &mut said), [], "nobody wants to know");
        [Hold(1), Told(1, told(3, 5)), Ready].into_iter().for_each(|word| levels.hear_above(word));
        assert_eq!(above(&levels, &mut said), []);
        levels.set_own(1, &[Held { key: 1, told: Some(told(4, 6)) }], true);
        levels.hear_below(Told(2, told(3, 7)));
        levels.hear_below(Told(2, told(4, 6)));
        levels.hear_below(Hold(9));
        assert_eq!(above(&levels, &mut said), [Told(1, told(4, 6)), Told(2, told(3, 7))]);
        assert_eq!(levels.heard().told(2), Some(told(3, 7)));
        assert!(!levels.heard().is_held(9), "who is below holds nothing for us");
        levels.set_own(1, &[Held { key: 1, told: Some(told(1, 8)) }], false);
        assert_eq!(above(&levels, &mut said), [], "who always tells does not report");
        levels.end_above();
        assert_eq!(link_and_held(&levels), (Link::Cut, true));
        levels.hear_above(Wait);
        assert_eq!(link_and_held(&levels), (Link::Waiting, true));
        levels.hear_above(Ready);
        assert!(!levels.heard().is_held(1), "it did not say so again");
    }

    /// The goal: however much a peer says, little is kept.
    #[test]
    fn what_is_heard_is_bounded() {
        let levels = Levels::default();
        for key in 0..3 * HELD_MAX as u64 {
            levels.hear_above(AlarmWord::Hold(key));
            levels.hear_below(AlarmWord::Told(key, told(3, 1)));
        }
        levels.hear_above(AlarmWord::Ready);
        let inner = levels.lock();
        assert_eq!((inner.above.len(), inner.below.len()), (HELD_MAX, HELD_MAX));
    }
}
