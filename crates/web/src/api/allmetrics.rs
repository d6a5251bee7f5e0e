//! `allmetrics`: the newest values of everything, for scripts, clients and scrapers.
//!
//! Charts are copied some at a time while the answer is written, so that it may be of any length, and no
//! host waits for another.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use export::{Chart, Dimension, Order, Prometheus, PrometheusOptions, Reading, Source, Span, Walk};
use health::engine::Alarm;
use patterns::SimplePattern;
use row::text::{write_fixed, write_int};
use row::{Guid, Now};
use rrd_store::{ChartView, Host, MemoryMode, UPDATE_EVERY_MAX_S};

use super::alarms;
use crate::answer::{Answer, JSON, PLAIN};
use crate::gate::Asked;
use crate::json::write_text;
use crate::params::Params;
use crate::pieces::Make;
use crate::{Node, Peer};

const PROMETHEUS: &str = "text/plain; version=0.0.4";
/// What a first scrape gets, in seconds.
const FIRST_S: i64 = 10;
/// Bytes of a server's name that are kept.
const SERVER_BYTES_MAX: usize = 256;
/// A shell's names have no longer parts.
const SHELL_PART_BYTES_MAX: usize = 100;
/// Servers, times the hosts that they ask, whose last scrape is kept.
const SCRAPES_MAX: usize = 256;
/// A host that nobody feeds, and whose newest row is older than the span by this, has nothing in it.
const STALE_S: i64 = 3 * UPDATE_EVERY_MAX_S as i64;

const WHICH_FORMAT: &str =
    "Which format? 'shell', 'prometheus', 'prometheus_all_hosts' and 'json' are currently supported.";

/// Who scraped which host when, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Scrapes(Mutex<VecDeque<Scrape>>);

#[derive(Debug)]
struct Scrape {
    server: String,
    host: Guid,
    at_s: i64,
}

impl Scrapes {
    /// Notes a scrape, and returns when the one before was.
    fn note(&self, server: &str, host: Guid, now_s: i64) -> Option<i64> {
        let server = &server[..server.floor_char_boundary(SERVER_BYTES_MAX)];
        let mut scrapes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = scrapes.iter().position(|scrape| scrape.host == host && scrape.server == server);
        let before = place.and_then(|place| scrapes.remove(place));
        if scrapes.len() >= SCRAPES_MAX {
            scrapes.pop_front();
        }
        scrapes.push_back(Scrape { server: server.into(), host, at_s: now_s });
        // A clock that was set back tells nothing.
        before.map(|before| before.at_s).filter(|&at_s| at_s <= now_s)
    }
}

pub(super) fn answer(node: &Arc<Node>, asked: &Asked, peer: Peer) -> Answer {
    let params = &asked.params;
    match params.text("format").unwrap_or("shell") {
        "shell" => Answer::made(PLAIN, Shell::new(node, asked)),
        "json" => Answer::made(JSON, Listing::new(asked)),
        "prometheus" => Answer::made(PROMETHEUS, Scraped::new(node, asked, peer, vec![Arc::clone(&asked.host)], false)),
        "prometheus_all_hosts" => {
            let hosts = node.store.hosts().iter().cloned().collect();
            Answer::made(PROMETHEUS, Scraped::new(node, asked, peer, hosts, true))
        }
        _ => Answer::bad_question(WHICH_FORMAT),
    }
}

fn is_on(params: &Params, name: &str, default: bool) -> bool {
    params.text(name).map_or(default, |word| matches!(word, "yes" | "1" | "true"))
}

fn filter(params: &Params) -> Option<SimplePattern> {
    params.text("filter").map(SimplePattern::new)
}

/// Walks over the charts that a filter lets through by id or name.
fn walk(asked: &Asked) -> Walk {
    let filter = filter(&asked.params);
    let is_wanted = |chart: &ChartView<'_>| {
        filter.as_ref().is_none_or(|filter| filter.matches(chart.id()) || filter.matches(chart.name()))
    };
    Walk::new(Arc::clone(&asked.host), Order::Listed, is_wanted)
}

/// The text for Prometheus, in the making.
struct Scraped {
    hosts: VecDeque<Arc<Host>>,
    walk: Option<Walk>,
    text: Prometheus,
    reading: Reading,
    filter: Option<SimplePattern>,
    span: Span,
    now: Now,
}

