//! The imports' SQL, and how files and rejected rows are sealed.

use super::fields::{FIELDS, named};
use super::model::{Format, Import, ImportState, Rejected};
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::{ImportId, TenantId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

macro_rules! columns {
    () => {
        "id, state, format, dry_run, columns, author, approved, file_bytes, done_bytes, next_line, rows_created, rows_edited, \
         rows_unchanged, rows_rejected, rejected_kept, failure, created_at, updated_at, finished_at, country, reading, \
         rows_waiting"
    };
}

pub(crate) const INSERT: &str = "\
    INSERT INTO import (tenant_id, id, state, format, dry_run, columns, author, file_token, file_bytes, done_bytes,
                        next_line, rows_created, rows_edited, rows_unchanged, rows_rejected, rejected_kept, created_at,
                        updated_at, approved, country, reading)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, 0, 0, 0, 0, $12, $12, $13, $14, $15)";

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM import WHERE tenant_id = $1 AND id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM import WHERE tenant_id = $1 AND id = $2 FOR UPDATE");

pub(crate) const NEWEST: &str =
    concat!("SELECT ", columns!(), " FROM import WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

pub(crate) const OPEN: &str = "\
    SELECT id, file_token, dry_run
    FROM import
    WHERE tenant_id = $1 AND state IN ('running', 'paused')
    LIMIT $2";

/// Files that wait for somebody to approve their start.
pub(crate) const AWAITING: &str = "\
    SELECT id
    FROM import
    WHERE state = 'awaiting' AND tenant_id = $1 AND created_at > 0
    LIMIT $2";

/// Those that have waited too long.
pub(crate) const AWAITED_TOO_LONG: &str = "\
    SELECT tenant_id, id
    FROM import
    WHERE state = 'awaiting' AND created_at < $1
    LIMIT 20";

/// By what a file is known.
pub(crate) const FILE_TOKEN: &str = "SELECT file_token FROM import WHERE tenant_id = $1 AND id = $2";

pub(crate) const SAVE: &str = "\
    UPDATE import
    SET state = $3, done_bytes = $4, next_line = $5, rows_created = $6, rows_edited = $7, rows_unchanged = $8,
        rows_rejected = $9, rejected_kept = $10, failure = $11, updated_at = $12, finished_at = $13, author = $14,
        approved = $15, rows_waiting = $16
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const INSERT_UPLOAD: &str = "\
    INSERT INTO import_upload (tenant_id, id, created_at)
    VALUES ($1, $2, $3)";

pub(crate) const DELETE_UPLOAD: &str = "DELETE FROM import_upload WHERE tenant_id = $1 AND id = $2";

pub(crate) const OLD_UPLOADS: &str = "\
    SELECT tenant_id, id
    FROM import_upload
    WHERE created_at < $1
    LIMIT 20";

pub(crate) const INSERT_PIECE: &str = "\
    INSERT INTO import_piece (tenant_id, import_id, piece, sealed)
    VALUES ($1, $2, $3, $4)";

pub(crate) const PIECE: &str = "\
    SELECT sealed
    FROM import_piece
    WHERE tenant_id = $1 AND import_id = $2 AND piece = $3";

/// A file in which something is blanks now.
pub(crate) const REPLACE_PIECE: &str = "\
    UPDATE import_piece
    SET sealed = $4
    WHERE tenant_id = $1 AND import_id = $2 AND piece = $3";

pub(crate) const FORGET_ROW: &str = "\
    UPDATE import_rejected
    SET sealed = NULL
    WHERE tenant_id = $1 AND import_id = $2 AND line = $3";

pub(crate) const FORGET_WAITING: &str = "\
    DELETE FROM import_waiting
    WHERE tenant_id = $1 AND import_id = $2 AND line = $3";

/// Ids begin with their time: the first is the oldest.
pub(crate) const OLDEST_UPLOAD: &str = "\
    SELECT created_at
    FROM import_upload
    WHERE tenant_id = $1 AND id < $2
    ORDER BY id
    LIMIT 1";

pub(crate) const DELETE_PIECES: &str = "\
    DELETE FROM import_piece
    WHERE tenant_id = $1 AND import_id = $2 AND piece IN
        (SELECT p.piece FROM import_piece p WHERE p.tenant_id = $1 AND p.import_id = $2 LIMIT 16)";

pub(crate) const INSERT_REJECTED: &str = "\
    INSERT INTO import_rejected (tenant_id, import_id, line, field, code, reason, sealed, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(crate) const REJECTED_AFTER: &str = "\
    SELECT line, field, code, reason, sealed
    FROM import_rejected
    WHERE tenant_id = $1 AND import_id = $2 AND line > $3
    ORDER BY line
    LIMIT $4";

pub(crate) const INSERT_WAITING: &str = "\
    INSERT INTO import_waiting (tenant_id, import_id, line, sealed)
    VALUES ($1, $2, $3, $4)";

pub(crate) const WAITING: &str = "\
    SELECT line, sealed
    FROM import_waiting
    WHERE tenant_id = $1 AND import_id = $2
    ORDER BY line";

pub(crate) const DELETE_WAITING: &str = "DELETE FROM import_waiting WHERE tenant_id = $1 AND import_id = $2";

/// What a dry run has found that begins again.
pub(crate) const DELETE_REJECTED: &str = "DELETE FROM import_rejected WHERE tenant_id = $1 AND import_id = $2";

/// The sealed rows go after a while; their reasons stay.
pub(crate) const FORGET_REJECTED: &str = "\
    UPDATE import_rejected
    SET sealed = NULL
    WHERE sealed IS NOT NULL AND created_at < $1";

fn read(mut row: Row) -> Result<Import> {
    let (id, state, format, dry_run): (ImportId, ImportState, Format, bool) =
        (row.take()?, row.take()?, row.take()?, row.take()?);
    let columns: String = row.take()?;
    let columns: Vec<Option<String>> = serde_json::from_str(&columns).map_err(Error::internal)?;
    Ok(Import {
        id,
        state,
        format,
        dry_run,
        columns: columns.into_iter().map(|name| name.and_then(|name| named(&name))).collect(),
        author: row.take()?,
        approved: row.take()?,
        file_bytes: row.take()?,
        done_bytes: row.take()?,
        next_line: row.take()?,
        rows_created: row.take()?,
        rows_edited: row.take()?,
        rows_unchanged: row.take()?,
        rows_rejected: row.take()?,
        rejected_kept: row.take()?,
        failure: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
        finished_at: row.take()?,
        country: row.take()?,
        reading: {
            let reading: String = row.take()?;
            serde_json::from_str(&reading).map_err(Error::internal)?
        },
        rows_waiting: row.take()?,
    })
}

pub(crate) async fn insert(tx: &mut Tx, tenant: TenantId, import: &Import, file_token: &[u8; 32]) -> Result<()> {
    let columns: Vec<Option<&str>> = import.columns.iter().map(|field| field.map(|at| FIELDS[at].name)).collect();
    let columns = serde_json::to_string(&columns).map_err(Error::internal)?;
    let reading = serde_json::to_string(&import.reading).map_err(Error::internal)?;
    tx.put(DELETE_UPLOAD, params![tenant, import.id]).await?;
    tx.put(
        INSERT,
        params![
            tenant,
            import.id,
            import.state,
            import.format,
            import.dry_run,
            columns,
            import.author,
            file_token,
            import.file_bytes,
            import.done_bytes,
            import.next_line,
            import.created_at,
            import.approved,
            import.country,
            reading
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn load(rd: &mut Rd, tenant: TenantId, id: ImportId) -> Result<Import> {
    rd.find(SELECT, params![tenant, id]).await?.ok_or(Error::NotFound(ImportId::NOUN)).and_then(read)
}

pub(crate) async fn load_for_change(tx: &mut Tx, tenant: TenantId, id: ImportId) -> Result<Import> {
    tx.find(SELECT_FOR_CHANGE, params![tenant, id]).await?.ok_or(Error::NotFound(ImportId::NOUN)).and_then(read)
}

pub(crate) async fn newest(rd: &mut Rd, tenant: TenantId, before: ImportId, limit: i64) -> Result<Vec<Import>> {
    rd.all(NEWEST, params![tenant, before, limit]).await?.into_iter().map(read).collect()
}

/// Imports that have not ended: id, fingerprint of the file, whether it is a dry run.
pub(crate) async fn open(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<Vec<(ImportId, [u8; 32], bool)>> {
    let rows = rd.all(OPEN, params![tenant, limit]).await?.into_iter();
    rows.map(|mut row| Ok((row.take()?, row.take()?, row.take()?))).collect()
}

/// How many files wait for somebody to approve their start, counted up to a limit.
pub(crate) async fn awaiting(rd: &mut Rd, tenant: TenantId, limit: i64) -> Result<usize> {
    Ok(rd.all(AWAITING, params![tenant, limit]).await?.len())
}

/// The keyed fingerprint of an import's file.
pub(crate) async fn file_token(rd: &mut Rd, tenant: TenantId, id: ImportId) -> Result<[u8; 32]> {
    rd.one(FILE_TOKEN, params![tenant, id]).await?.take()
}

pub(crate) async fn save(tx: &mut Tx, tenant: TenantId, import: &Import) -> Result<()> {
    tx.put(
        SAVE,
        params![
            tenant,
            import.id,
            import.state,
            import.done_bytes,
            import.next_line,
            import.rows_created,
            import.rows_edited,
            import.rows_unchanged,
            import.rows_rejected,
            import.rejected_kept,
            import.failure,
            import.updated_at,
            import.finished_at,
            import.author,
            import.approved,
            import.rows_waiting
        ],
    )
    .await?;
    Ok(())
}

fn piece_row(import: ImportId, number: i64) -> [u8; 24] {
    let mut row = [0; 24];
    row[..16].copy_from_slice(import.bytes());
    row[16..].copy_from_slice(&number.to_be_bytes());
    row
}

/// A piece of a file, sealed for its place.
pub(crate) fn seal_piece(tenant: &Tenant, import: ImportId, piece: i64, plain: &[u8], random: &Random) -> Vec<u8> {
    let row = piece_row(import, piece);
    tenant.keys.seal(&Place { tenant: tenant.id, table: "import_piece", column: "sealed", row: &row }, plain, random)
}

/// When the oldest upload that is on its way was begun.
pub(crate) async fn oldest_upload(rd: &mut Rd, tenant: TenantId) -> Result<Option<Time>> {
    rd.find(OLDEST_UPLOAD, params![tenant, ImportId(uuid::Uuid::max())]).await?.map(|mut row| row.take()).transpose()
}

/// A piece of a file, opened.
pub(crate) async fn piece(rd: &mut Rd, tenant: &Tenant, import: ImportId, piece: i64) -> Result<Option<Vec<u8>>> {
    let Some(mut found) = rd.find(PIECE, params![tenant.id, import, piece]).await? else { return Ok(None) };
    let (sealed, row): (Vec<u8>, _) = (found.take()?, piece_row(import, piece));
    let place = Place { tenant: tenant.id, table: "import_piece", column: "sealed", row: &row };
    tenant.keys.open(&place, &sealed).map(Some)
}

fn waiting_place<'a>(tenant: &Tenant, row: &'a [u8]) -> Place<'a> {
    Place { tenant: tenant.id, table: "import_waiting", column: "sealed", row }
}

/// A row that waits, sealed for its place.
pub(crate) fn seal_waiting(tenant: &Tenant, import: ImportId, line: i64, raw: &[u8], random: &Random) -> Vec<u8> {
    tenant.keys.seal(&waiting_place(tenant, &piece_row(import, line)), raw, random)
}

/// The rows that wait, in the order of the file.
pub(crate) async fn waiting(rd: &mut Rd, tenant: &Tenant, import: ImportId) -> Result<Vec<(i64, Vec<u8>)>> {
    let rows = rd.all(WAITING, params![tenant.id, import]).await?.into_iter();
    rows.map(|mut row| {
        let (line, sealed): (i64, Vec<u8>) = (row.take()?, row.take()?);
        Ok((line, tenant.keys.open(&waiting_place(tenant, &piece_row(import, line)), &sealed)?))
    })
    .collect()
}

/// Keeps a row that waits.
pub(crate) async fn wait(tx: &mut Tx, tenant: TenantId, import: ImportId, line: i64, sealed: &[u8]) -> Result<()> {
    tx.put(INSERT_WAITING, params![tenant, import, line, sealed]).await
}

/// A rejected row as it was, sealed for its place.
pub(crate) fn seal_rejected(tenant: &Tenant, import: ImportId, line: i64, raw: &[u8], random: &Random) -> Vec<u8> {
    let row = piece_row(import, line);
    tenant.keys.seal(&Place { tenant: tenant.id, table: "import_rejected", column: "sealed", row: &row }, raw, random)
}

/// Rejected rows in the order of the file, each with what was sealed of it.
pub(crate) async fn rejected_after(
    rd: &mut Rd,
    tenant: TenantId,
    import: ImportId,
    line: i64,
    limit: i64,
) -> Result<Vec<(Rejected, Option<Vec<u8>>)>> {
    let rows = rd.all(REJECTED_AFTER, params![tenant, import, line, limit]).await?.into_iter();
    rows.map(|mut row| {
        let rejected = Rejected { line: row.take()?, field: row.take()?, code: row.take()?, reason: row.take()? };
        Ok((rejected, row.take()?))
    })
    .collect()
}

/// Opens what was sealed of a rejected row.
pub(crate) fn open_rejected(tenant: &Tenant, import: ImportId, line: i64, sealed: &[u8]) -> Result<Vec<u8>> {
    let row = piece_row(import, line);
    tenant.keys.open(&Place { tenant: tenant.id, table: "import_rejected", column: "sealed", row: &row }, sealed)
}

/// Keeps a rejected row.
pub(crate) async fn reject(
    tx: &mut Tx,
    tenant: TenantId,
    import: ImportId,
    rejected: &Rejected,
    sealed: Option<&[u8]>,
    now: Time,
) -> Result<()> {
    let Rejected { line, field, code, reason } = rejected;
    tx.put(INSERT_REJECTED, params![tenant, import, line, field, code, reason, sealed, now]).await?;
    Ok(())
}
