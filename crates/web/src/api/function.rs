//! `function`: calls a function of the agent that collects a host, over its stream. The request's body, if
//! it has one, goes with the call. A client that goes away cancels its call. Ours in this form: agents
//! let only their cloud call functions.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use rrd_store::{CALL_MAX_S, Call, News, PAYLOAD_BYTES_MAX, Payload, Reply};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::answer::Answer;
use crate::gate::Asked;
use crate::{Node, Peer};

/// How long a call may take where the client does not say, in seconds.
const TIMEOUT_S: i64 = 10;
/// How long a body may take to arrive.
const BODY_WITHIN: Duration = Duration::from_secs(10);
/// What a caller may do, in the bits of agents: see data of everybody. Their functions that need more
/// say so.
const ACCESS: &str = "0x8";

pub(super) async fn answer(node: &Node, asked: &Asked, peer: Peer, headers: &HeaderMap, body: Body) -> Answer {
    let Some(function) = asked.params.text("function") else {
        return Answer::bad_request("No function is given at the request.");
    };
    let payload = match timeout(BODY_WITHIN, payload(headers, body)).await {
        Ok(Ok(payload)) => payload,
        Ok(Err(refusal)) => return Answer::of_agent(refusal),
        Err(_) => return Answer::of_agent(Reply::error(408, "the body took too long")),
    };
    let call = Call {
        function: function.into(),
        timeout_s: asked.params.number("timeout", TIMEOUT_S).clamp(1, CALL_MAX_S),
        access: ACCESS.into(),
        source: format!("method=api,ip={peer}"),
        payload,
    };
    Answer::of_agent(ask(node, asked, call).await)
}

/// Waits for the reply. Whoever drops this wait cancels the call.
async fn ask(node: &Node, asked: &Asked, call: Call) -> Reply {
    let (tell, told) = oneshot::channel();
    let mut tell = Some(tell);
    let on_news = Box::new(move |news| {
        if let News::Reply(reply) = news
            && let Some(tell) = tell.take()
            && tell.send(reply).is_err()
        {
            // The client left.
        }
    });
    let _open = asked.host.ask(call, node.now(), on_news);
    told.await.unwrap_or_else(|_| Reply::error(503, "the host is gone"))
}

/// The body as the text of a call; `None` where it is empty.
async fn payload(headers: &HeaderMap, body: Body) -> Result<Option<Payload>, Reply> {
    let told_bytes = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if told_bytes.is_some_and(|bytes| bytes > PAYLOAD_BYTES_MAX as u64) {
        return Err(too_long());
    }
    let body = to_bytes(body, PAYLOAD_BYTES_MAX).await.map_err(|_| too_long())?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|known| known.to_str().ok()).unwrap_or("text/plain");
    Ok((!body.is_empty()).then(|| Payload { content_type: content_type.into(), body: body.into() }))
}

fn too_long() -> Reply {
    Reply::error(413, "the text that comes with the call is too long to be passed on")
}
