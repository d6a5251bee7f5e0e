//! Where the user of a browser gives a token, once. The browser keeps it in a cookie that no script can
//! read and that no other site's page is sent with.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::response::IntoResponse;
use http::header::{LOCATION, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tokio::time::timeout;

use crate::answer::{Answer, HTML};
use crate::gate::is_encrypted;
use crate::params::Params;
use crate::secret::{COOKIE_NAME, to_hex};
use crate::{Node, Peer};

/// Where the token is sent, and what the page looks like; relative to any dashboard.
pub(crate) const PATH: &str = "/sign-in";
pub(crate) const STYLE: &str = "/sign-in.css";

/// How long a browser keeps the token, in seconds.
const KEPT_S: u32 = 30 * 86_400;
/// A form is no longer than this, and comes within this time.
const FORM_BYTES_MAX: usize = 8 * 1024;
const FORM_WITHIN: Duration = Duration::from_secs(10);

const PAGE: &str = include_str!("signin/page.html");
const CSS: &str = include_str!("signin/page.css");
const WRONG: &str = r#"<p role="alert">This token is not known here.</p>"#;

/// The page in place of what was asked for.
pub(crate) fn page() -> Answer {
    Answer::unauthorized(HTML, PAGE.replace("{{note}}", "")).tagged_by_content().embedded()
}

pub(crate) fn style() -> Answer {
    Answer::new("text/css; charset=utf-8", CSS).tagged_by_content().embedded()
}

/// Takes a token from the page's form.
pub(crate) async fn take(node: &Node, peer: Peer, headers: &HeaderMap, body: Body) -> Response<Body> {
    let form = timeout(FORM_WITHIN, to_bytes(body, FORM_BYTES_MAX)).await;
    let form = form.ok().and_then(Result::ok).and_then(|form| String::from_utf8(form.to_vec()).ok());
    let form = form.and_then(|form| Params::parse(&form)).unwrap_or_default();
    let token = form.text("token").unwrap_or_default().trim();
    if !node.allowed().tokens.have(token.as_bytes()) {
        return Answer::unauthorized(HTML, PAGE.replace("{{note}}", WRONG))
            .tagged_by_content()
            .embedded()
            .into_response();
    }
    let secure = if is_encrypted(peer, headers) { "; Secure" } else { "" };
    let cookie =
        format!("{COOKIE_NAME}={}; Path=/; Max-Age={KEPT_S}; HttpOnly; SameSite=Strict{secure}", to_hex(token));
    let mut response = Answer::new(HTML, "").into_response();
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static("./"));
    if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}
