//! What is told of many values: the least, the greatest, the average, the 95th percentile, the median and the
//! standard deviation.

/// Values of one metric within an interval that percentile and median are made of; the others count for
/// the rest.
pub(crate) const VALUES_MAX: usize = 10_000;

/// The values of an interval.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    values: Vec<f64>,
    count: f64,
    sum: f64,
    sum_of_squares: f64,
    least: f64,
    greatest: f64,
}

/// What is shown of them.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Shown {
    pub(crate) least: f64,
    pub(crate) greatest: f64,
    pub(crate) average: f64,
    pub(crate) percentile: f64,
    pub(crate) median: f64,
    pub(crate) deviation: f64,
}

impl Summary {
    /// Adds a value that stands for `times` of its like. `room` says how many may be kept of them.
    /// Returns how many are.
    pub(crate) fn add(&mut self, value: f64, times: f64, room: usize) -> usize {
        let is_first = self.count == 0.0;
        (self.least, self.greatest) =
            if is_first { (value, value) } else { (self.least.min(value), self.greatest.max(value)) };
        self.count += times;
        self.sum += value * times;
        self.sum_of_squares += value * value * times;
        let kept = (times.round() as usize).min(VALUES_MAX.saturating_sub(self.values.len())).min(room);
        self.values.extend(std::iter::repeat_n(value, kept));
        kept
    }

    /// What is to be shown, and begins anew. Nothing is shown as zeros.
    pub(crate) fn take(&mut self) -> Shown {
        let shown = self.shown();
        let mut values = std::mem::take(&mut self.values);
        values.clear();
        // What one busy interval took is not kept for good.
        values.shrink_to(VALUES_MAX / 10);
        *self = Self { values, ..Self::default() };
        shown
    }

    fn shown(&mut self) -> Shown {
        if self.count == 0.0 {
            return Shown::default();
        }
        self.values.sort_by(f64::total_cmp);
        let count = self.values.len();
        let average = self.sum / self.count;
        let variance = self.sum_of_squares / self.count - average * average;
        let at = |place: usize| self.values.get(place).copied().unwrap_or(average);
        Shown {
            least: self.least,
            greatest: self.greatest,
            average,
            // The greatest of the lowest 95 %.
            percentile: at((count * 95 / 100).max(1) - 1),
            median: f64::midpoint(at(count.saturating_sub(1) / 2), at(count / 2)),
            deviation: variance.max(0.0).sqrt(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: the sums are those of the textbook, and of nothing there are zeros.
    #[test]
    fn sums() {
        let mut summary = Summary::default();
        assert_eq!(summary.take(), Shown::default());
        for value in [30.0, 10.0, 40.0, 20.0] {
            assert_eq!(summary.add(value, 1.0, 100), 1);
        }
        let shown = summary.take();
        assert_eq!((shown.least, shown.greatest, shown.average, shown.median), (10.0, 40.0, 25.0, 25.0));
        assert_eq!(shown.percentile, 30.0);
        assert!((shown.deviation - 125.0_f64.sqrt()).abs() < 1e-9);
        summary.add(-1.5, 10.0, 100);
        let one = summary.take();
        assert_eq!((one.least, one.greatest, one.average, one.median), (-1.5, -1.5, -1.5, -1.5));
        assert_eq!((one.percentile, one.deviation), (-1.5, 0.0));
        assert_eq!(summary.take(), Shown::default(), "each interval begins anew");
    }

    /// Goal: values beyond the limits are not kept, but count.
    #[test]
    fn limits() {
        let mut summary = Summary::default();
        assert_eq!(summary.add(1.0, 1_000.0, 7), 7);
        assert_eq!(summary.add(2.0, 1_000.0, usize::MAX), 1_000);
        for _ in 0..20 {
            summary.add(2.0, 1_000.0, usize::MAX);
        }
        assert_eq!(summary.values.len(), VALUES_MAX);
        let shown = summary.take();
        assert!((shown.average - 43.0 / 22.0).abs() < 1e-9, "{shown:?}");
        assert!(summary.values.capacity() <= VALUES_MAX / 10 + 8);
    }
}
