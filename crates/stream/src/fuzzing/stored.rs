//! What is stored: it can be read, and is the same at both ends.

use std::collections::HashMap;

use row::Packed;
use rrd_store::query::{Charts, Query};
use rrd_store::{ChartView, Host};

/// All rows of a host decode, in order, and can be asked for.
pub(super) fn check(host: &Host, now_s: i64) {
    let ids: Vec<_> = host.read(|view| {
        let ids = view.charts().map(|chart| {
            check_rows(&chart);
            chart.id().to_owned()
        });
        ids.collect()
    });
    for id in ids.iter().take(3) {
        if let Ok(answer) = host.query(&Query::new(Charts::One(id)), now_s) {
            assert!(answer.rows().all(|(_, values)| values.iter().count() == answer.columns.len()));
        }
    }
}

fn check_rows(chart: &ChartView<'_>) {
    let mut last_s = i64::MIN;
    snapshot(chart).rows(|second, values| {
        assert!(last_s < second && second % i64::from(chart.update_every_s()) == 0, "{last_s} {second}");
        // A dimension that is new has its place with the next row.
        assert!(values.len() <= chart.dimension_count());
        assert!(values.iter().all(|value| value.is_empty() || !value.unpack().is_nan()));
        last_s = second;
    });
}

fn snapshot(chart: &ChartView<'_>) -> rrd_store::Snapshot {
    chart.snapshot(0, i64::MAX / 2)
}

/// By chart, dimension and second.
type Values = HashMap<(String, String, i64), Packed>;

/// The values of the charts and dimensions whose ids are the same on the wire.
fn values(host: &Host) -> Values {
    let mut values = Values::new();
    host.read(|view| {
        for chart in view.charts().filter(|chart| is_plain(chart.id())) {
            let ids: Vec<_> = chart.dimensions().map(|dimension| dimension.id.to_owned()).collect();
            snapshot(&chart).rows(|second, row| {
                for (id, &value) in ids.iter().zip(row).filter(|(id, value)| is_plain(id) && !value.is_empty()) {
                    values.insert((chart.id().to_owned(), id.clone(), second), value);
                }
            });
        }
    });
    values
}

/// No other text looks like this one on the wire.
fn is_plain(id: &str) -> bool {
    id.len() < 100 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// Where both hosts have a value, it is the same.
pub(super) fn compare(own: &Host, parents: &Host) {
    let own = values(own);
    for (place, value) in values(parents) {
        assert!(own.get(&place).is_none_or(|own| is_same(*own, value)), "{place:?}: {:?}, {value:?}", own.get(&place));
    }
}

/// What is too small to be kept is zero, and so it is sent.
fn is_same(own: Packed, parents: Packed) -> bool {
    let parts = |value: Packed| (value.unpack(), value.is_reset(), value.is_anomalous());
    parts(own) == parts(parents)
}
