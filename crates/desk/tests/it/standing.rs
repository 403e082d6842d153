//! Every cell of the matrix of standing, done: an ordinary user with one deviation, one attempt, and the desk answers
//! what `Standing::rule` says. Then the sentences that hold across the axes.

use desk::device::UnlinkDevice;
use desk::message::Channel;
use desk::note::WriteNote;
use desk::password::StartPasswordReset;
use desk::second_factor::RemoveSecondFactor;
use desk::session::{ConfirmSignIn, SignInAnswer};
use desk::tenant::ChangeSettings;
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::UserId;
use desk::{Error, Refusal, Result};
use serde_json::json;

use crate::support::*;

/// No action yet: they come with the nouns of connected banks.
const NO_ACTION_YET: &[Attempt] = &[Attempt::LinkBank, Attempt::FetchData];

/// Where the desk cannot answer as the rule does, because erasing left nothing to find her by.
const NOTHING_LEFT: &[(&str, Attempt, &str)] =
    &[("erased", Attempt::SignIn, "wrong"), ("erased", Attempt::ChoosePassword, "link_invalid")];

/// Attempts that begin with something she was given while she was an ordinary user.
const BEGUN_BEFORE: &[Attempt] = &[Attempt::UseSession, Attempt::ChoosePassword, Attempt::UnlinkDevice];

#[test]
fn the_page_of_standing_is_what_the_rule_says() {
    same_as_document("standing.md", &matrix_page());
}

fn word_of(verdict: Verdict) -> String {
    match verdict {
        Verdict::Allowed => "changed".to_owned(),
        Verdict::Nothing => "unchanged".to_owned(),
        Verdict::Refused(refusal) => refusal.word().to_owned(),
    }
}

