//! The accounts' SQL.

use super::model::{Account, Details};
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Conflict, Error, Result};
use crate::tenant::Tenant;
use crate::user::model::User;
use crate::value::id::{AccountId, TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::token::{Domain, UniqueToken};

macro_rules! columns {
    () => {
        "a.id, a.user_id, a.kind, a.currency, a.balance, a.status, a.dormant, a.frozen, a.partner, a.created_at, a.version, \
         a.sealed, (SELECT u.person_key FROM users u WHERE u.tenant_id = a.tenant_id AND u.id = a.user_id)"
    };
}

pub(crate) const INSERT: &str = "\
    INSERT INTO account (tenant_id, id, user_id, number_token, kind, currency, balance, status, dormant, frozen, partner,
                         sealed, created_at, version)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'normal', 0, 0, $8, $9, $10, 1)
    ON CONFLICT (tenant_id, number_token) DO NOTHING";

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM account a WHERE a.tenant_id = $1 AND a.id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM account a WHERE a.tenant_id = $1 AND a.id = $2 FOR UPDATE");

pub(crate) const BY_NUMBER: &str =
    concat!("SELECT ", columns!(), " FROM account a WHERE a.tenant_id = $1 AND a.number_token = $2");

pub(crate) const OF_USER: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM account a WHERE a.tenant_id = $1 AND a.user_id = $2 AND a.id > $3 ORDER BY a.id LIMIT $4"
);

pub(crate) const PAGE: &str =
    concat!("SELECT ", columns!(), " FROM account a WHERE a.tenant_id = $1 AND a.id > $2 ORDER BY a.id LIMIT $3");

pub(crate) const SAVE: &str = "\
    UPDATE account
    SET status = $3, dormant = $4, frozen = $5, version = version + 1
    WHERE tenant_id = $1 AND id = $2";

fn place<'a>(tenant: TenantId, id: &'a AccountId) -> Place<'a> {
    Place { tenant, table: "account", column: "sealed", row: id.bytes() }
}

/// The keyed fingerprint of an account's number.
fn number_token(tenant: &Tenant, number: &str) -> UniqueToken {
    tenant.keys.lookup().unique(Domain::Account, number)
}

fn read(tenant: &Tenant, mut row: Row) -> Result<Account> {
    let mut account = Account {
        id: row.take()?,
        owner: row.take()?,
        kind: row.take()?,
        currency: row.take()?,
        balance: row.take()?,
        status: row.take()?,
        dormant: row.take()?,
        frozen: row.take()?,
        partner: row.take()?,
        created_at: row.take()?,
        version: row.take()?,
        details: None,
    };
    let (sealed, wrapped): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.take()?, row.take()?);
    if let (Some(sealed), Some(wrapped)) = (sealed, wrapped) {
        let key = PersonKey::unwrap(&tenant.keys, tenant.id, account.owner.bytes(), &wrapped)?;
        let plain = key.open(&place(tenant.id, &account.id), &sealed)?;
        account.details = Some(serde_json::from_slice(&plain).map_err(Error::internal)?);
    }
    Ok(account)
}

/// Inserts a new account; its number may be taken.
pub(super) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    it: &Account,
    owner: &User,
    details: &Details,
    random: &Random,
) -> Result<()> {
    let plain = serde_json::to_vec(details).map_err(Error::internal)?;
    let sealed = owner.key()?.seal(&place(tenant.id, &it.id), &plain, random);
    let token = number_token(tenant, &details.number);
    let params =
        params![tenant.id, it.id, it.owner, token, it.kind, it.currency, it.balance, it.partner, sealed, it.created_at];
    match tx.run(INSERT, params).await? {
        0 => Err(Error::Conflict(Conflict::Exists)),
        _ => Ok(()),
    }
}

fn found(tenant: &Tenant, row: Option<Row>) -> Result<Account> {
    read(tenant, row.ok_or(Error::NotFound(AccountId::NOUN))?)
}

/// One account, to read.
pub(crate) async fn load(rd: &mut Rd, tenant: &Tenant, id: AccountId) -> Result<Account> {
    let row = rd.find(SELECT, params![tenant.id, id]).await?;
    found(tenant, row)
}

/// One account, to change; nobody else changes it, nor who administers it, until the transaction ends.
pub(crate) async fn load_for_change(tx: &mut Tx, tenant: &Tenant, id: AccountId) -> Result<Account> {
    let row = tx.find(SELECT_FOR_CHANGE, params![tenant.id, id]).await?;
    found(tenant, row)
}

/// The account of this number; to a partner, only one of its own.
pub(crate) async fn by_number(rd: &mut Rd, tenant: &Tenant, number: &str, partner: Option<&str>) -> Result<Account> {
    let row = rd.find(BY_NUMBER, params![tenant.id, number_token(tenant, number.trim())]).await?;
    let account = found(tenant, row)?;
    // Whoever was erased has no accounts for anybody outside.
    match partner {
        Some(_) if account.details.is_none() => Err(Error::NotFound(AccountId::NOUN)),
        Some(partner) if account.partner.as_deref() != Some(partner) => Err(Error::NotFound(AccountId::NOUN)),
        _ => Ok(account),
    }
}

/// A user's accounts after this one.
pub(super) async fn of_user(
    rd: &mut Rd,
    tenant: &Tenant,
    user: UserId,
    after: [u8; 16],
    limit: i64,
) -> Result<Vec<Account>> {
    let rows = rd.all(OF_USER, params![tenant.id, user, after, limit]).await?;
    rows.into_iter().map(|row| read(tenant, row)).collect()
}

/// Everybody's accounts after this one.
pub(super) async fn page(rd: &mut Rd, tenant: &Tenant, after: [u8; 16], limit: i64) -> Result<Vec<Account>> {
    let rows = rd.all(PAGE, params![tenant.id, after, limit]).await?;
    rows.into_iter().map(|row| read(tenant, row)).collect()
}

/// Saves the state.
pub(super) async fn save(tx: &mut Tx, tenant: TenantId, it: &mut Account) -> Result<()> {
    tx.put(SAVE, params![tenant, it.id, it.status, it.dormant, it.frozen]).await?;
    it.version += 1;
    Ok(())
}
