//! How a file is received: in pieces, sealed with the tenant's key, never whole in memory. Bookkeeping of the house and no
//! action on anybody's data; that begins with `StartImport`, which `Staging::finish` makes. What is never finished is
//! swept after a day.

use std::sync::Arc;

use super::actions::{FailImport, StartImport};
use super::encoding::Decoder;
use super::model::{Format, Import};
use super::naming::{Head, Naming, head};
use super::store;
use crate::caller::{Caller, Door};
use crate::db::{Rd, Read, Tx, Write, params};
use crate::door::Desk;
use crate::error::{Error, Result};
use crate::permission::{ACTIONS, need_of};
use crate::tenant::Tenant;
use crate::value::clock::{DAY, Time};
use crate::value::contact::Phone;
use crate::value::id::{ImportId, TenantId};
use crate::value::secret;
use crate::verb::{Action, Subject};

/// Bytes of every piece but the last.
pub(crate) const PIECE: usize = 256 * 1024;
/// How long an upload may take.
const UPLOAD_AGE: i64 = DAY;
/// How long a file waits for its start to be approved.
const AWAITING_AGE: i64 = 30 * DAY;
/// How long rejected rows are kept as they were.
const REJECTED_AGE: i64 = 30 * DAY;
/// A file that is being received.
pub struct Staging {
    desk: Desk,
    tenant: Arc<Tenant>,
    id: ImportId,
    author: String,
    format: Format,
    dry_run: bool,
    naming: Naming,
    decoder: Decoder,
    piece: i64,
    buffer: Vec<u8>,
    bytes: i64,
    digest: aws_lc_rs::digest::Context,
    head: Option<Head>,
}

impl Desk {
    /// Begins to receive a file, if the caller may bring users in; an attempt without the right is recorded.
    pub async fn stage_import(
        &self,
        caller: &Caller,
        format: Format,
        dry_run: bool,
        naming: Naming,
    ) -> Result<Staging> {
        let tenant = self.tenant(caller.tenant).await?;
        let mut naming = naming;
        if let Some(country) = &mut naming.country {
            if !Phone::is_country(country) {
                return Err(Error::invalid("country", "unknown", "Must be a country's two letters, e.g. NG."));
            }
            country.make_ascii_uppercase();
        }
        let id = ImportId::new(self.now(), self.random());
        let need = need_of(ACTIONS, StartImport::NAME).ok_or_else(|| Error::internal("no line for import.start"))?;
        if caller.lacks(need, Subject::Tenant).is_some() {
            let refused = self.perform(caller, StartImport::of_nothing(id, self.now())).await;
            return Err(refused.err().unwrap_or(Error::Forbidden("users.import")));
        }
        self.db().write(Begin { tenant: tenant.id, id, now: self.now() }).await?;
        Ok(Staging {
            desk: self.clone(),
            tenant,
            id,
            author: caller.author(),
            format,
            dry_run,
            decoder: Decoder::new(naming.encoding),
            naming,
            piece: 0,
            buffer: Vec::with_capacity(PIECE),
            bytes: 0,
            digest: aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256),
            head: None,
        })
    }

    /// The import of the same file that has not ended yet, if there is one: for whoever begins again.
    pub async fn unfinished_import(
        &self,
        caller: &Caller,
        digest: &[u8; 32],
        dry_run: bool,
    ) -> Result<Option<ImportId>> {
        let tenant = self.tenant(caller.tenant).await?;
        let token = file_token(&tenant, digest);
        let open = self.db().read(Open(tenant.id)).await?;
        let same = open.into_iter().find(|(_, known, dry)| secret::same(known, &token) && *dry == dry_run);
        Ok(same.map(|(id, _, _)| id))
    }

    /// Deletes the file of an import that has ended, or that was never begun. In steps, so that nobody waits for it.
    pub(super) async fn clear_import_file(&self, tenant: TenantId, id: ImportId) -> Result<()> {
        while self.db().write(Clear { tenant, id }).await? > 0 {}
        self.db().write(ClearWaiting { tenant, id }).await
    }

    /// Deletes uploads that were never finished, ends imports whose start nobody has approved for a month, and forgets rejected
    /// rows after as long; answers how many.
    pub async fn sweep_imports(&self) -> Result<u64> {
        let old = self.db().read(OldUploads(self.now().plus(-UPLOAD_AGE))).await?;
        let mut swept = 0;
        for (tenant, id) in old {
            self.clear_import_file(tenant, id).await?;
            self.db().write(End { tenant, id }).await?;
            swept += 1;
        }
        for (tenant, id) in self.db().read(AwaitedTooLong(self.now().plus(-AWAITING_AGE))).await? {
            // The job that follows deletes the file.
            let house = Caller::house(tenant, Door::Worker);
            self.perform(&house, FailImport { import: id, code: "not_approved" }).await?;
            swept += 1;
        }
        swept += self.db().write(Forget(self.now().plus(-REJECTED_AGE))).await?;
        swept += self.forget_where_pending().await?;
        Ok(swept)
    }
}

