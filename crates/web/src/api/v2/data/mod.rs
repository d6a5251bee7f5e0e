//! `data`: the rows of charts of many hosts, grouped into few columns.
//!
//! The window is settled first, on seconds, so that all hosts answer with the same rows. Then each chart
//! of each host is a query of its own, whose values are added to their groups at once (`fold`); only the
//! groups stay. `summary` tells what took part.

mod ask;
mod fold;
mod summary;
mod write;

use rrd_store::query::{Charts, Elder, Missing, Query, QueryError};

use super::{Numbered, Refusal, Scope, check_options, each_chart, pattern, refuse, write_end};
use crate::Node;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::older::{Later, asking, elsewhere};
use crate::queries::{CHARTS_MAX, READS_MAX};
use ask::Ask;
use fold::{Chart, Fold};

/// Of an archive what it has, where it may be waited for.
pub(in crate::api) fn answer(node: &Node, asked: &Asked, may_wait: bool) -> Result<Answer, Later> {
    let begun = node.now();
    let ask = match check_options(&asked.params).and_then(|()| Ask::of(&asked.params, begun.wall_s())) {
        Ok(ask) => ask,
        Err(refusal) => return Ok(refuse(refusal)),
    };
    let hosts = ask.scope.hosts(node);
    let (mut fold, mut missing) = (Fold::new(&ask), None);
    let begin = hosts.first().and_then(|(_, host)| node.session(host));
    for (number, host) in hosts.iter().filter(|(_, host)| !host.is_asleep()) {
        let session = begin.as_ref().map(|session| session.for_host(host.guid()));
        let archive = if may_wait { asking(session.as_ref()) } else { elsewhere(session.as_ref()) };
        match add_host(&ask, &mut fold, (*number, host.clone()), begun.wall_s(), archive) {
            Ok(lack) => missing = missing.max(lack),
            Err(Ended::Refused(refusal)) => return Ok(refuse(refusal)),
            Err(Ended::Later(later)) => return Err(later),
        }
    }
    Ok(Answer::json(write::body(node, &ask, &fold, &hosts, begun)).missing(missing))
}

/// Why a host ends the answer.
enum Ended {
    Refused(Refusal),
    Later(Later),
}

/// Adds what a host has of the charts that are meant, and what the archive has; returns what that did not give.
fn add_host(
    ask: &Ask,
    fold: &mut Fold,
    (number, host): Numbered,
    now_s: i64,
    archive: Elder<'_>,
) -> Result<Option<Missing>, Ended> {
    let mut missing = None;
    let mut charts = Vec::new();
    each_chart(&host, |_, chart| {
        if fold.charts() + charts.len() <= CHARTS_MAX && ask.has_chart(chart) {
            charts.push(Chart::of(number, chart));
        }
    });
    if fold.charts() + charts.len() > CHARTS_MAX {
        let why = format!("More than {CHARTS_MAX} charts are meant: choose some by nodes, contexts or instances.");
        return Err(Ended::Refused(why));
    }
    let name = host.info().hostname.clone();
    for chart in charts {
        let query = Query {
            dimensions: ask.dimensions.as_ref(),
            window: ask.window,
            group: ask.time_group,
            group_options: &ask.time_group_options,
            options: ask.query_options(),
            reads_max: READS_MAX.saturating_sub(fold.reads),
            archive,
            ..Query::new(Charts::One(&chart.id))
        };
        match host.query(&query, now_s) {
            Ok(rows) => {
                missing = missing.max(rows.missing);
                fold.add(ask, chart, &name, &host.guid(), &rows).map_err(Ended::Refused)?;
            }
            // A chart that has nothing there takes no part.
            Err(QueryError::NoMatch) => (),
            Err(QueryError::Waits) => return Err(Ended::Later(Later::Waits)),
            Err(_) => {
                let why = "That is more than can be read: ask for less time, or fewer charts.";
                return Err(Ended::Refused(why.into()));
            }
        }
    }
    Ok(missing)
}
