//! The API, version 1: one module per command, and what every other path gets.

mod alarms;
mod allmetrics;
mod badge;
mod chart;
mod charts;
mod contexts;
mod data;
mod fleet;
mod function;
mod functions;
mod hosts;
mod info;
mod management;
mod node;
mod openapi;
mod registry;
mod stream_info;
mod streams;
mod v2;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, get, post};
use http::{HeaderMap, Response, Uri};
use rrd_store::MemoryMode;
use tokio::time::timeout;

use crate::answer::{Answer, HTML, PLAIN, escape_html};
use crate::gate::Asked;
use crate::older::Means;
use crate::percent::{Plus, decode};
use crate::{Node, Peer, custom, files, signin};

pub(crate) use allmetrics::Scrapes;
pub(crate) use fleet::Board;

/// What a child asks before it streams.
pub(crate) const STREAM_INFO: &str = "/api/v3/stream_info";

/// What other pages embed.
pub(crate) const BADGE: &str = "/api/v1/badge.svg";

/// Silences alarms.
pub(crate) const MANAGEMENT: &str = "/api/v1/manage/health";

/// Knows who visited which nodes.
pub(crate) const REGISTRY: &str = "/api/v1/registry";

/// Shows the settings in force.
pub(crate) const SETTINGS: &str = "/netdata.conf";

/// The one path that may be posted to.
pub(crate) const FUNCTION: &str = "/api/v1/function";

/// A path within a host, and who answers it.
type Route = (&'static str, MethodRouter<Arc<Node>>);

/// All routes; the gate has taken the host out of the path.
pub(crate) fn routes(node: Arc<Node>) -> Router {
    let all = of_host().into_iter().chain(of_node()).chain(of_many());
    all.fold(Router::new(), |router, (path, answer)| router.route(path, answer)).fallback(elsewhere).with_state(node)
}

/// The questions to one host.
fn of_host() -> Vec<Route> {
    vec![
        ("/api/v1/info", get(info)),
        ("/api/v1/charts", get(charts)),
        ("/api/v1/chart", get(chart)),
        ("/api/v1/data", get(data)),
        ("/api/v1/charts_data", get(charts_data)),
        (BADGE, get(badge)),
        ("/api/v1/contexts", get(contexts_of_host)),
        ("/api/v1/context", get(context)),
        ("/api/v1/functions", get(functions)),
        (FUNCTION, post(function)),
        ("/api/v1/allmetrics", get(allmetrics)),
        ("/api/v1/alarms", get(alarms)),
        ("/api/v1/alarms_values", get(alarms_values)),
        ("/api/v1/alarm_log", get(alarm_log)),
        ("/api/v1/alarm_count", get(alarm_count)),
        ("/api/v1/alarm_variables", get(alarm_variables)),
    ]
}

/// Those to the node, whatever host is named.
fn of_node() -> Vec<Route> {
    vec![
        ("/api/v1/hosts", get(hosts)),
        ("/api/v1/fleet", get(fleet)),
        ("/api/v1/streams", get(streams)),
        ("/api/v1/node", get(this_node)),
        ("/api/v1/openapi.json", get(description)),
        (MANAGEMENT, get(manage_health)),
        (REGISTRY, get(registry)),
        (STREAM_INFO, get(stream_info)),
        (SETTINGS, get(settings)),
        ("/version.txt", get(version)),
        ("/robots.txt", get(robots)),
        ("/netdata-swagger.json", get(swagger)),
        (signin::PATH, get(sign_in_page).post(sign_in)),
        (signin::STYLE, get(sign_in_style)),
    ]
}

/// Those to many hosts, which both later versions have.
fn of_many() -> Vec<Route> {
    vec![
        ("/api/v2/nodes", get(nodes)),
        ("/api/v2/contexts", get(contexts)),
        ("/api/v2/data", get(data_of_many)),
        ("/api/v2/alerts", get(alerts)),
        ("/api/v2/info", get(info_of_many)),
        ("/api/v3/nodes", get(nodes)),
        ("/api/v3/contexts", get(contexts)),
        ("/api/v3/data", get(data_of_many)),
        ("/api/v3/alerts", get(alerts)),
        ("/api/v3/info", get(info_of_many)),
    ]
}

type OfNode = State<Arc<Node>>;
type Question = Extension<Arc<Asked>>;

async fn info(State(node): OfNode, Extension(asked): Question) -> Answer {
    Answer::json(info::answer(&node, &asked.host))
}

async fn charts(State(node): OfNode, Extension(asked): Question) -> Answer {
    if let Some(refusal) = refuse_without_rows(&asked) {
        return refusal;
    }
    charts::answer(node, Arc::clone(&asked.host))
}

async fn chart(State(node): OfNode, Extension(asked): Question) -> Answer {
    of_chart(&asked, |id| charts::one(&node, &asked.host, id))
}

/// What is answered of the chart that is asked for.
fn of_chart(asked: &Asked, answer: impl FnOnce(&str) -> Option<Vec<u8>>) -> Answer {
    let Some(id) = asked.params.text("chart") else {
        return Answer::bad_request("No chart id is given at the request.");
    };
    if let Some(refusal) = refuse_without_rows(asked) {
        return refusal;
    }
    match answer(id) {
        Some(body) => Answer::json(body),
        None => Answer::not_found(format!("Chart is not found: {}", escape_html(id))),
    }
}

async fn data(State(node): OfNode, Extension(asked): Question) -> Answer {
    if let Some(refusal) = refuse_without_rows(&asked) {
        return refusal;
    }
    let patience_ms = u64::try_from(asked.params.number("timeout", 0)).ok().filter(|&ms| ms > 0);
    let query = |node: &Node, asked: &Asked, means: Means<'_>| {
        data::answer(asked, node.now().wall_s(), node.utc_offset_s(), means)
    };
    let answer = node.answer_in_time(asked, query, data::too_long);
    let answer = async { answer.await.unwrap_or_else(|refusal| refusal) };
    node.queries.hold(while_waited_for(patience_ms, answer).await)
}

