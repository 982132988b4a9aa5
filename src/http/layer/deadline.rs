//! A body that comes in time or not at all: a handler that waits for the second half of a form would wait for ever, and with
//! it the connection and its memory.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

/// A body and the moment until which all of it has to be there.
pub struct Deadline {
    body: Body,
    until: Pin<Box<Sleep>>,
}

/// What the handler reads instead of the rest.
#[derive(Debug, thiserror::Error)]
#[error("the body did not come in time")]
struct TooSlow;

impl Deadline {
    /// Counted from now.
    pub fn new(body: Body, span: Duration) -> Self {
        Self { body, until: Box::pin(tokio::time::sleep(span)) }
    }
}

impl HttpBody for Deadline {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending if self.until.as_mut().poll(cx).is_ready() => {
                Poll::Ready(Some(Err(axum::Error::new(TooSlow))))
            }
            frame => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
