//! Versions 2 and 3 of the API: questions to many hosts at once, answered with short keys.
//!
//! Of Netdata's calls those are here that a fleet is read with: `nodes`, `contexts`, `data`, `alerts` and
//! `info`. Hosts are looked at one after another, each under its own lock for as long as copies take, on
//! a thread where nobody waits for them. What sleeps on the disk is listed, not woken.

mod alerts;
mod contexts;
mod data;
mod nodes;

use std::sync::Arc;

use patterns::{SimplePattern, Verdict};
use row::Now;
use rrd_store::{ChartView, Host, HostView};

use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::Json;
use crate::params::Params;
use crate::{Node, list};

pub(super) use alerts::answer as alerts;
pub(super) use contexts::answer as contexts;
pub(super) use data::answer as data;

/// What separates the words of a list: names may hold blanks.
const SEPARATORS: &[char] = &[',', '|', '\t', '\r', '\n', '\x0c', '\x0b'];
/// Charts looked at under one hold of a host's lock.
const CHARTS_AT_ONCE: u32 = 128;
/// Hosts that one question is put to at most.
const HOSTS_MAX: usize = 20_000;

/// A host, and its number in the answer.
type Numbered = (usize, Arc<Host>);

/// Which hosts and contexts are meant: `scope_…` and the plain filter have both to match.
#[derive(Debug)]
struct Scope {
    nodes: Vec<SimplePattern>,
    contexts: Vec<SimplePattern>,
}

impl Scope {
    fn of(params: &Params) -> Self {
        let patterns = |names: [&str; 2]| names.into_iter().filter_map(|name| pattern(params, &[name])).collect();
        Self { nodes: patterns(["scope_nodes", "nodes"]), contexts: patterns(["scope_contexts", "contexts"]) }
    }

    /// The hosts that are meant, by name or GUID.
    fn hosts(&self, node: &Node) -> Vec<Numbered> {
        let is_meant = |host: &Host| {
            let (name, guid) = (&host.info().hostname, host.guid().to_string());
            self.nodes.iter().all(|pattern| means(pattern, [name, &guid]))
        };
        let hosts = node.store.hosts();
        hosts.iter().filter(|host| is_meant(host)).take(HOSTS_MAX).cloned().enumerate().collect()
    }

    fn has_context(&self, context: &str) -> bool {
        self.contexts.iter().all(|pattern| pattern.matches(context))
    }
}

/// Whether a pattern means something that has two names: it matches one of them, and excludes neither.
fn means(pattern: &SimplePattern, names: [&str; 2]) -> bool {
    let verdicts = names.map(|name| pattern.verdict(name));
    verdicts.contains(&Verdict::Positive) && !verdicts.contains(&Verdict::Negative)
}

/// All values of some parameters as one pattern; `None` where there are none, or all are meant.
fn pattern(params: &Params, names: &[&str]) -> Option<SimplePattern> {
    let list = params.all(names).collect::<Vec<_>>().join("|");
    (!list.is_empty() && list != "*").then(|| SimplePattern::with_separators(&list, SEPARATORS))
}

/// Words of a parameter that may be there several times, each a list.
fn words<'a>(params: &'a Params, names: &'a [&'a str]) -> impl Iterator<Item = &'a str> {
    params.all(names).flat_map(|list| list.split([',', '|', ' '])).filter(|word| !word.is_empty())
}

/// Why a question is not answered, in words for whoever asks.
type Refusal = String;

fn refuse(refusal: Refusal) -> Answer {
    Answer::bad_request(crate::answer::escape_html(&refusal))
}

/// Only the short keys are known here.
fn check_options(params: &Params) -> Result<(), Refusal> {
    match words(params, &["options"]).find(|word| *word == "long-json-keys") {
        Some(word) => Err(format!("options={word} is not supported.")),
        None => Ok(()),
    }
}

/// Looks at all charts of a host, some at a time.
fn each_chart(host: &Host, mut f: impl FnMut(&HostView<'_>, &ChartView<'_>)) {
    for from in (0..).step_by(CHARTS_AT_ONCE as usize) {
        let end = host.read(|view| {
            let slots = (from..view.slots_end().min(from + CHARTS_AT_ONCE)).map(row::ChartSlot);
            slots.filter_map(|slot| view.chart(slot)).for_each(|chart| f(view, &chart));
            view.slots_end()
        });
        if from + CHARTS_AT_ONCE >= end {
            return;
        }
    }
}

/// Hosts as other parts of an answer refer to them.
fn write_nodes(json: &mut Json, hosts: &[Numbered]) {
    json.key("nodes").array(|json| {
        for (number, host) in hosts {
            json.object(|json| nodes::write_identity(json, *number, host));
        }
    });
}

/// What ends each answer: who gave it, and how long that took.
fn write_end(json: &mut Json, node: &Node, begun: Now) {
    let now = node.now();
    json.key("agents").array(|json| {
        if let Some(own) = node.store.hosts().first() {
            json.object(|json| {
                json.key("mg").text(&own.guid().to_string());
                json.key("nd").null();
                json.key("nm").text(&own.info().hostname);
                json.key("now").int(now.wall_s());
                json.key("ai").int(0);
            });
        }
    });
    json.key("timings").object(|json| {
        json.key("total_ms").double(now.mono_us.saturating_sub(begun.mono_us) as f64 / 1e3);
    });
}

/// `nodes`: which hosts there are, and what they say of themselves.
pub(super) fn nodes(node: Arc<Node>, asked: &Asked) -> Answer {
    if let Err(refusal) = check_options(&asked.params) {
        return refuse(refusal);
    }
    let begun = node.now();
    let hosts = Scope::of(&asked.params).hosts(&node);
    let mut json = Json::default();
    json.open(b'{');
    json.key("api").int(2);
    json.key("nodes").open(b'[');
    let write = |json: &mut Json, (number, host): Numbered| nodes::write(json, number, &host);
    let end = move |json: &mut Json| {
        json.close(b']');
        write_end(json, &node, begun);
        json.close(b'}');
    };
    list::answer(json, hosts, write, end)
}

/// `info`: who this node is.
pub(super) fn info(node: &Node) -> Answer {
    let begun = node.now();
    let mut json = Json::with_capacity(512);
    json.object(|json| {
        json.key("api").int(2);
        write_end(json, node, begun);
        json.key("application").object(|json| {
            json.key("name").text("tributary");
            json.key("version").text(&node.config.version);
        });
        json.key("nodes").object(|json| {
            let hosts = node.store.hosts();
            json.key("total").count(hosts.len());
            json.key("receiving").count(hosts.iter().filter(|host| host.figures().receiving.get() > 0).count());
            json.key("sending").count(hosts.iter().filter(|host| host.figures().sending.get() > 0).count());
            json.key("archived").count(hosts.iter().filter(|host| host.is_asleep()).count());
        });
    });
    Answer::json(json.finish())
}
