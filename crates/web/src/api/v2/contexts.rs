//! `contexts`: what is measured, over all hosts.

use std::collections::BTreeMap;

use super::{Numbered, Refusal, Scope, check_options, each_chart, refuse, write_end, write_nodes};
use crate::Node;
use crate::answer::Answer;
use crate::gate::Asked;
use crate::json::Json;

/// Contexts of one answer at most.
const CONTEXTS_MAX: usize = 20_000;

/// What is told of a context.
#[derive(Debug)]
struct Context {
    title: String,
    family: String,
    units: String,
    priority: i32,
    first_s: i64,
    last_s: i64,
    is_live: bool,
}

pub(in crate::api) fn answer(node: &Node, asked: &Asked) -> Answer {
    let begun = node.now();
    if let Err(refusal) = check_options(&asked.params) {
        return refuse(refusal);
    }
    let scope = Scope::of(&asked.params);
    let hosts = scope.hosts(node);
    let contexts = match gather(&scope, &hosts) {
        Ok(contexts) => contexts,
        Err(refusal) => return refuse(refusal),
    };
    let mut json = Json::with_capacity(512 + contexts.len() * 192 + hosts.len() * 128);
    json.object(|json| {
        json.key("api").int(2);
        json.key("contexts").object(|json| {
            for (id, context) in &contexts {
                json.key(id).object(|json| write(json, context));
            }
        });
        write_nodes(json, &hosts);
        write_end(json, node, begun);
    });
    Answer::json(json.finish())
}

fn gather(scope: &Scope, hosts: &[Numbered]) -> Result<BTreeMap<String, Context>, Refusal> {
    let mut contexts: BTreeMap<String, Context> = BTreeMap::new();
    for (_, host) in hosts.iter().filter(|(_, host)| !host.is_asleep()) {
        let is_fed = host.is_fed();
        each_chart(host, |_, chart| {
            let definition = chart.definition();
            if contexts.len() > CONTEXTS_MAX || !scope.has_context(definition.context) || chart.last_s() == 0 {
                return;
            }
            let (first_s, last_s) = (chart.oldest_s(), chart.last_s());
            if let Some(known) = contexts.get_mut(definition.context) {
                known.priority = known.priority.min(definition.priority);
                known.first_s = known.first_s.min(first_s);
                known.last_s = known.last_s.max(last_s);
                known.is_live |= is_fed;
                return;
            }
            let context = Context {
                title: definition.title.into(),
                family: definition.family.into(),
                units: definition.units.into(),
                priority: definition.priority,
                first_s,
                last_s,
                is_live: is_fed,
            };
            contexts.insert(definition.context.into(), context);
        });
        if contexts.len() > CONTEXTS_MAX {
            return Err(format!("There are more than {CONTEXTS_MAX} contexts: choose some with scope_contexts."));
        }
    }
    Ok(contexts)
}

fn write(json: &mut Json, context: &Context) {
    json.key("title").text(&context.title);
    json.key("family").text(&context.family);
    json.key("units").text(&context.units);
    json.key("pri").int(i64::from(context.priority));
    json.key("first_entry").int(context.first_s);
    json.key("last_entry").int(context.last_s);
    json.key("live").bool(context.is_live);
}
