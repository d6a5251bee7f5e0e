//! The cache: what an archive said of a chart, in pieces of time that change no more.
//!
//! Bytes are counted, and what was not used for longest goes first. What lacks something is kept for minutes only:
//! databases that were away are told later what they missed.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use row::Guid;
use rrd_store::query::What;

/// A piece with gaps is good for so long, in microseconds.
const GAPS_US: u64 = 300_000_000;

/// What a piece is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) host: Guid,
    pub(crate) chart: Arc<str>,
    pub(crate) what: What,
    pub(crate) step_s: i64,
    /// Its first row ends a step after this.
    pub(crate) after_s: i64,
}

/// Values of each dimension, all of one length.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    pub(crate) series: Vec<(Arc<str>, Box<[f64]>)>,
    /// When it came, by the monotonic clock.
    pub(crate) came_us: u64,
}

impl Piece {
    /// Whether it may still be shown: where something lacks, it may have come since.
    fn is_good(&self, now_us: u64) -> bool {
        let is_whole =
            !self.series.is_empty() && self.series.iter().all(|(_, values)| !values.iter().any(|v| v.is_nan()));
        is_whole || now_us.saturating_sub(self.came_us) < GAPS_US
    }

    fn bytes(&self) -> usize {
        let one = |(id, values): &(Arc<str>, Box<[f64]>)| id.len() + values.len() * size_of::<f64>() + 64;
        self.series.iter().map(one).sum::<usize>() + 256
    }
}

#[derive(Debug)]
pub(crate) struct Cache {
    bytes_max: usize,
    bytes: usize,
    pieces: HashMap<Key, (Arc<Piece>, u64)>,
    /// By when they were used last.
    used: BTreeMap<u64, Key>,
    uses: u64,
}

impl Cache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, pieces: HashMap::new(), used: BTreeMap::new(), uses: 0 }
    }

    pub(crate) fn get(&mut self, key: &Key, now_us: u64) -> Option<Arc<Piece>> {
        let (piece, use_of) = self.pieces.get_mut(key).filter(|(piece, _)| piece.is_good(now_us))?;
        self.uses += 1;
        let key = self.used.remove(use_of)?;
        *use_of = self.uses;
        self.used.insert(self.uses, key);
        Some(Arc::clone(piece))
    }

    pub(crate) fn put(&mut self, key: Key, piece: Arc<Piece>) {
        let bytes = piece.bytes();
        if bytes > self.bytes_max {
            return;
        }
        self.uses += 1;
        if let Some((before, use_of)) = self.pieces.insert(key.clone(), (piece, self.uses)) {
            self.bytes -= before.bytes();
            self.used.remove(&use_of);
        }
        self.used.insert(self.uses, key);
        self.bytes += bytes;
        while self.bytes > self.bytes_max
            && let Some((_, oldest)) = self.used.pop_first()
        {
            self.bytes -= self.pieces.remove(&oldest).map_or(0, |(piece, _)| piece.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: i64) -> Key {
        Key { host: Guid::from_bytes([1; 16]), chart: "a.b".into(), what: What::Average, step_s: 10, after_s: number }
    }

    fn piece(values: usize) -> Arc<Piece> {
        Arc::new(Piece { series: vec![("user".into(), vec![0.0; values].into())], came_us: 0 })
    }

    /// Goal: bytes are bounded; what was used lately stays; the same again takes no more.
    #[test]
    fn what_was_not_used_goes() {
        let room = 3 * piece(100).bytes();
        let mut cache = Cache::new(room);
        (0..3).for_each(|number| cache.put(key(number), piece(100)));
        assert!(cache.get(&key(0), 0).is_some());
        cache.put(key(0), piece(100));
        cache.put(key(3), piece(100));
        let there: Vec<_> = (0..4).map(|number| cache.get(&key(number), 0).is_some()).collect();
        assert_eq!((there, cache.bytes), (vec![true, false, true, true], room));
        cache.put(key(9), piece(1_000));
        assert!(cache.get(&key(9), 0).is_none());
        for number in 0..10_000 {
            cache.put(key(number), piece(number as usize % 150));
            assert!(cache.bytes <= room && cache.pieces.len() == cache.used.len());
        }
        // What has gaps is asked for again after a while.
        let gaps = Piece { series: vec![("user".into(), [1.0, f64::NAN].into())], came_us: 1_000 };
        cache.put(key(1), Arc::new(gaps));
        cache.put(key(2), piece(1));
        assert!(cache.get(&key(1), GAPS_US).is_some() && cache.get(&key(1), GAPS_US + 1_000).is_none());
        assert!(cache.get(&key(2), u64::MAX).is_some());
        let mut none = Cache::new(0);
        none.put(key(1), piece(1));
        assert!(none.get(&key(1), 0).is_none());
    }
}
