//! Erasure reaches what is kept of files: rejected rows, rows that wait, and the files themselves, in which the rows about an
//! erased person are overwritten with blanks, so that everything else stays where it is. Done at once by the job that follows
//! an erasure, and once more after a while: a process may still have had the file in its hands.

use std::sync::Arc;

use super::model::{Import, ImportState};
use super::prepare::{RawRow, cells_by_path};
use super::run::Feed;
use super::staging::PIECE;
use super::store;
use crate::db::{Rd, Read, Tx, Weight, Write, params};
use crate::door::Desk;
use crate::erasure::{self, Erased};
use crate::error::Result;
use crate::tenant::Tenant;
use crate::value::clock::{DAY, MINUTE, Time};
use crate::value::id::{ImportId, TenantId, UserId};
use crate::value::random::Random;

/// So long after an erasure the files are gone through for the last time: no process holds rows in memory for longer.
const AGAIN: i64 = 10 * MINUTE;
/// Rejected rows are kept for so long, and a day more until they are swept.
const KEPT: i64 = 31 * DAY;
/// Rows that are looked at in one step.
const ROWS: i64 = 500;

/// Whether a row is about one of these.
pub(super) fn is_about(import: &Import, raw: &[u8], erased: &[Erased]) -> bool {
    match cells_by_path(import, raw) {
        Some(cells) => cells.iter().any(|(path, value)| erased.iter().any(|one| one.traces.is_theirs(path, value))),
        None => {
            let text = String::from_utf8_lossy(raw);
            erased.iter().any(|one| one.traces.stand_in(&text))
        }
    }
}

impl Desk {
    /// Goes through what is kept of the imports of an institution, and forgets what is about somebody who was erased.
    pub async fn forget_in_imports(&self, tenant: TenantId) -> Result<()> {
        let tenant = self.tenant(tenant).await?;
        let erased = self.db().read(Pending(tenant.clone())).await?;
        if erased.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut before = ImportId(uuid::Uuid::max());
        loop {
            let some = self.db().read(Some200(tenant.id, before)).await?;
            let Some(last) = some.last() else { break };
            before = last.id;
            for import in some {
                if import.finished_at.is_some_and(|at| at < now.plus(-KEPT)) {
                    continue;
                }
                self.forget_rejected(&tenant, &import, &erased).await?;
                if !import.state.is_over() {
                    self.forget_in_file(&tenant, &import, &erased).await?;
                }
            }
        }
        // A file that was on its way when somebody was erased is gone through when it is here.
        let oldest_upload = self.db().read(OldestUpload(tenant.id)).await?;
        for one in erased {
            let is_late = oldest_upload.is_some_and(|begun| begun <= one.at);
            if one.at < now.plus(-AGAIN) && !is_late {
                self.db().write(Done(tenant.id, one.user)).await?;
            }
        }
        Ok(())
    }

    /// The same wherever it was put off; answers in how many institutions.
    pub(super) async fn forget_where_pending(&self) -> Result<u64> {
        let tenants = self.db().read(Tenants(self.now().plus(-AGAIN))).await?;
        for tenant in &tenants {
            self.forget_in_imports(*tenant).await?;
        }
        Ok(tenants.len() as u64)
    }

    async fn forget_rejected(&self, tenant: &Arc<Tenant>, import: &Import, erased: &[Erased]) -> Result<()> {
        let mut after = 0;
        loop {
            let rows = self.db().read(RejectedSome(tenant.clone(), import.id, after)).await?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            after = *last;
            for (line, raw) in rows {
                if raw.is_some_and(|raw| is_about(import, &raw, erased)) {
                    self.db().write(ForgetRow(tenant.id, import.id, line)).await?;
                }
            }
        }
    }

