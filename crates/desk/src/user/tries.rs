//! A user's wrong passwords and codes: how they are counted, and when sign-in is shut because of them. While it is shut,
//! right and wrong are answered alike and cost the same write, so that guessing on tells nothing; and what is guessed
//! meanwhile is counted, with one audit row for each window instead of one for each guess.

use super::model::{By, User};
use super::standing::{LockCause, Presence, SignInLock};
use super::store;
use crate::access;
use crate::error::Result;
use crate::fact::Fact;
use crate::tenant::Settings;
use crate::value::clock::{SECOND, Time};
use crate::verb::Cx;

/// A password that was checked outside the transaction.
pub(crate) struct Checked {
    /// Whether it fits the hash.
    pub right: bool,
    /// The hash that was stored when it was checked.
    pub hash: Option<String>,
}

impl Checked {
    /// Whether it was checked against what is stored now.
    pub fn is_of(&self, user: &User) -> bool {
        self.hash == user.password_hash
    }
}

/// Whether so many wrong passwords came that no answer says any more whether one is right.
pub(crate) fn is_shut(user: &User, settings: &Settings, now: Time) -> bool {
    let is_locked = user.standing.is_locked(now) && user.standing.lock.cause() == Some(LockCause::FailedSignIns);
    // Whoever is barred for another reason may not be locked on top of it; guessing has an end all the same.
    let window = settings.lock_window_seconds * SECOND;
    let is_within = user.failing_since.is_some_and(|since| now.0 - since.0 <= window);
    is_locked || (is_within && user.failed_sign_ins >= settings.lock_after)
}

/// Counts a guess while it is shut: the first one and then one in each window leave a record.
pub(crate) async fn count_ignored(cx: &mut Cx<'_>, user: &mut User) -> Result<()> {
    let window = cx.tenant.settings.lock_window_seconds * SECOND;
    user.failed_sign_ins += 1;
    let is_first = user.failed_sign_ins == cx.tenant.settings.lock_after + 1;
    let is_new_window = user.failing_since.is_none_or(|since| cx.now.0 - since.0 > window);
    if is_new_window {
        user.failing_since = Some(cx.now);
    }
    let (id, failures) = (user.id, user.failed_sign_ins);
    store::save_lock(cx.tx, user, cx.random, cx.now).await?;
    if is_first || is_new_window {
        cx.note(Fact::UserSignInFailed { user: id, step: "shut", failures });
    }
    Ok(())
}

/// Counts a wrong password or code, and locks when there were too many within the window.
pub(crate) async fn count_wrong(cx: &mut Cx<'_>, user: &mut User, step: &'static str) -> Result<()> {
    let settings = &cx.tenant.settings;
    let window = settings.lock_window_seconds * SECOND;
    match user.failing_since {
        Some(since) if cx.now.0 - since.0 <= window => user.failed_sign_ins += 1,
        _ => {
            user.failed_sign_ins = 1;
            user.failing_since = Some(cx.now);
        }
    }
    let failures = user.failed_sign_ins;
    let id = user.id;
    let mut locked = None;
    if failures >= settings.lock_after {
        let by = By { now: cx.now, author: "house", reason: None };
        // Who is gone, or locked already, is not locked again.
        locked = user.lock(LockCause::FailedSignIns, settings.lock_ends(cx.now), &by).ok().flatten();
    }
    store::save_lock(cx.tx, user, cx.random, cx.now).await?;
    cx.note(Fact::UserSignInFailed { user: id, step, failures });
    if let Some(fact) = locked {
        cx.note(fact);
        access::end(cx, id, "locked").await?;
    }
    Ok(())
}

/// Opens a lock whose time is over: its timer may not have run yet.
pub(crate) async fn open_run_out(cx: &mut Cx<'_>, user: &mut User) -> Result<()> {
    let run_out = matches!(user.standing.lock, SignInLock::Locked { until: Some(until), .. } if until <= cx.now);
    if run_out && user.standing.presence == Presence::Present {
        let by = By { now: cx.now, author: "house", reason: None };
        if let Ok(Some(fact)) = user.unlock("timer", &by) {
            store::save_lock(cx.tx, user, cx.random, cx.now).await?;
            cx.note(fact);
        }
    }
    Ok(())
}
