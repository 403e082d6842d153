//! How many messages people may cause within an hour: to one user, from one network, in one institution. Whoever is beyond a
//! limit causes none, and is not counted any further, so that one stranger cannot use up what belongs to everybody.

use crate::db::params;
use crate::error::Result;
use crate::tries;
use crate::value::clock::HOUR;
use crate::value::id::UserId;
use crate::value::secret::hex;
use crate::verb::Cx;

pub(crate) mod store {
    //! The SQL of counted messages.

    pub(crate) const COUNT: &str = "\
        INSERT INTO message_count (tenant_id, key, hour, sent)
        VALUES ($1, $2, $3, 1)
        ON CONFLICT (tenant_id, key) DO UPDATE
        SET sent = CASE WHEN message_count.hour = $3 THEN message_count.sent + 1 ELSE 1 END, hour = $3
        RETURNING sent";

    pub(crate) const SWEEP: &str = "DELETE FROM message_count WHERE hour < $1";
}

/// Who causes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Somebody who has proved nothing.
    Stranger,
    /// The user, who has proved something: the network they come from may be that of a program for all users.
    User,
    /// Staff; counted apart, so that strangers' asking does not keep staff from helping.
    Staff,
}

/// Counts a message to this user, and answers whether it may be sent.
pub(crate) async fn admit(cx: &mut Cx<'_>, user: UserId, cause: Cause) -> Result<bool> {
    let settings = cx.tenant.settings.clone();
    let whose = match cause {
        Cause::Stranger | Cause::User => "user",
        Cause::Staff => "staff to user",
    };
    if count(cx, &[whose, &user.to_string()]).await? > settings.messages_per_user_hour {
        return Ok(false);
    }
    if cause == Cause::Stranger
        && let Some(network) = cx.caller.origin.address.map(|address| hex(&tries::network(address)))
        && count(cx, &["network", &network]).await? > settings.messages_per_address_hour
    {
        return Ok(false);
    }
    let is_within = cause == Cause::Staff || count(cx, &["all"]).await? <= settings.messages_per_institution_hour;
    Ok(is_within)
}

async fn count(cx: &mut Cx<'_>, of: &[&str]) -> Result<i64> {
    let parts: Vec<&str> = std::iter::once("messages").chain(of.iter().copied()).collect();
    let key = cx.tenant.keys.lookup().of_person(&parts);
    let hour = cx.now.0.div_euclid(HOUR);
    cx.tx.one(store::COUNT, params![cx.tenant.id, key, hour]).await?.take()
}
