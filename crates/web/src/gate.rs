//! The gate before the routes: which methods, who may enter, which host is meant, and the headers
//! that every answer carries.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{ALLOW, HOST, LOCATION, ORIGIN};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::service::Service;
use rrd_store::Host;
use tracing::info;

use crate::access_log::{Connection, Line};
use crate::answer::{Answer, PLAIN};
use crate::conditional::Has;
use crate::dress::{Readers, preflight};
use crate::encoding::Encoding;
use crate::page::Page;
use crate::params::Params;
use crate::signin;
use crate::target::{Target, TargetError};
use crate::{Node, Peer, Web};

/// What is asked, for the handlers behind the routes.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The host it is asked of.
    pub(crate) host: Arc<Host>,
    /// How the URL calls the host; its name where the URL does not say.
    pub(crate) id: String,
    /// The query.
    pub(crate) params: Params,
}

impl Web {
    /// Answers one request, whoever read it.
    pub async fn answer<B>(&self, request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        self.answer_on(None, request, peer).await
    }

    /// The same, on a connection of which the access log tells.
    pub(crate) async fn answer_on<B>(
        &self,
        connection: Option<Connection>,
        mut request: Request<B>,
        peer: Peer,
    ) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let (node, asked, has) = (&self.node, request.uri().clone(), Has::of(request.headers()));
        let line = connection.map(|it| Line::begin(it, &node.clock, request.method(), request.uri()));
        let (target, page) = targeted(request.uri());
        let accepted = Encoding::accepted(request.headers());
        let readers = Readers::of(node, page, request.headers());
        let mut response = match node.admit(&mut request, target, page, peer).await {
            Err(refusal) => *refusal,
            Ok(()) => self.routes.call(request).await.unwrap_or_else(|never| match never {}),
        };
        has.shorten(&mut response);
        node.dress(&mut response, readers);
        if let Some(line) = &line {
            response = line.count(response);
        }
        node.encoders.encode(&mut response, accepted);
        if response.status().is_client_error() || response.status().is_server_error() {
            node.complain(peer, &asked, response.status());
        }
        match line {
            Some(line) => line.end_with(response),
            None => response,
        }
    }
}

/// What a URL means, and what kind of page that is; what cannot be understood is an error of the main one.
fn targeted(uri: &Uri) -> (Result<Target, TargetError>, Page) {
    let target = Target::parse(uri);
    let page = target.as_ref().map_or(Page::Main, |target| Page::of(&target.path, &target.params));
    (target, page)
}

/// Refused requests that the log tells of, in a second.
const COMPLAINTS_PER_S: u64 = 10;
/// Characters of an address that the log shows.
const SHOWN_MAX: usize = 200;

impl Node {
    /// Tells the log of a request that could not be answered; of a flood of them, the first.
    fn complain(&self, peer: Peer, asked: &Uri, status: StatusCode) {
        let second = self.now().wall_s() as u64;
        let (before, count) =
            (self.complaints.load(Ordering::Relaxed) >> 8, self.complaints.load(Ordering::Relaxed) & 255);
        let count = if before == second { count + 1 } else { 1 };
        if count <= COMPLAINTS_PER_S {
            self.complaints.store(second << 8 | count, Ordering::Relaxed);
            let asked: String = asked.to_string().chars().take(SHOWN_MAX).collect();
            info!("{peer} asked for {asked}: {}", status.as_u16());
        }
    }

