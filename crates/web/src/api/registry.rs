//! `registry`: what dashboards ask of it, and the cookie by which it knows a browser.
//!
//! Dashboards of other nodes ask, too, in the name of whoever looks at them. A page speaks for itself
//! alone: if the browser says where it is from, that is where the URL that it tells must be. Links and pictures
//! speak for nobody.

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{HOST, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use row::Guid;

use crate::answer::{Answer, JSON, PLAIN};
use crate::date::http_date;
use crate::gate::{Asked, is_authority, is_encrypted};
use crate::json::Json;
use crate::registry::{Asking, NAME_BYTES_MAX, Registry, SwitchError, URL_BYTES_MAX, Visit};
use crate::secret::cookies;
use crate::{Node, Peer};

const COOKIE_NAME: &str = "netdata_registry_id";
/// What a browser is given first, to see whether it keeps cookies.
const TRIAL: &str = "give-me-back-this-cookie-now--please";
/// Where the cloud is, of which there is none. Netdata's dashboard of 1.37 shows nothing at all where this is empty; the
/// one before it has a frame of what it says, to which it adds a path, so that this must be a page that asks nobody.
const NO_CLOUD: &str = "about:blank#";
/// How long a browser keeps its cookie, in seconds.
const KEPT_S: i64 = 365 * 86_400;

/// Who asks, and from where.
struct Visitor {
    /// What the cookie says; nothing where there is none.
    cookie: Option<String>,
    url: String,
    name: String,
}

pub(super) fn answer(node: &Node, asked: &Asked, peer: Peer, headers: &HeaderMap) -> Response<Body> {
    let params = &asked.params;
    let action = params.text("action").unwrap_or_default();
    let needed = match action {
        "hello" => return hello(node, asked, peer, headers),
        "access" => ("Access", None),
        "delete" => ("Delete", Some("delete_url")),
        "search" => ("Search", Some("for")),
        "switch" => ("Switch", Some("to")),
        _ => {
            let text = "Invalid registry request - you need to set an action: hello, access, delete, search";
            return Answer::bad_request(text).of_type(PLAIN).into_response();
        }
    };
    let Some(registry) = &node.registry else {
        return said(asked, action, "disabled", StatusCode::OK, |json| {
            json.key("registry").text(&announced(node, peer, headers));
        });
    };
    let all = [Some("machine"), Some("name"), Some("url"), needed.1];
    if all.iter().flatten().any(|name| params.text(name).is_none()) {
        return Answer::bad_request(format!("Invalid registry {} request.", needed.0)).of_type(PLAIN).into_response();
    }
    let Some(visitor) = Visitor::of(asked, headers).filter(|_| is_of_script(headers)) else {
        return said(asked, action, "failed", StatusCode::PRECONDITION_FAILED, |_| ());
    };
    let asking = Asking { machine: params.text("machine").unwrap_or_default(), url: &visitor.url };
    let third = needed.1.and_then(|name| params.text(name)).unwrap_or_default();
    let failed = |status| said(asked, action, "failed", status, |_| ());
    match action {
        "access" => access(node, registry, asked, peer, headers, &visitor, &asking),
        "delete" if registry.delete(visitor.person(), &asking, &url(third)) => {
            said(asked, action, "ok", StatusCode::OK, |_| ())
        }
        "delete" => failed(StatusCode::PRECONDITION_FAILED),
        "search" => match registry.search(visitor.person(), &asking, third) {
            None => failed(StatusCode::NOT_FOUND),
            Some(visits) => said(asked, action, "ok", StatusCode::OK, |json| write_visits(json, &visits, false)),
        },
        _ => match registry.switch(visitor.person(), &asking, third) {
            Err(why) => failed(status_of(why)),
            Ok(person) => {
                let text = person.to_string();
                let mut response =
                    said(asked, action, "ok", StatusCode::OK, |json| json.key("person_guid").text(&text));
                set_cookie(&mut response, &text, node.now().wall_s());
                response
            }
        },
    }
}

/// Where the registry is that dashboards of this node shall ask.
fn hello(node: &Node, asked: &Asked, peer: Peer, headers: &HeaderMap) -> Response<Body> {
    said(asked, "hello", "ok", StatusCode::OK, |json| {
        json.key("registry").text(&announced(node, peer, headers));
        json.key("cloud_base_url").text(NO_CLOUD);
        json.key("anonymous_statistics").bool(false);
    })
}

fn access(
    node: &Node,
    registry: &Registry,
    asked: &Asked,
    peer: Peer,
    headers: &HeaderMap,
    visitor: &Visitor,
    asking: &Asking<'_>,
) -> Response<Body> {
    let now_s = node.now().wall_s();
    if visitor.cookie.is_none() {
        let mut json = Json::default();
        json.object(|json| {
            json.key("status").text("redirect");
            json.key("registry").text(&announced(node, peer, headers));
        });
        let mut response = Answer::json(json.finish()).into_response();
        set_cookie(&mut response, TRIAL, now_s);
        return response;
    }
    if Guid::parse(asking.machine.as_bytes()).is_err() {
        return said(asked, "access", "failed", StatusCode::PRECONDITION_FAILED, |_| ());
    }
    let new = node.config.registry.new_guid;
    let (person, visits) = registry.access(visitor.person(), asking, &visitor.name, now_s, new);
    let person = person.to_string();
    let mut response = said(asked, "access", "ok", StatusCode::OK, |json| {
        json.key("person_guid").text(&person);
        write_visits(json, &visits, true);
    });
    set_cookie(&mut response, &person, now_s);
    response
}

impl Visitor {
    /// `None` where the URL is none, or of another page than that which asks.
    fn of(asked: &Asked, headers: &HeaderMap) -> Option<Self> {
        let url = url(asked.params.text("url")?);
        let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or_default());
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"))?;
        // A frame that any page has put into a sandbox is from "null": that speaks for nobody, either.
        let is_its_own = origin.is_none_or(|origin| origin_of(&url, rest).eq_ignore_ascii_case(origin));
        let cookie =
            cookies(headers).filter(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.to_owned()).last();
        let name = clean(asked.params.text("name").unwrap_or_default(), NAME_BYTES_MAX);
        is_its_own.then_some(Self { cookie, url, name })
    }

    fn person(&self) -> Option<Guid> {
        Guid::parse(self.cookie.as_ref()?.as_bytes()).ok()
    }
}

