//! An import as the desk holds it, and how it moves. Pure.

use super::naming::Reading;
use crate::error::{Refusal, Result};
use crate::value::clock::Time;
use crate::value::id::ImportId;
use crate::value::words;

words! {
    /// How far an import is.
    pub enum ImportState {
        /// Its file is here; its start has to be proposed, and approved by somebody else.
        Awaiting = "awaiting",
        /// Rows are being brought in.
        Running = "running",
        /// Resting until somebody resumes it.
        Paused = "paused",
        /// Every row was dealt with.
        Completed = "completed",
        /// It could not go on.
        Failed = "failed",
        /// Somebody has called it off; what is in stays in.
        Cancelled = "cancelled",
    }
}

impl ImportState {
    /// Whether nothing follows any more.
    pub fn is_over(self) -> bool {
        !matches!(self, ImportState::Awaiting | ImportState::Running | ImportState::Paused)
    }
}

words! {
    /// How a file is written.
    pub enum Format {
        /// Comma-separated values with a header.
        Csv = "csv",
        /// One JSON object a line.
        Ndjson = "ndjson",
    }
}

/// Users brought in from one file.
#[derive(Debug, Clone)]
pub struct Import {
    /// The id.
    pub id: ImportId,
    /// How far it is.
    pub state: ImportState,
    /// How the file is written.
    pub format: Format,
    /// Only checked: nobody is created or changed.
    pub dry_run: bool,
    /// For each column the index of its field; nothing for one that is left out. Empty for NDJSON.
    pub(crate) columns: Vec<Option<usize>>,
    /// How its rows are read.
    pub(crate) reading: Reading,
    /// Who started it, or brought the file.
    pub author: String,
    /// A second person has looked at it: it may also do to those who are here what needs one.
    pub approved: bool,
    /// Of which country telephone numbers without a country's code are, where that was said for this file.
    pub country: Option<String>,
    /// The size of the file.
    pub file_bytes: i64,
    /// How much of it was dealt with.
    pub done_bytes: i64,
    /// The line that comes next.
    pub(crate) next_line: i64,
    /// Users created (in a dry run: who would be).
    pub rows_created: i64,
    /// Users changed.
    pub rows_edited: i64,
    /// Rows that say what is so already.
    pub rows_unchanged: i64,
    /// Rows that did not enter.
    pub rows_rejected: i64,
    /// How many of those were kept with their reason.
    pub rejected_kept: i64,
    /// Rows that wait until all others are done, because somebody has a name they ask for.
    pub(crate) rows_waiting: i64,
    /// Why it failed.
    pub failure: Option<String>,
    /// When it was started.
    pub created_at: Time,
    /// When it last got on.
    pub updated_at: Time,
    /// When it ended.
    pub finished_at: Option<Time>,
}

impl Import {
    /// One of which nothing is done yet.
    pub(super) fn begun(id: ImportId, format: Format, now: Time) -> Import {
        Import {
            id,
            state: ImportState::Running,
            format,
            dry_run: false,
            columns: Vec::new(),
            reading: Reading::default(),
            author: String::new(),
            approved: false,
            country: None,
            file_bytes: 0,
            done_bytes: 0,
            next_line: 1,
            rows_created: 0,
            rows_edited: 0,
            rows_unchanged: 0,
            rows_rejected: 0,
            rejected_kept: 0,
            rows_waiting: 0,
            failure: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        }
    }

    /// Rows dealt with.
    pub fn rows_read(&self) -> i64 {
        self.rows_imported() + self.rows_unchanged + self.rows_rejected
    }

    /// Users created or changed.
    pub fn rows_imported(&self) -> i64 {
        self.rows_created + self.rows_edited
    }

    /// Begins with a file that waited for it, in this person's name: `false` if it has begun already.
    pub(crate) fn begin(&mut self, author: String, approved: bool, now: Time) -> Result<bool> {
        if self.state.is_over() {
            return Err(Refusal::ImportOver.into());
        }
        if self.state != ImportState::Awaiting {
            return Ok(false);
        }
        (self.state, self.author, self.approved, self.updated_at) = (ImportState::Running, author, approved, now);
        Ok(true)
    }

    /// Moves to another state: `false` if it is so already.
    pub(crate) fn turn(&mut self, to: ImportState, now: Time) -> Result<bool> {
        if self.state == to {
            return Ok(false);
        }
        if self.state.is_over() {
            return Err(Refusal::ImportOver.into());
        }
        if self.state == ImportState::Awaiting && !to.is_over() {
            return Err(Refusal::ImportAwaits.into());
        }
        self.state = to;
        self.updated_at = now;
        self.finished_at = to.is_over().then_some(now);
        Ok(true)
    }
}

/// A row that did not enter.
#[derive(Debug, Clone)]
pub struct Rejected {
    /// The line it begins on, from 1.
    pub line: i64,
    /// The field, if it is about one.
    pub field: Option<String>,
    /// A stable word.
    pub code: String,
    /// One or more sentences; they never repeat a value.
    pub reason: String,
}
