//! Records: what was written of a window, so that it can be sent whole or in parts.
//!
//! A record is one sample in the text of a format, complete in itself: a line, an object, a series. Records that
//! stand one after another are what is sent, give or take a frame around them; so a batch that a
//! server refuses can be cut in halves, whatever its format is.

/// Some records, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records {
    bytes: Vec<u8>,
    /// Where each record ends.
    ends: Vec<u32>,
    /// Others were added to them: some may be of one series.
    is_joined: bool,
}

impl Records {
    /// Appends a record; `write` appends its bytes.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len() as u32);
    }

    /// None, with room for as many as these are.
    #[must_use]
    pub fn with_room_of(other: &Self) -> Self {
        // Batches end where a walk stops: the next is hardly ever longer by more.
        let some_more = |length: usize| length + length / 8;
        Self {
            bytes: Vec::with_capacity(some_more(other.bytes.len())),
            ends: Vec::with_capacity(some_more(other.ends.len())),
            is_joined: false,
        }
    }

    /// Gives back room that is not used.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Takes apart what was put together: records of these lengths. `None` where bytes are missing or left over.
    #[must_use]
    pub fn of_lengths(bytes: Vec<u8>, lengths: impl Iterator<Item = u32>) -> Option<Self> {
        let mut end = 0_u32;
        let mut ends = Vec::new();
        for length in lengths {
            end = end.checked_add(length).filter(|&end| end as usize <= bytes.len())?;
            ends.push(end);
        }
        (end as usize == bytes.len()).then_some(Self { bytes, ends, is_joined: false })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All of them, as bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Each of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|index| &self.bytes[self.begin(index)..self.ends[index] as usize])
    }

    /// Adds others at the end.
    pub fn join(&mut self, others: &Self) {
        let begin = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&others.bytes);
        self.ends.extend(others.ends.iter().map(|end| begin + end));
        self.is_joined = true;
    }

    /// Whether others were added to them.
    #[must_use]
    pub const fn is_joined(&self) -> bool {
        self.is_joined
    }

    /// Cuts off the records from the one with this number on.
    #[must_use]
    pub fn split_off(&mut self, at: usize) -> Self {
        let at = at.min(self.len());
        let begin = self.begin(at);
        let bytes = self.bytes.split_off(begin);
        let ends = self.ends.split_off(at).into_iter().map(|end| end - begin as u32).collect();
        Self { bytes, ends, is_joined: self.is_joined }
    }

    fn begin(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.ends[before] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::records;

    /// Whatever they are cut into, nothing of them changes.
    #[test]
    fn records_are_cut_between_one_another() {
        let texts = ["a 1\n", "", "bcd 2\n", "e 3\n"];
        for at in 0..=5 {
            let mut left = records(&texts);
            let right = left.split_off(at);
            let expected: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
            assert_eq!(left.iter().chain(right.iter()).collect::<Vec<_>>(), expected);
            assert_eq!(left.len(), at.min(4));
        }
    }

    #[test]
    fn lengths_must_be_those_of_the_bytes() {
        let all = records(&["ab", "", "c"]);
        let of = |lengths: &[u32]| Records::of_lengths(b"abc".to_vec(), lengths.iter().copied());
        assert_eq!(of(&[2, 0, 1]), Some(all));
        for lengths in [&[2_u32][..], &[2, 2], &[u32::MAX, 4], &[]] {
            assert_eq!(of(lengths), None, "{lengths:?}");
        }
    }
}
