//! The binary.

#[cfg_attr(
    not(test),
    expect(dead_code, unused_imports, reason = "the demo command, which seeds these people, is not there yet")
)]
mod demo;
#[cfg_attr(not(test), expect(dead_code, reason = "the worker, which sends these letters, is not there yet"))]
mod letters;

fn main() {}