/// An answer, if it comes while its client waits.
async fn while_waited_for(patience_ms: Option<u64>, answer: impl Future<Output = Answer>) -> Answer {
    match patience_ms {
        None => answer.await,
        Some(ms) => {
            let late = |_| Answer::busy("Query timeout exceeded");
            timeout(Duration::from_millis(ms), answer).await.unwrap_or_else(late)
        }
    }
}

async fn charts_data(State(node): OfNode, Extension(asked): Question) -> Answer {
    if let Some(refusal) = refuse_without_rows(&asked) {
        return refusal;
    }
    let query = |node: &Node, asked: &Asked, means: Means<'_>| data::many(asked, node.now().wall_s(), means);
    node.answer_in_time(asked, query, data::too_long).await.unwrap_or_else(|refusal| refusal)
}

async fn badge(State(node): OfNode, Extension(asked): Question) -> Answer {
    if let Some(refusal) = refuse_without_rows(&asked) {
        return refusal;
    }
    node.answer_in_time(asked, badge::answer, data::too_long).await.unwrap_or_else(|refusal| refusal)
}

async fn contexts_of_host(State(node): OfNode, Extension(asked): Question) -> Answer {
    let answer = || Answer::json(contexts::all(&asked.host, &asked.params, node.now().wall_s()));
    refuse_without_rows(&asked).unwrap_or_else(answer)
}

async fn context(State(node): OfNode, Extension(asked): Question) -> Answer {
    let Some(id) = asked.params.text("context").or(asked.params.text("ctx")) else {
        return Answer::bad_request("No context is given at the request.").of_type(PLAIN);
    };
    if let Some(refusal) = refuse_without_rows(&asked) {
        return refusal;
    }
    match contexts::one(&asked.host, id, &asked.params, node.now().wall_s()) {
        Some(body) => Answer::json(body),
        None => Answer::json_not_found(Vec::new()),
    }
}

async fn functions(Extension(asked): Question) -> Answer {
    Answer::json(functions::answer(&asked.host))
}

async fn hosts(State(node): OfNode) -> Answer {
    node.look_for_elders();
    hosts::answer(node)
}

async fn allmetrics(State(node): OfNode, Extension(asked): Question, Extension(peer): Extension<Peer>) -> Answer {
    allmetrics::answer(&node, &asked, peer)
}

async fn fleet(State(node): OfNode, Extension(asked): Question) -> Answer {
    node.look_for_elders();
    fleet::answer(&node, &asked).await
}

async fn alarms(State(node): OfNode, Extension(asked): Question) -> Answer {
    alarms::all(&node, &asked)
}

async fn alarms_values(State(node): OfNode, Extension(asked): Question) -> Answer {
    alarms::values(&node, &asked)
}

async fn alarm_log(State(node): OfNode, Extension(asked): Question) -> Answer {
    alarms::log(&node, &asked)
}

async fn alarm_variables(State(node): OfNode, Extension(asked): Question) -> Answer {
    of_chart(&asked, |id| variables::answer(&node, &asked.host, id))
}

async fn alarm_count(State(node): OfNode, Extension(asked): Question) -> Answer {
    Answer::json(alarms::count(&node, &asked))
}

async fn manage_health(State(node): OfNode, Extension(asked): Question, headers: HeaderMap) -> Answer {
    management::answer(&node, &asked, &headers)
}

