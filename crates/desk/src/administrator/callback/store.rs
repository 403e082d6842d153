//! The callbacks' SQL.

use super::model::{Callback, CallbackState};
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Error, Result};
use crate::value::clock::Time;
use crate::value::id::{AccountId, AdministratorId, CallbackId, KeyId, TenantId, UserId};

macro_rules! columns {
    () => {
        "id, key_id, account_id, administrator_id, event, happened_at, state, tries, due_at, last_error, ended_at"
    };
}

pub(crate) const INSERT: &str = "\
    INSERT INTO callback (tenant_id, id, key_id, account_id, administrator_id, event, happened_at, state, tries, due_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'queued', 0, $8)";

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM callback WHERE tenant_id = $1 AND id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM callback WHERE tenant_id = $1 AND id = $2 FOR UPDATE");

/// When the first that comes before it is tried next.
pub(crate) const BEFORE: &str = "\
    SELECT due_at
    FROM callback
    WHERE tenant_id = $1 AND key_id = $2 AND account_id = $3 AND id < $4 AND state = 'queued' AND due_at > $5
    ORDER BY id
    LIMIT 1";

/// The last of an account that is to be told.
pub(crate) const LAST_QUEUED: &str = "\
    SELECT id
    FROM callback
    WHERE tenant_id = $1 AND key_id = $2 AND account_id = $3 AND state = 'queued'
    ORDER BY id DESC
    LIMIT 1";

pub(crate) const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM callback WHERE tenant_id = $1 AND key_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4"
);

pub(crate) const PAGE_IN_STATE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM callback WHERE tenant_id = $1 AND key_id = $2 AND state = $3 AND id < $4 ORDER BY id DESC LIMIT $5"
);

pub(crate) const SAVE: &str = "\
    UPDATE callback
    SET state = $3, tries = $4, due_at = $5, last_error = $6, ended_at = $7
    WHERE tenant_id = $1 AND id = $2";

/// Who may act now on a user's accounts that partners know; held, with the accounts, against whoever changes them.
pub(crate) const ACTIVE_OF_OWNER: &str = "\
    SELECT d.id, a.id, a.partner
    FROM account a
    JOIN administrator d ON d.tenant_id = a.tenant_id AND d.account_id = a.id
    WHERE a.tenant_id = $1 AND a.user_id = $2 AND a.partner IS NOT NULL AND d.state = 'active'
    ORDER BY d.id
    FOR UPDATE";

fn read(mut row: Row) -> Result<Callback> {
    Ok(Callback {
        id: row.take()?,
        key: row.take()?,
        account: row.take()?,
        administrator: row.take()?,
        event: row.take()?,
        happened_at: row.take()?,
        state: row.take()?,
        tries: row.take()?,
        due_at: row.take()?,
        last_error: row.take()?,
        ended_at: row.take()?,
    })
}

fn absent() -> Error {
    Error::NotFound(CallbackId::NOUN)
}

pub(super) async fn insert(tx: &mut Tx, tenant: TenantId, it: &Callback) -> Result<()> {
    let params = params![tenant, it.id, it.key, it.account, it.administrator, it.event, it.happened_at, it.due_at];
    tx.put(INSERT, params).await
}

/// One, to read.
pub(super) async fn load(rd: &mut Rd, tenant: TenantId, id: CallbackId) -> Result<Callback> {
    read(rd.find(SELECT, params![tenant, id]).await?.ok_or_else(absent)?)
}

/// One, to change.
pub(super) async fn load_for_change(tx: &mut Tx, tenant: TenantId, id: CallbackId) -> Result<Callback> {
    read(tx.find(SELECT_FOR_CHANGE, params![tenant, id]).await?.ok_or_else(absent)?)
}

/// When what comes before it is tried next; what should have been tried before `since` is not waited for.
pub(super) async fn before(rd: &mut Rd, tenant: TenantId, it: &Callback, since: Time) -> Result<Option<Time>> {
    let row = rd.find(BEFORE, params![tenant, it.key, it.account, it.id, since]).await?;
    row.map(|mut row| row.take()).transpose()
}

/// The last of an account that its partner is to be told.
pub(super) async fn last_queued(
    tx: &mut Tx,
    tenant: TenantId,
    key: KeyId,
    account: AccountId,
) -> Result<Option<CallbackId>> {
    tx.find(LAST_QUEUED, params![tenant, key, account]).await?.map(|mut row| row.take()).transpose()
}

/// A partner's before this one, newest first; of any state, or of one.
pub(super) async fn page(
    rd: &mut Rd,
    tenant: TenantId,
    key: KeyId,
    state: Option<CallbackState>,
    before: [u8; 16],
    limit: i64,
) -> Result<Vec<Callback>> {
    let rows = match state {
        Some(state) => rd.all(PAGE_IN_STATE, params![tenant, key, state, before, limit]).await?,
        None => rd.all(PAGE, params![tenant, key, before, limit]).await?,
    };
    rows.into_iter().map(read).collect()
}

pub(super) async fn save(tx: &mut Tx, tenant: TenantId, it: &Callback) -> Result<()> {
    let params = params![tenant, it.id, it.state, it.tries, it.due_at, it.last_error, it.ended_at];
    tx.put(SAVE, params).await
}

/// Administrators of a user's accounts that partners know, with account and partner; to change them.
pub(super) async fn active_of_owner(
    tx: &mut Tx,
    tenant: TenantId,
    owner: UserId,
) -> Result<Vec<(AdministratorId, AccountId, String)>> {
    let rows = tx.all(ACTIVE_OF_OWNER, params![tenant, owner]).await?;
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?, row.take()?))).collect()
}
