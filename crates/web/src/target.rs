//! What a URL means: which host, what of it, and the query.
//!
//! Two habits of existing clients shape this: the `?` may come as `%3F`, and slashes come doubled.
//! `/host/ID/rest` and `/node/ID/rest` mean `rest`, asked of that host.

use http::Uri;

use crate::params::Params;
use crate::percent::{Plus, decode};

/// Bytes of a URL at most.
const URL_BYTES_MAX: usize = 8 * 1024;

/// A URL, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The host it names, decoded; `None` for the node itself.
    pub(crate) host: Option<String>,
    /// The rest of the path: still encoded, begins with a slash, no slash doubled.
    pub(crate) path: String,
    /// The query.
    pub(crate) params: Params,
}

/// Why a URL means nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TargetError {
    /// Too long, a NUL, or no UTF-8.
    Invalid,
    /// A host within a host.
    Nested,
    /// `/host/ID` wants a slash at its end; the encoded and the decoded id.
    Unfinished(String, String),
}

impl Target {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, TargetError> {
        let (path, params) = split(uri)?;
        let path = collapse(path);
        decode(&path, Plus::Literal).ok_or(TargetError::Invalid)?;
        let Some((id, rest)) = scope(&path) else { return Ok(Self { host: None, path, params }) };
        let host = decode(id, Plus::Literal).ok_or(TargetError::Invalid)?;
        let Some(rest) = rest else { return Err(TargetError::Unfinished(id.into(), host)) };
        if scope(rest).is_some() {
            return Err(TargetError::Nested);
        }
        Ok(Self { host: Some(host), path: rest.into(), params })
    }

    /// The same, of which is noted what is read.
    #[cfg(test)]
    pub(crate) fn noted(self) -> Self {
        Self { params: self.params.noted(self.path.clone()), ..self }
    }
}

/// Parts path and query, at `?` or, where there is none, at the first `%3F`.
fn split(uri: &Uri) -> Result<(&str, Params), TargetError> {
    let path = uri.path();
    if path.len() + uri.query().map_or(0, str::len) > URL_BYTES_MAX {
        return Err(TargetError::Invalid);
    }
    let encoded_mark = || path.find("%3F").into_iter().chain(path.find("%3f")).min();
    let (path, params) = match (uri.query(), encoded_mark()) {
        (Some(query), _) => (path, Params::parse(query)),
        (None, Some(at)) => (&path[..at], Params::parse_encoded(&path[at + 3..])),
        (None, None) => (path, Some(Params::default())),
    };
    params.map(|params| (path, params)).ok_or(TargetError::Invalid)
}

/// Makes one slash of several.
fn collapse(path: &str) -> String {
    let mut collapsed = String::with_capacity(path.len() + 1);
    for character in std::iter::once('/').chain(path.chars()) {
        if character != '/' || !collapsed.ends_with('/') {
            collapsed.push(character);
        }
    }
    collapsed
}

/// The encoded id of a path that names a host, and what follows it, if anything does.
fn scope(path: &str) -> Option<(&str, Option<&str>)> {
    let rest = path.strip_prefix("/host/").or_else(|| path.strip_prefix("/node/"))?;
    let end = rest.find('/');
    Some(end.map_or((rest, None), |end| (&rest[..end], Some(&rest[end..]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Target, TargetError> {
        Target::parse(&url.parse().unwrap())
    }

    /// Every way in which clients write the same question.
    #[test]
    fn urls_name_a_host_a_path_and_a_query() {
        for (url, host, path, chart) in [
            ("/", None, "/", None),
            ("//api//v1///data?chart=a", None, "/api/v1/data", Some("a")),
            ("/api/v1/data%3Fchart=a&after=-1", None, "/api/v1/data", Some("a")),
            ("/api/v1/data%3fx%3D1%26chart%3Da%20b", None, "/api/v1/data", Some("a b")),
            ("/api/v1/data%3F?chart=a", None, "/api/v1/data%3F", Some("a")),
            ("/host/beta//api/v1/info", Some("beta"), "/api/v1/info", None),
            ("/node/beta/", Some("beta"), "/", None),
            ("/host/my%20box%2F1/x.css", Some("my box/1"), "/x.css", None),
            ("/hosts/a/b", None, "/hosts/a/b", None),
            ("http://h:1/api/v1/info?chart=%61", None, "/api/v1/info", Some("a")),
            ("/host/", Some(""), "", None),
        ] {
            if path.is_empty() {
                assert_eq!(parse(url), Err(TargetError::Unfinished(String::new(), String::new())));
                continue;
            }
            let target = parse(url).unwrap();
            assert_eq!((target.host.as_deref(), target.path.as_str()), (host, path), "{url}");
            assert_eq!(target.params.text("chart"), chart, "{url}");
        }
    }

    /// What cannot be served says why.
    #[test]
    fn bad_urls_are_told_apart() {
        assert_eq!(parse("/host/a%2Fb"), Err(TargetError::Unfinished("a%2Fb".into(), "a/b".into())));
        assert_eq!(parse("/host/a/host/b/"), Err(TargetError::Nested));
        assert_eq!(parse("/host/a/node/b"), Err(TargetError::Nested));
        for url in ["/%00", "/api%ff", "/host/%00/x", "/a?b=%00", "/a%3Fb=%00"] {
            assert_eq!(parse(url), Err(TargetError::Invalid), "{url}");
        }
        assert_eq!(parse(&format!("/{}", "x".repeat(URL_BYTES_MAX))), Err(TargetError::Invalid));
    }
}
