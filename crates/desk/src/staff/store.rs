//! The staff's SQL.

use super::{Staff, StaffProfile};
use crate::db::{Rd, Row, ToParam, Tx, params, slots};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::value::clock::Time;
use crate::value::id::{StaffId, TenantId, Uuid};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};
use crate::value::token::Domain;

pub(crate) const SELECT: &str = "\
    SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at,
        password_change_due
    FROM staff
    WHERE tenant_id = $1 AND id = $2
    FOR UPDATE";

pub(crate) const SELECT_TO_READ: &str = "\
    SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at,
        password_change_due
    FROM staff
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const BY_EMAIL: &str = "\
    SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at,
        password_change_due
    FROM staff
    WHERE tenant_id = $1 AND email_token = $2";

pub(crate) const ALL: &str = "\
    SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at,
        password_change_due
    FROM staff
    WHERE tenant_id = $1
    ORDER BY id
    LIMIT 1000";

pub(crate) const INSERT: &str = "\
    INSERT INTO staff (tenant_id, id, email_token, profile, password_hash, failed_sign_ins, created_at, version, number,
                       brought_in_by, confirmed_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, 1, $7, $8, $9)
    ON CONFLICT (tenant_id, email_token) DO NOTHING";

pub(crate) const NEXT_NUMBER: &str = "\
    UPDATE tenant
    SET last_staff_number = last_staff_number + 1
    WHERE id = $1
    RETURNING last_staff_number";

pub(crate) const BY_NUMBER: &str = "\
    SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at,
        password_change_due
    FROM staff
    WHERE tenant_id = $1 AND number = $2";

/// The names of the roles that each staff member holds.
pub(crate) const ROLE_NAMES: &str = "\
    SELECT m.staff_id, r.name
    FROM member m
    JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
    WHERE m.tenant_id = $1
    ORDER BY m.staff_id, r.name
    LIMIT 10000";

pub(crate) const ROLE_NAMES_OF: &str = "\
    SELECT m.staff_id, r.name
    FROM member m
    JOIN role r ON r.tenant_id = m.tenant_id AND r.id = m.role_id
    WHERE m.tenant_id = $1 AND m.staff_id = $2
    ORDER BY r.name";

/// A password that its owner has chosen.
pub(crate) const SET_PASSWORD: &str = "\
    UPDATE staff
    SET password_hash = $3, password_change_due = 0, failed_sign_ins = 0, version = version + 1
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const REQUIRE_PASSWORD_CHANGE: &str = "\
    UPDATE staff
    SET password_change_due = 1, version = version + 1
    WHERE tenant_id = $1 AND id = $2 AND password_hash IS NOT NULL AND password_change_due = 0";

pub(crate) const PASSWORD_CHANGE_DUE: &str = "SELECT password_change_due FROM staff WHERE tenant_id = $1 AND id = $2";

pub(crate) const CONFIRM: &str = "\
    UPDATE staff
    SET confirmed_at = $3, version = version + 1
    WHERE tenant_id = $1 AND id = $2";

/// Who brought somebody in, unless that was confirmed.
pub(crate) const BRINGERS: &str = "\
    SELECT brought_in_by
    FROM staff
    WHERE tenant_id = $1 AND id = $2 AND confirmed_at IS NULL AND brought_in_by IS NOT NULL";

pub(crate) const SAVE: &str = "\
    UPDATE staff
    SET failed_sign_ins = $3, disabled_at = $4, version = version + 1
    WHERE tenant_id = $1 AND id = $2";

fn read(tenant: &Tenant, mut row: Row) -> Result<Staff> {
    let (id, number): (StaffId, i64) = (row.take()?, row.take()?);
    let sealed: Vec<u8> = row.take()?;
    let place = Place { tenant: tenant.id, table: "staff", column: "profile", row: id.bytes() };
    let profile: StaffProfile = serde_json::from_slice(&tenant.keys.open(&place, &sealed)?).map_err(Error::internal)?;
    let (password_hash, failed_sign_ins) = (row.take()?, row.take()?);
    let (disabled_at, created_at) = (row.take()?, row.take()?);
    let brought_in_by = ids(row.take()?);
    let (confirmed_at, password_change_due) = (row.take()?, row.take()?);
    Ok(Staff {
        id,
        number,
        profile,
        disabled_at,
        created_at,
        password_hash,
        failed_sign_ins,
        brought_in_by,
        confirmed_at,
        password_change_due,
    })
}

/// Ids that stand one after the other.
fn ids(stored: Option<Vec<u8>>) -> Vec<StaffId> {
    let stored = stored.unwrap_or_default();
    stored.as_chunks::<16>().0.iter().map(|id| StaffId(Uuid::from_bytes(*id))).collect()
}

/// Whether somebody else has set this member's password.
pub(crate) async fn is_password_change_due(rd: &mut Rd, tenant: TenantId, id: StaffId) -> Result<bool> {
    let row = rd.find(PASSWORD_CHANGE_DUE, params![tenant, id]).await?;
    row.map_or(Ok(false), |mut row| row.take())
}

