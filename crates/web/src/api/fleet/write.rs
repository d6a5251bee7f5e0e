//! The fleet as JSON.

use archive::Elder;
use rrd_store::Host;

use super::board::{Alarms, Board, Entry, Status};
use super::vital::{self, NAMES, POINTS, STEP_S};
use super::{Form, PAGE_HOSTS};
use crate::json::Json;

/// About how many bytes a host takes.
const BRIEF_BYTES: usize = 256;
const WHOLE_BYTES: usize = 1_536;

pub(super) fn body(board: &Board, form: Form) -> Vec<u8> {
    let first = form.page * PAGE_HOSTS;
    let (known, end) = (board.hosts.len(), first + PAGE_HOSTS);
    let hosts = &board.hosts[first.min(known)..end.min(known)];
    let elders = board.elders.iter().skip(first.saturating_sub(known)).take(PAGE_HOSTS - hosts.len());
    let of_host = if form.is_brief { BRIEF_BYTES } else { WHOLE_BYTES };
    let mut json = Json::with_capacity(512 + hosts.len() * of_host);
    json.object(|json| {
        json.key("now_s").int(board.now_s);
        json.key("page").count(form.page);
        json.key("pages").count(board.pages());
        json.key("totals").object(|json| {
            json.key("hosts").count(known + board.elders.len());
            for status in Status::ALL {
                json.key(status.word()).count(board.totals.hosts[status as usize]);
            }
            write_alarms(json, board.totals.alarms);
        });
        if !form.is_brief {
            json.key("curve").object(|json| {
                json.key("points").count(POINTS);
                json.key("step_s").int(STEP_S);
                json.key("end_s").int(vital::end_s(board.now_s));
            });
        }
        json.key("hosts").array(|json| {
            for host in hosts {
                let Some(entry) = board.entries.get(&host.guid()) else { continue };
                write_host(json, host, entry, board.now_s, form.is_brief);
            }
            elders.for_each(|elder| write_elder(json, elder, board.now_s, form.is_brief));
        });
    });
    json.finish()
}

fn write_host(json: &mut Json, host: &Host, entry: &Entry, now_s: i64, is_brief: bool) {
    json.object(|json| {
        json.key("guid").text(&host.guid().to_string());
        json.key("status").text(entry.status.word());
        json.key("newest_s").int(entry.newest_s);
        json.key("age_s");
        if entry.newest_s == 0 {
            json.null()
        } else {
            json.int((now_s - entry.newest_s).max(0))
        }
        write_alarms(json, entry.alarms);
        json.key("now").object(|json| {
            for (name, value) in NAMES.iter().zip(entry.vitals.now) {
                json.key(name).double(rounded(value));
            }
        });
        if !is_brief {
            write_the_rest(json, host, entry);
        }
    });
}

/// A host that only an archive knows.
fn write_elder(json: &mut Json, elder: &Elder, now_s: i64, is_brief: bool) {
    json.object(|json| {
        json.key("guid").text(&elder.guid.to_string());
        json.key("status").text(Status::Archived.word());
        json.key("newest_s").int(elder.newest_s);
        json.key("age_s").int((now_s - elder.newest_s).max(0));
        write_alarms(json, Alarms::default());
        json.key("now").object(|json| NAMES.iter().for_each(|name| json.key(name).null()));
        if is_brief {
            return;
        }
        json.key("hostname").text(&elder.hostname);
        json.key("hops").int(1);
        json.key("path").array(|_| ());
        json.key("os").text("");
        json.key("program").text("");
        json.key("memory_mode").text("archive");
        json.key("ephemeral").bool(false);
        json.key("update_every").int(1);
        json.key("charts").int(0);
        json.key("dimensions").int(0);
        json.key("labels").object(|_| ());
        json.key("curves").object(|json| {
            for name in NAMES {
                json.key(name).array(|json| (0..POINTS).for_each(|_| json.null()));
            }
        });
    });
}

fn write_the_rest(json: &mut Json, host: &Host, entry: &Entry) {
    let (info, status) = (host.info(), host.status());
    json.key("hostname").text(&info.hostname);
    json.key("hops").int(i64::from(info.hops));
    json.key("path").array(|json| info.path.iter().for_each(|node| json.text(&node.to_string())));
    json.key("os").text(&info.os);
    json.key("program").text(format!("{} {}", info.program_name, info.program_version).trim());
    json.key("memory_mode").text(host.keep().mode.word());
    json.key("ephemeral").bool(host.is_ephemeral());
    json.key("update_every").int(i64::from(info.update_every_s));
    json.key("charts").count(status.charts);
    json.key("dimensions").count(status.dimensions);
    json.key("labels").raw(&entry.labels);
    json.key("curves").object(|json| {
        for (name, points) in NAMES.iter().zip(&entry.vitals.points) {
            json.key(name).array(|json| points.iter().for_each(|&point| json.double(rounded(f64::from(point)))));
        }
    });
}

fn write_alarms(json: &mut Json, alarms: Alarms) {
    json.key("alarms").object(|json| {
        json.key("critical").count(alarms.critical);
        json.key("warning").count(alarms.warning);
        json.key("normal").count(alarms.normal);
    });
}

pub(super) fn write_labels(labels: &[(String, String)]) -> Vec<u8> {
    let mut json = Json::default();
    json.object(|json| labels.iter().for_each(|(name, value)| json.key(name).text(value)));
    json.finish()
}

/// Three digits tell enough of a value that is glanced at, and take few bytes.
fn rounded(value: f64) -> f64 {
    if !value.is_finite() || value == 0.0 {
        return value;
    }
    let scale = 10_f64.powi(2 - value.abs().log10().floor() as i32);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_stay() {
        for (value, shown) in
            [(0.0, 0.0), (1.0, 1.0), (12.345, 12.3), (-0.012_345, -0.012_3), (99_960.0, 100_000.0), (1e-9, 1e-9)]
        {
            assert!((rounded(value) - shown).abs() <= shown.abs() * 1e-12, "{value}: {}", rounded(value));
        }
        assert!(rounded(f64::NAN).is_nan());
    }
}
