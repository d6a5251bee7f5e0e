//! Files of one key and one number per line, such as `meminfo` and `vmstat`. Words may stand in between.
//!
//! Such a file has up to 200 lines, of which a handful is wanted, in an order that does not change
//! while the machine runs. So the order in which the wanted keys come is learnt once, and from then
//! on each line is compared with one key only. A reading in which an expected key is missing is
//! read once more with every key, and the order is learnt anew.

use crate::scan::{Words, lines, number};

/// The wanted keys of a file and what was read for them.
#[derive(Debug)]
pub(crate) struct Keyed<const N: usize> {
    keys: [&'static str; N],
    /// Words between key and number.
    between: usize,
    values: [Option<i64>; N],
    /// Indexes of the keys in the order of the file.
    order: Vec<usize>,
    /// How many lines there were when the order was learnt: a new line may hold a new key.
    lines: usize,
}

impl<const N: usize> Keyed<N> {
    /// Wants `keys`, in any order.
    pub(crate) fn new(keys: [&'static str; N]) -> Self {
        Self { keys, between: 0, values: [None; N], order: Vec::with_capacity(N), lines: 0 }
    }

    /// The same for lines with `words` words between key and number.
    pub(crate) fn after_words(self, words: usize) -> Self {
        Self { between: words, ..self }
    }

    /// Reads `text`; returns how many wanted keys it has.
    pub(crate) fn parse(&mut self, text: &[u8]) -> usize {
        if !self.follow(text) {
            self.learn(text);
        }
        self.values.iter().flatten().count()
    }

    /// What stood at the key with index `key`; `None` where it is missing or has no number.
    pub(crate) fn get(&self, key: usize) -> Option<i64> {
        self.values[key]
    }

    /// The same, with 0 for what is missing.
    pub(crate) fn or_zero(&self, key: usize) -> i64 {
        self.values[key].unwrap_or(0)
    }

    fn follow(&mut self, text: &[u8]) -> bool {
        self.values = [None; N];
        let mut expected = 0;
        let mut seen = 0;
        for line in lines(text) {
            seen += 1;
            let Some(&key) = self.order.get(expected) else { continue };
            if let Some(rest) = after_key(line, self.keys[key]) {
                self.values[key] = number_after(self.between, rest);
                expected += 1;
            }
        }
        expected == self.order.len() && seen == self.lines
    }

    fn learn(&mut self, text: &[u8]) {
        self.values = [None; N];
        self.order.clear();
        self.lines = 0;
        for line in lines(text) {
            self.lines += 1;
            let found = self.keys.iter().enumerate().find_map(|(key, name)| Some((key, after_key(line, name)?)));
            if let Some((key, rest)) = found
                && !self.order.contains(&key)
            {
                self.values[key] = number_after(self.between, rest);
                self.order.push(key);
            }
        }
    }
}

/// The place of a key among `keys`, for constants: a key that is missing there does not compile.
pub(crate) const fn place(keys: &[&str], name: &str) -> usize {
    let mut at = 0;
    while !same(keys[at], name) {
        at += 1;
    }
    at
}

const fn same(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

fn number_after(words: usize, rest: &[u8]) -> Option<i64> {
    Words::new(rest).nth(words).and_then(number)
}

/// What follows `key` in a line that begins with it, be it `key: 1 kB` or `key 1`.
fn after_key<'a>(line: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let rest = line.strip_prefix(key.as_bytes())?;
    match rest.first()? {
        b':' => Some(&rest[1..]),
        b' ' | b'\t' => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed() -> Keyed<3> {
        Keyed::new(["Slab", "MemFree", "oom_kill"])
    }

    fn all(keyed: &Keyed<3>) -> [Option<i64>; 3] {
        [keyed.get(0), keyed.get(1), keyed.get(2)]
    }

    /// Keys are found in any order, by their whole text, and again once the order is known.
    #[test]
    fn keys_are_found_by_their_whole_text() {
        let mut keyed = keyed();
        let text = b"MemFreeX: 9 kB\nMemFree:   24 kB\nSlabs 7\nSlab:\t8 kB\nx\noom_kill 3\n";
        for _ in 0..3 {
            assert_eq!(keyed.parse(text), 3);
            assert_eq!(all(&keyed), [Some(8), Some(24), Some(3)]);
        }
        assert_eq!(keyed.order, [1, 0, 2]);
    }

    /// A file that changes its order, gains or loses lines is read rightly at once.
    #[test]
    fn changes_are_learnt() {
        let mut keyed = keyed();
        for (text, expected) in [
            ("MemFree: 1\nSlab: 2\n", [Some(2), Some(1), None]),
            ("Slab: 3\nMemFree: 4\n", [Some(3), Some(4), None]),
            ("Slab: 3\nMemFree: 4\noom_kill 5", [Some(3), Some(4), Some(5)]),
            ("oom_kill 6\n", [None, None, Some(6)]),
            ("", [None; 3]),
            ("Slab: 1\nSlab: 2\n", [Some(1), None, None]),
            ("Slab: 1\nSlab: 2\n", [Some(1), None, None]),
        ] {
            keyed.parse(text.as_bytes());
            assert_eq!(all(&keyed), expected, "{text}");
        }
    }

    /// The number may stand behind other words.
    #[test]
    fn words_in_between() {
        let mut keyed = Keyed::new(["hits", "size"]).after_words(1);
        for _ in 0..2 {
            assert_eq!(keyed.parse(b"hits 4 17\nsize 4\nsizes 4 5\n"), 1);
            assert_eq!((keyed.get(0), keyed.get(1)), (Some(17), None));
        }
    }

    /// Lines without a number give nothing, and nothing panics.
    #[test]
    fn bad_lines_give_nothing() {
        let mut keyed = keyed();
        for text in ["Slab", "Slab:", "Slab: x", "Slab: -1", "Slab: 99999999999999999999", ":", "\0\0", "Slab:\n:\n"] {
            assert_eq!(keyed.parse(text.as_bytes()), 0, "{text}");
            assert_eq!(all(&keyed), [None; 3], "{text}");
        }
    }
}