/// Whether a page's script asks, as far as the browser says: it says nothing of its own accord of where a
/// picture or a link is from, but that it is one.
fn is_of_script(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-mode").is_none_or(|mode| mode == "cors" || mode == "same-origin")
}

/// Scheme, host and port of a URL, of which `rest` is what follows the scheme.
fn origin_of<'a>(url: &'a str, rest: &str) -> &'a str {
    let begin = url.len() - rest.len();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &url[..begin + end]
}

/// A URL as it is kept: without blanks, and not too long.
fn url(text: &str) -> String {
    clean(text, URL_BYTES_MAX).replace(' ', "%20")
}

/// A text without control characters and blanks around it, cut to some bytes.
fn clean(text: &str, bytes_max: usize) -> String {
    let mut clean = String::new();
    for character in text.trim().chars().map(|it| if it.is_control() { ' ' } else { it }) {
        if clean.len() + character.len_utf8() > bytes_max {
            break;
        }
        clean.push(character);
    }
    clean
}

/// The registry's URL: as it is announced, or what the client calls this node.
fn announced(node: &Node, peer: Peer, headers: &HeaderMap) -> String {
    let announce = &node.config.registry.announce;
    if !announce.is_empty() {
        return announce.clone();
    }
    let host = headers.get("x-forwarded-host").or_else(|| headers.get(HOST)).and_then(|host| host.to_str().ok());
    let scheme = if is_encrypted(peer, headers) { "https" } else { "http" };
    host.filter(|host| is_authority(host)).map_or_else(String::new, |host| format!("{scheme}://{host}"))
}

fn status_of(why: SwitchError) -> StatusCode {
    let code = match why {
        SwitchError::UnknownPerson => 430,
        SwitchError::UnknownOther => 431,
        SwitchError::UnknownMachine => 432,
        SwitchError::NotOfPerson => 433,
        SwitchError::NotOfOther => 434,
    };
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}

fn said(asked: &Asked, action: &str, status: &str, code: StatusCode, more: impl FnOnce(&mut Json)) -> Response<Body> {
    let mut json = Json::default();
    json.object(|json| {
        json.key("action").text(action);
        json.key("status").text(status);
        json.key("hostname").text(&asked.host.info().hostname);
        json.key("machine_guid").text(&asked.host.guid().to_string());
        more(json);
    });
    let mut response = Answer::new(JSON, json.finish()).into_response();
    *response.status_mut() = code;
    response
}

/// What came last comes first.
fn write_visits(json: &mut Json, visits: &[Visit], with_names: bool) {
    json.key("urls").array(|json| {
        for visit in visits.iter().rev() {
            json.array(|json| {
                json.text(&visit.machine.to_string());
                json.text(&visit.url);
                json.int(visit.last_s * 1_000);
                json.int(i64::from(visit.count));
                if with_names {
                    json.text(&visit.name);
                }
            });
        }
    });
}

/// Twice: browsers that are strict take the second, which goes with requests of pages of other nodes.
fn set_cookie(response: &mut Response<Body>, value: &str, now_s: i64) {
    let expires = http_date(now_s + KEPT_S);
    for more in ["", "; SameSite=None; Secure"] {
        if let Ok(cookie) = HeaderValue::try_from(format!("{COOKIE_NAME}={value}; Expires={expires}{more}")) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}
