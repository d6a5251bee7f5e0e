//! Answers that are made while they are written: piece by piece, the next one when the connection can
//! take it.
//!
//! ```text
//! maker ─ PIECE_BYTES at a time ─> Pieces ─> (encoding) ─> hyper ─> socket (cuts slow readers)
//! ```
//!
//! What is not asked for is not made: a reader that goes away or falls asleep costs what the maker holds, and
//! no more. Between two pieces every other task of the thread has its turn.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame};

/// Bytes after which a piece is written: some 0.1 ms of work. Shorter answers are made in one go.
pub(crate) const PIECE_BYTES: usize = 32 * 1024;

/// Makes an answer. A closure is one, too.
pub(crate) trait Make: Send + 'static {
    /// Appends the next part, however short; returns whether there is more to come. A part should not
    /// be much longer than a piece.
    fn make(&mut self, out: &mut Vec<u8>) -> bool;
}

impl<F: FnMut(&mut Vec<u8>) -> bool + Send + 'static> Make for F {
    fn make(&mut self, out: &mut Vec<u8>) -> bool {
        self(out)
    }
}

/// The body that a maker makes. One that is short is whole from the start, and its length is known.
pub(crate) fn body(mut maker: Box<dyn Make>) -> Body {
    let (first, is_more) = piece(&mut *maker);
    if is_more { Body::new(Pieces { first, maker, is_more, rested: true }) } else { Body::from(first) }
}

/// Makes a piece; says whether there are more.
fn piece(maker: &mut dyn Make) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 2);
    while maker.make(&mut out) {
        if out.len() >= PIECE_BYTES {
            return (out, true);
        }
    }
    (out, false)
}

struct Pieces {
    /// Was made to see whether there is more.
    first: Vec<u8>,
    maker: Box<dyn Make>,
    is_more: bool,
    /// Others had their turn since the last piece.
    rested: bool,
}

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let mut next = mem::take(&mut this.first);
        if next.is_empty() && this.is_more {
            if !mem::replace(&mut this.rested, true) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            (next, this.is_more) = piece(&mut *this.maker);
        }
        this.rested = false;
        Poll::Ready((!next.is_empty()).then(|| Ok(Frame::data(next.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && !self.is_more
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Waker;

    use axum::body::to_bytes;

    use super::*;

    /// A maker of so many parts of a kilobyte, which counts them.
    fn counted(parts: usize) -> (Box<dyn Make>, Arc<AtomicUsize>) {
        let made = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&made);
        let maker = move |out: &mut Vec<u8>| {
            let number = counter.fetch_add(1, Ordering::Relaxed);
            out.resize(out.len() + 1_024, number as u8);
            number + 1 < parts
        };
        (Box::new(maker), made)
    }

    /// All parts come, in their order; only of a short answer the length is known before.
    #[tokio::test]
    async fn answers_are_whole_however_long_they_are() {
        for (parts, is_short) in [(1, true), (31, true), (32, true), (33, false), (1_000, false)] {
            let body = body(counted(parts).0);
            assert_eq!(body.size_hint().exact().is_some(), is_short, "{parts}");
            let bytes = to_bytes(body, usize::MAX).await.unwrap();
            assert_eq!(bytes.len(), parts * 1_024);
            assert!(
                bytes.chunks(1_024).enumerate().all(|(number, part)| part.iter().all(|&byte| byte == number as u8))
            );
        }
    }

    /// A piece is made when it is asked for, not before; and between two pieces others have their turn.
    #[test]
    fn pieces_are_made_on_demand() {
        let (maker, made) = counted(1_000);
        let mut body = body(maker);
        let mut context = Context::from_waker(Waker::noop());
        let mut poll = || Pin::new(&mut body).poll_frame(&mut context).is_ready();
        assert_eq!(made.load(Ordering::Relaxed), 32, "the first piece");
        assert!(poll());
        assert_eq!(made.load(Ordering::Relaxed), 32);
        assert!(!poll(), "it is the turn of others");
        assert_eq!(made.load(Ordering::Relaxed), 32);
        assert!(poll());
        assert_eq!(made.load(Ordering::Relaxed), 64);
    }
}
