//! Tests of the dialects, as their callers see them.

mod banno;
