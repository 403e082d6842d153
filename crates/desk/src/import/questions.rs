//! What may be asked about imports.

use super::fields::FIELDS;
use super::model::{Import, Rejected};
use super::prepare::cells;
use super::rows::csv_field;
use super::store;
use crate::error::{Error, Result};
use crate::permission::Permission;
use crate::value::id::ImportId;
use crate::verb::{Question, Qx, Subject};

/// The most imports a list holds.
pub const LIST_MAX: i64 = 200;
/// The most rejected rows one page holds.
pub const REJECTED_PAGE_MAX: i64 = 1000;

/// One import.
pub struct ShowImport(pub ImportId);

impl Question for ShowImport {
    const NAME: &'static str = "import.show";
    type Output = Import;

    fn subject(&self) -> Subject {
        Subject::Import(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Import> {
        store::load(qx.rd, qx.tenant.id, self.0).await
    }
}

/// Imports, the newest first.
pub struct ListImports {
    /// Those older than this one.
    pub before: Option<ImportId>,
    /// How many at most.
    pub limit: i64,
}

impl Question for ListImports {
    const NAME: &'static str = "import.list";
    type Output = Vec<Import>;

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Import>> {
        if !(1..=LIST_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {LIST_MAX}.")));
        }
        let before = self.before.unwrap_or(ImportId(uuid::Uuid::max()));
        store::newest(qx.rd, qx.tenant.id, before, self.limit).await
    }
}

/// Rejected rows in the order of the file: line, field and reason, never a value.
pub struct RejectedRows {
    /// Of which import.
    pub import: ImportId,
    /// Those behind this line.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
}

/// A row that did not enter.
#[derive(Debug, Clone)]
pub struct RejectedRow {
    /// Where and why.
    pub rejected: Rejected,
    /// Its values in the order of `RejectedPage::columns`, where they were asked for and can be read.
    pub cells: Option<Vec<String>>,
}

/// One page of rejected rows.
pub struct RejectedPage {
    /// The rows.
    pub rows: Vec<RejectedRow>,
    /// The columns of their values, by canonical name; empty unless they were asked for.
    pub columns: Vec<&'static str>,
    /// Behind which line to go on, if there is more.
    pub next: Option<i64>,
}

impl RejectedPage {
    /// The header of the error file.
    pub fn csv_header(&self) -> String {
        let mut line = "line,field,code,reason".to_owned();
        for column in &self.columns {
            line.push(',');
            line.push_str(column);
        }
        line.push_str("\r\n");
        line
    }

    /// The rows of the error file.
    pub fn csv_rows(&self) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let Rejected { line, field, code, reason } = &row.rejected;
            out.push_str(&line.to_string());
            for text in [field.as_deref().unwrap_or_default(), code, reason] {
                out.push(',');
                csv_field(text, &mut out);
            }
            for at in 0..self.columns.len() {
                out.push(',');
                csv_field(row.cells.as_ref().map_or("", |cells| &cells[at]), &mut out);
            }
            out.push_str("\r\n");
        }
        out
    }
}

async fn page(qx: &mut Qx<'_>, import: ImportId, after: i64, limit: i64, in_full: bool) -> Result<RejectedPage> {
    if !(1..=REJECTED_PAGE_MAX).contains(&limit) {
        return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {REJECTED_PAGE_MAX}.")));
    }
    let import = store::load(qx.rd, qx.tenant.id, import).await?;
    let mut found = store::rejected_after(qx.rd, qx.tenant.id, import.id, after, limit + 1).await?;
    let more = found.len() as i64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(0));
    let columns: Vec<&'static str> = match (in_full, import.columns.is_empty()) {
        (false, _) => Vec::new(),
        // Of NDJSON any field may stand in any row.
        (true, true) => FIELDS.iter().map(|field| field.name).collect(),
        (true, false) => import.columns.iter().flatten().map(|field| FIELDS[*field].name).collect(),
    };
    let mut rows = Vec::with_capacity(found.len());
    for (rejected, sealed) in found {
        let cells = match sealed.filter(|_| in_full) {
            Some(sealed) => {
                let raw = store::open_rejected(qx.tenant, import.id, rejected.line, &sealed)?;
                let mut cells = cells(&import, &raw);
                Some(columns.iter().map(|name| cells.remove(name).unwrap_or_default()).collect())
            }
            None => None,
        };
        rows.push(RejectedRow { rejected, cells });
    }
    let next = rows.last().filter(|_| more).map(|row| row.rejected.line);
    Ok(RejectedPage { rows, columns, next })
}

impl Question for RejectedRows {
    const NAME: &'static str = "import.rejected";
    type Output = RejectedPage;

    fn subject(&self) -> Subject {
        Subject::Import(self.import)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<RejectedPage> {
        page(qx, self.import, self.after, self.limit, false).await
    }
}

/// Rejected rows with their values, to be mended; recorded with its purpose.
pub struct RevealRejected {
    /// Of which import.
    pub import: ImportId,
    /// Those behind this line.
    pub after: i64,
    /// How many at most.
    pub limit: i64,
    /// What for; required.
    pub purpose: String,
}

impl Question for RevealRejected {
    const NAME: &'static str = "import.reveal_rejected";
    const RECORDED: bool = true;
    type Output = RejectedPage;

    fn subject(&self) -> Subject {
        Subject::Import(self.import)
    }

    fn purpose(&self) -> Option<&str> {
        Some(&self.purpose)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<RejectedPage> {
        // The rows are what was handed in, passwords' hashes too: for those who may hand them in, and reveal besides.
        if !qx.caller.may(Permission::UsersReveal) {
            return Err(Error::Forbidden(Permission::UsersReveal.word()));
        }
        crate::user::questions::check_purpose(&self.purpose)?;
        page(qx, self.import, self.after, self.limit, true).await
    }
}
