//! Requests that must take effect once only: the answer is kept, sealed, in the transaction of its effect. Two at the
//! same time: the second waits for the first (PostgreSQL) or comes after it (SQLite), and then gets its answer.

use serde::{Deserialize, Serialize};

use crate::caller::Caller;
use crate::db::{Tx, params};
use crate::door::Once;
use crate::error::{Conflict, Error, Result};
use crate::permission::{Permission, Permissions};
use crate::tenant::Tenant;
use crate::user::store::hides_employees;
use crate::value::clock::Time;
use crate::value::id::{TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

pub(crate) const CLAIM: &str = "\
    INSERT INTO idempotency (tenant_id, caller, key, request_hash, created_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, caller, key) DO NOTHING";

pub(crate) const FIND: &str = "\
    SELECT request_hash, answer
    FROM idempotency
    WHERE tenant_id = $1 AND caller = $2 AND key = $3";

pub(crate) const KEEP: &str = "\
    UPDATE idempotency
    SET answer = $4
    WHERE tenant_id = $1 AND caller = $2 AND key = $3";

/// An answer about a user goes when that one is erased.
pub(crate) const ABOUT: &str = "\
    UPDATE idempotency
    SET user_id = $4
    WHERE tenant_id = $1 AND caller = $2 AND key = $3";

pub(crate) const FORGOTTEN: &str = "\
    SELECT 1
    FROM idempotency
    WHERE tenant_id = $1 AND caller = $2 AND key = $3 AND user_id IS NOT NULL AND answer IS NULL";

pub(crate) const SWEEP: &str = "DELETE FROM idempotency WHERE created_at < $1";

fn place<'a>(tenant: &Tenant, row: &'a [u8]) -> Place<'a> {
    Place { tenant: tenant.id, table: "idempotency", column: "answer", row }
}

/// Whether this is the first time; the row then belongs to this transaction.
pub(crate) async fn claim(tx: &mut Tx, tenant: TenantId, caller: &str, once: &Once, now: Time) -> Result<bool> {
    Ok(tx.run(CLAIM, params![tenant, caller, once.key, once.request_hash, now]).await? == 1)
}

/// An answer as it is kept: with what its caller could see when it was made.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The caller's permissions.
    may: String,
    /// Whether employees were hidden from them.
    hid_employees: bool,
    answer: String,
}

impl Kept {
    /// An answer that this caller is given now.
    pub fn of(tenant: &Tenant, caller: &Caller, answer: Vec<u8>) -> Result<Kept> {
        let answer = String::from_utf8(answer).map_err(Error::internal)?;
        Ok(Kept { may: caller.may.to_stored(), hid_employees: hides_employees(tenant, caller), answer })
    }

    /// The answer, for a caller who may see all that it was made for: whoever has lost a right since is not shown by a repeated
    /// request what they could no longer ask for.
    pub fn shown_to(self, tenant: &Tenant, caller: &Caller) -> Result<Vec<u8>> {
        let lost = Permissions::from_stored(&self.may).list().into_iter().find(|right| !caller.may(*right));
        match lost {
            Some(right) => Err(Error::Forbidden(right.word())),
            None if hides_employees(tenant, caller) && !self.hid_employees => {
                Err(Error::Forbidden(Permission::UsersEmployees.word()))
            }
            None => Ok(self.answer.into_bytes()),
        }
    }
}

/// The kept answer of the same request; another request with this key is a conflict.
pub(crate) async fn find(tx: &mut Tx, tenant: &Tenant, caller: &str, once: &Once) -> Result<Option<Kept>> {
    let Some(mut row) = tx.find(FIND, params![tenant.id, caller, once.key]).await? else { return Ok(None) };
    let hash: Vec<u8> = row.take()?;
    if hash != once.request_hash {
        return Err(Error::Conflict(Conflict::KeyReused));
    }
    let sealed: Option<Vec<u8>> = row.take()?;
    let Some(sealed) = sealed else { return Ok(None) };
    let plain = tenant.keys.open(&place(tenant, once.key.as_bytes()), &sealed)?;
    serde_json::from_slice(&plain).map(Some).map_err(Error::internal)
}

/// Keeps the answer.
pub(crate) async fn keep(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    caller: &str,
    once: &Once,
    kept: &Kept,
) -> Result<()> {
    let plain = serde_json::to_vec(kept).map_err(Error::internal)?;
    let sealed = tenant.keys.seal(&place(tenant, once.key.as_bytes()), &plain, random);
    tx.put(KEEP, params![tenant.id, caller, once.key, sealed]).await?;
    Ok(())
}

/// Keeps whom the answer is about, so that it is erased with them.
pub(crate) async fn about(tx: &mut Tx, tenant: TenantId, caller: &str, once: &Once, user: UserId) -> Result<()> {
    tx.put(ABOUT, params![tenant, caller, once.key, user]).await
}

/// Whether the answer was about somebody who was erased.
pub(crate) async fn is_forgotten(tx: &mut Tx, tenant: TenantId, caller: &str, once: &Once) -> Result<bool> {
    Ok(tx.find(FORGOTTEN, params![tenant, caller, once.key]).await?.is_some())
}
