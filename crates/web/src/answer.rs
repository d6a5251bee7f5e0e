//! Answers: a status, a type and a body, before the gate dresses them with the common headers.

use std::hash::{DefaultHasher, Hasher};

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use rrd_store::Reply;
use rrd_store::query::Missing;

use crate::encoding::Encoding;
use crate::older;
use crate::pieces::{self, Make};

pub(crate) const HTML: &str = "text/html; charset=utf-8";
pub(crate) const JSON: &str = "application/json; charset=utf-8";
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";

/// How long an answer holds, noted on the response for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It may be another the next second.
    Passing,
    /// It is about the past, and stays.
    Lasting,
    /// It stays until the program or its file changes: whoever has it asks whether that is so.
    Checked,
    /// A browser asks again after so many seconds, and may keep it until then if that is true.
    Again(i64, bool),
}

/// Whose words an answer has, noted on the response for the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The API's.
    Api,
    /// A built-in page's, or what belongs to one.
    Embedded,
    /// Those of a file that is not ours.
    Foreign,
}

/// An answer.
pub(crate) struct Answer {
    status: StatusCode,
    content_type: &'static str,
    freshness: Freshness,
    origin: Origin,
    /// What the maker holds, as far as that is worth counting.
    held_bytes: usize,
    content: Content,
    /// What only some answers carry.
    headers: Vec<(HeaderName, HeaderValue)>,
}

enum Content {
    /// It is there.
    Whole(Bytes),
    /// It is made while it is written.
    Made(Box<dyn Make>),
}

impl Answer {
    pub(crate) fn new(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::of(content_type, Content::Whole(body.into()))
    }

    /// An answer that may be long, and is made while it is written.
    pub(crate) fn made(content_type: &'static str, maker: impl Make) -> Self {
        Self::of(content_type, Content::Made(Box::new(maker)))
    }

    fn of(content_type: &'static str, content: Content) -> Self {
        Self {
            status: StatusCode::OK,
            content_type,
            freshness: Freshness::Passing,
            origin: Origin::Api,
            held_bytes: 0,
            content,
            headers: Vec::new(),
        }
    }

    pub(crate) fn json(body: Vec<u8>) -> Self {
        Self::new(JSON, body)
    }

    pub(crate) fn lasting(self, lasting: bool) -> Self {
        Self { freshness: if lasting { Freshness::Lasting } else { Freshness::Passing }, ..self }
    }

    /// Has a browser ask again after so many seconds, and perhaps keep the answer until then; 0 for neither.
    pub(crate) fn again_in(self, seconds: i64, may_be_kept: bool) -> Self {
        let freshness = if seconds > 0 { Freshness::Again(seconds, may_be_kept) } else { Freshness::Passing };
        Self { freshness, ..self }
    }

    /// Part of a built-in page.
    pub(crate) fn embedded(self) -> Self {
        Self { origin: Origin::Embedded, ..self }
    }

    /// With a tag made of what it holds.
    pub(crate) fn tagged_by_content(self) -> Self {
        let mut hasher = DefaultHasher::new();
        if let Content::Whole(bytes) = &self.content {
            hasher.write(bytes);
        }
        self.tagged(&format!("W/\"{:016x}\"", hasher.finish()))
    }

    /// What it holds is packed already.
    pub(crate) fn encoded(self, encoding: Encoding) -> Self {
        self.with(CONTENT_ENCODING, encoding.word())
    }

    /// A file that is not ours.
    pub(crate) fn foreign(self) -> Self {
        Self { origin: Origin::Foreign, ..self }
    }

    /// With a tag by which whoever has it knows it again.
    pub(crate) fn tagged(self, tag: &str) -> Self {
        Self { freshness: Freshness::Checked, ..self.with(ETAG, tag) }
    }

    /// With the date of its last change.
    pub(crate) fn modified(self, date: &str) -> Self {
        self.with(LAST_MODIFIED, date)
    }

