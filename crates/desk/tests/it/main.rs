//! The desk against real engines: one binary, every test on each engine that is available.

mod db;