impl Scraped {
    fn new(node: &Node, asked: &Asked, peer: Peer, hosts: Vec<Arc<Host>>, instance: bool) -> Self {
        let (params, now) = (&asked.params, node.now());
        let server = params.text("server").map_or_else(|| peer.name(), str::to_owned);
        let before = node.scrapes.note(&server, asked.host.guid(), now.wall_s());
        let span = Span { after_s: before.unwrap_or(now.wall_s() - FIRST_S), before_s: now.wall_s() };
        let options = options(params, instance);
        let reading = match options.source {
            Source::AsCollected => Reading::Newest,
            Source::Average | Source::Sum => Reading::Sums(span),
        };
        let text = Prometheus::new(options, span);
        Self { hosts: hosts.into(), walk: None, text, reading, filter: filter(params), span, now }
    }

    /// A walk over a host, if anything of the span may be there.
    fn walk(&self, host: Arc<Host>) -> Option<Walk> {
        // Whatever charts are called in the text.
        let is_wanted = |chart: &ChartView<'_>| self.filter.as_ref().is_none_or(|filter| filter.matches(chart.name()));
        let is_alive = host.is_fed() || host.newest_s() + STALE_S >= self.span.after_s;
        let has_rows = self.reading == Reading::Newest || host.keep().mode != MemoryMode::None;
        (is_alive && has_rows).then(|| Walk::new(host, Order::ByContext, is_wanted))
    }
}

impl Make for Scraped {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        if let Some(walk) = &mut self.walk {
            if walk.step(self.reading) {
                walk.charts().for_each(|chart| self.text.chart(out, &chart));
                return true;
            }
            self.walk = None;
            self.text.end(out);
        }
        let Some(host) = self.hosts.pop_front() else { return false };
        self.text.host(out, &host, self.now);
        self.walk = self.walk(host);
        true
    }
}

fn options(params: &Params, instance: bool) -> PrometheusOptions {
    const SOURCES: [&str; 6] = ["source", "data", "data source", "data-source", "data_source", "datasource"];
    let source = params.all(&SOURCES).filter_map(Source::of_word).last().unwrap_or_default();
    PrometheusOptions {
        source,
        prefix: params.text("prefix").unwrap_or("netdata").into(),
        names: is_on(params, "names", true),
        timestamps: is_on(params, "timestamps", true),
        help: is_on(params, "help", true),
        types: is_on(params, "types", true),
        variables: is_on(params, "variables", false),
        old_units: is_on(params, "oldunits", false),
        hide_units: is_on(params, "hideunits", false),
        instance,
    }
}

/// The JSON, in the making.
struct Listing {
    walk: Walk,
    is_first: bool,
}

impl Listing {
    fn new(asked: &Asked) -> Self {
        Self { walk: walk(asked), is_first: true }
    }
}

impl Make for Listing {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        if self.is_first {
            out.push(b'{');
        }
        let is_more = self.walk.step(Reading::Newest);
        for chart in self.walk.charts() {
            if !std::mem::replace(&mut self.is_first, false) {
                out.push(b',');
            }
            write_json(out, &chart);
        }
        if !is_more {
            out.extend_from_slice(b"\n}");
        }
        is_more
    }
}

/// Tabs and lines are those of Netdata.
fn write_json(out: &mut Vec<u8>, chart: &Chart<'_>) {
    out.extend_from_slice(b"\n\t");
    write_text(out, chart.id());
    out.extend_from_slice(b": {");
    for (key, text) in
        [("name", chart.name()), ("family", chart.family()), ("context", chart.context()), ("units", chart.units())]
    {
        out.extend_from_slice(b"\n\t\t\"");
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\": ");
        write_text(out, text);
        out.push(b',');
    }
    out.extend_from_slice(b"\n\t\t\"last_updated\": ");
    write_int(out, chart.last_s());
    out.extend_from_slice(b",\n\t\t\"dimensions\": {");
    for (number, dimension) in known(chart).enumerate() {
        if number > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"\n\t\t\t");
        write_text(out, dimension.id());
        out.extend_from_slice(b": {\n\t\t\t\t\"name\": ");
        write_text(out, dimension.name());
        out.extend_from_slice(b",\n\t\t\t\t\"value\": ");
        if dimension.stored().is_empty() {
            out.extend_from_slice(b"null");
        } else {
            write_fixed(out, dimension.stored().unpack());
        }
        out.extend_from_slice(b"\n\t\t\t}");
    }
    out.extend_from_slice(b"\n\t\t}\n\t}");
}

/// The dimensions that ever had a value.
fn known<'a>(chart: &Chart<'a>) -> impl Iterator<Item = Dimension<'a>> + use<'a> {
    chart.dimensions().filter(|dimension| dimension.collected().is_some())
}

