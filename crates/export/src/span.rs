//! Windows: which rows of a chart are told at one time, so that each is told once.
//!
//! ```text
//!          last time      now
//!              |- told now -|
//! rows  . . . . . . . . . . . . .
//!           ^------------^  two rows later, and without the newest: what is late by less is there
//! ```

/// The time from when something was told last until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it was told last, in seconds.
    pub after_s: i64,
    /// Now, in seconds.
    pub before_s: i64,
}

impl Span {
    /// The first and the last second, both inclusive, that are told of a chart whose rows are `every_s` apart
    /// and which has rows from `first_s` to `last_s`; `None` where there is none among them.
    ///
    /// Successive spans neither overlap nor leave anything out, as long as they are not shorter than
    /// `every_s`; of a slower chart the newest row is told again.
    #[must_use]
    pub fn of_chart(self, every_s: i64, first_s: i64, last_s: i64) -> Option<(i64, i64)> {
        let every_s = every_s.max(1);
        let cut = |time_s: i64| {
            let time_s = time_s.saturating_sub(2 * every_s);
            time_s - time_s.rem_euclid(every_s)
        };
        let before_s = cut(self.before_s) - every_s;
        let after_s = cut(self.after_s).min(before_s);
        if last_s <= 0 || before_s < first_s || after_s > last_s {
            return None;
        }
        Some((after_s.max(first_s), before_s.min(last_s)))
    }

    /// The same of the rows after the begin of the span up to its end, none of them left for later.
    #[must_use]
    pub fn whole_of_chart(self, every_s: i64, first_s: i64, last_s: i64) -> Option<(i64, i64)> {
        let every_s = every_s.max(1);
        let cut = |time_s: i64| time_s - time_s.rem_euclid(every_s);
        let before_s = cut(self.before_s);
        let after_s = (cut(self.after_s) + every_s).min(before_s);
        if last_s <= 0 || before_s < first_s || after_s > last_s {
            return None;
        }
        Some((after_s.max(first_s), before_s.min(last_s)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_795_387_849;

    /// Goal: windows are those that were seen of a real agent.
    #[test]
    fn windows_are_those_of_a_real_agent() {
        let span = |after_s, before_s| Span { after_s, before_s };
        let long_ago = T - 9_999;
        // Ten seconds to a second that ends in 9 are told with the one that ends in 6.
        assert_eq!(span(T, T + 10).of_chart(1, long_ago, T + 9), Some((T - 2, T + 7)));
        assert_eq!(span(T, T + 5).of_chart(1, long_ago, T + 4), Some((T - 2, T + 2)));
        // One row of five seconds in five, two in ten.
        assert_eq!(span(T, T + 5).of_chart(5, long_ago, T), Some((T - 14, T - 14)));
        assert_eq!(span(T, T + 10).of_chart(5, long_ago, T), Some((T - 14, T - 9)));
        // A chart that is slower than the span tells its newest row again.
        assert_eq!(span(T, T + 10).of_chart(60, long_ago, T), Some((T - 229, T - 229)));
        // What is not there is not told.
        assert_eq!(span(T, T + 10).of_chart(1, T + 1, T + 3), Some((T + 1, T + 3)));
        assert_eq!(span(T, T + 10).of_chart(1, T + 8, T + 9), None);
        assert_eq!(span(T, T + 10).of_chart(1, long_ago, T - 3), None);
        assert_eq!(span(T, T + 10).of_chart(1, 0, 0), None);
    }

    /// Goal: a whole span has the rows after its begin up to its end, and of a slower chart the newest one.
    #[test]
    fn whole_spans_have_all_their_rows() {
        let whole =
            |every_s, first_s, last_s| Span { after_s: 100, before_s: 110 }.whole_of_chart(every_s, first_s, last_s);
        assert_eq!(whole(1, 1, 999), Some((101, 110)));
        assert_eq!(whole(5, 1, 999), Some((105, 110)));
        assert_eq!(whole(3, 1, 999), Some((102, 108)));
        assert_eq!(whole(60, 1, 999), Some((60, 60)));
        assert_eq!(whole(1, 104, 106), Some((104, 106)));
        assert_eq!((whole(1, 111, 200), whole(1, 1, 100), whole(1, 0, 0)), (None, None, None));
    }

    /// Goal: whatever the times of the scrapes, no second is left out and none is told twice.
    #[test]
    fn successive_spans_tile() {
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for every_s in [1, 2, 5, 10] {
            let (mut after_s, mut told_s) = (T, None);
            for _ in 0..1_000 {
                let before_s = after_s + every_s + next(40) as i64;
                let (first, last) = Span { after_s, before_s }.of_chart(every_s, 1, i64::MAX).unwrap();
                let overlap = told_s.map(|told_s| first - told_s);
                assert!(overlap.is_none_or(|step| step == every_s), "{every_s} {first} {told_s:?}");
                (after_s, told_s) = (before_s, Some(last));
            }
        }
    }
}
