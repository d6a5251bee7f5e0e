//! Conditional requests: who has an answer already is told so, and not sent it again.

use axum::body::Body;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// What a client says that it has.
#[derive(Debug)]
pub(crate) struct Has {
    tags: Option<HeaderValue>,
    since: Option<HeaderValue>,
}

impl Has {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let get = |name| headers.get(name).cloned();
        Self { tags: get(IF_NONE_MATCH), since: get(IF_MODIFIED_SINCE) }
    }

    /// Takes the body out of an answer that the client has.
    pub(crate) fn shorten(&self, response: &mut Response<Body>) {
        if response.status() != StatusCode::OK || !self.covers(response.headers()) {
            return;
        }
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        let headers = response.headers_mut();
        headers.remove(CONTENT_TYPE);
        headers.remove(CONTENT_ENCODING);
        headers.remove(CONTENT_LENGTH);
    }

    /// Where tags are told, dates do not count.
    fn covers(&self, headers: &HeaderMap) -> bool {
        match (&self.tags, &self.since) {
            (Some(tags), _) => headers.get(ETAG).is_some_and(|tag| is_among(tags, tag)),
            (None, Some(since)) => headers.get(LAST_MODIFIED) == Some(since),
            (None, None) => false,
        }
    }
}

/// Whether a tag is on a list, weakly compared.
fn is_among(list: &HeaderValue, tag: &HeaderValue) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let (Ok(list), Ok(tag)) = (list.to_str(), tag.to_str()) else { return false };
    list.split(',').any(|known| known.trim() == "*" || plain(known) == plain(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: what a client has is known by any of its tags, or by its date where it has no tag.
    #[test]
    fn what_a_client_has() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (name, value, status) in [
            ("if-none-match", "W/\"ab\"", 304),
            ("if-none-match", "\"x\", \"ab\"", 304),
            ("if-none-match", "*", 304),
            ("if-none-match", "\"a\"", 200),
            ("if-none-match", "", 200),
            ("if-modified-since", date, 304),
            ("if-modified-since", "Sun, 06 Nov 1994 08:49:38 GMT", 200),
            ("if-match", "\"ab\"", 200),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            let mut response = Response::new(Body::from("text"));
            response.headers_mut().insert(ETAG, HeaderValue::from_static("W/\"ab\""));
            response.headers_mut().insert(LAST_MODIFIED, HeaderValue::from_static(date));
            Has::of(&headers).shorten(&mut response);
            assert_eq!(response.status().as_u16(), status, "{name}: {value}");
        }
    }
}