    async fn forget_in_file(&self, tenant: &Arc<Tenant>, import: &Import, erased: &[Erased]) -> Result<()> {
        for (line, raw) in self.db().read(WaitingSome(tenant.clone(), import.id)).await? {
            if is_about(import, &raw, erased) {
                self.db().write(ForgetWaiting(tenant.id, import.id, line)).await?;
            }
        }
        let (begins, line) = super::run::begins(self, tenant.clone(), import).await?;
        let mut feed = Feed::at(self.clone(), tenant.clone(), import, begins, line);
        loop {
            let batch = match feed.take(ROWS as usize, import.file_bytes).await {
                Ok(batch) => batch,
                // It was over meanwhile, and its file is deleted.
                Err(_) if self.db().read(StateOf(tenant.id, import.id)).await?.is_over() => return Ok(()),
                Err(other) => return Err(other),
            };
            for RawRow { at, raw, .. } in &batch.rows {
                if is_about(import, raw, erased) {
                    let (tenant, random) = (tenant.clone(), self.random().clone());
                    let (from, until) = (*at, *at + raw.len() as i64);
                    self.db().write(Blank { tenant, import: import.id, from, until, random }).await?;
                }
            }
            if batch.last {
                return Ok(());
            }
        }
    }
}

/// Overwrites a part of a file with blanks; line breaks stay, so that rows keep their lines.
struct Blank {
    tenant: Arc<Tenant>,
    import: ImportId,
    from: i64,
    until: i64,
    random: Random,
}

impl Write for Blank {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        let size = PIECE as i64;
        for number in self.from / size..=(self.until - 1) / size {
            let Some(mut piece) = store::piece(tx, &self.tenant, self.import, number).await? else { return Ok(()) };
            let begins = number * size;
            let (from, until) = ((self.from - begins).max(0) as usize, (self.until - begins).min(size) as usize);
            let until = until.min(piece.len());
            for byte in &mut piece[from.min(until)..until] {
                if !matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
            let sealed = store::seal_piece(&self.tenant, self.import, number, &piece, &self.random);
            tx.put(store::REPLACE_PIECE, params![self.tenant.id, self.import, number, sealed]).await?;
        }
        Ok(())
    }
}

struct Pending(Arc<Tenant>);

impl Read for Pending {
    type Output = Vec<Erased>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<Erased>> {
        erasure::pending(rd, &self.0).await
    }
}

struct Tenants(Time);

impl Read for Tenants {
    type Output = Vec<TenantId>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<TenantId>> {
        erasure::tenants(rd, self.0).await
    }
}

struct Done(TenantId, UserId);

impl Write for Done {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        erasure::done(tx, self.0, self.1).await
    }
}

struct Some200(TenantId, ImportId);

impl Read for Some200 {
    type Output = Vec<Import>;

    async fn run(&self, rd: &mut Rd) -> Result<Vec<Import>> {
        store::newest(rd, self.0, self.1, 200).await
    }
}

struct StateOf(TenantId, ImportId);

impl Read for StateOf {
    type Output = ImportState;

    async fn run(&self, rd: &mut Rd) -> Result<ImportState> {
        Ok(store::load(rd, self.0, self.1).await?.state)
    }
}

struct OldestUpload(TenantId);

impl Read for OldestUpload {
    type Output = Option<Time>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Time>> {
        store::oldest_upload(rd, self.0).await
    }
}

struct RejectedSome(Arc<Tenant>, ImportId, i64);

impl Read for RejectedSome {
    type Output = Vec<(i64, Option<Vec<u8>>)>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let RejectedSome(tenant, import, after) = self;
        let rows = store::rejected_after(rd, tenant.id, *import, *after, ROWS).await?.into_iter();
        rows.map(|(row, sealed)| {
            let raw = sealed.map(|sealed| store::open_rejected(tenant, *import, row.line, &sealed)).transpose()?;
            Ok((row.line, raw))
        })
        .collect()
    }
}

struct WaitingSome(Arc<Tenant>, ImportId);

impl Read for WaitingSome {
    type Output = Vec<(i64, Vec<u8>)>;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::waiting(rd, &self.0, self.1).await
    }
}

struct ForgetRow(TenantId, ImportId, i64);

impl Write for ForgetRow {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::FORGET_ROW, params![self.0, self.1, self.2]).await
    }
}

struct ForgetWaiting(TenantId, ImportId, i64);

impl Write for ForgetWaiting {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::FORGET_WAITING, params![self.0, self.1, self.2]).await
    }
}
