//! A socket whose first bytes were already read, and which does not wait for ever for a slow reader.
//!
//! Bytes that the accept loop read come first, then those of the socket. A peer that takes less
//! than [`PROGRESS_BYTES`] of a waiting answer within [`WRITE_PATIENCE`] is cut.

use std::future::Future;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a reader may take for [`PROGRESS_BYTES`].
const WRITE_PATIENCE: Duration = Duration::from_secs(60);
/// What a slow reader must take within [`WRITE_PATIENCE`]: 1 KiB per second.
const PROGRESS_BYTES: usize = 60 * 1024;

pub(crate) struct Socket<S> {
    inner: S,
    head: Bytes,
    /// Runs while an answer waits for its reader.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Bytes taken since the deadline was set.
    progress_bytes: usize,
}

impl<S> Socket<S> {
    pub(crate) fn new(inner: S, head: Bytes) -> Self {
        Self { inner, head, deadline: None, progress_bytes: 0 }
    }

    /// Passes on how a write went, and fails where the reader was given time enough.
    fn judge(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match wrote {
            Poll::Ready(Ok(bytes)) => {
                self.progress_bytes += bytes;
                if self.progress_bytes >= PROGRESS_BYTES {
                    self.rest();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let deadline = self.deadline.get_or_insert_with(|| {
                    self.progress_bytes = 0;
                    Box::pin(sleep(WRITE_PATIENCE))
                });
                ready!(deadline.as_mut().poll(context));
                Poll::Ready(Err(io::Error::new(ErrorKind::TimedOut, "the reader is too slow")))
            }
        }
    }

    fn rest(&mut self) {
        self.deadline = None;
        self.progress_bytes = 0;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.head.is_empty() {
            return Pin::new(&mut this.inner).poll_read(context, into);
        }
        let bytes = this.head.len().min(into.remaining());
        into.put_slice(&this.head[..bytes]);
        this.head.advance(bytes);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.judge(context, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.judge(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// Is called when everything was written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_flush(context))?;
        this.rest();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
