//! What gives a user access at this moment: open sessions, reset links, pending codes. Whatever bars her (a lock, a
//! disabling, an erasure, a new password) ends all of it in the same commit.

use crate::db::{Rd, params};
use crate::error::Result;
use crate::fact::Fact;
use crate::permission::Proposable;
use crate::value::id::{DeviceId, TenantId, UserId};
use crate::verb::Cx;

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

/// What was proposed about somebody who goes, and is not decided.
pub(crate) const END_REQUESTS: &str = "\
    UPDATE request
    SET state = 'expired', end_cause = $3, ended_at = $4
    WHERE tenant_id = $1 AND subject_id = $2 AND state = 'pending'
    RETURNING id, number, action, proposer_id";

pub(crate) const ANY: &str = "\
    SELECT 1
    WHERE EXISTS (SELECT 1 FROM session WHERE tenant_id = $1 AND subject_id = $2 AND ended_at IS NULL)
        OR EXISTS (SELECT 1 FROM proof WHERE tenant_id = $1 AND user_id = $2 AND ended_at IS NULL)";

/// Whether there is anything that could be ended.
pub(crate) async fn is_there(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<bool> {
    Ok(rd.find(ANY, params![tenant, user]).await?.is_some())
}

/// Ends every session, reset link and pending code of a user.
pub(crate) async fn end(cx: &mut Cx<'_>, user: UserId, cause: &'static str) -> Result<()> {
    let tenant = cx.tenant.id;
    // Most users have nothing open, and to look costs less than to change nothing twice.
    if is_there(cx.tx, tenant, user).await? {
        let sessions = cx.tx.run(END_SESSIONS, params![tenant, user, cx.now, cause]).await? as i64;
        let proofs = cx.tx.run(END_PROOFS, params![tenant, user, cx.now, cause]).await? as i64;
        cx.note(Fact::UserAccessEnded { user, sessions, proofs, cause });
    }
    // For who is gone there is nothing left to decide.
    if matches!(cause, "removed" | "erased") {
        end_requests(cx, user, cause).await?;
    }
    Ok(())
}

async fn end_requests(cx: &mut Cx<'_>, user: UserId, cause: &'static str) -> Result<()> {
    for mut row in cx.tx.all(END_REQUESTS, params![cx.tenant.id, user, cause, cx.now]).await? {
        let (request, number) = (row.take()?, row.take()?);
        let (action, proposer): (Proposable, _) = (row.take()?, row.take()?);
        let (action, about) = (action.word(), Some(user.to_string()));
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
