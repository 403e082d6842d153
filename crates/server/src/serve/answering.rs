//! Answers the requests of one connection: says who the client is, and keeps track of whether the connection is waiting, receiving
//! or answering.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::ConnectInfo;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::body::{Frame, Incoming, SizeHint};

use super::connections::{Answering, Connection};
use super::forwarded::Proxies;

/// An answer of known length that is not larger is as good as sent once it is made.
const SMALL: u64 = 64 * 1024;

/// What answers.
pub struct Service {
    router: Router,
    peer: SocketAddr,
    proxies: Arc<Proxies>,
    connection: Arc<Connection>,
}

impl Service {
    /// For one connection.
    pub fn new(router: Router, peer: SocketAddr, proxies: Arc<Proxies>, connection: Arc<Connection>) -> Service {
        Service { router, peer, proxies, connection }
    }
}

impl hyper::service::Service<hyper::Request<Incoming>> for Service {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Answer {
        let answering = Some(self.connection.begin());
        let client = self.proxies.client(self.peer, request.headers());
        request.extensions_mut().insert(ConnectInfo(client));
        let request = request.map(|body| match body.is_end_stream() {
            true => Body::new(body),
            false => {
                self.connection.receives();
                Body::new(Receiving { body, connection: self.connection.clone() })
            }
        });
        // A router is always ready, so there is no need to ask.
        Answer { inner: tower::Service::call(&mut self.router.clone(), request), answering }
    }
}

/// An answer that is being made.
pub struct Answer {
    inner: RouteFuture<Infallible>,
    answering: Option<Answering>,
}

impl Future for Answer {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.inner).poll(cx))?;
        let answering = self.answering.take();
        let is_small = response.body().size_hint().exact().is_some_and(|bytes| bytes <= SMALL);
        Poll::Ready(Ok(match (is_small, answering) {
            (false, Some(answering)) => response.map(|body| Body::new(Sending { body, _answering: answering })),
            _ => response,
        }))
    }
}

/// The body of a request, counted as it comes.
struct Receiving {
    body: Incoming,
    connection: Arc<Connection>,
}

impl HttpBody for Receiving {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            Some(Ok(frame)) => self.connection.received(frame.data_ref().map_or(0, Bytes::len)),
            Some(Err(_)) | None => self.connection.has_received(),
        }
        if self.body.is_end_stream() {
            self.connection.has_received();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        self.connection.has_received();
    }
}

/// A long answer, or one of unknown length: it is being answered until its end was sent.
struct Sending {
    body: Body,
    _answering: Answering,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
