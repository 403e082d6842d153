//! What gives a user access at this moment: open sessions, reset links, pending codes. Whatever bars her (a lock, a
//! disabling, an erasure, a new password) ends all of it in the same commit.

use crate::administrator::callback;
use crate::db::{Rd, many, params};
use crate::error::Result;
use crate::fact::Fact;
use crate::permission::Proposable;
use crate::value::id::{DeviceId, TenantId, UserId};
use crate::verb::{Cx, Subject};

pub(crate) const END_SESSIONS: &str = "\
    UPDATE session
    SET ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND subject_id = $2 AND ended_at IS NULL";

pub(crate) const END_SESSIONS_OF_DEVICE: &str = "\
    UPDATE session
    SET ended_at = $4, end_cause = $5
    WHERE tenant_id = $1 AND subject_id = $2 AND device_id = $3 AND ended_at IS NULL";

pub(crate) const END_PROOFS: &str = "\
    UPDATE proof
    SET ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL";

/// What was sent to an address that is no longer the user's.
pub(crate) const END_PROOFS_SENT_BY: &str = "\
    UPDATE proof
    SET ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL AND channel = $5";

/// The same of codes that something waits for; it goes on waiting, for another one.
pub(crate) const END_CODES_SENT_BY: &str = "\
    UPDATE challenge
    SET code = NULL, code_expires_at = NULL
    WHERE tenant_id = $1 AND recipient_id = $2 AND state = 'open' AND channel = $3 AND code IS NOT NULL";

/// What was proposed about somebody who goes, or about an account of hers, and is not decided.
pub(crate) const END_REQUESTS: &str = "\
    UPDATE request
    SET state = 'expired', end_cause = $3, ended_at = $4
    WHERE tenant_id = $1 AND user_id = $2 AND state = 'pending'
    RETURNING id, number, action, subject_kind, subject_id, proposer_id";

/// What waits for a code that she was sent, or could be.
pub(crate) const END_CHALLENGES: &str = "\
    UPDATE challenge
    SET state = 'cancelled', code = NULL, ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND recipient_id = $2 AND state = 'open'
    RETURNING id";

/// What waits for a code on an account of hers, whoever would be sent it.
pub(crate) const END_CHALLENGES_ON_ACCOUNTS: &str = "\
    UPDATE challenge
    SET state = 'cancelled', code = NULL, ended_at = $3, end_cause = $4
    WHERE tenant_id = $1 AND state = 'open' AND subject_id IN (
        SELECT d.id
        FROM administrator d
        WHERE d.tenant_id = $1
            AND d.account_id IN (SELECT a.id FROM account a WHERE a.tenant_id = $1 AND a.user_id = $2))
    RETURNING id";

/// Who could act on her accounts.
pub(crate) const END_ADMINISTRATORS: &str = "\
    UPDATE administrator
    SET state = 'ended', ended_at = $3, end_cause = $4, version = version + 1
    WHERE tenant_id = $1 AND state IN ('pending', 'active')
        AND account_id IN (SELECT a.id FROM account a WHERE a.tenant_id = $1 AND a.user_id = $2)
    RETURNING id";

/// What was known of whoever could act on her accounts, now or before, cannot be read any more.
pub(crate) const CLEAR_ADMINISTRATORS_KEYS: &str = "\
    UPDATE administrator
    SET person_key = NULL
    WHERE tenant_id = $1 AND account_id IN (SELECT a.id FROM account a WHERE a.tenant_id = $1 AND a.user_id = $2)";

pub(crate) const ANY: &str = "\
    SELECT 1
    WHERE EXISTS (SELECT 1 FROM session WHERE tenant_id = $1 AND subject_id = $2 AND ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM proof WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM challenge WHERE tenant_id = $1 AND recipient_id = $2 AND state = 'open')";

/// `ANY` about several.
pub(crate) const ANY_OF: &str = concat!(
    "SELECT subject_id, 1 FROM session WHERE tenant_id = $1 AND ended_at IS NULL AND subject_id IN ",
    many!(),
    " UNION SELECT user_id, 1 FROM proof WHERE tenant_id = $1 AND ended_at IS NULL AND user_id IN ",
    many!(),
    " UNION SELECT recipient_id, 1 FROM challenge WHERE tenant_id = $1 AND state = 'open' AND recipient_id IN ",
    many!()
);

