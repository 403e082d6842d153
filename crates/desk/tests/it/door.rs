//! The one door: what every action leaves behind, and what none may.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use desk::audit::ExportAudit;
use desk::device::{ListDevices, UnlinkDevice};
use desk::key::RevokeKey;
use desk::message::Channel;
use desk::note::{ListNotes, WriteNote};
use desk::password::StartPasswordReset;
use desk::permission::Permission as P;
use desk::role::DeleteRole;
use desk::session::{EndSession, EndSessions, ListSessions};
use desk::staff::DisableStaff;
use desk::team::{AddMember, CreateTeam, RemoveMember};
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::*;
use desk::value::id::UserId;
use desk::{Caller, Conflict, Door, Error, Once, Refusal, Result};
use serde_json::json;

use crate::support::*;

fn lock(user: UserId) -> LockUser {
    LockUser { user, until: None, reason: Some("chargeback".to_owned()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_action_done_leaves_its_record_its_events_and_its_job() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let token = token(&t, "ada").await;
        later(&t);
        let until = t.desk.now().plus(600_000_000);
        let before = events(&t).await.len();
        let action = LockUser { user: ada, until: Some(until), reason: Some("chargeback".to_owned()) };
        assert!(t.desk.perform(&t.holder(&[P::UsersLock]), action).await.unwrap().changed);

        let record = last_audit(&t).await;
        assert_eq!((record.action.as_str(), record.outcome.as_str(), record.code), ("user.lock", "done", None));
        assert_eq!(record.reason.as_deref(), Some("chargeback"));
        assert_eq!(record.address.as_deref(), Some("192.0.2.10"));
        assert_eq!((record.door.as_str(), record.request_id.as_str()), ("native", "test-request"));
        assert_eq!((record.actor_kind.as_str(), record.subject), ("key", Some(ada.to_string())));
        assert_eq!(record.at, t.desk.now());
        let until = until.0;
        assert_eq!(
            record.facts,
            json!([
                {"event": "user.locked", "user": ada, "cause": "staff", "until": until},
                {"event": "user.access_ended", "user": ada, "sessions": 1, "proofs": 0, "cause": "locked"},
            ])
        );

        let announced = &events(&t).await[before..];
        let names: Vec<_> = announced.iter().map(|event| (event.name.as_str(), event.audit == record.id)).collect();
        assert_eq!(names, [("user.locked", true), ("user.access_ended", true)], "one event for each fact, in order");
        assert_eq!(json!(announced.iter().map(|event| &event.fact).collect::<Vec<_>>()), record.facts);

        let jobs = look(&t, "SELECT kind, payload, run_at FROM job").await;
        let payload = json!({ "user": ada }).to_string();
        assert_eq!(jobs, [[text("unlock_when_due"), text(&payload), desk::db::Value::Int(until)]]);
        assert!(!is_open(&t, &token).await);
    }
}

fn text(text: &str) -> desk::db::Value {
    desk::db::Value::Text(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn done_twice_is_unchanged_and_announces_nothing() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        t.desk.perform(&t.admin(), lock(ada)).await.unwrap();
        later(&t);
        let (announced, version_before) = (events(&t).await.len(), version(&t, ada).await);
        assert!(!t.desk.perform(&t.admin(), lock(ada)).await.unwrap().changed);
        let record = last_audit(&t).await;
        assert_eq!((record.action.as_str(), record.outcome.as_str()), ("user.lock", "unchanged"));
        assert_eq!(record.facts, json!([]));
        assert_eq!(events(&t).await.len(), announced);
        assert_eq!(version(&t, ada).await, version_before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_forbidden_leaves_one_record_and_nothing_else() {
    for t in TestDesk::all().await {
        let dormant = Standing { core: standing::CoreState::Dormant, ..Standing::default() };
        let ada = user_in(&t, "ada", dormant).await;
        let unlock = || UnlockUser { user: ada, reason: Some("she called".to_owned()) };
        later(&t);
        let (records, announced) = (audit(&t).await.len(), events(&t).await.len());

        assert_eq!(refusal(t.desk.perform(&t.admin(), unlock()).await), Refusal::UserDormant);
        let record = last_audit(&t).await;
        assert_eq!((record.outcome.as_str(), record.code.as_deref()), ("refused", Some("user_dormant")));
        assert_eq!((record.facts, record.reason.as_deref()), (json!([]), Some("she called")));

        later(&t);
        let reader = t.holder(&[P::UsersRead]);
        assert!(matches!(t.desk.perform(&reader, unlock()).await, Err(Error::Forbidden("users.lock"))));
        let record = last_audit(&t).await;
        assert_eq!((record.outcome.as_str(), record.code.as_deref()), ("refused", Some("forbidden")));

        later(&t);
        // Half done, then refused: the ordinary half is rolled back with the rest.
        let patch = json!({ "memo_mode": true, "lock_after": 3 }).as_object().unwrap().clone();
        let manager = t.holder(&[P::SettingsManage]);
        assert_eq!(code(t.desk.perform(&manager, ChangeSettings { patch }).await), "forbidden");
        assert_eq!(last_audit(&t).await.code.as_deref(), Some("forbidden"));
        let settings = t.desk.ask(&t.house(), desk::tenant::ShowSettings).await.unwrap();
        assert!(!settings.memo_mode);

        assert_eq!(audit(&t).await.len(), records + 3);
        assert_eq!(events(&t).await.len(), announced);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_from_outside_leaves_no_record() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let records = audit(&t).await.len();
        assert_eq!(code(t.desk.perform(&t.nobody(), lock(ada)).await), "unauthenticated");
        assert_eq!(code(t.desk.ask(&t.nobody(), ShowUser(ada)).await), "unauthenticated");
        let reveal = RevealUser { user: ada, purpose: "curious".to_owned() };
        assert_eq!(code(t.desk.ask(&t.nobody(), reveal).await), "unauthenticated");
        assert_eq!(told(&sign_in(&t, "no-such-person", PASSWORD).await), "wrong");
        t.desk.ask_reset(&t.nobody(), "no-such-person", Channel::Email).await.unwrap();
        assert_eq!(code(t.desk.choose_password(&t.nobody(), &secret("bur_1_x"), secret(PASSWORD)).await), "not_found");
        assert!(staff_sign_in(&t, "no-such-person", PASSWORD).await.is_none());
        assert_eq!(audit(&t).await.len(), records);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_changes_nothing_and_tells_what_would_happen() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let token = token(&t, "ada").await;
        later(&t);
        let disable = || DisableUser { user: ada, reason: None };
        let reset = || StartPasswordReset { user: ada, method: Channel::Email, reason: None };
        let before = (audit(&t).await.len(), events(&t).await.len(), version(&t, ada).await);

        let plan = t.desk.preview(&t.admin(), disable()).await.unwrap();
        let reset_plan = t.desk.preview(&t.admin(), reset()).await.unwrap();
        assert_eq!(before, (audit(&t).await.len(), events(&t).await.len(), version(&t, ada).await));
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job").await, 0);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM message").await, 0);
        assert!(is_open(&t, &token).await);

        later(&t);
        assert_eq!(t.desk.preview(&t.admin(), disable()).await.unwrap(), plan);
        let again = t.desk.preview(&t.admin(), reset()).await.unwrap();
        assert_eq!(again.hash, reset_plan.hash, "the ids of what would be made do not count");
        assert_ne!(again.hash, plan.hash);

        t.desk.perform(&t.admin(), disable()).await.unwrap();
        assert_eq!(json!(plan.facts), last_audit(&t).await.facts, "the plan is what then happens");
        let now_nothing = t.desk.preview(&t.admin(), disable()).await.unwrap();
        assert!(now_nothing.facts.is_empty() && now_nothing.hash != plan.hash);

        // A preview that may not happen says why; a look ahead is not an attempt and leaves no record.
        let records = audit(&t).await.len();
        let reader = t.holder(&[P::UsersRead]);
        assert_eq!(code(t.desk.preview(&reader, disable()).await), "forbidden");
        assert_eq!(code(t.desk.preview(&t.nobody(), disable()).await), "unauthenticated");
        assert_eq!(audit(&t).await.len(), records);
    }
}

fn once(key: &str, body: u8) -> Option<Once> {
    Some(Once { key: key.to_owned(), request_hash: [body; 32] })
}

fn note(user: UserId) -> WriteNote {
    WriteNote { user, text: "She called from the branch.".to_owned() }
}

fn render(note: desk::note::Note) -> Result<Vec<u8>> {
    Ok(note.id.to_string().into_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_with_the_same_key_has_one_effect_and_one_answer() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let writer = t.holder(&[P::NotesWrite, P::NotesRead]);
        let first = t.desk.perform_once(&writer, note(ada), once("k1", 1), render).await.unwrap();
        later(&t);
        let again = t.desk.perform_once(&writer, note(ada), once("k1", 1), render).await.unwrap();
        assert_eq!(first, again);
        let other = t.desk.perform_once(&writer, note(ada), once("k1", 2), render).await;
        assert!(matches!(other, Err(Error::Conflict(Conflict::KeyReused))), "{other:?}");
        assert_eq!(last_audit(&t).await.code.as_deref(), Some("idempotency_key_reused"));
        assert_eq!(t.desk.ask(&writer, ListNotes(ada)).await.unwrap().len(), 1);

        // Another caller's key is another key; without a key each request has its effect.
        t.desk.perform_once(&t.house(), note(ada), once("k1", 2), render).await.unwrap();
        t.desk.perform_once(&writer, note(ada), None, render).await.unwrap();
        assert_eq!(t.desk.ask(&writer, ListNotes(ada)).await.unwrap().len(), 3);

        // Who has lost the right does not get the kept answer either.
        let former = t.holder(&[P::NotesRead]);
        assert_eq!(code(t.desk.perform_once(&former, note(ada), once("k1", 1), render).await), "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_not_used_up_by_a_request_that_was_refused() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let writer = t.holder(&[P::NotesWrite]);
        let blank = WriteNote { user: ada, text: "  ".to_owned() };
        assert_eq!(code(t.desk.perform_once(&writer, blank, once("k1", 1), render).await), "invalid");
        t.desk.perform_once(&writer, note(ada), once("k1", 2), render).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_equal_requests_at_the_same_time_one_runs() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let rendered = Arc::new(AtomicUsize::new(0));
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (desk, writer, rendered) = (t.desk.clone(), t.holder(&[P::NotesWrite]), rendered.clone());
            all.spawn(async move {
                let render = move |written| {
                    rendered.fetch_add(1, Ordering::SeqCst);
                    render(written)
                };
                desk.perform_once(&writer, note(ada), once("k1", 1), render).await.unwrap()
            });
        }
        let mut answers = all.join_all().await;
        answers.dedup();
        assert_eq!(answers.len(), 1, "all get the one answer");
        assert_eq!(rendered.load(Ordering::SeqCst), 1);
        assert_eq!(t.desk.ask(&t.admin(), ListNotes(ada)).await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recorded_question_is_on_record_before_it_is_answered() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        later(&t);
        let reveal = |purpose: &str| RevealUser { user: ada, purpose: purpose.to_owned() };
        t.desk.ask(&t.holder(&[P::UsersReveal]), reveal("loan file 17")).await.unwrap();
        let record = last_audit(&t).await;
        assert_eq!((record.action.as_str(), record.outcome.as_str()), ("user.reveal", "asked"));
        assert_eq!((record.reason.as_deref(), record.subject), (Some("loan file 17"), Some(ada.to_string())));

        for (caller, purpose, code_told) in
            [(t.holder(&[P::UsersReveal]), " ", "invalid"), (t.holder(&[P::UsersRead]), "loan file 17", "forbidden")]
        {
            later(&t);
            assert_eq!(code(t.desk.ask(&caller, reveal(purpose)).await), code_told);
            let record = last_audit(&t).await;
            assert_eq!((record.outcome.as_str(), record.code.as_deref()), ("refused", Some(code_told)));
        }
        // Without a book to write into there is no answer: no audit, no look.
        tamper(&t, "ALTER TABLE audit RENAME TO audit_away").await;
        assert!(t.desk.ask(&t.admin(), reveal("loan file 17")).await.is_err());
        assert!(t.desk.ask(&t.admin(), ExportAudit { after: 0 }).await.is_err());
        assert!(t.desk.perform(&t.admin(), lock(ada)).await.is_err(), "no audit, no action");
        tamper(&t, "ALTER TABLE audit_away RENAME TO audit").await;
        assert_eq!(version(&t, ada).await, 1);
    }
}

/// On PostgreSQL they go together, and what they ask first is asked for all of them.
#[tokio::test(flavor = "multi_thread")]
async fn many_who_come_together_each_find_and_end_what_is_their_own() {
    for t in TestDesk::all().await {
        let mut users = Vec::new();
        for at in 0..24 {
            let word = format!("u{at}");
            let id = user(&t, &word).await;
            // Every third has nothing open.
            let open = if at % 3 == 0 { None } else { Some(token(&t, &word).await) };
            users.push((id, open));
        }
        let stranger = Caller { tenant: t.other_tenant().await, ..t.admin() };
        let mut all = tokio::task::JoinSet::new();
        for (id, _) in users.iter().chain(&users) {
            // Twice by those who may, so that one of two finds her changed by the other; and once by who may not know of her.
            for caller in [t.admin(), stranger.clone()] {
                let (desk, id, is_stranger) = (t.desk.clone(), *id, caller.tenant == stranger.tenant);
                all.spawn(async move { (is_stranger, desk.perform(&caller, lock(id)).await) });
            }
        }
        for (is_stranger, told) in all.join_all().await {
            match is_stranger {
                true => assert!(matches!(told, Err(Error::NotFound(_))), "{}", code(told)),
                false => assert!(told.is_ok(), "{}", code(told)),
            }
        }
        for (id, open) in &users {
            assert_eq!(version(&t, *id).await, if open.is_some() { 3 } else { 2 }, "{:?}", t.engine);
            if let Some(token) = open {
                assert!(!is_open(&t, token).await);
            }
        }
        let ended = events(&t).await.iter().filter(|event| event.name == "user.access_ended").count();
        assert_eq!(ended, 16, "{:?}", t.engine);
        let locked = events(&t).await.iter().filter(|event| event.name == "user.locked").count();
        assert_eq!(locked, 24, "{:?}", t.engine);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_another_tenant_does_not_exist() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let caller = herself(&t, "ada").await;
        let session = session_of(&caller);
        let device = t.desk.ask(&t.admin(), ListDevices(ada)).await.unwrap()[0].id;
        let tunde = staff(&t, "tunde").await;
        let team = t.desk.perform(&t.house(), CreateTeam { name: "Support".to_owned() }).await.unwrap().id;
        let helper = desk::role::DefineRole { name: "Helper".to_owned(), permissions: vec![] };
        let role = t.desk.perform(&t.house(), helper).await.unwrap().id;
        let key = t.desk.perform(&t.house(), desk::key::CreateKey::native("CRM", tunde)).await.unwrap().key.id;

        let there = t.other_tenant().await;
        let stranger = Caller { tenant: there, ..t.admin() };
        let house = Caller::house(there, Door::Worker);
        for caller in [stranger, house] {
            let d = &t.desk;
            let reason = None::<String>;
            macro_rules! not_found {
                ($($verb:ident $what:expr;)+) => {$(
                    let told = d.$verb(&caller, $what).await;
                    assert!(matches!(told, Err(Error::NotFound(_))), "{}: {}", stringify!($what), code(told));
                )+};
            }
            not_found! {
                ask ShowUser(ada);
                ask RevealUser { user: ada, purpose: "loan file".to_owned() };
                ask ListNotes(ada);
                ask ListSessions(ada);
                ask ListDevices(ada);
                ask desk::message::ListMessages(ada);
                perform lock(ada);
                perform UnlockUser { user: ada, reason: reason.clone() };
                perform DisableUser { user: ada, reason: reason.clone() };
                perform EraseUser { user: ada, reason: reason.clone() };
                perform EditUser { user: ada, if_version: None, patch: Default::default(), kind: None, employee: None, reason: None };
                perform StartPasswordReset { user: ada, method: Channel::Email, reason: reason.clone() };
                perform UnlinkDevice { user: ada, device, reason: reason.clone() };
                perform EndSession { user: ada, session, reason: reason.clone() };
                perform EndSessions { user: ada, reason: reason.clone() };
                perform desk::second_factor::RemoveSecondFactor { user: ada, reason: reason.clone() };
                perform note(ada);
                perform DisableStaff(tunde);
                perform desk::staff::EnableStaff(tunde);
                perform AddMember { team, staff: tunde, role };
                perform RemoveMember { team, staff: tunde };
                perform DeleteRole(role);
                perform RevokeKey(key);
                perform desk::key::CreateKey::native("CRM", tunde);
            }
            assert!(
                d.ask(&caller, desk::message::Outbox::After(None)).await.is_err() || caller.who == desk::Who::House
            );
            for query in [ada.to_string(), ada.0.to_string(), "adaeze.ada@mail.example".to_owned(), String::new()] {
                let find = FindUsers::of(query);
                assert_eq!(d.ask(&caller, find).await.unwrap().total, Some(0));
            }
            assert_eq!(d.ask(&caller, UserByNumber(1)).await.unwrap(), None);
            let named = UserByName { by: Unique::Email, text: "adaeze.ada@mail.example".to_owned() };
            assert_eq!(d.ask(&caller, named).await.unwrap(), None);
        }
        // The same address is free there.
        let twin = CreateUser::of(profile("ada"));
        t.desk.perform(&Caller::house(there, Door::Cli), twin).await.unwrap();
        assert_eq!(version(&t, ada).await, 2, "she has signed in, and nothing else happened to her");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn employees_are_hidden_where_the_institution_hides_them() {
    for t in TestDesk::all().await {
        let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
        let create = CreateUser { employee: true, password_hash: Some(hash), ..CreateUser::of(profile("emp")) };
        let employee = t.desk.perform(&t.house(), create).await.unwrap().id;
        user(&t, "ada").await;
        let agent = t.holder(&[P::UsersRead, P::UsersLock, P::NotesRead]);
        let officer = t.holder(&[P::UsersRead, P::UsersEmployees, P::UsersContacts]);
        assert!(
            t.desk.ask(&agent, ShowUser(employee)).await.is_ok(),
            "nobody is hidden unless the institution says so"
        );
        let patch = json!({ "hide_employees": true }).as_object().unwrap().clone();
        t.desk.perform(&t.admin(), ChangeSettings { patch }).await.unwrap();

        let list = || ListUsers { filter: UserFilter::default(), after: None, limit: 10, count: true };
        let find = |query: &str| FindUsers { sort: UserSort::Name, ..FindUsers::of(query) };
        let named = || UserByName { by: Unique::Username, text: "adaeze.emp".to_owned() };
        assert_eq!(code(t.desk.ask(&agent, ShowUser(employee)).await), "not_found");
        assert_eq!(code(t.desk.ask(&agent, ListNotes(employee)).await), "not_found");
        assert_eq!(code(t.desk.perform(&agent, lock(employee)).await), "not_found");
        assert_eq!(t.desk.ask(&agent, UserByNumber(1)).await.unwrap(), None);
        assert_eq!(t.desk.ask(&agent, named()).await.unwrap(), None);
        for (caller, seen) in [(&agent, 1), (&officer, 2)] {
            let page = t.desk.ask(caller, list()).await.unwrap();
            assert_eq!((page.users.len(), page.total), (seen, Some(seen as i64)));
            for (query, others) in [("", 1), ("adaeze", 1), ("adaeze.emp@mail.example", 0), (&employee.to_string(), 0)]
            {
                assert_eq!(t.desk.ask(caller, find(query)).await.unwrap().users.len(), seen - 1 + others, "{query}");
            }
        }
        assert!(t.desk.ask(&officer, ShowUser(employee)).await.is_ok());
        let caller = herself(&t, "emp").await;
        assert!(t.desk.ask(&caller, ShowUser(employee)).await.is_ok(), "nobody is hidden from herself");
    }
}
