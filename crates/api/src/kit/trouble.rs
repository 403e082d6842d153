//! What can go wrong between the wire and the answer: the desk's errors, and those of the wire itself. A dialect turns
//! each into its own envelope; nothing else ever leaves, also for a broken body, an unknown path, or a panic.

use std::marker::PhantomData;

use axum::response::{IntoResponse, Response};
use desk::Error;
use desk::value::json::Flaw;

use super::dialect::Dialect;

/// What went wrong.
#[derive(Debug)]
pub enum Trouble {
    /// The desk says no.
    Desk(Error),
    /// There is no such path.
    Path,
    /// The path does not take this method. The `Allow` header is set by the router.
    Method,
    /// The body is not what the content type says, or not of the shape that is needed.
    BodyMalformed(Flaw),
    /// The body's content type is not one that is read here.
    BodyType,
    /// The body is larger than the limit, in bytes.
    BodyTooLarge(usize),
    /// The query string is not of the shape that is needed.
    Query(Flaw),
    /// A condition of the request can never hold. The text says why.
    Precondition(&'static str),
    /// The request took too long.
    TimedOut,
    /// A fault of ours that stopped the handler.
    Panicked,
}

impl Trouble {
    /// A body that cannot be read, for a reason that is no field's.
    pub fn body(message: &str) -> Trouble {
        Trouble::BodyMalformed(whole(message))
    }

    /// A query that cannot be read, for a reason that is no parameter's.
    pub fn query(message: &str) -> Trouble {
        Trouble::Query(whole(message))
    }
}

fn whole(message: &str) -> Flaw {
    Flaw { path: String::new(), code: "malformed", message: message.to_owned(), place: None }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Trouble::Desk(error)
    }
}

/// A trouble in a dialect's voice: what handlers return, so that `?` works in them.
pub struct Fault<D: Dialect> {
    /// What went wrong.
    pub trouble: Trouble,
    voice: PhantomData<fn() -> D>,
}

impl<D: Dialect, T: Into<Trouble>> From<T> for Fault<D> {
    fn from(trouble: T) -> Self {
        Fault { trouble: trouble.into(), voice: PhantomData }
    }
}

impl<D: Dialect> IntoResponse for Fault<D> {
    fn into_response(self) -> Response {
        let request_id = super::layers::current_request_id();
        if let Trouble::Desk(Error::Internal(source)) = &self.trouble {
            tracing::error!(error = %source, "a request failed inside");
        }
        D::fault(&self.trouble, &request_id)
    }
}
