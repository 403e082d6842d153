//! Users brought in from files: CSV or NDJSON, checked row by row; good rows enter, bad ones are told with line, field and
//! reason. In reading order: `fields` (what a column may hold), `encoding` (bytes as text), `rows` (a file as rows), `naming`
//! (which column holds which field), `model`, `staging` (how a file is received), `actions`, `questions`, `export` (users as rows again), `prepare` (rows made ready outside any transaction), `swaps` (who gets a name that another row gives up), `forget` (erasure), `run` (slice by slice to the
//! end). Nothing here says how a file travels to us.

pub mod actions;
mod encoding;
mod export;
mod fields;
mod forget;
pub mod model;
mod naming;
mod prepare;
pub mod questions;
mod rows;
mod run;
mod staging;
pub(crate) mod store;
mod swaps;

pub(crate) use actions::BeginImport;
pub use actions::{CancelImport, FailImport, ImportSlice, PauseImport, ReceiveImport, ResumeImport, StartImport};
pub use encoding::Encoding;
pub use export::{csv_header, csv_line, ndjson_line};
pub use fields::{FIELDS, ImportField, columns_page};
pub use model::{Format, Import, ImportState, Rejected};
pub use naming::Naming;
pub use questions::{ListImports, RejectedPage, RejectedRow, RejectedRows, RevealRejected, ShowImport};
pub use run::{GoesOn, Since, Stopped, ToTheEnd};
pub use staging::Staging;
