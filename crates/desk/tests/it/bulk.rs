//! Actions on many users: what is selected, what becomes of each, resting and going on, losing the right to it, and undoing.

use desk::audit::{AuditFilter, ListAudit};
use desk::bulk::*;
use desk::caller::Caller;
use desk::key::CreateKey;
use desk::permission::Permission as P;
use desk::role::DefineRole;
use desk::staff::DisableStaff;
use desk::team::{AddMember, CreateTeam};
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::*;
use desk::value::clock::HOUR;
use desk::value::id::{BulkId, StaffId, UserId};
use desk::{Error, Refusal, Result};

use crate::support::*;

/// A staff member with these rights, who comes with a key.
pub async fn worker(t: &TestDesk, word: &str, permissions: &[P]) -> (StaffId, Caller) {
    let (d, house) = (&t.desk, t.house());
    let id = staff(t, word).await;
    let role = DefineRole { name: format!("role {word}"), permissions: permissions.to_vec() };
    let role = d.perform(&house, role).await.unwrap().id;
    let team = d.perform(&house, CreateTeam { name: format!("team {word}") }).await.unwrap().id;
    d.perform(&house, AddMember { team, staff: id, role }).await.unwrap();
    let key = d.perform(&house, CreateKey::native(word, id)).await.unwrap().secret.unwrap();
    (id, d.caller(key.expose(), origin()).await.unwrap())
}

/// Somebody without a password in this standing: cheap to make.
async fn person(t: &TestDesk, word: &str, standing: Standing) -> UserId {
    let create = CreateUser { standing, ..CreateUser::of(profile(word)) };
    t.desk.perform(&t.house(), create).await.unwrap().id
}

fn deed(verb: BulkVerb) -> BulkDeed {
    let params = match verb {
        BulkVerb::FraudStatus => BulkParams { status: Some(FraudStatus::Suspicious), ..BulkParams::default() },
        BulkVerb::CoreState => BulkParams { state: Some(CoreState::Dormant), ..BulkParams::default() },
        BulkVerb::DecideVerification => BulkParams { verified: Some(true), ..BulkParams::default() },
        _ => BulkParams::default(),
    };
    BulkDeed { verb, params }
}

fn order(verb: BulkVerb, selection: Selection) -> BulkOrder {
    BulkOrder { deed: deed(verb), selection, reason: Some("case 17".to_owned()), expected: None }
}

fn fraudulent() -> Selection {
    Selection::Filter(UserFilter { fraud: Some(FraudStatus::Fraudulent), ..UserFilter::default() })
}

async fn start(t: &TestDesk, caller: &Caller, order: BulkOrder) -> Result<Bulk> {
    let action = t.desk.plan_bulk(caller, order).await?;
    t.desk.perform(caller, action).await
}

async fn slice(t: &TestDesk, bulk: BulkId, limit: i64) -> Slice {
    later(t);
    t.desk.perform(&t.house(), RunBulkSlice { bulk, limit }).await.unwrap()
}

/// Slice after slice until it runs no more.
async fn finish(t: &TestDesk, bulk: BulkId) -> Bulk {
    while slice(t, bulk, 3).await.state == BulkState::Running {}
    show(t, bulk).await
}

async fn show(t: &TestDesk, bulk: BulkId) -> Bulk {
    t.desk.ask(&t.house(), ShowBulk(bulk)).await.unwrap()
}

fn counts(bulk: &Bulk) -> (i64, i64, i64) {
    (bulk.changed, bulk.unchanged, bulk.refused)
}

async fn rows(t: &TestDesk, bulk: BulkId) -> Vec<(UserId, String)> {
    let list = ListBulkRows { bulk, outcome: None, after: None, limit: 500 };
    let page = t.desk.ask(&t.house(), list).await.unwrap();
    let told = |row: BulkRow| match row.code {
        Some(code) => format!("{} {code}", row.outcome),
        None => row.outcome.to_string(),
    };
    page.rows.into_iter().map(|row| (row.user, told(row))).collect()
}

async fn seen(t: &TestDesk, user: UserId) -> SeenUser {
    t.desk.ask(&t.house(), ShowUser(user)).await.unwrap()
}

