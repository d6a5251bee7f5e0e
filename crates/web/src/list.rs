//! JSON with one long list in it, made while it is written: what stands before it, one item after the other, what
//! stands after it.
//!
//! Items are what an answer holds until it is written; they are to be small, or to lead to what is there anyway.

use crate::answer::{Answer, JSON};
use crate::json::Json;
use crate::pieces::Make;

/// An answer of which `begun` is the beginning: lists that are open there take the items, as `write` writes them;
/// `end` closes them.
pub(crate) fn answer<T, I, W, E>(begun: Json, items: I, write: W, end: E) -> Answer
where
    T: 'static,
    I: IntoIterator<Item = T>,
    I::IntoIter: Send + 'static,
    W: FnMut(&mut Json, T) + Send + 'static,
    E: FnOnce(&mut Json) + Send + 'static,
{
    let (begun, comma) = begun.pause();
    Answer::made(JSON, List { begun, comma, items: items.into_iter(), write, end: Some(end) })
}

struct List<I, W, E> {
    begun: Vec<u8>,
    comma: bool,
    items: I,
    write: W,
    end: Option<E>,
}

impl<T, I, W, E> Make for List<I, W, E>
where
    T: 'static,
    I: Iterator<Item = T> + Send + 'static,
    W: FnMut(&mut Json, T) + Send + 'static,
    E: FnOnce(&mut Json) + Send + 'static,
{
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        out.append(&mut self.begun);
        let (item, write, end) = (self.items.next(), &mut self.write, &mut self.end);
        Json::go_on(out, &mut self.comma, |json| match item {
            Some(item) => {
                write(json, item);
                true
            }
            None => {
                end.take().into_iter().for_each(|end| end(json));
                false
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::response::IntoResponse;

    use super::*;

    /// Goal: the text is what it would be in one, however many items there are.
    #[tokio::test]
    async fn lists_of_any_length() {
        for count in [0, 1, 2, 20_000_i64] {
            let mut json = Json::default();
            json.open(b'{');
            json.key("before").int(1);
            json.key("items").open(b'[');
            let end = |json: &mut Json| {
                json.close(b']');
                json.key("after").int(2);
                json.close(b'}');
            };
            let body = answer(json, 0..count, |json, item| json.int(item), end).into_response().into_body();
            let items: Vec<String> = (0..count).map(|item| item.to_string()).collect();
            let expected = format!("{{\"before\":1,\"items\":[{}],\"after\":2}}", items.join(","));
            assert!(to_bytes(body, usize::MAX).await.unwrap() == expected.as_bytes(), "{count}");
        }
    }
}
