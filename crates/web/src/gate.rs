//! The gate before the routes: which methods, who may enter, which host is meant, and the headers
//! that every answer carries.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::body::{Body, HttpBody};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, EXPIRES, HOST,
    LOCATION, ORIGIN, PRAGMA, REFRESH, SERVER, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::service::Service;
use rrd_store::Host;
use tracing::info;

use crate::answer::{Answer, Freshness, PLAIN};
use crate::api::{BADGE, FUNCTION, STREAM_INFO};
use crate::date::http_date;
use crate::encoding::Encoding;
use crate::params::Params;
use crate::target::{Target, TargetError};
use crate::{Node, Peer, Web};

/// How long a lasting answer may be kept, in seconds.
const LASTING_S: i64 = 86_400;
/// What is understood at most paths, and where functions are called.
const METHODS: &str = "GET, HEAD, OPTIONS";
const METHODS_OF_CALLS: &str = "POST, OPTIONS";
const PREFLIGHT_HEADERS: &str =
    "accept, x-requested-with, origin, content-type, cookie, pragma, cache-control, x-auth-token";

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
    pub async fn answer<B>(&self, mut request: Request<B>, peer: Peer) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        let origin = request.headers().get(ORIGIN).cloned();
        let asked = request.uri().clone();
        let accepted = Encoding::accepted(request.headers());
        let mut response = match self.node.admit(&mut request, peer) {
            Err(refusal) => *refusal,
            Ok(()) => self.routes.call(request).await.unwrap_or_else(|never| match never {}),
        };
        self.node.dress(&mut response, origin);
        self.node.encoders.encode(&mut response, accepted);
        if !response.status().is_success() && !response.status().is_redirection() {
            self.node.complain(peer, &asked, response.status());
        }
        response
    }
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
    fn admit<B>(&self, request: &mut Request<B>, peer: Peer) -> Result<(), Box<Response<Body>>> {
        if request.method() == Method::OPTIONS {
            return Err(Box::new(preflight()));
        }
        let refuse = |answer: Answer| Box::new(answer.into_response());
        let allowed = self.allowed();
        // Children ask this before they stream.
        let may_enter = match request.uri().path() {
            STREAM_INFO => peer.is_allowed_by(&allowed.streaming),
            path => path.ends_with(BADGE) && peer.is_allowed_by(&allowed.badges),
        };
        if !may_enter && !peer.is_allowed_by(&allowed.dashboard) {
            return Err(refuse(Answer::forbidden()));
        }
        let target = match Target::parse(request.uri()) {
            Ok(target) => target,
            Err(TargetError::Unfinished(_, id)) if self.find(&id).is_none() => {
                return Err(refuse(Answer::no_database(&id)));
            }
            Err(TargetError::Unfinished(encoded, _)) => {
                let is_tls = matches!(peer, Peer::Tls(_));
                return Err(Box::new(redirect(&encoded, request.headers(), is_tls)));
            }
            Err(TargetError::Nested) => return Err(refuse(Answer::bad_request("Nesting of hosts is not allowed."))),
            Err(TargetError::Invalid) => return Err(refuse(invalid_url())),
        };
        let is_call = target.path == FUNCTION;
        let methods = if is_call { METHODS_OF_CALLS } else { METHODS };
        if !methods.split(", ").any(|method| method == request.method().as_str()) {
            return Err(Box::new(unknown_method(methods)));
        }
        let own_name = || self.store.hosts().first().map_or_else(String::new, |host| host.info().hostname.clone());
        if is_call && (!peer.is_allowed_by(&allowed.functions) || is_of_another_page(request.headers(), &own_name())) {
            return Err(refuse(Answer::forbidden()));
        }
        *request.uri_mut() = target.path.parse::<Uri>().map_err(|_| refuse(invalid_url()))?;
        let asked = self.asked(target).map_err(refuse)?;
        request.extensions_mut().insert(Arc::new(asked));
        request.extensions_mut().insert(peer);
        Ok(())
    }

    fn asked(&self, target: Target) -> Result<Asked, Answer> {
        let Target { host: id, params, .. } = target;
        if let Some(id) = id {
            let host = self.find(&id).ok_or_else(|| Answer::no_database(&id))?;
            return Ok(Asked { host, id, params });
        }
        let host = self.store.hosts().first().cloned().ok_or_else(Answer::starting)?;
        let id = host.info().hostname.clone();
        Ok(Asked { host, id, params })
    }

    fn find(&self, id: &str) -> Option<Arc<Host>> {
        if id == "localhost" { self.store.hosts().first().cloned() } else { self.store.find(id) }
    }

    /// Adds the headers that do not depend on what was asked.
    fn dress(&self, response: &mut Response<Body>, origin: Option<HeaderValue>) {
        let freshness = response.extensions().get::<Freshness>().filter(|_| response.status() == StatusCode::OK);
        let (lasting, lasts_s) = match freshness {
            Some(Freshness::Lasting) => (true, LASTING_S),
            Some(Freshness::Again(seconds, may_be_kept)) => (*may_be_kept, *seconds),
            Some(Freshness::Passing) | None => (false, 1),
        };
        let comes_again = matches!(freshness, Some(Freshness::Again(..)));
        let expires_s = self.now().wall_s() + lasts_s;
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
        put(ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        put(VARY, "origin");
        put(X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(CONTENT_SECURITY_POLICY, "default-src 'self'");
        if lasting {
            put(CACHE_CONTROL, "public");
        } else {
            put(CACHE_CONTROL, "no-cache, no-store, must-revalidate");
            put(PRAGMA, "no-cache");
        }
        if comes_again {
            headers.insert(REFRESH, HeaderValue::from(lasts_s));
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.unwrap_or(HeaderValue::from_static("*")));
        let texts = [(SERVER, format!("Tributary/{}", self.config.version)), (EXPIRES, http_date(expires_s))];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.insert(name, value);
            }
        }
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

/// Tells a browser what other origins may ask.
fn preflight() -> Response<Body> {
    let mut response = Answer::new(PLAIN, "OK").into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(PREFLIGHT_HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1209600"));
    response
}

/// Sends the client to the same host with a slash at the end, where relative URLs work. Where the
/// client does not say what it calls this node, the way is told relative to where it is.
fn redirect(encoded_id: &str, headers: &HeaderMap, is_tls: bool) -> Response<Body> {
    let mut response = Answer::new(PLAIN, "").into_response();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let forwarded = headers.get("x-forwarded-host").or_else(|| headers.get(HOST));
    let node = forwarded.and_then(|host| host.to_str().ok()).filter(|host| is_authority(host));
    let tls = headers.get("x-forwarded-proto").map_or(is_tls, |scheme| scheme == "https");
    let scheme = if tls { "https" } else { "http" };
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
fn is_authority(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
}
