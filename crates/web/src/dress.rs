//! The headers that answers carry, whatever was asked: how long they hold, who may read and frame them,
//! and what a browser may do with them.

use axum::body::Body;
use axum::response::IntoResponse;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, EXPIRES, ORIGIN,
    PRAGMA, REFERRER_POLICY, REFRESH, SERVER, VARY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::Node;
use crate::answer::{Answer, Freshness, Origin, PLAIN};
use crate::date::http_date;
use crate::page::Page;

/// How long a lasting answer may be kept, in seconds.
const LASTING_S: i64 = 86_400;
const PREFLIGHT_HEADERS: &str =
    "accept, x-requested-with, origin, content-type, cookie, pragma, cache-control, x-auth-token, authorization";
/// What a browser may do with an answer of the API that it takes for a page: show it, no more.
const POLICY_OF_API: &str = "default-src 'none'; sandbox";
/// What the built-in pages may do: use what this node has, and ask the registry that it announces.
const POLICY_OF_PAGES: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'; \
     connect-src 'self'";

/// Whether pages from elsewhere may read answers, and in whose name.
#[derive(Debug, Clone)]
pub(crate) enum Readers {
    /// Those of an origin, with cookies: in the name of whoever looks at them.
    WithCookies(Option<HeaderValue>),
    /// Any, but in nobody's name: with a token of their own, if one is wanted.
    Anonymous,
}

impl Readers {
    pub(crate) fn of(node: &Node, page: Page, headers: &HeaderMap) -> Self {
        if page.wants_token() && node.allowed().tokens.are_wanted() {
            return Self::Anonymous;
        }
        Self::WithCookies(headers.get(ORIGIN).cloned())
    }

    fn tell(self, headers: &mut HeaderMap) {
        let everybody = HeaderValue::from_static("*");
        let origin = match self {
            Self::WithCookies(origin) => {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
                origin.unwrap_or(everybody)
            }
            Self::Anonymous => everybody,
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// Tells a browser what pages from elsewhere may ask.
pub(crate) fn preflight() -> Response<Body> {
    let mut response = Answer::new(PLAIN, "OK").into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, OPTIONS"));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(PREFLIGHT_HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("1209600"));
    response
}

impl Node {
    /// Adds the headers that do not depend on what was asked.
    pub(crate) fn dress(&self, response: &mut Response<Body>, readers: Readers) {
        self.tell_how_long(response);
        let origin = response.extensions().get::<Origin>().copied().unwrap_or(Origin::Api);
        let policy = match origin {
            Origin::Api => Some(POLICY_OF_API.to_owned()),
            Origin::Embedded => Some(format!("{POLICY_OF_PAGES} {}", self.config.registry.announced_origin())),
            Origin::Foreign => None,
        };
        let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: &'static str| headers.append(name, HeaderValue::from_static(value));
        put(VARY, "origin");
        put(X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(REFERRER_POLICY, "same-origin");
        if is_unauthorized {
            put(WWW_AUTHENTICATE, "Bearer realm=\"tributary\"");
        }
        readers.tell(headers);
        let server = Some(format!("Tributary/{}", self.config.version));
        for (name, text) in [(SERVER, server), (CONTENT_SECURITY_POLICY, policy)] {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text.trim_end()).ok()) {
                headers.insert(name, value);
            }
        }
    }

    fn tell_how_long(&self, response: &mut Response<Body>) {
        let is_good = [StatusCode::OK, StatusCode::NOT_MODIFIED].contains(&response.status());
        let freshness = response.extensions().get::<Freshness>().copied().filter(|_| is_good);
        let freshness = freshness.unwrap_or(Freshness::Passing);
        let headers = response.headers_mut();
        let mut put = |name: HeaderName, value: HeaderValue| headers.insert(name, value);
        let (lasts_s, cache) = match freshness {
            Freshness::Lasting => (LASTING_S, "public"),
            Freshness::Again(seconds, true) => (seconds, "public"),
            Freshness::Again(seconds, false) => (seconds, "no-cache, no-store, must-revalidate"),
            Freshness::Checked => (0, "no-cache"),
            Freshness::Passing => (1, "no-cache, no-store, must-revalidate"),
        };
        put(CACHE_CONTROL, HeaderValue::from_static(cache));
        if cache.contains("no-store") {
            put(PRAGMA, HeaderValue::from_static("no-cache"));
        }
        if matches!(freshness, Freshness::Again(..)) {
            put(REFRESH, HeaderValue::from(lasts_s));
        }
        if let Ok(date) = HeaderValue::try_from(http_date(self.now().wall_s() + lasts_s)) {
            put(EXPIRES, date);
        }
    }
}