async fn registry(
    State(node): OfNode,
    Extension(asked): Question,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response<Body> {
    registry::answer(&node, &asked, peer, &headers)
}

async fn settings(State(node): OfNode) -> Answer {
    Answer::new(PLAIN, node.config.settings.clone())
}

async fn version(State(node): OfNode, uri: Uri, headers: HeaderMap) -> Answer {
    let ours = || Answer::new(PLAIN, format!("{}\n", node.config.version));
    if node.config.custom_dir.is_some() { file(&node, &uri, &headers).await } else { ours() }
}

async fn robots(State(node): OfNode, uri: Uri, headers: HeaderMap) -> Answer {
    let ours = || Answer::new(PLAIN, "User-agent: *\nAllow: /$\nDisallow: /\n").lasting(true);
    if node.config.custom_dir.is_some() { file(&node, &uri, &headers).await } else { ours() }
}

async fn description(headers: HeaderMap) -> Answer {
    openapi::answer(&headers)
}

/// Where Netdata's dashboard has its description.
async fn swagger(State(node): OfNode, uri: Uri, headers: HeaderMap) -> Answer {
    if node.config.custom_dir.is_some() { file(&node, &uri, &headers).await } else { openapi::answer(&headers) }
}

/// A file of the dashboard that this node serves.
async fn file(node: &Node, uri: &Uri, headers: &HeaderMap) -> Answer {
    match &node.config.custom_dir {
        Some(folder) => custom::file(folder, uri).await,
        None => files::file(uri, headers),
    }
}

async fn sign_in_style() -> Answer {
    signin::style()
}

async fn sign_in_page(State(node): OfNode, uri: Uri, headers: HeaderMap) -> Answer {
    if node.allowed().tokens.are_wanted() { signin::page() } else { files::file(&uri, &headers) }
}

async fn sign_in(
    State(node): OfNode,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response<Body> {
    signin::take(&node, peer, &headers, body).await
}

async fn nodes(State(node): OfNode, Extension(asked): Question) -> Answer {
    v2::nodes(node, &asked)
}

async fn contexts(State(node): OfNode, Extension(asked): Question) -> Answer {
    let query = Arc::clone(&node);
    node.queries.run(move || v2::contexts(&query, &asked)).await
}

async fn data_of_many(State(node): OfNode, Extension(asked): Question) -> Answer {
    let (query, of_query) = (Arc::clone(&node), Arc::clone(&asked));
    let answer = node.queries.run_for(move || v2::data(&query, &of_query, false)).await;
    match answer {
        Ok(Ok(answer)) => answer,
        Ok(Err(later)) => {
            let query = Arc::clone(&node);
            let long = move || v2::data(&query, &asked, true).unwrap_or_else(|_| data::too_long());
            node.queries_for(later).run(long).await
        }
        Err(refusal) => refusal,
    }
}

async fn alerts(State(node): OfNode, Extension(asked): Question) -> Answer {
    let query = Arc::clone(&node);
    node.queries.run(move || v2::alerts(&query, &asked)).await
}

async fn info_of_many(State(node): OfNode) -> Answer {
    v2::info(&node)
}

async fn stream_info(State(node): OfNode, Extension(asked): Question) -> Answer {
    stream_info::answer(&node, asked.params.text("machine_guid"))
}

async fn streams(State(node): OfNode) -> Answer {
    streams::answer(&node)
}

async fn this_node(State(node): OfNode) -> Answer {
    let query = Arc::clone(&node);
    node.queries.run(move || Answer::json(node::answer(&query))).await
}

async fn function(
    State(node): OfNode,
    Extension(asked): Question,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    function::answer(&node, &asked, peer, &headers, body).await
}

/// A host that is only passed through has no rows to show.
fn refuse_without_rows(asked: &Asked) -> Option<Answer> {
    (asked.host.keep().mode == MemoryMode::None).then(|| Answer::no_database(&asked.id))
}

/// Everything that is no command: errors below `/api`, else a file.
async fn elsewhere(State(node): OfNode, uri: Uri, headers: HeaderMap) -> Answer {
    let Some(rest) = uri.path().strip_prefix("/api").filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return file(&node, &uri, &headers).await;
    };
    let rest = decode(rest, Plus::Literal).unwrap_or_default();
    match rest.trim_start_matches('/').split_once('/') {
        None if rest.len() <= 1 => Answer::bad_request("Which API version?"),
        None if rest == "/v1" => Answer::bad_request("Which API v1 command?"),
        Some((version @ ("v1" | "v2" | "v3"), command)) => {
            Answer::not_found(format!("Unsupported {version} API command: {}", escape_html(command)))
        }
        None => Answer::not_found(format!("Unsupported API version: {}", escape_html(&rest[1..]))).of_type(HTML),
        Some((version, _)) => {
            Answer::not_found(format!("Unsupported API version: {}", escape_html(version))).of_type(HTML)
        }
    }
}
