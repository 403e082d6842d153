//! The actions that move a user's standing. All are `POST /v1/users/{id}/<verb>`, take a reason, can be previewed and
//! done once only, and answer the user as she is then; `Bursar-Changed` says whether anything changed.

use axum::extract::State;
use axum::response::Response;
use desk::user::standing::{CoreState, FraudStatus};
use desk::user::*;
use desk::value::id::UserId;
use desk::{Caller, Error};
use serde::Deserialize;
use utoipa::ToSchema;

use super::act::{Call, Preview, Reply};
use super::wire::{UserWire, chosen, moment};
use super::{House, Native, Problems};
use crate::kit::{Fault, Text};

type Answer = Result<Response, Fault<Native>>;

/// The user after an action.
pub fn changed(done: Changed, caller: &Caller) -> desk::Result<Reply> {
    let seen = done.user.seen_by(caller)?;
    let version = seen.version;
    Ok(Reply::ok(&UserWire::from(seen))?.version(version).changed(done.changed))
}

/// What an action answers.
#[derive(ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "read by the specification only")]
pub enum Acted {
    /// The user as she is now.
    Done(Box<UserWire>),
    /// With `preview=true`: what it would cause.
    Preview(Preview),
}

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ReasonIn {
    /// Why, at most 1,000 characters; kept in the audit.
    #[schema(example = "Caller proved her identity")]
    pub reason: Option<String>,
}

macro_rules! verbs {
    ($($(#[doc = $doc:literal])+ $handler:ident, $path:literal, $action:ident, $body:ident,
        |$user:ident, $it:ident| $make:expr;)+) => {$(
        $(#[doc = $doc])+
        #[utoipa::path(post, path = $path, tag = "standing", params(("user_id" = String, Path),
                ("preview" = Option<bool>, Query, description = "Only say what would happen."),
                ("If-Match" = Option<String>, Header, description = "The ETag you saw, or several."),
                ("Idempotency-Key" = Option<String>, Header, description = "Do this once only.")),
            request_body = $body,
            responses((status = 200, description = "The user as she is now; or the preview.", body = Acted), Problems))]
        pub async fn $handler(State(house): State<House>, id: Text<Native, UserId>, call: Call<$body>) -> Answer {
            let ($user, $it) = (id.0, &call.body);
            let action: desk::Result<$action> = $make;
            call.act(&house, action?, changed).await
        }
    )+};
}

/// A lock.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LockIn {
    /// Why.
    pub reason: Option<String>,
    /// When it opens by itself (RFC 3339); absent: when somebody unlocks.
    pub until: Option<String>,
}

/// A flag.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FlagIn {
    /// Why.
    pub reason: Option<String>,
    /// For this bank only; absent: as a whole.
    pub bank: Option<String>,
}

/// A fraud status.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FraudIn {
    /// `whitelisted`, `suspicious` or `fraudulent`.
    pub status: String,
    /// The comment.
    pub reason: Option<String>,
}

/// A hold.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HoldIn {
    /// Why.
    pub reason: Option<String>,
    /// For legal reasons: forbids erasure too.
    pub legal: bool,
}

/// A core state.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoreIn {
    /// `normal`, `password_expired`, `password_needs_reset`, `dormant` or `permanently_frozen`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
}

/// A decision on a verification.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionIn {
    /// Verified, or else declined.
    pub verified: bool,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What must be there, once it was read.
pub(super) fn needed<T>(value: desk::Result<Option<T>>, field: &str) -> desk::Result<T> {
    value?.ok_or_else(|| Error::invalid(field, "required", "Needed."))
}