async fn is_locked(t: &TestDesk, user: UserId) -> bool {
    seen(t, user).await.standing.lock != SignInLock::Open
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_previewed_locked_and_on_record_user_by_user() {
    for t in TestDesk::all().await {
        let (_, ada) = worker(&t, "ada", &[P::BulkRun, P::BulkRead, P::UsersLock, P::UsersRead]).await;
        let fraud = || Standing { fraud: FraudStatus::Fraudulent, ..Standing::default() };
        let mut suspects = Vec::new();
        for at in 0..4 {
            suspects.push(user_in(&t, &format!("suspect{at}"), fraud()).await);
        }
        let locked = SignInLock::Locked { cause: LockCause::Staff, until: None };
        let before = person(&t, "locked", Standing { lock: locked, ..fraud() }).await;
        let gone = person(&t, "gone", Standing { presence: Presence::Removed, ..fraud() }).await;
        let honest = person(&t, "honest", Standing::default()).await;
        let token = token(&t, "suspect1").await;

        let preview = PreviewBulk::Start(order(BulkVerb::Lock, fraudulent()));
        let preview = t.desk.ask(&ada, preview).await.unwrap();
        assert_eq!((preview.selected, preview.looked_at, preview.is_exact()), (6, 6, true));
        assert_eq!((preview.changed.count, preview.unchanged.count), (4, 1));
        assert_eq!(preview.refused.len(), 1);
        assert_eq!((preview.refused[0].0, preview.refused[0].1.count), ("user_removed", 1));
        assert_eq!(preview.changed.sample.len(), 4);
        let sample = &preview.changed.sample[0];
        assert_eq!(sample.profile.email.as_deref(), Some("a***@mail.example"), "a sample is masked");
        assert_eq!(sample.standing.lock, SignInLock::Open, "and shows her as she is");
        assert!(!is_locked(&t, suspects[0]).await, "a preview does nothing");

        let started =
            start(&t, &ada, BulkOrder { expected: Some(6), ..order(BulkVerb::Lock, fraudulent()) }).await.unwrap();
        assert_eq!((started.state, started.selected), (BulkState::Running, 6));
        // Created afterwards: not selected.
        let late = person(&t, "late", fraud()).await;
        assert_eq!(slice(&t, started.id, 2).await, Slice { state: BulkState::Running, handled: 2 });
        let half = show(&t, started.id).await;
        assert_eq!((half.handled(), half.reason.as_deref()), (2, Some("case 17")));
        let done = finish(&t, started.id).await;
        assert_eq!((done.state, counts(&done)), (BulkState::Completed, (4, 1, 1)));
        let told = rows(&t, done.id).await;
        let words: Vec<&str> = told.iter().map(|(_, word)| word.as_str()).collect();
        assert_eq!(words, ["done", "done", "done", "done", "unchanged", "refused user_removed"]);
        assert_eq!(told[4].0, before);
        assert_eq!(told[5].0, gone);
        assert!(is_locked(&t, suspects[3]).await && !is_locked(&t, honest).await && !is_locked(&t, late).await);
        assert!(!is_open(&t, &token).await, "her sessions ended in the same commit");

        // Each user's audit has a row of her own, by who started it.
        for (user, outcome, code) in
            [(suspects[1], "done", None), (before, "unchanged", None), (gone, "refused", Some("user_removed"))]
        {
            let filter = AuditFilter { subject: Some(user.0), limit: 1, ..AuditFilter::default() };
            let record = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records.remove(0);
            assert_eq!(
                (record.action.as_str(), record.outcome.as_str(), record.code.as_deref()),
                ("user.lock", outcome, code)
            );
            assert_eq!((record.actor_kind.as_str(), record.staff), ("key", ada.staff()));
            assert_eq!((record.door.as_str(), record.request_id), ("worker", done.id.to_string()));
            assert_eq!((record.reason.as_deref(), record.address.as_deref()), (Some("case 17"), Some("192.0.2.10")));
        }
        assert_eq!(seen(&t, suspects[0]).await.marks[&Axis::SignInLock].by, ada.author());
        let mut names: Vec<String> = Vec::new();
        for event in events(&t).await {
            let is_hers = event.subject == Some(suspects[1].to_string());
            if (is_hers && event.name != "user.created") || event.name.starts_with("bulk.") {
                names.push(event.name);
            }
        }
        names.retain(|name| !name.starts_with("user.sign") && !name.starts_with("device."));
        assert_eq!(names, ["bulk.started", "user.locked", "user.access_ended", "bulk.completed"]);
        let record = audit(&t).await.into_iter().rfind(|record| record.action == "bulk.run_slice").unwrap();
        assert_eq!(record.facts[0]["changed"], 4);
        // Again there is nothing to change but the one who came late.
        let again = start(&t, &ada, order(BulkVerb::Lock, fraudulent())).await.unwrap();
        assert_eq!(counts(&finish(&t, again.id).await), (1, 5, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_ids_has_one_row_each_and_tells_nothing_of_other_tenants() {
    for t in TestDesk::all().await {
        let (_, ada) = worker(&t, "ada", &[P::BulkRun, P::UsersBlacklist]).await;
        let (one, two) = (person(&t, "one", Standing::default()).await, person(&t, "two", Standing::default()).await);
        let employee = CreateUser { employee: true, ..CreateUser::of(profile("three")) };
        let employee = t.desk.perform(&t.house(), employee).await.unwrap().id;
        let patch = serde_json::json!({ "hide_employees": true }).as_object().unwrap().clone();
        t.desk.perform(&t.house(), desk::tenant::ChangeSettings { patch }).await.unwrap();
        let other = Caller::house(t.other_tenant().await, desk::Door::Cli);
        let theirs = t.desk.perform(&other, CreateUser::of(profile("theirs"))).await.unwrap().id;
        let unknown = UserId(uuid::Uuid::from_u128(5));
        let ids = Selection::Ids(vec![two, unknown, one, two, theirs, employee]);
        let preview = t.desk.ask(&ada, PreviewBulk::Start(order(BulkVerb::Blacklist, ids.clone()))).await.unwrap();
        assert_eq!((preview.selected, preview.changed.count), (5, 2));
        assert_eq!((preview.refused[0].0, preview.refused[0].1.count), ("not_found", 3));
        assert!(preview.refused[0].1.sample.is_empty());
        let bulk = start(&t, &ada, order(BulkVerb::Blacklist, ids)).await.unwrap();
        assert_eq!(counts(&finish(&t, bulk.id).await), (2, 0, 3));
        let told = rows(&t, bulk.id).await;
        let refused = "refused not_found".to_owned();
        let done = "done".to_owned();
        assert_eq!(
            told,
            [
                (two, done.clone()),
                (unknown, refused.clone()),
                (one, done),
                (theirs, refused.clone()),
                (employee, refused)
            ]
        );
        let untouched = t.desk.ask(&other, ShowUser(theirs)).await.unwrap();
        assert_eq!(untouched.standing.blacklist, Blacklist::No);
        assert_eq!(code(t.desk.ask(&other, ShowBulk(bulk.id)).await), "not_found");
        assert_eq!(code(t.desk.perform(&other, PauseBulk { bulk: bulk.id, reason: None }).await), "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_rests_goes_on_where_it_was_and_ends_where_it_is_told() {
    for t in TestDesk::all().await {
        let house = t.house();
        let mut ids = Vec::new();
        for at in 0..7 {
            ids.push(person(&t, &format!("p{at}"), Standing::default()).await);
        }
        let all = || Selection::Filter(UserFilter::default());
        let bulk = start(&t, &house, order(BulkVerb::Disable, all())).await.unwrap().id;
        slice(&t, bulk, 2).await;
        let pause = || PauseBulk { bulk, reason: Some("lunch".to_owned()) };
        assert!(t.desk.perform(&house, pause()).await.unwrap().changed);
        assert!(!t.desk.perform(&house, pause()).await.unwrap().changed, "it rests already");
        assert_eq!(slice(&t, bulk, 2).await, Slice { state: BulkState::Paused, handled: 0 });
        let resume = || ResumeBulk { bulk, reason: None };
        assert!(t.desk.perform(&house, resume()).await.unwrap().changed);
        assert!(!t.desk.perform(&house, resume()).await.unwrap().changed);
        let jobs = count(&t, "SELECT COUNT(*) FROM job WHERE kind = 'run_bulk'").await;
        assert_eq!(jobs, 2, "one from the start, one from going on");
        // Somebody else is faster with one of them: she is judged by the action's own rule.
        t.desk.perform(&house, DisableUser { user: ids[4], reason: None }).await.unwrap();
        assert_eq!(slice(&t, bulk, 3).await, Slice { state: BulkState::Running, handled: 3 });
        let cancel = || CancelBulk { bulk, reason: None };
        assert!(t.desk.perform(&house, cancel()).await.unwrap().changed);
        assert!(!t.desk.perform(&house, cancel()).await.unwrap().changed);
        assert_eq!(slice(&t, bulk, 3).await.handled, 0);
        let ended = show(&t, bulk).await;
        assert_eq!((ended.state, counts(&ended)), (BulkState::Cancelled, (4, 1, 0)));
        let handled: Vec<UserId> = rows(&t, bulk).await.into_iter().map(|(user, _)| user).collect();
        assert_eq!(handled, ids[..5]);
        assert_eq!(refusal(t.desk.perform(&house, resume()).await), Refusal::BulkEnded);
        assert_eq!(refusal(t.desk.perform(&house, pause()).await), Refusal::BulkEnded);
        let done = start(&t, &house, order(BulkVerb::Enable, all())).await.unwrap().id;
        finish(&t, done).await;
        assert_eq!(refusal(t.desk.perform(&house, CancelBulk { bulk: done, reason: None }).await), Refusal::BulkEnded);
        let stuck = start(&t, &house, order(BulkVerb::Enable, all())).await.unwrap().id;
        t.desk.perform(&house, GiveUpBulk { bulk: stuck, code: "internal" }).await.unwrap();
        let stuck = show(&t, stuck).await;
        assert_eq!((stuck.state, stuck.code.as_deref()), (BulkState::Failed, Some("internal")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_right_in_the_middle_does_not_finish() {
    for t in TestDesk::all().await {
        for at in 0..5 {
            person(&t, &format!("p{at}"), Standing::default()).await;
        }
        let all = || Selection::Filter(UserFilter::default());
        let (ada, adas) = worker(&t, "ada", &[P::BulkRun, P::UsersHold]).await;
        let bulk = start(&t, &adas, order(BulkVerb::Hold, all())).await.unwrap().id;
        slice(&t, bulk, 2).await;
        t.desk.perform(&t.house(), DisableStaff(ada)).await.unwrap();
        assert_eq!(slice(&t, bulk, 2).await, Slice { state: BulkState::Failed, handled: 0 });
        let failed = show(&t, bulk).await;
        assert_eq!((failed.code.as_deref(), failed.permission.as_deref()), (Some("forbidden"), Some("bulk.run")));
        assert_eq!(counts(&failed), (2, 0, 0));
        // Only the right to do it to one is taken away.
        let (_, bens) = worker(&t, "ben", &[P::BulkRun, P::UsersHold]).await;
        let bulk = start(&t, &bens, order(BulkVerb::Hold, all())).await.unwrap().id;
        let fewer = DefineRole { name: "role ben".to_owned(), permissions: vec![P::BulkRun] };
        t.desk.perform(&t.house(), fewer).await.unwrap();
        slice(&t, bulk, 2).await;
        let failed = show(&t, bulk).await;
        assert_eq!((failed.state, failed.permission.as_deref()), (BulkState::Failed, Some("users.hold")));
        // Nor does anybody start, resume, preview or undo what she may not do to one.
        for (who, missing) in [(t.holder(&[P::BulkRun]), "users.hold"), (t.holder(&[P::UsersHold]), "bulk.run")] {
            later(&t);
            let started = start(&t, &who, order(BulkVerb::Hold, all())).await;
            assert!(matches!(started, Err(Error::Forbidden(told)) if told == missing));
            assert_eq!(last_audit(&t).await.outcome, "refused");
            let preview = t.desk.ask(&who, PreviewBulk::Start(order(BulkVerb::Hold, all()))).await;
            assert!(matches!(preview, Err(Error::Forbidden(told)) if told == missing));
            let undone = t.desk.perform(&who, UndoBulk { bulk, reason: None }).await;
            assert!(matches!(undone, Err(Error::Forbidden(told)) if told == missing));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_turns_back_what_is_still_as_it_was_left_and_nothing_else() {
    for t in TestDesk::all().await {
        let house = t.house();
        let locked = |until| SignInLock::Locked { cause: LockCause::FailedSignIns, until };
        let soon = t.desk.now().plus(HOUR);
        let plain = person(&t, "plain", Standing::default()).await;
        let touched = person(&t, "touched", Standing::default()).await;
        let relocked = person(&t, "relocked", Standing::default()).await;
        let prolonged = person(&t, "prolonged", Standing { lock: locked(Some(soon)), ..Standing::default() }).await;
        let before = person(&t, "before", Standing { lock: locked(None), ..Standing::default() }).await;
        let all = || Selection::Filter(UserFilter::default());
        let bulk = start(&t, &house, order(BulkVerb::Lock, all())).await.unwrap().id;
        assert_eq!(refusal(t.desk.perform(&house, UndoBulk { bulk, reason: None }).await), Refusal::BulkNotEnded);
        let done = finish(&t, bulk).await;
        assert_eq!(counts(&done), (4, 1, 0));
        assert!(done.is_undoable());
        later(&t);
        t.desk.perform(&house, UnlockUser { user: touched, reason: None }).await.unwrap();
        t.desk.perform(&house, UnlockUser { user: relocked, reason: None }).await.unwrap();
        later(&t);
        t.desk.perform(&house, LockUser { user: relocked, until: None, reason: None }).await.unwrap();
        let preview = t.desk.ask(&house, PreviewBulk::Undo(bulk)).await.unwrap();
        let refused: Vec<(&str, i64)> = preview.refused.iter().map(|(code, group)| (*code, group.count)).collect();
        assert_eq!((preview.selected, preview.changed.count), (4, 1));
        assert_eq!(refused, [("changed_since", 2), ("not_undoable", 1)]);
        let undo = t.desk.perform(&house, UndoBulk { bulk, reason: Some("a mistake".to_owned()) }).await.unwrap();
        assert_eq!((undo.chosen.clone(), undo.deed.verb, undo.selected), (Chosen::Undo(bulk), BulkVerb::Unlock, 4));
        assert_eq!(counts(&finish(&t, undo.id).await), (1, 0, 3));
        assert!(!is_locked(&t, plain).await && is_locked(&t, relocked).await && is_locked(&t, before).await);
        assert!(is_locked(&t, prolonged).await, "she would be locked without it, too");
        assert_eq!(refusal(t.desk.perform(&house, UndoBulk { bulk, reason: None }).await), Refusal::AlreadyUndone);
        let record = audit(&t).await.into_iter().rfind(|it| it.subject_id == Some(plain.0)).unwrap();
        assert_eq!((record.action.as_str(), record.reason.as_deref()), ("user.unlock", Some("a mistake")));
        // The undo is undone like any other.
        let redo = t.desk.perform(&house, UndoBulk { bulk: undo.id, reason: None }).await.unwrap();
        assert_eq!(counts(&finish(&t, redo.id).await), (1, 0, 0));
        assert!(is_locked(&t, plain).await);
        // Once the lock there was before would be over, opening is right.
        let again = start(&t, &house, order(BulkVerb::Lock, Selection::Ids(vec![prolonged]))).await.unwrap().id;
        assert_eq!(counts(&finish(&t, again).await), (0, 1, 0), "she is locked already");
        let removal = start(&t, &house, order(BulkVerb::Remove, Selection::Ids(vec![plain]))).await.unwrap().id;
        finish(&t, removal).await;
        let undone = t.desk.perform(&house, UndoBulk { bulk: removal, reason: None }).await;
        assert_eq!(refusal(undone), Refusal::NotUndoable);
    }
}

/// How users stand: one of each cell's row of the matrix.
async fn everybody(t: &TestDesk) -> Vec<UserId> {
    let mut users = Vec::new();
    for (at, (_, standing)) in matrix_states().into_iter().enumerate() {
        users.push(person(t, &format!("m{at}"), standing).await);
    }
    users
}

async fn singly(t: &TestDesk, verb: BulkVerb, user: UserId) -> Result<bool> {
    let (d, house, reason) = (&t.desk, t.house(), Some("case 17".to_owned()));
    let changed = |it: Changed| it.changed;
    match verb {
        BulkVerb::Lock => d.perform(&house, LockUser { user, until: None, reason }).await.map(changed),
        BulkVerb::Unlock => d.perform(&house, UnlockUser { user, reason }).await.map(changed),
        BulkVerb::Disable => d.perform(&house, DisableUser { user, reason }).await.map(changed),
        BulkVerb::Enable => d.perform(&house, EnableUser { user, reason }).await.map(changed),
        BulkVerb::Suspend => d.perform(&house, SuspendUser { user, reason }).await.map(changed),
        BulkVerb::Reinstate => d.perform(&house, ReinstateUser { user, reason }).await.map(changed),
        BulkVerb::Flag => d.perform(&house, FlagUser { user, bank: None, reason }).await.map(changed),
        BulkVerb::Unflag => d.perform(&house, UnflagUser { user, bank: None, reason }).await.map(changed),
        BulkVerb::Blacklist => d.perform(&house, BlacklistUser { user, reason }).await.map(changed),
        BulkVerb::Unblacklist => d.perform(&house, UnblacklistUser { user, reason }).await.map(changed),
        BulkVerb::FraudStatus => {
            d.perform(&house, SetFraudStatus { user, status: FraudStatus::Suspicious, reason }).await.map(changed)
        }
        BulkVerb::Hold => d.perform(&house, HoldUser { user, legal: false, reason }).await.map(changed),
        BulkVerb::Release => d.perform(&house, ReleaseUser { user, reason }).await.map(changed),
        BulkVerb::CoreState => {
            d.perform(&house, SetCoreState { user, state: CoreState::Dormant, reason }).await.map(changed)
        }
        BulkVerb::AskVerification => d.perform(&house, AskVerification { user, reason }).await.map(changed),
        BulkVerb::DecideVerification => {
            d.perform(&house, DecideVerification { user, verified: true, reason }).await.map(changed)
        }
        BulkVerb::Remove => d.perform(&house, RemoveUser { user, reason }).await.map(changed),
        // Nobody here has a session.
        BulkVerb::EndSessions => d.perform(&house, desk::session::EndSessions { user, reason }).await.map(|()| false),
    }
}

/// What the audit says of a user since: action, outcome, code and the names of the facts.
async fn told_of(t: &TestDesk, user: UserId) -> (String, String, Option<String>, Vec<String>) {
    let filter = AuditFilter { subject: Some(user.0), limit: 1, ..AuditFilter::default() };
    let record = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records.remove(0);
    let facts = facts_of(&record);
    (record.action, record.outcome, record.code, facts)
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_come_to_what_each_alone_comes_to() {
    for verb in BulkVerb::ALL.iter().copied() {
        let alone = TestDesk::all().await;
        for (t, one_by_one) in TestDesk::all().await.into_iter().zip(alone) {
            let (users, others) = (everybody(&t).await, everybody(&one_by_one).await);
            let preview = PreviewBulk::Start(order(verb, Selection::Ids(users.clone())));
            let preview = t.desk.ask(&t.house(), preview).await.unwrap();
            let bulk = start(&t, &t.house(), order(verb, Selection::Ids(users.clone()))).await.unwrap().id;
            later(&t);
            later(&one_by_one);
            t.desk.perform(&t.house(), RunBulkSlice { bulk, limit: 100 }).await.unwrap();
            let done = show(&t, bulk).await;
            assert_eq!(done.state, BulkState::Completed);
            let refused = preview.refused.iter().map(|(_, group)| group.count).sum();
            assert_eq!(counts(&done), (preview.changed.count, preview.unchanged.count, refused), "{verb}");
            let told = rows(&t, bulk).await;
            for ((user, row), other) in told.iter().zip(&others) {
                let single = match singly(&one_by_one, verb, *other).await {
                    Ok(true) => "done".to_owned(),
                    Ok(false) => "unchanged".to_owned(),
                    Err(error) => format!("refused {}", error.code()),
                };
                assert_eq!(*row, single, "{verb}");
                let (ours, theirs) = (seen(&t, *user).await, seen(&one_by_one, *other).await);
                assert_eq!(ours.standing, theirs.standing, "{verb}");
                assert_eq!((ours.version, ours.marks.len()), (theirs.version, theirs.marks.len()), "{verb}");
                assert_eq!(told_of(&t, *user).await, told_of(&one_by_one, *other).await, "{verb}");
            }
            let announced = "SELECT COUNT(*) FROM event WHERE subject_kind = 'user'";
            assert_eq!(count(&t, announced).await, count(&one_by_one, announced).await, "{verb}");
            if verb.inverse().is_none() || done.changed == 0 {
                continue;
            }
            // And back: whoever was changed stands as before, but for the three who cannot be: locked for a while before,
            // dormant, frozen for good.
            let undo = t.desk.perform(&t.house(), UndoBulk { bulk, reason: None }).await.unwrap().id;
            let undone = finish(&t, undo).await;
            let turned: Vec<UserId> =
                rows(&t, undo).await.into_iter().filter(|(_, word)| word == "done").map(|(user, _)| user).collect();
            assert_eq!(turned.len() as i64, undone.changed);
            assert!(undone.changed + 3 >= done.changed, "{verb}: {:?} of {:?}", counts(&undone), counts(&done));
            for user in turned {
                let at = users.iter().position(|known| *known == user).unwrap();
                let (name, before) = &matrix_states()[at];
                let now = seen(&t, user).await.standing;
                let word = |lock: SignInLock| if lock == SignInLock::Open { "open" } else { "locked" };
                if *name != "lock run out" {
                    assert_eq!(word(now.lock), word(before.lock), "{verb} {name}");
                }
                assert_eq!(Standing { lock: before.lock, ..now }, *before, "{verb} {name}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_told_before_it_begins() {
    for t in TestDesk::all().await {
        let house = t.house();
        let one = person(&t, "one", Standing::default()).await;
        let ids = |ids: Vec<UserId>| order(BulkVerb::Lock, Selection::Ids(ids));
        let told = |order: BulkOrder| async { faults(start(&t, &house, order).await) };
        let fault = |path: &str, code| vec![(path.to_owned(), code)];
        assert_eq!(told(ids(Vec::new())).await, fault("ids", "empty"));
        assert_eq!(told(order(BulkVerb::Lock, fraudulent())).await, fault("filter", "empty"));
        let many = (0..10_001).map(|at| UserId(uuid::Uuid::from_u128(at))).collect();
        assert_eq!(told(ids(many)).await, fault("ids", "too_many"));
        let long = BulkOrder { reason: Some("x".repeat(1_001)), ..ids(vec![one]) };
        assert_eq!(told(long).await, fault("reason", "too_long"));
        let without = BulkOrder { deed: BulkDeed::plain(BulkVerb::FraudStatus), ..ids(vec![one]) };
        assert_eq!(told(without).await, fault("status", "required"));
        let more = BulkOrder { expected: Some(2), ..ids(vec![one]) };
        assert_eq!(refusal(start(&t, &house, more).await), Refusal::SelectionChanged);
        person(&t, "two", Standing::default()).await;
        let patch = serde_json::json!({ "bulk_max": 1 }).as_object().unwrap().clone();
        t.desk.perform(&house, desk::tenant::ChangeSettings { patch }).await.unwrap();
        let all = order(BulkVerb::Lock, Selection::Filter(UserFilter::default()));
        assert_eq!(told(all).await, fault("filter", "too_many"));
        let bulk = start(&t, &house, ids(vec![one])).await.unwrap().id;
        finish(&t, bulk).await;
        let page = |after: &str| ListBulkRows { bulk, outcome: None, after: Some(after.to_owned()), limit: 1 };
        assert_eq!(faults(t.desk.ask(&house, page("1.0000000000000000")).await), fault("after", "invalid"));
        let limit = ListBulkRows { bulk, outcome: None, after: None, limit: 501 };
        assert_eq!(faults(t.desk.ask(&house, limit).await), fault("limit", "out_of_range"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_bulks_are_read_page_by_page() {
    for t in TestDesk::all().await {
        let house = t.house();
        let mut users = Vec::new();
        for at in 0..5 {
            users.push(person(&t, &format!("p{at}"), Standing::default()).await);
        }
        t.desk.perform(&house, LockUser { user: users[2], until: None, reason: None }).await.unwrap();
        let bulk = start(&t, &house, order(BulkVerb::Lock, Selection::Ids(users.clone()))).await.unwrap().id;
        finish(&t, bulk).await;
        let (mut after, mut read) = (None, Vec::new());
        loop {
            let outcome = Some(RowOutcome::Done);
            let page = t.desk.ask(&house, ListBulkRows { bulk, outcome, after, limit: 2 }).await.unwrap();
            read.extend(page.rows.into_iter().map(|row| row.seq));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(read, [1, 2, 4, 5]);
        // A cursor belongs to its list.
        let page = t.desk.ask(&house, ListBulkRows { bulk, outcome: None, after: None, limit: 2 }).await.unwrap();
        let other = ListBulkRows { bulk, outcome: Some(RowOutcome::Done), after: page.next, limit: 2 };
        assert_eq!(code(t.desk.ask(&house, other).await), "invalid");
        later(&t);
        let second = start(&t, &house, order(BulkVerb::Unlock, Selection::Ids(users))).await.unwrap().id;
        let page = t.desk.ask(&house, ListBulks { before: None, limit: 1 }).await.unwrap();
        assert_eq!((page.bulks[0].id, page.next), (second, Some(second)));
        let page = t.desk.ask(&house, ListBulks { before: page.next, limit: 1 }).await.unwrap();
        assert_eq!((page.bulks[0].id, page.next), (bulk, None));
    }
}