/// Bringers beyond these are not followed: nobody adds colleagues in longer rows.
const BRINGERS_MAX: usize = 32;

/// These people and, as long as nobody has confirmed them, whoever brought them in.
pub(crate) async fn with_bringers(rd: &mut Rd, tenant: TenantId, people: Vec<StaffId>) -> Result<Vec<StaffId>> {
    let (mut all, mut at) = (people, 0);
    while at < all.len().min(BRINGERS_MAX) {
        if let Some(mut row) = rd.find(BRINGERS, params![tenant, all[at]]).await? {
            let more: Vec<StaffId> = ids(row.take()?).into_iter().filter(|it| !all.contains(it)).collect();
            all.extend(more);
        }
        at += 1;
    }
    Ok(all)
}

/// The staff member, locked for change on PostgreSQL.
pub(crate) async fn load(tx: &mut Tx, tenant: &Tenant, id: StaffId) -> Result<Staff> {
    let row = tx.find(SELECT, params![tenant.id, id]).await?.ok_or(Error::NotFound(StaffId::NOUN))?;
    read(tenant, row)
}

pub(crate) async fn load_to_read(rd: &mut Rd, tenant: &Tenant, id: StaffId) -> Result<Staff> {
    let row = rd.find(SELECT_TO_READ, params![tenant.id, id]).await?.ok_or(Error::NotFound(StaffId::NOUN))?;
    read(tenant, row)
}

/// Those of these who exist.
pub(crate) async fn some(rd: &mut Rd, tenant: &Tenant, mut ids: Vec<StaffId>) -> Result<Vec<Staff>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id, number, profile, password_hash, failed_sign_ins, disabled_at, created_at, brought_in_by, confirmed_at, \
         password_change_due FROM staff \
         WHERE tenant_id = $1 AND id IN ({})",
        slots(2, ids.len())
    );
    let mut params = vec![tenant.id.to_param()];
    params.extend(ids.iter().map(ToParam::to_param));
    rd.all(sql, &params).await?.into_iter().map(|row| read(tenant, row)).collect()
}

pub(crate) async fn by_email(rd: &mut Rd, tenant: &Tenant, email: &str) -> Result<Option<Staff>> {
    let token = tenant.keys.lookup().unique(Domain::Email, email);
    rd.find(BY_EMAIL, params![tenant.id, token]).await?.map(|row| read(tenant, row)).transpose()
}

pub(crate) async fn all(rd: &mut Rd, tenant: &Tenant) -> Result<Vec<Staff>> {
    rd.all(ALL, params![tenant.id]).await?.into_iter().map(|row| read(tenant, row)).collect()
}

/// Who brings somebody in, and whether another member has looked at that.
pub(crate) struct BroughtIn {
    pub by: Vec<StaffId>,
    pub confirmed_at: Option<Time>,
}

#[expect(clippy::too_many_arguments, reason = "one column each")]
pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    id: StaffId,
    profile: &StaffProfile,
    password_hash: Option<&str>,
    brought_in: &BroughtIn,
    now: Time,
) -> Result<bool> {
    let token = tenant.keys.lookup().unique(Domain::Email, &profile.email);
    let place = Place { tenant: tenant.id, table: "staff", column: "profile", row: id.bytes() };
    let sealed = tenant.keys.seal(&place, &serde_json::to_vec(profile).map_err(Error::internal)?, random);
    let number: i64 = tx.one(NEXT_NUMBER, params![tenant.id]).await?.take()?;
    let by: Vec<u8> = brought_in.by.iter().flat_map(|id| *id.bytes()).collect();
    let by = if by.is_empty() { None } else { Some(by) };
    let params = params![tenant.id, id, token, sealed, password_hash, now, number, by, brought_in.confirmed_at];
    Ok(tx.run(INSERT, params).await? == 1)
}

pub(crate) async fn save(tx: &mut Tx, tenant: &Tenant, staff: &Staff) -> Result<()> {
    let params = params![tenant.id, staff.id, staff.failed_sign_ins, staff.disabled_at];
    tx.put(SAVE, params).await?;
    Ok(())
}

pub(crate) async fn by_number(rd: &mut Rd, tenant: &Tenant, number: i64) -> Result<Option<Staff>> {
    rd.find(BY_NUMBER, params![tenant.id, number]).await?.map(|row| read(tenant, row)).transpose()
}

/// The roles of everybody, or of one.
pub(crate) async fn role_names(rd: &mut Rd, tenant: &Tenant, of: Option<StaffId>) -> Result<Vec<(StaffId, String)>> {
    let rows = match of {
        Some(staff) => rd.all(ROLE_NAMES_OF, params![tenant.id, staff]).await?,
        None => rd.all(ROLE_NAMES, params![tenant.id]).await?,
    };
    rows.into_iter().map(|mut row| Ok((row.take()?, row.take()?))).collect()
}