verbs! {
    /// Lock a user's sign-in. Ends every session, reset link and pending code.
    lock, "/v1/users/{user_id}/lock", LockUser, LockIn,
        |user, it| moment("until", it.until.as_deref()).map(|until| LockUser { user, until, reason: it.reason.clone() });

    /// Unlock a user's sign-in. Never enables a disabled user.
    unlock, "/v1/users/{user_id}/unlock", UnlockUser, ReasonIn,
        |user, it| Ok(UnlockUser { user, reason: it.reason.clone() });

    /// Disable a user. Ends every session, reset link and pending code.
    disable, "/v1/users/{user_id}/disable", DisableUser, ReasonIn,
        |user, it| Ok(DisableUser { user, reason: it.reason.clone() });

    /// Enable a user. Never unlocks a locked one.
    enable, "/v1/users/{user_id}/enable", EnableUser, ReasonIn,
        |user, it| Ok(EnableUser { user, reason: it.reason.clone() });

    /// Suspend a user, until she signs in again or is reinstated.
    suspend, "/v1/users/{user_id}/suspend", SuspendUser, ReasonIn,
        |user, it| Ok(SuspendUser { user, reason: it.reason.clone() });

    /// Reinstate a suspended user.
    reinstate, "/v1/users/{user_id}/reinstate", ReinstateUser, ReasonIn,
        |user, it| Ok(ReinstateUser { user, reason: it.reason.clone() });

    /// Flag a user, as a whole or for one bank: she may be read, but not link or fetch.
    flag, "/v1/users/{user_id}/flag", FlagUser, FlagIn,
        |user, it| Ok(FlagUser { user, bank: it.bank.clone(), reason: it.reason.clone() });

    /// Remove a flag.
    unflag, "/v1/users/{user_id}/unflag", UnflagUser, FlagIn,
        |user, it| Ok(UnflagUser { user, bank: it.bank.clone(), reason: it.reason.clone() });

    /// Put a user on the blacklist.
    blacklist, "/v1/users/{user_id}/blacklist", BlacklistUser, ReasonIn,
        |user, it| Ok(BlacklistUser { user, reason: it.reason.clone() });

    /// Take a user off the blacklist.
    unblacklist, "/v1/users/{user_id}/unblacklist", UnblacklistUser, ReasonIn,
        |user, it| Ok(UnblacklistUser { user, reason: it.reason.clone() });

    /// Set what the fraud team thinks of a user.
    fraud_status, "/v1/users/{user_id}/fraud-status", SetFraudStatus, FraudIn,
        |user, it| needed(chosen("status", Some(&it.status), FraudStatus::parse, FraudStatus::WORDS), "status")
            .map(|status| SetFraudStatus { user, status, reason: it.reason.clone() });

    /// Put a user on hold. Ends every session, reset link and pending code.
    hold, "/v1/users/{user_id}/hold", HoldUser, HoldIn,
        |user, it| Ok(HoldUser { user, legal: it.legal, reason: it.reason.clone() });

    /// Release a user from hold.
    release, "/v1/users/{user_id}/release", ReleaseUser, ReasonIn,
        |user, it| Ok(ReleaseUser { user, reason: it.reason.clone() });

    /// Set what the core says of a user.
    core_state, "/v1/users/{user_id}/core-state", SetCoreState, CoreIn,
        |user, it| needed(chosen("state", Some(&it.state), CoreState::parse, CoreState::WORDS), "state")
            .map(|state| SetCoreState { user, state, reason: it.reason.clone() });

    /// Ask for verification for a user.
    ask_verification, "/v1/users/{user_id}/verification/ask", AskVerification, ReasonIn,
        |user, it| Ok(AskVerification { user, reason: it.reason.clone() });

    /// Decide a verification that was asked for.
    decide_verification, "/v1/users/{user_id}/verification/decide", DecideVerification, DecisionIn,
        |user, it| Ok(DecideVerification { user, verified: it.verified, reason: it.reason.clone() });

    /// Withdraw a user's access for good; her data stays until she is erased.
    remove, "/v1/users/{user_id}/remove", RemoveUser, ReasonIn,
        |user, it| Ok(RemoveUser { user, reason: it.reason.clone() });

    /// Erase a user: her key is destroyed, and nothing sealed with it can be read again. Backups made before still hold
    /// the key, until they are thrown away. Cannot be undone; a legal hold forbids it.
    erase, "/v1/users/{user_id}/erase", EraseUser, ReasonIn,
        |user, it| Ok(EraseUser { user, reason: it.reason.clone() });
}