    /// With a header more; one that cannot be written is left out.
    fn with(mut self, name: HeaderName, text: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(text).ok().map(|value| (name, value)));
        self
    }

    /// Tells what an archive did not give, if anything: then it may be there the next time.
    pub(crate) fn missing(self, missing: Option<Missing>) -> Self {
        match missing {
            Some(missing) => self.lasting(false).with(HeaderName::from_static("x-archive"), older::word(missing)),
            None => self,
        }
    }

    /// The client must show a token first.
    pub(crate) fn unauthorized(content_type: &'static str, text: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new(content_type, text) }
    }

    pub(crate) fn of_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    /// A browser is to keep it as a file; the name needs no quotes.
    pub(crate) fn attached(self, file_name: &str) -> Self {
        self.with(CONTENT_DISPOSITION, &format!("attachment; filename=\"{file_name}\""))
    }

    /// Tells how much memory the answer takes until it is written.
    pub(crate) fn of_bytes(self, held_bytes: usize) -> Self {
        Self { held_bytes, ..self }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Keeps something until the answer is written, or given up.
    pub(crate) fn holding<T: Send + 'static>(self, held: T) -> Self {
        let content = match self.content {
            Content::Made(mut maker) => Content::Made(Box::new(move |out: &mut Vec<u8>| {
                let _until_then = &held;
                maker.make(out)
            })),
            whole @ Content::Whole(_) => whole,
        };
        Self { content, ..self }
    }

    pub(crate) fn bad_request(text: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::new(PLAIN, text) }
    }

    /// The same as plain text.
    pub(crate) fn bad_question(text: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..Self::new(PLAIN, text) }
    }

    pub(crate) fn not_found(text: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::new(PLAIN, text) }
    }

    /// Something went wrong that is none of the client's business to mend.
    pub(crate) fn internal(text: impl Into<Bytes>) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, ..Self::new(PLAIN, text) }
    }

    pub(crate) fn forbidden() -> Self {
        let text = "You are not allowed to access this resource.";
        Self { status: StatusCode::FORBIDDEN, ..Self::new(PLAIN, text) }
    }

    /// Nothing like that is here, said as JSON.
    pub(crate) fn json_not_found(body: Vec<u8>) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::json(body) }
    }

    /// What an agent answered to a call. It is shown as JSON or as plain text, whatever the agent calls
    /// it: a browser must not take it for a page of ours. Codes that say something of the connection
    /// itself are not the agent's to give.
    pub(crate) fn of_agent(reply: Reply) -> Self {
        let content_type = if reply.content_type.starts_with("application/json") { JSON } else { PLAIN };
        let status = StatusCode::from_u16(reply.code)
            .ok()
            .filter(|code| code.is_success() || code.is_client_error() || code.is_server_error());
        Self { status: status.unwrap_or(StatusCode::BAD_GATEWAY), ..Self::new(content_type, reply.body) }
    }

    /// The client did not show that it may do that.
    pub(crate) fn refused(text: &'static str) -> Self {
        Self { status: StatusCode::FORBIDDEN, ..Self::new(PLAIN, text) }
    }

    /// The method is none of ours.
    pub(crate) fn unknown_method() -> Self {
        let text = "I don't understand you...\r\n";
        Self { status: StatusCode::METHOD_NOT_ALLOWED, ..Self::new(PLAIN, text) }
    }

    /// Too much is asked of the node at once.
    pub(crate) fn busy(text: &'static str) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new(PLAIN, text) }
    }

    /// The node does not know itself yet.
    pub(crate) fn starting() -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, ..Self::new(PLAIN, "") }
    }

    /// No such host, or one whose rows are not kept here.
    pub(crate) fn no_database(id: &str) -> Self {
        Self::not_found(format!("This netdata does not maintain a database for host: {}", escape_html(id)))
            .of_type(HTML)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response<Body> {
        let body = match self.content {
            Content::Whole(bytes) => Body::from(bytes),
            Content::Made(maker) => pieces::body(maker),
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(self.freshness);
        response.extensions_mut().insert(self.origin);
        response
    }
}

/// A text that stands for itself in HTML.
pub(crate) fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#x27;"),
            '/' => escaped.push_str("&#x2F;"),
            other => escaped.push(other),
        }
    }
    escaped
}
