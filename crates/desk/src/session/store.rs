//! The SQL of sessions and proofs.

use crate::db::{Rd, Row, Tx, params};
use crate::error::Result;
use crate::message::Channel;
use crate::value::clock::Time;
use crate::value::id::{DeviceId, ProofId, SessionId, TenantId, UserId};
use crate::value::words;

words! {
    /// What a proof is for.
    pub enum ProofPurpose {
        /// A link to choose a new password.
        ResetLink = "reset_link",
        /// A mailed code as the second step of signing in.
        SignInCode = "sign_in_code",
        /// An authenticator's code as the second step of signing in.
        SignInTotp = "sign_in_totp",
        /// A mailed code that opens a sign-in which wrong passwords have locked.
        UnlockCode = "unlock_code",
        /// A code that was sent to a phone, to show whose it is.
        PhoneCode = "phone_code",
        /// A link by which a staff member who was appointed chooses her password.
        StaffLink = "staff_link",
    }
}

pub(crate) const INSERT: &str = "\
    INSERT INTO session (tenant_id, id, fingerprint, who, subject_id, device_id, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(crate) const END: &str = "\
    UPDATE session
    SET ended_at = $4, end_cause = $5
    WHERE tenant_id = $1 AND subject_id = $2 AND id = $3 AND ended_at IS NULL";

pub(crate) const OF_SUBJECT: &str = "\
    SELECT id, device_id, created_at, expires_at, ended_at, end_cause
    FROM session
    WHERE tenant_id = $1 AND subject_id = $2
    ORDER BY id DESC
    LIMIT $3";

pub(crate) const INSERT_PROOF: &str = "\
    INSERT INTO proof (tenant_id, id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, channel)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(crate) const PROOF_FOR_CHANGE: &str = "\
    SELECT id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, ended_at, channel
    FROM proof
    WHERE tenant_id = $1 AND id = $2
    FOR UPDATE";

pub(crate) const LINK: &str = "\
    SELECT id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, ended_at, channel
    FROM proof
    WHERE tenant_id = $1 AND fingerprint = $2 AND purpose IN ('reset_link', 'staff_link')";

pub(crate) const UNLOCK: &str = "\
    SELECT id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, ended_at, channel
    FROM proof
    WHERE tenant_id = $1 AND fingerprint = $2 AND purpose = 'unlock_code'";

pub(crate) const OPEN_FOR: &str = "\
    SELECT id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, ended_at, channel
    FROM proof
    WHERE tenant_id = $1 AND user_id = $2 AND purpose = $3 AND ended_at IS NULL
    ORDER BY id DESC
    LIMIT 1";

pub(crate) const SPEND_TRY: &str = "\
    UPDATE proof
    SET tries_left = tries_left - 1
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const END_PROOF: &str = "\
    UPDATE proof
    SET ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND id = $2 AND ended_at IS NULL";

pub(crate) const END_PROOFS_FOR: &str = "\
    UPDATE proof
    SET ended_at = $4, end_cause = 'replaced'
    WHERE tenant_id = $1 AND user_id = $2 AND purpose = $3 AND ended_at IS NULL";

/// Attempts with names that nobody has: counted in few rows, so that noise from outside cannot fill the disk, and so
/// that an unknown name costs the same write as a wrong password.
pub(crate) const COUNT_NOISE: &str = "\
    INSERT INTO sign_in_noise (tenant_id, bucket, attempts, last_at)
    VALUES ($1, $2, 1, $3)
    ON CONFLICT (tenant_id, bucket) DO UPDATE
    SET attempts = sign_in_noise.attempts + 1, last_at = $3";

/// A proof as it is stored.
pub(crate) struct Proof {
    pub id: ProofId,
    pub user: UserId,
    pub purpose: ProofPurpose,
    pub fingerprint: Vec<u8>,
    pub device: Option<Vec<u8>>,
    pub tries_left: i64,
    pub created_at: Time,
    pub expires_at: Time,
    pub ended_at: Option<Time>,
    pub channel: Option<Channel>,
}

fn read_proof(mut row: Row) -> Result<Proof> {
    Ok(Proof {
        id: row.take()?,
        user: row.take()?,
        purpose: row.take()?,
        fingerprint: row.take()?,
        device: row.take()?,
        tries_left: row.take()?,
        created_at: row.take()?,
        expires_at: row.take()?,
        ended_at: row.take()?,
        channel: row.take()?,
    })
}

pub(crate) async fn proof_for_change(tx: &mut Tx, tenant: TenantId, id: ProofId) -> Result<Option<Proof>> {
    tx.find(PROOF_FOR_CHANGE, params![tenant, id]).await?.map(read_proof).transpose()
}

pub(crate) async fn link(rd: &mut Rd, tenant: TenantId, fingerprint: &[u8; 32]) -> Result<Option<Proof>> {
    rd.find(LINK, params![tenant, fingerprint]).await?.map(read_proof).transpose()
}

pub(crate) async fn unlock_code(rd: &mut Rd, tenant: TenantId, fingerprint: &[u8; 32]) -> Result<Option<Proof>> {
    rd.find(UNLOCK, params![tenant, fingerprint]).await?.map(read_proof).transpose()
}

/// The user's open proof for a purpose.
pub(crate) async fn open_for(
    rd: &mut Rd,
    tenant: TenantId,
    user: UserId,
    purpose: ProofPurpose,
) -> Result<Option<Proof>> {
    rd.find(OPEN_FOR, params![tenant, user, purpose]).await?.map(read_proof).transpose()
}

/// Whether the same was sent by this channel so lately that it lives on instead of another one being sent.
pub(crate) async fn lives_on(
    rd: &mut Rd,
    tenant: TenantId,
    user: UserId,
    (purpose, channel): (ProofPurpose, Channel),
    (now, within): (Time, i64),
) -> Result<bool> {
    let open = open_for(rd, tenant, user, purpose).await?;
    Ok(open.is_some_and(|it| {
        let is_young = now < it.created_at.plus(within) && now < it.expires_at;
        is_young && it.channel == Some(channel) && it.tries_left > 0
    }))
}

#[expect(clippy::too_many_arguments, reason = "one column each")]
pub(crate) async fn insert_proof(
    tx: &mut Tx,
    tenant: TenantId,
    id: ProofId,
    user: UserId,
    purpose: ProofPurpose,
    channel: Option<Channel>,
    fingerprint: &[u8; 32],
    device: Option<Vec<u8>>,
    tries: i64,
    now: Time,
    expires_at: Time,
) -> Result<()> {
    tx.put(END_PROOFS_FOR, params![tenant, user, purpose, now]).await?;
    let params = params![tenant, id, user, purpose, fingerprint, device, tries, now, expires_at, channel];
    tx.put(INSERT_PROOF, params).await?;
    Ok(())
}

/// A session in a list.
pub(crate) struct SessionRow {
    pub id: SessionId,
    pub device: Option<DeviceId>,
    pub created_at: Time,
    pub expires_at: Time,
    pub ended_at: Option<Time>,
    pub end_cause: Option<String>,
}

pub(crate) async fn of_subject(rd: &mut Rd, tenant: TenantId, user: UserId, limit: i64) -> Result<Vec<SessionRow>> {
    let rows = rd.all(OF_SUBJECT, params![tenant, user, limit]).await?;
    let read = |mut row: Row| {
        Ok(SessionRow {
            id: row.take()?,
            device: row.take()?,
            created_at: row.take()?,
            expires_at: row.take()?,
            ended_at: row.take()?,
            end_cause: row.take()?,
        })
    };
    rows.into_iter().map(read).collect()
}
