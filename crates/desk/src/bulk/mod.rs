//! Actions on many users at once: a filter or a list of ids, worked through in short slices by a job. What is done to each
//! user is the single action, by its own rule and under the name of who started it; here is only who comes next, what
//! became of each, and how it is turned back. How it behaves: docs/bulk.md.

pub mod actions;
pub mod model;
pub mod questions;
pub(crate) mod store;

pub use actions::{
    BulkChanged, BulkOrder, CancelBulk, GiveUpBulk, PauseBulk, ResumeBulk, RunBulkSlice, Slice, StartBulk, UndoBulk,
};
pub use model::{Bulk, BulkDeed, BulkParams, BulkState, BulkVerb, Chosen, RowOutcome, Selection};
pub use questions::{
    BulkCounts, BulkPage, BulkPreview, BulkRow, BulkRowPage, Group, ListBulkRows, ListBulks, PreviewBulk, ShowBulk,
};
