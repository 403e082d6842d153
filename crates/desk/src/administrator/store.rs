//! The administrators' SQL.

use super::model::{Administrator, IdType, Person, Rights};
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Conflict, Error, Refusal, Result};
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::{AccountId, AdministratorId, TenantId};
use crate::value::random::Random;
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::token::{Domain, UniqueToken};

macro_rules! columns {
    () => {
        "d.id, d.account_id, d.state, d.mobile_verified_at, d.email_verified_at, d.may_view, d.may_initiate, \
         d.may_approve, d.amount_limit, d.created_at, d.ended_at, d.end_cause, d.version, d.sealed, \
         d.person_key"
    };
}

pub(crate) const INSERT: &str = "\
    INSERT INTO administrator (tenant_id, id, account_id, state, identity, phone, sealed, may_view, may_initiate,
                               may_approve, amount_limit, created_at, version, person_key)
    VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7, $8, $9, $10, $11, 1, $12)";

pub(crate) const SELECT: &str =
    concat!("SELECT ", columns!(), " FROM administrator d WHERE d.tenant_id = $1 AND d.id = $2");

pub(crate) const BY_IDENTITY: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM administrator d
    WHERE d.tenant_id = $1 AND d.account_id = $2 AND d.identity = $3 AND d.state IN ('pending', 'active')"
);

pub(crate) const BY_PHONE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM administrator d WHERE d.tenant_id = $1 AND d.account_id = $2 AND d.phone = $3 AND d.state = 'active'"
);

pub(crate) const PAGE: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM administrator d WHERE d.tenant_id = $1 AND d.account_id = $2 AND d.id > $3 ORDER BY d.id LIMIT $4"
);

pub(crate) const SAVE: &str = "\
    UPDATE administrator
    SET state = $3, mobile_verified_at = $4, email_verified_at = $5, may_view = $6, may_initiate = $7, may_approve = $8,
        amount_limit = $9, ended_at = $10, end_cause = $11, version = version + 1
    WHERE tenant_id = $1 AND id = $2";

/// How somebody is recognised within an account.
pub(super) fn identity(tenant: &Tenant, account: AccountId, id_type: IdType, id_number: &str) -> UniqueToken {
    tenant.keys.lookup().unique(Domain::Administrator, &format!("id {account} {id_type} {id_number}"))
}

/// The same by her phone.
pub(super) fn phone(tenant: &Tenant, account: AccountId, country_code: &str, mobile: &str) -> UniqueToken {
    tenant.keys.lookup().unique(Domain::Administrator, &format!("phone {account} {country_code} {mobile}"))
}

fn place<'a>(tenant: TenantId, id: &'a AdministratorId) -> Place<'a> {
    Place { tenant, table: "administrator", column: "sealed", row: id.bytes() }
}

/// An administrator with the key that opens her.
pub(crate) struct Loaded {
    pub it: Administrator,
    pub key: Option<PersonKey>,
}

fn read(tenant: &Tenant, mut row: Row) -> Result<Loaded> {
    let mut it = Administrator {
        id: row.take()?,
        account: row.take()?,
        state: row.take()?,
        person: None,
        mobile_verified_at: row.take()?,
        email_verified_at: row.take()?,
        rights: Rights { view: row.take()?, initiate: row.take()?, approve: row.take()?, limit: row.take()? },
        created_at: row.take()?,
        ended_at: row.take()?,
        end_cause: row.take()?,
        version: row.take()?,
    };
    let (sealed, wrapped): (Vec<u8>, Option<Vec<u8>>) = (row.take()?, row.take()?);
    let mut key = None;
    if let Some(wrapped) = wrapped {
        let opener = PersonKey::unwrap(&tenant.keys, tenant.id, it.id.bytes(), &wrapped)?;
        let plain = opener.open(&place(tenant.id, &it.id), &sealed)?;
        it.person = Some(serde_json::from_slice(&plain).map_err(Error::internal)?);
        key = Some(opener);
    }
    Ok(Loaded { it, key })
}

/// Inserts somebody who is to become one, with a key of her own.
pub(super) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    it: &Administrator,
    person: &Person,
    random: &Random,
) -> Result<()> {
    let key = PersonKey::create(random);
    let wrapped = key.wrap(&tenant.keys, tenant.id, it.id.bytes());
    let plain = serde_json::to_vec(person).map_err(Error::internal)?;
    let sealed = key.seal(&place(tenant.id, &it.id), &plain, random);
    let identity = identity(tenant, it.account, person.id_type, &person.id_number);
    let phone = phone(tenant, it.account, &person.country_code, &person.mobile);
    let rights = it.rights;
    let params = params![
        tenant.id,
        it.id,
        it.account,
        identity,
        phone,
        sealed,
        rights.view,
        rights.initiate,
        rights.approve,
        rights.limit,
        it.created_at,
        wrapped
    ];
    taken(tx.run(INSERT, params).await).map(drop)
}

/// Somebody else was quicker.
fn taken<T>(done: Result<T>) -> Result<T> {
    match done {
        Err(Error::Conflict(Conflict::Exists)) => Err(Refusal::AdministratorExists.into()),
        other => other,
    }
}

/// One of them. The account is loaded for change before, so that nobody else changes her.
pub(crate) async fn load(rd: &mut Rd, tenant: &Tenant, id: AdministratorId) -> Result<Loaded> {
    let row = rd.find(SELECT, params![tenant.id, id]).await?.ok_or(Error::NotFound(AdministratorId::NOUN))?;
    read(tenant, row)
}

/// Who is, or is to become, administrator of this account with this identity.
pub(super) async fn by_identity(
    rd: &mut Rd,
    tenant: &Tenant,
    account: AccountId,
    token: UniqueToken,
) -> Result<Option<Loaded>> {
    rd.find(BY_IDENTITY, params![tenant.id, account, token]).await?.map(|row| read(tenant, row)).transpose()
}

/// Who is administrator of this account with this phone.
pub(super) async fn by_phone(
    rd: &mut Rd,
    tenant: &Tenant,
    account: AccountId,
    token: UniqueToken,
) -> Result<Option<Loaded>> {
    rd.find(BY_PHONE, params![tenant.id, account, token]).await?.map(|row| read(tenant, row)).transpose()
}

/// Those of an account, ended ones too, after this one.
pub(super) async fn page(
    rd: &mut Rd,
    tenant: &Tenant,
    account: AccountId,
    after: [u8; 16],
    limit: i64,
) -> Result<Vec<Administrator>> {
    let rows = rd.all(PAGE, params![tenant.id, account, after, limit]).await?;
    rows.into_iter().map(|row| Ok(read(tenant, row)?.it)).collect()
}

/// Saves state, contacts and rights.
pub(crate) async fn save(tx: &mut Tx, tenant: TenantId, it: &mut Administrator) -> Result<()> {
    let rights = it.rights;
    let end: (Option<Time>, &Option<String>) = (it.ended_at, &it.end_cause);
    let params = params![
        tenant,
        it.id,
        it.state,
        it.mobile_verified_at,
        it.email_verified_at,
        rights.view,
        rights.initiate,
        rights.approve,
        rights.limit,
        end.0,
        end.1
    ];
    taken(tx.run(SAVE, params).await)?;
    it.version += 1;
    Ok(())
}