fn outcome(result: Result<bool>) -> String {
    match result {
        Ok(true) => "changed".to_owned(),
        Ok(false) => "unchanged".to_owned(),
        Err(Error::Refused(refusal)) => refusal.word().to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

/// Puts a user into a standing behind the desk's back: what she was given before stays open, as if a step had been
/// forgotten. The rule must hold all the same.
async fn push_into(t: &TestDesk, user: UserId, standing: &Standing) {
    let cause = standing.lock.cause().map_or("NULL".to_owned(), |cause| format!("'{cause}'"));
    let until = standing.lock.until().map_or("NULL".to_owned(), |until| until.0.to_string());
    let banks = serde_json::to_string(&standing.flagged_banks).unwrap();
    let sql = format!(
        "UPDATE users SET sign_in_lock = '{}', lock_cause = {cause}, lock_until = {until}, admission = '{}',
         core_state = '{}', suspension = '{}', flag = '{}', flagged_banks = '{banks}', blacklist = '{}', fraud = '{}',
         verification = '{}', hold = '{}', presence = '{}' WHERE id = {}",
        standing.lock.word(),
        standing.admission,
        standing.core,
        standing.suspension,
        standing.flag(),
        standing.blacklist,
        standing.fraud,
        standing.verification,
        standing.hold,
        standing.presence,
        hex(user.0, t.engine)
    );
    assert_eq!(tamper(t, sql).await, 1);
}

async fn try_one(t: &TestDesk, word: &str, name: &str, standing: &Standing, attempt: Attempt) -> String {
    let erased = standing.presence == Presence::Erased;
    let given = if erased { Standing::default() } else { standing.clone() };
    let begun_before = BEGUN_BEFORE.contains(&attempt);
    let user = user_in(t, word, if begun_before { Standing::default() } else { given.clone() }).await;
    let (mut session, mut link, mut device) = (None, None, None);
    if begun_before {
        session = Some(token(t, word).await);
        let reset = StartPasswordReset { user, method: Channel::Email, reason: None };
        t.desk.perform(&t.house(), reset).await.unwrap();
        link = letter(t, user, "password_reset").await.unwrap().token;
        device = Some(t.desk.ask(&t.house(), desk::device::ListDevices(user)).await.unwrap()[0].id);
        push_into(t, user, &given).await;
    }
    if erased {
        t.desk.perform(&t.house(), EraseUser { user, reason: None }).await.unwrap();
    }
    let stands = t.desk.ask(&t.house(), ShowUser(user)).await.unwrap().standing;
    assert_eq!(&stands, standing, "{name} is what she was put into");
    let (admin, reason) = (t.admin(), None);
    macro_rules! done {
        ($action:expr) => {
            outcome(t.desk.perform(&admin, $action).await.map(|done| done.changed))
        };
    }
    match attempt {
        Attempt::SignIn => match sign_in(t, word, PASSWORD).await {
            SignInAnswer::SignedIn { .. } => "changed".to_owned(),
            // How a lock by wrong passwords is answered, whatever the password.
            SignInAnswer::Shut => "user_locked".to_owned(),
            other => told(&other),
        },
        Attempt::UseSession => match t.desk.caller(session.unwrap().expose(), origin()).await {
            Ok(_) => "changed".to_owned(),
            Err(error) => error.code().to_owned(),
        },
        Attempt::StartReset => {
            let start = StartPasswordReset { user, method: Channel::Email, reason };
            outcome(t.desk.perform(&admin, start).await.map(|_| true))
        }
        Attempt::ChoosePassword => {
            let link = secret(&link.unwrap());
            outcome(t.desk.choose_password(&t.nobody(), &link, secret(NEW_PASSWORD)).await.map(|()| true))
        }
        Attempt::LinkBank | Attempt::FetchData => unreachable!("no action yet"),
        Attempt::Read => outcome(t.desk.ask(&admin, ShowUser(user)).await.map(|_| true)),
        Attempt::Edit => {
            let patch = json!({ "middle_name": "Chi" }).as_object().unwrap().clone();
            done!(EditUser { user, if_version: None, patch, kind: None, employee: None, reason })
        }
        Attempt::Lock => done!(LockUser { user, until: None, reason }),
        Attempt::Unlock => done!(UnlockUser { user, reason }),
        Attempt::Disable => done!(DisableUser { user, reason }),
        Attempt::Enable => done!(EnableUser { user, reason }),
        Attempt::Suspend => done!(SuspendUser { user, reason }),
        Attempt::Reinstate => done!(ReinstateUser { user, reason }),
        Attempt::Flag => done!(FlagUser { user, bank: None, reason }),
        Attempt::Unflag => done!(UnflagUser { user, bank: None, reason }),
        Attempt::Blacklist => done!(BlacklistUser { user, reason }),
        Attempt::Unblacklist => done!(UnblacklistUser { user, reason }),
        Attempt::SetFraud => {
            let other = |status: &&FraudStatus| **status != standing.fraud;
            let status = *FraudStatus::ALL.iter().find(other).unwrap();
            done!(SetFraudStatus { user, status, reason })
        }
        Attempt::AskVerification => done!(AskVerification { user, reason }),
        Attempt::DecideVerification => done!(DecideVerification { user, verified: true, reason }),
        Attempt::Hold => done!(HoldUser { user, legal: false, reason }),
        Attempt::Release => done!(ReleaseUser { user, reason }),
        Attempt::SetCore => {
            let state = *CoreState::ALL.iter().find(|state| **state != standing.core).unwrap();
            done!(SetCoreState { user, state, reason })
        }
        Attempt::Remove => done!(RemoveUser { user, reason }),
        Attempt::Erase => done!(EraseUser { user, reason }),
        Attempt::Note => {
            let write = WriteNote { user, text: "She called.".to_owned() };
            outcome(t.desk.perform(&admin, write).await.map(|_| true))
        }
        Attempt::UnlinkDevice => {
            let unlink = UnlinkDevice { user, device: device.unwrap(), reason };
            outcome(t.desk.perform(&admin, unlink).await)
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_in_every_standing_ends_as_the_rule_says() {
    for t in TestDesk::all().await {
        let mut wrong = Vec::new();
        for (row, (name, standing)) in matrix_states().into_iter().enumerate() {
            for (column, attempt) in Attempt::ALL.iter().enumerate() {
                if NO_ACTION_YET.contains(attempt) {
                    continue;
                }
                let rule = match (attempt, standing.rule(*attempt, t.desk.now())) {
                    // Whoever signs in reads nothing of suspicion.
                    (Attempt::SignIn, Verdict::Refused(refusal)) => Verdict::Refused(refusal.for_customer()),
                    (_, rule) => rule,
                };
                let ruled = word_of(rule);
                let mut expected = ruled.as_str();
                if *attempt == Attempt::UseSession && ruled != "changed" {
                    // Why a session no longer opens the door is not told.
                    expected = "unauthenticated";
                }
                for (state, exception, instead) in NOTHING_LEFT {
                    if *state == name && exception == attempt {
                        expected = instead;
                    }
                }
                let told = try_one(&t, &format!("r{row}c{column}"), name, &standing, *attempt).await;
                if told != expected {
                    wrong.push(format!("{name} × {attempt}: the rule says {expected}, the desk {told}"));
                }
            }
        }
        assert!(wrong.is_empty(), "on {:?}:\n{}", t.engine, wrong.join("\n"));
    }
}

/// Somebody with a session, a reset link and a mailed code on the way.
async fn with_everything_open(
    t: &TestDesk,
    word: &str,
) -> (UserId, desk::value::secret::Secret, String, ConfirmSignIn) {
    let user = user(t, word).await;
    let patch = |on: bool| json!({ "mail_codes": on }).as_object().unwrap().clone();
    t.desk.perform(&t.admin(), ChangeSettings { patch: patch(false) }).await.unwrap();
    let session = token(t, word).await;
    t.desk.perform(&t.admin(), ChangeSettings { patch: patch(true) }).await.unwrap();
    let SignInAnswer::SecondFactor { proof, .. } = sign_in(t, word, PASSWORD).await else { panic!("a code is mailed") };
    let code = letter(t, user, "sign_in_code").await.unwrap().code.unwrap();
    let reset = StartPasswordReset { user, method: Channel::Email, reason: None };
    t.desk.perform(&t.house(), reset).await.unwrap();
    let link = letter(t, user, "password_reset").await.unwrap().token.unwrap();
    later(t);
    (user, session, link, ConfirmSignIn { proof, code: secret(&code), lives_seconds: None })
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_bars_a_user_ends_her_sessions_links_and_codes_in_the_same_commit() {
    for t in TestDesk::all().await {
        let reason = || None::<String>;
        for way in ["disabled", "locked", "erased", "removed", "held", "suspended", "core_state"] {
            let (user, session, link, confirm) = with_everything_open(&t, way).await;
            assert!(is_open(&t, &session).await);
            t.desk.reset_link(&t.nobody(), &secret(&link)).await.unwrap();
            let (admin, d) = (t.admin(), &t.desk);
            let done = match way {
                "disabled" => d.perform(&admin, DisableUser { user, reason: reason() }).await,
                "locked" => d.perform(&admin, LockUser { user, until: None, reason: reason() }).await,
                "erased" => d.perform(&admin, EraseUser { user, reason: reason() }).await,
                "removed" => d.perform(&admin, RemoveUser { user, reason: reason() }).await,
                "held" => d.perform(&admin, HoldUser { user, legal: false, reason: reason() }).await,
                "suspended" => d.perform(&admin, SuspendUser { user, reason: reason() }).await,
                _ => d.perform(&admin, SetCoreState { user, state: CoreState::Dormant, reason: reason() }).await,
            };
            assert!(done.unwrap().changed);
            let record = last_audit(&t).await;
            let ended =
                record.facts.as_array().unwrap().iter().find(|fact| fact["event"] == "user.access_ended").unwrap();
            assert_eq!(ended["sessions"], 1, "{way}");
            assert_eq!(ended["proofs"], 2, "{way}");
            assert_eq!(ended["cause"], way);

            assert!(!is_open(&t, &session).await, "{way}");
            let told = refusal(t.desk.reset_link(&t.nobody(), &secret(&link)).await.map(drop));
            assert_eq!(told, Refusal::LinkInvalid, "{way}");
            assert_eq!(told_of(t.desk.perform(&t.nobody(), confirm).await.unwrap()), "link_invalid", "{way}");
        }
    }
}

fn told_of(answer: SignInAnswer) -> String {
    told(&answer)
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_and_admission_never_move_each_other() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (admin, reason) = (t.admin(), || None::<String>);
        t.desk.perform(&admin, LockUser { user: ada, until: None, reason: reason() }).await.unwrap();
        t.desk.perform(&admin, DisableUser { user: ada, reason: reason() }).await.unwrap();
        let unlocked = t.desk.perform(&admin, UnlockUser { user: ada, reason: reason() }).await.unwrap().user.standing;
        assert_eq!((unlocked.lock, unlocked.admission), (SignInLock::Open, Admission::Disabled));
        t.desk.perform(&admin, LockUser { user: ada, until: None, reason: reason() }).await.unwrap();
        let enabled = t.desk.perform(&admin, EnableUser { user: ada, reason: reason() }).await.unwrap().user.standing;
        assert_eq!((enabled.lock.word(), enabled.admission), ("locked", Admission::Enabled));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_neither_unlocks_nor_enables() {
    for t in TestDesk::all().await {
        let lock = SignInLock::Locked { cause: LockCause::FailedSignIns, until: None };
        let barred = Standing { lock, admission: Admission::Disabled, ..Standing::default() };
        let ada = user_in(&t, "ada", barred.clone()).await;
        let start = StartPasswordReset { user: ada, method: Channel::Email, reason: None };
        t.desk.perform(&t.admin(), start).await.unwrap();
        let link = secret(&letter(&t, ada, "password_reset").await.unwrap().token.unwrap());
        assert_eq!(t.desk.ask(&t.admin(), ShowUser(ada)).await.unwrap().standing, barred);
        // While she is disabled the link waits; it works as soon as she is enabled, and does not unlock.
        let choose = async || t.desk.choose_password(&t.nobody(), &link, secret(NEW_PASSWORD)).await;
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &link).await), Refusal::UserDisabled);
        assert_eq!(refusal(choose().await), Refusal::UserDisabled);
        assert_eq!(t.desk.ask(&t.admin(), ShowUser(ada)).await.unwrap().standing, barred);
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "shut", "nothing has changed");
        t.desk.perform(&t.admin(), EnableUser { user: ada, reason: None }).await.unwrap();
        choose().await.unwrap();
        let locked = Standing { admission: Admission::Enabled, ..barred };
        assert_eq!(t.desk.ask(&t.admin(), ShowUser(ada)).await.unwrap().standing, locked);
        assert_eq!(told(&sign_in(&t, "ada", NEW_PASSWORD).await), "shut");

        // What a new password does end is the core's wish for one.
        let expired = Standing { core: CoreState::PasswordExpired, ..Standing::default() };
        let eve = user_in(&t, "eve", expired).await;
        assert_eq!(told(&sign_in(&t, "eve", PASSWORD).await), "password_expired");
        let start = StartPasswordReset { user: eve, method: Channel::Email, reason: None };
        t.desk.perform(&t.admin(), start).await.unwrap();
        let link = secret(&letter(&t, eve, "password_reset").await.unwrap().token.unwrap());
        t.desk.choose_password(&t.nobody(), &link, secret(NEW_PASSWORD)).await.unwrap();
        assert_eq!(told(&sign_in(&t, "eve", NEW_PASSWORD).await), "signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memo_mode_an_unlock_waits_and_is_applied_once() {
    for t in TestDesk::all().await {
        let lock = SignInLock::Locked { cause: LockCause::Core, until: None };
        let ada = user_in(&t, "ada", Standing { lock, ..Standing::default() }).await;
        let memo = |on: bool| ChangeSettings { patch: json!({ "memo_mode": on }).as_object().unwrap().clone() };
        t.desk.perform(&t.admin(), memo(true)).await.unwrap();
        let unlock = || UnlockUser { user: ada, reason: None };
        let queued = t.desk.perform(&t.admin(), unlock()).await.unwrap();
        assert!(queued.changed && queued.user.standing.lock == lock && queued.user.standing.unlock_queued_at.is_some());
        assert!(!t.desk.perform(&t.admin(), unlock()).await.unwrap().changed, "queued once");
        assert_eq!(t.desk.ask(&t.house(), QueuedUnlocks).await.unwrap(), [ada]);
        let apply = || ApplyQueuedUnlock { user: ada, reason: None };
        assert!(!t.desk.perform(&t.house(), apply()).await.unwrap().changed, "the core still takes nothing");
        t.desk.perform(&t.admin(), memo(false)).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job WHERE kind = 'apply_queued_unlocks'").await, 2);
        assert_eq!(t.desk.perform(&t.house(), apply()).await.unwrap().user.standing.lock, SignInLock::Open);
        assert!(!t.desk.perform(&t.house(), apply()).await.unwrap().changed);
        assert!(t.desk.ask(&t.house(), QueuedUnlocks).await.unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_for_banks_come_and_go_one_by_one() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let flag = |bank: &str| FlagUser { user: ada, bank: Some(bank.to_owned()), reason: None };
        let unflag = |bank: &str| UnflagUser { user: ada, bank: Some(bank.to_owned()), reason: None };
        assert!(t.desk.perform(&t.admin(), flag("first-bank")).await.unwrap().changed);
        assert!(!t.desk.perform(&t.admin(), flag("first-bank")).await.unwrap().changed);
        assert!(t.desk.perform(&t.admin(), flag("second.bank")).await.unwrap().changed);
        let whole = FlagUser { user: ada, bank: None, reason: None };
        assert_eq!(t.desk.perform(&t.admin(), whole).await.unwrap().user.standing.flag(), FlagReach::Whole);
        let whole = UnflagUser { user: ada, bank: None, reason: None };
        assert_eq!(t.desk.perform(&t.admin(), whole).await.unwrap().user.standing.flag(), FlagReach::Banks);
        assert!(t.desk.perform(&t.admin(), unflag("first-bank")).await.unwrap().changed);
        assert!(!t.desk.perform(&t.admin(), unflag("first-bank")).await.unwrap().changed);
        let last = t.desk.perform(&t.admin(), unflag("second.bank")).await.unwrap().user;
        assert_eq!(last.standing.flag(), FlagReach::None);
        assert_eq!(code(t.desk.perform(&t.admin(), flag("not a bank's id")).await), "invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_hold_may_become_a_legal_one_which_forbids_erasure() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let hold = |legal| HoldUser { user: ada, legal, reason: Some("court order 12".to_owned()) };
        assert!(t.desk.perform(&t.admin(), hold(false)).await.unwrap().changed);
        let sharpened = t.desk.perform(&t.admin(), hold(true)).await.unwrap().user;
        assert_eq!(sharpened.standing.hold, Hold::Legal);
        assert_eq!(sharpened.marks[&Axis::Hold].reason.as_deref(), Some("court order 12"));
        assert!(!t.desk.perform(&t.admin(), hold(false)).await.unwrap().changed, "it is not softened by a plain one");
        let erase = || EraseUser { user: ada, reason: None };
        assert_eq!(refusal(t.desk.perform(&t.admin(), erase()).await), Refusal::LegalHold);
        t.desk.perform(&t.admin(), ReleaseUser { user: ada, reason: None }).await.unwrap();
        assert!(t.desk.perform(&t.admin(), erase()).await.unwrap().changed);
        let gone = RemoveSecondFactor { user: ada, reason: None };
        assert!(t.desk.perform(&t.admin(), gone).await.is_ok(), "nothing to remove is nothing to refuse");
    }
}
