//! What every way of speaking to the desk shares. In reading order: `dialect` (what a voice is), `trouble` (what it must
//! be able to say), `extract` (callers, bodies, queries), `json` (answers), `layers` (limits, request ids, time-outs, counting).
//! A dialect sees the kit and the desk, and nothing of the native API.

pub mod dialect;
pub mod extract;
pub mod json;
pub mod layers;
pub mod trouble;

pub use dialect::{Dialect, House, Options, voice};
pub use extract::{
    Body, Form, Part, Query, RawBody, SignedBy, Stranger, Text, is_json, is_text, object, origin, pairs,
};
pub use json::Json;
pub use trouble::{Fault, Trouble};