/// A file is known by the keyed fingerprint of its bytes.
fn file_token(tenant: &Tenant, digest: &[u8]) -> [u8; 32] {
    let hex = secret::hex(digest);
    tenant.keys.lookup().of_person(&["import file", &hex])
}

impl Staging {
    /// The id the import will have.
    pub fn id(&self) -> ImportId {
        self.id
    }

    /// Takes more of the file. A header that cannot be used is told as soon as it is there.
    pub async fn push(&mut self, bytes: &[u8]) -> Result<()> {
        // What it is known again by are its bytes as they came.
        self.digest.update(bytes);
        for some in bytes.chunks(PIECE) {
            let text = self.decoder.push(some, false);
            self.keep(&text).await?;
        }
        Ok(())
    }

    async fn keep(&mut self, mut text: &[u8]) -> Result<()> {
        while !text.is_empty() {
            let room = PIECE - self.buffer.len();
            let (now, later) = text.split_at(room.min(text.len()));
            self.buffer.extend_from_slice(now);
            self.bytes += now.len() as i64;
            text = later;
            if self.buffer.len() == PIECE {
                self.flush(false).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, last: bool) -> Result<()> {
        if self.head.is_none() {
            self.head = Some(head(self.format, &self.naming, &self.buffer, last)?);
        }
        let sealed = store::seal_piece(&self.tenant, self.id, self.piece, &self.buffer, self.desk.random());
        let piece = self.piece;
        self.desk.db().write(Piece { tenant: self.tenant.id, id: self.id, piece, sealed }).await?;
        self.piece += 1;
        self.buffer.clear();
        Ok(())
    }

    /// The file is whole: what is left is to start the import.
    pub async fn finish(&mut self) -> Result<StartImport> {
        let rest = self.decoder.push(&[], true);
        self.keep(&rest).await?;
        if self.bytes == 0 {
            return Err(Error::invalid("file", "required", "The file is empty."));
        }
        if !self.buffer.is_empty() {
            self.flush(true).await?;
        }
        let head = self.head.as_ref().ok_or_else(|| Error::internal("a file without a beginning"))?;
        let digest = self.digest.clone().finish();
        let now = self.desk.now();
        let import = Import {
            dry_run: self.dry_run,
            columns: head.columns.clone(),
            reading: head.reading.clone(),
            author: self.author.clone(),
            country: self.naming.country.clone(),
            file_bytes: self.bytes,
            done_bytes: head.begins as i64,
            next_line: head.line,
            ..Import::begun(self.id, self.format, now)
        };
        Ok(StartImport { import, file_token: file_token(&self.tenant, digest.as_ref()) })
    }

    /// SHA-256 of what came.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.digest.clone().finish().as_ref());
        out
    }

    /// Throws away what was received.
    pub async fn discard(self) -> Result<()> {
        self.desk.clear_import_file(self.tenant.id, self.id).await?;
        self.desk.db().write(End { tenant: self.tenant.id, id: self.id }).await
    }
}

struct Begin {
    tenant: TenantId,
    id: ImportId,
    now: Time,
}

impl Write for Begin {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::INSERT_UPLOAD, params![self.tenant, self.id, self.now]).await
    }
}

struct Piece {
    tenant: TenantId,
    id: ImportId,
    piece: i64,
    sealed: Vec<u8>,
}

impl Write for Piece {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::INSERT_PIECE, params![self.tenant, self.id, self.piece, self.sealed]).await
    }
}

struct End {
    tenant: TenantId,
    id: ImportId,
}

impl Write for End {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::DELETE_UPLOAD, params![self.tenant, self.id]).await
    }
}

struct Clear {
    tenant: TenantId,
    id: ImportId,
}

impl Write for Clear {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(store::DELETE_PIECES, params![self.tenant, self.id]).await
    }
}

struct ClearWaiting {
    tenant: TenantId,
    id: ImportId,
}

impl Write for ClearWaiting {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> Result<()> {
        tx.put(store::DELETE_WAITING, params![self.tenant, self.id]).await
    }
}

struct Open(TenantId);

impl Read for Open {
    type Output = Vec<(ImportId, [u8; 32], bool)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        store::open(rd, self.0, super::actions::OPEN_MAX + 1).await
    }
}

struct OldUploads(Time);

impl Read for OldUploads {
    type Output = Vec<(TenantId, ImportId)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(store::OLD_UPLOADS, params![self.0]).await?.into_iter();
        rows.map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

struct AwaitedTooLong(Time);

impl Read for AwaitedTooLong {
    type Output = Vec<(TenantId, ImportId)>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let rows = rd.all(store::AWAITED_TOO_LONG, params![self.0]).await?.into_iter();
        rows.map(|mut row| Ok((row.take()?, row.take()?))).collect()
    }
}

struct Forget(Time);

impl Write for Forget {
    type Output = u64;

    async fn run(&self, tx: &mut Tx) -> Result<u64> {
        tx.run(store::FORGET_REJECTED, params![self.0]).await
    }
}
