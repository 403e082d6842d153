//! The tenant's SQL.

use crate::db::{Rd, Row, Tx, params};
use crate::error::{Error, Result};
use crate::tenant::model::{Environment, Institution, InstitutionKind, Settings};
use crate::value::clock::Time;
use crate::value::id::{InstitutionId, TenantId};

/// A tenant's row, keys still wrapped.
pub(crate) struct TenantRow {
    pub id: TenantId,
    pub institution: Institution,
    pub environment: Environment,
    pub wrapped_keys: Vec<u8>,
    pub settings: Settings,
    pub version: i64,
}

pub(crate) const SELECT: &str = "\
    SELECT t.id, t.environment, t.keys, t.settings, t.version, i.id, i.kind, i.name
    FROM tenant t
    JOIN institution i ON i.id = t.institution_id
    WHERE t.id = $1";

pub(crate) const SELECT_ALL: &str = "\
    SELECT t.id, t.environment, t.keys, t.settings, t.version, i.id, i.kind, i.name
    FROM tenant t
    JOIN institution i ON i.id = t.institution_id
    ORDER BY t.id";

pub(crate) const LAST_ID: &str = "SELECT COALESCE(MAX(id), 0) FROM tenant";

pub(crate) const INSERT_INSTITUTION: &str = "\
    INSERT INTO institution (id, kind, name, created_at)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO NOTHING";

pub(crate) const INSERT: &str = "\
    INSERT INTO tenant (id, institution_id, environment, keys, settings, last_user_number, created_at, version)
    VALUES ($1, $2, $3, $4, $5, 0, $6, 1)";

pub(crate) const SAVE_SETTINGS: &str = "\
    UPDATE tenant
    SET settings = $2, version = version + 1
    WHERE id = $1";

pub(crate) const SETTINGS_FOR_CHANGE: &str = "SELECT settings FROM tenant WHERE id = $1 FOR UPDATE";

pub(crate) const SAVE_KEYS: &str = "\
    UPDATE tenant
    SET keys = $2
    WHERE id = $1";

pub(crate) const NEXT_NUMBER: &str = "\
    UPDATE tenant
    SET last_user_number = last_user_number + 1
    WHERE id = $1
    RETURNING last_user_number";

pub(crate) const NEXT_NUMBERS: &str = "\
    UPDATE tenant
    SET last_user_number = last_user_number + $2
    WHERE id = $1
    RETURNING last_user_number";

pub(crate) const NEXT_REQUEST_NUMBER: &str = "\
    UPDATE tenant
    SET last_request_number = last_request_number + 1
    WHERE id = $1
    RETURNING last_request_number";

fn read(mut row: Row) -> Result<TenantRow> {
    let id = row.take()?;
    let environment = row.take()?;
    let wrapped_keys = row.take()?;
    let settings: String = row.take()?;
    let version = row.take()?;
    let institution = Institution { id: row.take()?, kind: row.take()?, name: row.take()? };
    let settings = serde_json::from_str(&settings).map_err(Error::internal)?;
    Ok(TenantRow { id, institution, environment, wrapped_keys, settings, version })
}

pub(crate) async fn find(rd: &mut Rd, id: TenantId) -> Result<Option<TenantRow>> {
    rd.find(SELECT, params![id]).await?.map(read).transpose()
}

pub(crate) async fn all(rd: &mut Rd) -> Result<Vec<TenantRow>> {
    rd.all(SELECT_ALL, params![]).await?.into_iter().map(read).collect()
}

pub(crate) async fn last_id(rd: &mut Rd) -> Result<i64> {
    rd.one(LAST_ID, params![]).await?.take()
}

pub(crate) async fn settings_for_change(tx: &mut Tx, id: TenantId) -> Result<Settings> {
    let text: String = tx.one(SETTINGS_FOR_CHANGE, params![id]).await?.take()?;
    serde_json::from_str(&text).map_err(Error::internal)
}

pub(crate) async fn save_settings(tx: &mut Tx, id: TenantId, settings: &Settings) -> Result<()> {
    let text = serde_json::to_string(settings).map_err(Error::internal)?;
    tx.put(SAVE_SETTINGS, params![id, text]).await?;
    Ok(())
}

pub(crate) async fn next_number(tx: &mut Tx, id: TenantId) -> Result<i64> {
    tx.one(NEXT_NUMBER, params![id]).await?.take()
}

/// The next number of a request.
pub(crate) async fn next_request_number(tx: &mut Tx, id: TenantId) -> Result<i64> {
    tx.one(NEXT_REQUEST_NUMBER, params![id]).await?.take()
}

/// The last of so many numbers, all of them the caller's.
pub(crate) async fn next_numbers(tx: &mut Tx, id: TenantId, count: i64) -> Result<i64> {
    tx.one(NEXT_NUMBERS, params![id, count]).await?.take()
}

#[expect(clippy::too_many_arguments, reason = "one column each")]
pub(crate) async fn insert(
    tx: &mut Tx,
    id: TenantId,
    institution: InstitutionId,
    kind: InstitutionKind,
    name: &str,
    environment: Environment,
    wrapped_keys: &[u8],
    settings: &Settings,
    now: Time,
) -> Result<()> {
    tx.put(INSERT_INSTITUTION, params![institution, kind, name, now]).await?;
    let settings = serde_json::to_string(settings).map_err(Error::internal)?;
    tx.put(INSERT, params![id, institution, environment, wrapped_keys, settings, now]).await?;
    Ok(())
}

/// Keys, wrapped by another master key.
pub(crate) async fn save_keys(tx: &mut Tx, id: TenantId, wrapped: &[u8]) -> Result<()> {
    tx.put(SAVE_KEYS, params![id, wrapped]).await
}