    /// Prepares a request for the routes: the path is then that within the host.
    async fn admit<B: Send>(
        &self,
        request: &mut Request<B>,
        target: Result<Target, TargetError>,
        page: Page,
        peer: Peer,
    ) -> Result<(), Box<Response<Body>>> {
        if request.method() == Method::OPTIONS {
            return Err(Box::new(preflight()));
        }
        let refuse = |answer: Answer| Box::new(answer.into_response());
        let allowed = self.allowed();
        if !page.is_open_to(peer, &allowed) {
            return Err(refuse(Answer::forbidden()));
        }
        let wants_token = page.wants_token() && allowed.tokens.are_wanted();
        if wants_token && !allowed.tokens.are_shown(request.headers()) {
            return Err(refuse(no_token(target.ok().as_ref())));
        }
        let target = match target {
            Ok(target) => target,
            Err(TargetError::Unfinished(_, id)) if self.find_anywhere(&id).await.is_none() => {
                return Err(refuse(Answer::no_database(&id)));
            }
            Err(TargetError::Unfinished(encoded, _)) => {
                let is_tls = is_encrypted(peer, request.headers());
                return Err(Box::new(redirect(&encoded, request.headers(), is_tls)));
            }
            Err(TargetError::Nested) => return Err(refuse(Answer::bad_request("Nesting of hosts is not allowed."))),
            Err(TargetError::Invalid) => return Err(refuse(invalid_url())),
        };
        let methods = page.methods(&target.path);
        if !methods.split(", ").any(|method| method == request.method().as_str()) {
            return Err(Box::new(unknown_method(methods)));
        }
        let own_name = || self.store.hosts().first().map_or_else(String::new, |host| host.info().hostname.clone());
        if page == Page::Call && is_of_another_page(request.headers(), &own_name()) {
            return Err(refuse(Answer::forbidden()));
        }
        *request.uri_mut() = target.path.parse::<Uri>().map_err(|_| refuse(invalid_url()))?;
        let asked = self.asked(target).await.map_err(refuse)?;
        request.extensions_mut().insert(Arc::new(asked));
        request.extensions_mut().insert(peer);
        Ok(())
    }

    async fn asked(&self, target: Target) -> Result<Asked, Answer> {
        #[cfg(test)]
        let target = target.noted();
        let Target { host: id, params, .. } = target;
        if let Some(id) = id {
            let host = self.find_anywhere(&id).await.ok_or_else(|| Answer::no_database(&id))?;
            return Ok(Asked { host, id, params });
        }
        let host = self.store.hosts().first().cloned().ok_or_else(Answer::starting)?;
        let id = host.info().hostname.clone();
        Ok(Asked { host, id, params })
    }

    /// A host of this node or, where there is none, of the archive.
    async fn find_anywhere(&self, id: &str) -> Option<Arc<Host>> {
        match self.find(id) {
            Some(host) => Some(host),
            None => self.find_elder(id).await,
        }
    }

    fn find(&self, id: &str) -> Option<Arc<Host>> {
        if id == "localhost" { self.store.hosts().first().cloned() } else { self.store.find(id) }
    }
}

/// Whether a browser asks for a page that it has from elsewhere: that must not call functions in the name
/// of its reader. Our own pages name as their origin what the browser calls this node; and what is no
/// name of it, or an address, may be a name that its owner has moved here.
fn is_of_another_page(headers: &HeaderMap, own_name: &str) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return false };
    let text = |value: &HeaderValue| value.to_str().map(str::to_lowercase).unwrap_or_default();
    let (origin, host) = (text(origin), headers.get(HOST).map(text).unwrap_or_default());
    let node = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => &*host,
    };
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_ours = is_address || name == "localhost" || name == own_name.to_lowercase();
    node != Some(&*host) || !is_ours
}

fn unknown_method(methods: &'static str) -> Response<Body> {
    let mut response = Answer::unknown_method().into_response();
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(methods));
    response
}

fn invalid_url() -> Answer {
    Answer::bad_request("URL not valid. I don't understand you...\r\n")
}

/// Asks for a token: a browser that shows pages by a page.
fn no_token(target: Option<&Target>) -> Answer {
    let is_page = target.is_some_and(|target| {
        let name = target.path.trim_start_matches('/');
        !name.contains('/') && (!name.contains('.') || name.ends_with(".html")) && name != "api"
    });
    if is_page { signin::page() } else { Answer::unauthorized(PLAIN, "A token of this node is wanted.") }
}

/// Whether the client's connection is encrypted, be it by a proxy that says so.
pub(crate) fn is_encrypted(peer: Peer, headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").map_or(matches!(peer, Peer::Tls(_)), |scheme| scheme == "https")
}

/// Sends the client to the same host with a slash at the end, where relative URLs work. Where the
/// client does not say what it calls this node, the way is told relative to where it is.
fn redirect(encoded_id: &str, headers: &HeaderMap, is_tls: bool) -> Response<Body> {
    let mut response = Answer::new(PLAIN, "").into_response();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let forwarded = headers.get("x-forwarded-host").or_else(|| headers.get(HOST));
    let node = forwarded.and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
    let scheme = if is_tls { "https" } else { "http" };
    let location = match node {
        Some(node) => format!("{scheme}://{node}/host/{encoded_id}/"),
        None => format!("./{encoded_id}/"),
    };
    if let Ok(location) = HeaderValue::try_from(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Whether a text is a host with perhaps a port, and nothing else.
pub(crate) fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}