/// Whether there is anything that could be ended.
pub(crate) async fn is_there(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<bool> {
    Ok(rd.find(ANY, params![tenant, user]).await?.is_some())
}

/// Ends every session, reset link and pending code of a user.
pub(crate) async fn end(cx: &mut Cx<'_>, user: UserId, cause: &'static str) -> Result<()> {
    let tenant = cx.tenant.id;
    // Most users have nothing open, and to look costs less than to change nothing twice.
    let any = match cx.open_access.take() {
        Some((known, any)) if known == user => any,
        _ => is_there(cx.tx, tenant, user).await?,
    };
    if any {
        let sessions = cx.tx.run(END_SESSIONS, params![tenant, user, cx.now, cause]).await? as i64;
        let mut proofs = cx.tx.run(END_PROOFS, params![tenant, user, cx.now, cause]).await? as i64;
        proofs += end_challenges(cx, END_CHALLENGES, user, cause).await?;
        cx.note(Fact::UserAccessEnded { user, sessions, proofs, cause });
    }
    // For who is gone there is nothing left to decide.
    if matches!(cause, "removed" | "erased") {
        end_requests(cx, user, cause).await?;
        end_challenges(cx, END_CHALLENGES_ON_ACCOUNTS, user, cause).await?;
        // Of who is erased nothing is told.
        if cause == "removed" {
            callback::queue_removals(cx, user).await?;
        }
        for mut row in cx.tx.all(END_ADMINISTRATORS, params![tenant, user, cx.now, cause]).await? {
            let administrator = row.take()?;
            cx.note(Fact::AdministratorEnded { administrator, cause });
        }
        if cause == "erased" {
            cx.tx.put(CLEAR_ADMINISTRATORS_KEYS, params![tenant, user]).await?;
        }
    }
    Ok(())
}

/// Ends the links and codes that were sent by this channel: the address there is another one now.
pub(crate) async fn end_sent_by(cx: &mut Cx<'_>, user: UserId, channel: &'static str) -> Result<()> {
    let (tenant, cause) = (cx.tenant.id, "contact_changed");
    let links = cx.tx.run(END_PROOFS_SENT_BY, params![tenant, user, cx.now, cause, channel]).await?;
    let codes = cx.tx.run(END_CODES_SENT_BY, params![tenant, user, channel]).await?;
    let proofs = (links + codes) as i64;
    if proofs > 0 {
        cx.note(Fact::UserAccessEnded { user, sessions: 0, proofs, cause });
    }
    Ok(())
}

async fn end_challenges(cx: &mut Cx<'_>, sql: &'static str, user: UserId, cause: &'static str) -> Result<i64> {
    let ended = cx.tx.all(sql, params![cx.tenant.id, user, cx.now, cause]).await?;
    let count = ended.len() as i64;
    for mut row in ended {
        let challenge = row.take()?;
        cx.note(Fact::ChallengeCancelled { challenge, cause });
    }
    Ok(count)
}

async fn end_requests(cx: &mut Cx<'_>, user: UserId, cause: &'static str) -> Result<()> {
    for mut row in cx.tx.all(END_REQUESTS, params![cx.tenant.id, user, cause, cx.now]).await? {
        let (request, number) = (row.take()?, row.take()?);
        let (action, kind, subject): (Proposable, String, [u8; 16]) = (row.take()?, row.take()?, row.take()?);
        let (action, about) = (action.word(), Subject::text(&kind, Some(uuid::Uuid::from_bytes(subject))));
        let proposer = row.take()?;
        cx.note(Fact::RequestExpired { request, number, action, about, proposer, cause });
    }
    Ok(())
}

/// Ends the sessions of one device.
pub(crate) async fn end_of_device(cx: &mut Cx<'_>, user: UserId, device: DeviceId, cause: &'static str) -> Result<()> {
    let params = params![cx.tenant.id, user, device, cx.now, cause];
    let sessions = cx.tx.run(END_SESSIONS_OF_DEVICE, params).await? as i64;
    if sessions > 0 {
        cx.note(Fact::UserAccessEnded { user, sessions, proofs: 0, cause });
    }
    Ok(())
}