/// The text for shells, in the making.
struct Shell {
    node: Arc<Node>,
    walk: Walk,
}

impl Shell {
    fn new(node: &Arc<Node>, asked: &Asked) -> Self {
        Self { node: Arc::clone(node), walk: walk(asked) }
    }
}

impl Make for Shell {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        let is_more = self.walk.step(Reading::Newest);
        self.walk.charts().for_each(|chart| write_shell(out, &chart));
        if !is_more {
            out.extend_from_slice(b"\n# NETDATA ALARMS RUNNING\n");
            let _not_watched = alarms::with(&self.node, self.walk.host(), |watched| {
                watched.alarms().iter().for_each(|alarm| write_alarm(out, alarm));
            });
        }
        is_more
    }
}

fn write_shell(out: &mut Vec<u8>, chart: &Chart<'_>) {
    out.extend_from_slice(b"\n# chart: ");
    write_comment(out, chart.id());
    out.extend_from_slice(b" (name: ");
    write_comment(out, chart.name());
    out.extend_from_slice(b")\n");
    let mut total = 0.0;
    for dimension in known(chart) {
        let (multiplier, divisor) = dimension.scale();
        let value = dimension.stored().unpack();
        // What is shown upside down is told the right way up.
        let value = if multiplier < 0 || divisor < 0 { -value } else { value }.round();
        write_variable(out, &["NETDATA", chart.name(), dimension.name()], value, chart.units());
        if !value.is_nan() && !dimension.is_hidden() {
            total += value;
        }
    }
    write_variable(out, &["NETDATA", chart.name(), "VISIBLETOTAL"], total, chart.units());
}

fn write_alarm(out: &mut Vec<u8>, alarm: &Alarm) {
    let chart = if alarm.chart_name.is_empty() { &alarm.chart } else { &alarm.chart_name };
    let name = |what| ["NETDATA_ALARM", chart, &alarm.name, what];
    write_variable(out, &name("VALUE"), alarm.state.value.round(), &alarm.units);
    write_shell_name(out, &name("STATUS"));
    out.extend_from_slice(b"=\"");
    out.extend_from_slice(alarm.state.status.name().as_bytes());
    out.extend_from_slice(b"\"\n");
}

fn write_variable(out: &mut Vec<u8>, parts: &[&str], value: f64, units: &str) {
    write_shell_name(out, parts);
    out.extend_from_slice(b"=\"");
    if value.is_finite() {
        write_int(out, value as i64);
    }
    out.extend_from_slice(b"\"      # ");
    write_comment(out, units);
    out.push(b'\n');
}

/// Writes parts of a name with `_` between them.
fn write_shell_name(out: &mut Vec<u8>, parts: &[&str]) {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            out.push(b'_');
        }
        let bytes = part.bytes().take(SHELL_PART_BYTES_MAX);
        out.extend(bytes.map(|byte| if byte.is_ascii_alphanumeric() { byte.to_ascii_uppercase() } else { b'_' }));
    }
}

/// Writes a text that must not end its line: what follows would be run.
fn write_comment(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().map(|byte| if byte.is_ascii_control() { b' ' } else { byte }));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each server has its own time for each host, and strangers cannot make the table grow.
    #[test]
    fn scrapes_are_remembered_within_bounds() {
        let scrapes = Scrapes::default();
        let (one, two) = (Guid::from_bytes([1; 16]), Guid::from_bytes([2; 16]));
        assert_eq!(scrapes.note("a", one, 100), None);
        assert_eq!(scrapes.note("b", one, 105), None);
        assert_eq!(scrapes.note("a", two, 107), None);
        assert_eq!(scrapes.note("a", one, 110), Some(100));
        assert_eq!(scrapes.note("a", one, 90), None, "the clock was set back");
        assert_eq!(scrapes.note("a", one, 95), Some(90));
        for number in 0..10_000 {
            scrapes.note(&format!("stranger{number}"), one, 120);
            scrapes.note("a", one, 120 + number);
        }
        assert_eq!(scrapes.note("a", one, 99_999), Some(10_119));
        assert_eq!(scrapes.note("b", one, 99_999), None, "forgotten");
        assert_eq!(scrapes.note(&"ä".repeat(5_000), one, 1), None);
        let kept = scrapes.0.lock().unwrap();
        assert!(kept.len() == SCRAPES_MAX && kept.iter().all(|scrape| scrape.server.len() <= SERVER_BYTES_MAX));
    }
}
