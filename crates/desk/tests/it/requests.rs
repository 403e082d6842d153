//! What one person proposes and another decides: the ways a request can go, who may not decide it, what the institution's
//! policy keeps everybody from doing alone, and that no door leads round it.

use desk::bulk::*;
use desk::caller::{Caller, Who};
use desk::db::Value;
use desk::device::{UnlinkAllDevices, UnlinkDevice};
use desk::import::*;
use desk::job::JobKind;
use desk::key::CreateKey;
use desk::password::RevokePassword;
use desk::permission::{Permission as P, Proposable};
use desk::request::*;
use desk::role::{DefineRole, DeleteRole, ListRoles};
use desk::session::{EndSession, EndSessions};
use desk::staff::DisableStaff;
use desk::team::{AddMember, CreateTeam};
use desk::tenant::{ChangeSecuritySettings, ChangeSettings};
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::verification::{ApproveVerification, DeclineVerification, DocumentKind, SubmitVerification};
use desk::user::*;
use desk::value::clock::{DAY, SECOND};
use desk::value::id::{DeviceId, KeyId, RequestId, RoleId, StaffId, UserId, made_at};
use desk::{Door, Error, Refusal, Subject};
use serde_json::json;

use crate::papers;
use crate::support::*;

/// A staff member with these rights, signed in.
pub async fn person(t: &TestDesk, word: &str, permissions: &[P]) -> (StaffId, Caller) {
    let (d, house) = (&t.desk, t.house());
    let id = staff(t, word).await;
    let role = DefineRole { name: format!("role {word}"), permissions: permissions.to_vec() };
    let role = d.perform(&house, role).await.unwrap().id;
    let team = d.perform(&house, CreateTeam { name: format!("team {word}") }).await.unwrap().id;
    d.perform(&house, AddMember { team, staff: id, role }).await.unwrap();
    let token = staff_sign_in(t, word, PASSWORD).await.unwrap();
    (id, d.caller(token.expose(), origin()).await.unwrap())
}

pub async fn maker(t: &TestDesk) -> (StaffId, Caller) {
    person(t, "maker", &[P::RequestsPropose, P::RequestsRead, P::UsersRead]).await
}

pub const CHECKER: &[P] = &[P::RequestsDecide, P::RequestsRead, P::UsersRead, P::UsersDisable, P::UsersRemove];

pub async fn checker(t: &TestDesk) -> (StaffId, Caller) {
    person(t, "checker", CHECKER).await
}

pub fn propose(action: Proposable, user: UserId) -> ProposeAction {
    ProposeAction { proposal: Proposal::plain(action, user), reason: "case 17".to_owned() }
}

pub async fn proposed(t: &TestDesk, by: &Caller, action: Proposable, user: UserId) -> RequestId {
    t.desk.perform(by, propose(action, user)).await.unwrap().request.id
}

pub fn approve(request: RequestId) -> ApproveRequest {
    ApproveRequest { request, comment: Some("seen the papers".to_owned()), already_so: AlreadySo::Refuse }
}

pub fn decline(request: RequestId) -> DeclineRequest {
    DeclineRequest { request, reason: "no grounds".to_owned() }
}

pub async fn show(t: &TestDesk, request: RequestId) -> SeenRequest {
    t.desk.ask(&t.house(), ShowRequest(RequestRef::Id(request))).await.unwrap()
}

pub async fn policy(t: &TestDesk, settings: serde_json::Value) {
    let patch = settings.as_object().unwrap().clone();
    t.desk.perform(&t.house(), ChangeSettings { patch }).await.unwrap();
}

async fn is_disabled(t: &TestDesk, user: UserId) -> bool {
    t.desk.ask(&t.house(), ShowUser(user)).await.unwrap().standing.admission == Admission::Disabled
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_is_shown_with_its_plan_and_done_when_another_approves() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let session = token(&t, "ada").await;
        let ((maker_id, maker), (checker_id, checker)) = (maker(&t).await, checker(&t).await);
        let before = audit(&t).await.len();
        later(&t);
        let seen = t.desk.perform(&maker, propose(Proposable::Disable, ada)).await.unwrap();
        let request = seen.request.id;
        assert_eq!((seen.request.number, seen.state, seen.reason()), (1, RequestState::Pending, Some("case 17")));
        assert_eq!(seen.request.expires_at, t.desk.now().plus(7 * DAY));
        assert_eq!((seen.proposer.id, seen.proposer.name.as_str()), (maker_id, "Tunde maker"));
        assert_eq!(seen.user.as_ref().unwrap().id, ada);
        assert!(!is_disabled(&t, ada).await && is_open(&t, &session).await, "nothing is done yet");
        let record = last_audit(&t).await;
        assert_eq!((record.action.as_str(), record.subject), ("request.propose", Some(ada.to_string())));
        let expires_at = seen.request.expires_at;
        let fact = json!({"event": "request.proposed", "request": request, "number": 1, "action": "user.disable",
            "about": ada, "proposer": maker_id, "expires_at": expires_at});
        assert_eq!(record.facts, json!([fact]));
        assert_eq!(record.reason.as_deref(), Some("case 17"));

        let seen = t.desk.ask(&checker, ShowRequest(RequestRef::Number(1))).await.unwrap();
        let plan = &seen.request.kept.as_ref().unwrap().facts;
        let ends = json!({"event": "user.access_ended", "user": ada, "sessions": 1, "proofs": 0, "cause": "disabled"});
        assert_eq!(json!(plan), json!([{"event": "user.disabled", "user": ada}, ends]));
        let direct = DisableUser { user: ada, reason: None };
        let preview = t.desk.preview(&checker, direct).await.unwrap();
        assert_eq!(seen.request.plan_hash, preview.hash, "the plan is what a preview says");
        assert_eq!(t.desk.ask(&maker, PendingRequests(ada)).await.unwrap(), [Proposable::Disable]);

        // Another session of hers is no other plan.
        let another = token(&t, "ada").await;
        later(&t);
        let decision = t.desk.preview(&checker, approve(request)).await.unwrap();
        let names: Vec<_> = decision.facts.iter().map(|fact| fact["event"].as_str().unwrap()).collect();
        assert_eq!(names, ["request.approved", "user.disabled", "user.access_ended"]);
        let seen = t.desk.perform(&checker, approve(request)).await.unwrap();
        assert_eq!((seen.state, seen.comment()), (RequestState::Approved, Some("seen the papers")));
        assert_eq!(seen.decider.as_ref().unwrap().id, checker_id);
        assert_eq!(seen.ended_at, Some(t.desk.now()));
        assert!(is_disabled(&t, ada).await && !is_open(&t, &session).await && !is_open(&t, &another).await);

        // Both names stand in the decision's record; the action has one of its own, with the proposer's reason.
        let records = audit(&t).await;
        let decision = records.iter().find(|record| record.action == "request.approve").unwrap();
        assert_eq!(decision.subject, Some(request.to_string()));
        assert_eq!(decision.reason.as_deref(), Some("seen the papers"));
        let fact = json!({"event": "request.approved", "request": request, "number": 1, "action": "user.disable",
            "about": ada, "proposer": maker_id, "decider": checker_id});
        assert_eq!(decision.facts, json!([fact]));
        let done = records.iter().find(|record| record.action == "user.disable").unwrap();
        assert_eq!((done.subject.clone(), done.reason.as_deref()), (Some(ada.to_string()), Some("case 17")));
        assert_eq!((done.staff, done.at), (Some(checker_id), decision.at));
        assert_eq!(facts_of(done), ["user.disabled", "user.access_ended"]);
        assert_eq!(records.len(), before + 3 + 1, "propose, sign in, approve, disable");
        let last: Vec<_> = events(&t).await.into_iter().map(|event| event.name).collect();
        assert!(last.ends_with(&["request.approved".into()]) || last.ends_with(&["user.access_ended".into()]));
        assert!(t.desk.ask(&maker, PendingRequests(ada)).await.unwrap().is_empty());

        // And back, through a request of the other kind.
        let request = proposed(&t, &maker, Proposable::Enable, ada).await;
        assert_eq!(show(&t, request).await.request.number, 2);
        t.desk.perform(&checker, approve(request)).await.unwrap();
        assert!(!is_disabled(&t, ada).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_records_and_no_two_events_of_one_decision_share_a_moment() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        token(&t, "ada").await;
        let ((_, maker), (_, checker)) = (maker(&t).await, checker(&t).await);
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        later(&t);
        t.desk.perform(&checker, approve(request)).await.unwrap();
        let now = t.desk.now();
        // In order: what was decided, then what came of it.
        let records: Vec<_> = audit(&t).await.into_iter().filter(|record| record.at == now).collect();
        let names: Vec<_> = records.iter().map(|record| record.action.as_str()).collect();
        assert_eq!(names, ["request.approve", "user.disable"], "{:?}", t.engine);
        assert!(made_at(records[0].id.0) < made_at(records[1].id.0));
        let events: Vec<_> = events(&t).await.into_iter().filter(|event| event.at >= now).collect();
        let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["request.approved", "user.disabled", "user.access_ended"], "{:?}", t.engine);
        let moments: Vec<_> = events.iter().map(|event| made_at(event.id.0)).collect();
        assert!(moments.windows(2).all(|two| two[0] < two[1]), "{moments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_request_is_kept_with_its_reason_and_one_taken_back_is_its_proposers() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let ((maker_id, maker), (checker_id, checker)) = (maker(&t).await, checker(&t).await);
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        assert_eq!(refusal(t.desk.perform(&maker, propose(Proposable::Disable, ada)).await), Refusal::RequestPending);
        let without = DeclineRequest { request, reason: " ".to_owned() };
        assert_eq!(faults(t.desk.perform(&checker, without).await), [("reason".to_owned(), "required")]);
        let seen = t.desk.perform(&checker, decline(request)).await.unwrap();
        assert_eq!((seen.state, seen.comment()), (RequestState::Declined, Some("no grounds")));
        assert!(!is_disabled(&t, ada).await);
        let record =
            audit(&t).await.into_iter().rfind(|record| record.action == "request.decline" && record.outcome == "done");
        assert_eq!(record.unwrap().facts[0]["decider"], json!(checker_id));
        for told in [t.desk.perform(&checker, approve(request)).await, t.desk.perform(&checker, decline(request)).await]
        {
            assert_eq!(refusal(told), Refusal::RequestDecided);
        }

        // It does not stand in the way of another.
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        let (_, other) = person(&t, "other", &[P::RequestsPropose]).await;
        let withdraw = || WithdrawRequest { request, reason: Some("mixed up".to_owned()) };
        assert_eq!(refusal(t.desk.perform(&other, withdraw()).await), Refusal::NotTheProposer);
        let seen = t.desk.perform(&maker, withdraw()).await.unwrap();
        assert_eq!((seen.state, seen.proposer.id), (RequestState::Withdrawn, maker_id));
        assert!(seen.decider.is_none() && seen.comment().is_none());
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::RequestDecided);

        let all = |state| ListRequests {
            filter: RequestFilter { state, ..RequestFilter::default() },
            limit: 10,
            count: true,
            ..ListRequests::default()
        };
        for (state, count) in [
            (None, 2),
            (Some(RequestState::Declined), 1),
            (Some(RequestState::Withdrawn), 1),
            (Some(RequestState::Pending), 0),
            (Some(RequestState::Expired), 0),
        ] {
            let page = t.desk.ask(&maker, all(state)).await.unwrap();
            assert_eq!((page.total, page.requests.len()), (Some(count), count as usize), "{state:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_not_proposed() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, maker) = maker(&t).await;
        for (proposal, reason, expected) in [
            (Proposal::plain(Proposable::Disable, ada), " ", "invalid"),
            (Proposal::plain(Proposable::SetFraudStatus, ada), "why", "invalid"),
            (Proposal::plain(Proposable::Enable, ada), "why", "nothing_to_do"),
            (Proposal::plain(Proposable::DecideVerification, ada), "why", "invalid"),
            (Proposal::plain(Proposable::Disable, UserId(uuid::Uuid::from_u128(5))), "why", "not_found"),
            (Proposal { about: Subject::Tenant, ..Proposal::plain(Proposable::Disable, ada) }, "why", "invalid"),
        ] {
            later(&t);
            let name = format!("{proposal:?}");
            let told = t.desk.perform(&maker, ProposeAction { proposal, reason: reason.to_owned() }).await;
            assert_eq!(code(told), expected, "{name}");
            assert_eq!(last_audit(&t).await.code.as_deref(), Some(expected), "{name} is on record");
        }
        let erase = EraseUser { user: ada, reason: None };
        t.desk.perform(&t.house(), erase).await.unwrap();
        let told = t.desk.perform(&maker, propose(Proposable::Disable, ada)).await;
        assert_eq!(refusal(told), Refusal::UserErased);
        // Nobody without a person behind it proposes or decides.
        let told = t.desk.perform(&t.house(), propose(Proposable::Disable, ada)).await;
        assert!(matches!(told, Err(Error::Forbidden("signed_in_staff"))));
        let told = t.desk.perform(&t.house(), approve(RequestId(ada.0))).await;
        assert!(matches!(told, Err(Error::Forbidden("signed_in_staff"))));
        assert_eq!(count(&t, "SELECT COUNT(*) FROM request").await, 0);
        assert_eq!(count(&t, "SELECT MAX(last_request_number) FROM tenant").await, 0, "no number is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_what_she_has_proposed_by_no_way() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        let ada = user(&t, "ada").await;
        let both: Vec<P> = CHECKER.iter().copied().chain([P::RequestsPropose, P::KeysManage]).collect();
        let (id, session) = person(&t, "both", &both).await;
        let request = proposed(&t, &session, Proposable::Disable, ada).await;
        // By the same session, by another one, by a key of hers.
        let other_session = staff_sign_in(&t, "both", PASSWORD).await.unwrap();
        let other_session = d.caller(other_session.expose(), origin()).await.unwrap();
        let key = d.perform(&house, CreateKey::native("hers", id)).await.unwrap().secret.unwrap();
        let key = d.caller(key.expose(), origin()).await.unwrap();
        // In a second role, in a second team.
        let role =
            d.perform(&house, DefineRole { name: "second".to_owned(), permissions: both.clone() }).await.unwrap();
        let team = d.perform(&house, CreateTeam { name: "second".to_owned() }).await.unwrap().id;
        d.perform(&house, AddMember { team, staff: id, role: role.id }).await.unwrap();
        for caller in [&session, &other_session, &key] {
            assert_eq!(refusal(d.perform(caller, approve(request)).await), Refusal::OwnRequest);
            assert_eq!(refusal(d.perform(caller, decline(request)).await), Refusal::OwnRequest);
        }
        // Nor by a key that she makes for a colleague, and keeps.
        let (checker_id, checker) = checker(&t).await;
        let borrowed = d.perform(&session, CreateKey::native("borrowed", checker_id)).await.unwrap().secret.unwrap();
        let borrowed = d.caller(borrowed.expose(), origin()).await.unwrap();
        assert_eq!(borrowed.staff(), Some(checker_id));
        assert_eq!(refusal(d.perform(&borrowed, approve(request)).await), Refusal::OwnRequest);
        assert!(!is_disabled(&t, ada).await);
        // What she proposed through her key is hers, too; and she may take it back by the other way.
        let by_key = proposed(&t, &key, Proposable::Remove, ada).await;
        assert!(show(&t, by_key).await.proposer.key.is_some());
        assert_eq!(refusal(d.perform(&session, approve(by_key)).await), Refusal::OwnRequest);
        d.perform(&session, WithdrawRequest { request: by_key, reason: None }).await.unwrap();
        // The colleague herself may.
        d.perform(&checker, approve(request)).await.unwrap();
        // Nor does she propose by such a key and approve as herself, or decide by one that she made through it.
        let (deputy_id, _) = person(&t, "deputy", &both).await;
        let key_of = async |maker: &Caller, name: &str| {
            let key = d.perform(maker, CreateKey::native(name, deputy_id)).await.unwrap().secret.unwrap();
            d.caller(key.expose(), origin()).await.unwrap()
        };
        let first = key_of(&session, "first").await;
        let second = key_of(&first, "second").await;
        let by_first = proposed(&t, &first, Proposable::Enable, ada).await;
        for caller in [&session, &second] {
            assert_eq!(refusal(d.perform(caller, approve(by_first)).await), Refusal::OwnRequest);
        }
        d.perform(&checker, approve(by_first)).await.unwrap();
        let by_session = proposed(&t, &session, Proposable::Disable, ada).await;
        assert_eq!(refusal(d.perform(&second, approve(by_session)).await), Refusal::OwnRequest);
        // A key for another does not grow when she is given more.
        d.perform(&house, AddMember { team, staff: deputy_id, role: admin(&t).await }).await.unwrap();
        let grown = d.caller_of_key(t.tenant, key_id(&first), origin()).await.unwrap();
        assert!(!grown.may(P::UsersErase) && grown.may(P::RequestsDecide), "{:?}", t.engine);
    }
}

fn key_id(caller: &Caller) -> KeyId {
    match caller.who {
        Who::Key { id, .. } => id,
        _ => panic!("not by a key"),
    }
}

async fn admin(t: &TestDesk) -> RoleId {
    let roles = t.desk.ask(&t.house(), ListRoles).await.unwrap();
    roles.into_iter().find(|role| role.name == "admin").unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn who_approves_must_be_allowed_to_do_it() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, maker) = maker(&t).await;
        let request = proposed(&t, &maker, Proposable::Erase, ada).await;
        let (_, checker) = checker(&t).await;
        assert!(matches!(t.desk.perform(&checker, approve(request)).await, Err(Error::Forbidden("users.erase"))));
        assert_eq!(show(&t, request).await.state, RequestState::Pending, "nothing of it remains");
        let (_, eraser) = person(&t, "eraser", &[P::RequestsDecide, P::UsersErase]).await;
        let seen = t.desk.perform(&eraser, approve(request)).await.unwrap();
        assert_eq!(seen.state, RequestState::Approved);
        // With her key what was written about her is gone; who proposed and who decided it is not.
        let seen = show(&t, request).await;
        assert_eq!((seen.reason(), seen.state), (None, RequestState::Approved));
        assert!(seen.request.kept.is_none() && seen.decider.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_role_decides_where_the_institution_wants_that() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let ((_, maker), (_, checker)) = (maker(&t).await, checker(&t).await);
        let patch = json!({"deciding_role": "nobody's"}).as_object().unwrap().clone();
        let told = t.desk.perform(&t.house(), ChangeSettings { patch }).await;
        assert_eq!(faults(told), [("deciding_role".to_owned(), "unknown")]);
        let (_, judge) = person(&t, "judge", CHECKER).await;
        policy(&t, json!({"deciding_role": "role judge"})).await;
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::NotADecider);
        assert_eq!(refusal(t.desk.perform(&checker, decline(request)).await), Refusal::NotADecider);
        let roles = t.desk.ask(&t.house(), ListRoles).await.unwrap();
        let role = roles.iter().find(|role| role.name == "role judge").unwrap().id;
        assert_eq!(refusal(t.desk.perform(&t.house(), DeleteRole(role)).await), Refusal::InUse);
        t.desk.perform(&judge, approve(request)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_decides_in_time_expires() {
    for t in TestDesk::all().await {
        policy(&t, json!({"request_seconds": 3600})).await;
        let ada = user(&t, "ada").await;
        let ((_, maker), (_, checker)) = (maker(&t).await, checker(&t).await);
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        t.clock.advance(3599 * SECOND);
        assert_eq!(show(&t, request).await.state, RequestState::Pending);
        assert!(!t.desk.perform(&t.house(), ExpireRequest(request)).await.unwrap());
        t.clock.advance(SECOND);
        // Whether or not anybody has noted it.
        let seen = show(&t, request).await;
        assert_eq!((seen.state, seen.end_cause), (RequestState::Expired, Some("time")));
        assert_eq!(seen.ended_at, Some(t.desk.now()));
        assert!(t.desk.ask(&maker, PendingRequests(ada)).await.unwrap().is_empty());
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::RequestExpired);
        assert_eq!(refusal(t.desk.perform(&checker, decline(request)).await), Refusal::RequestExpired);
        let expired = RequestFilter { state: Some(RequestState::Expired), ..RequestFilter::default() };
        let list = || ListRequests { filter: expired.clone(), limit: 10, count: true, ..ListRequests::default() };
        assert_eq!(t.desk.ask(&maker, list()).await.unwrap().total, Some(1));
        // The job that was left with the proposal comes due, and notes it once.
        let jobs = t.desk.lease_jobs(10).await.unwrap();
        let job = jobs.iter().find(|job| job.kind == JobKind::ExpireRequest).unwrap();
        assert_eq!(job.payload, json!({ "request": request }));
        assert!(t.desk.perform(&t.house(), ExpireRequest(request)).await.unwrap());
        let record =
            audit(&t).await.into_iter().rfind(|record| record.action == "request.expire" && record.outcome == "done");
        let fact = &record.unwrap().facts[0];
        assert_eq!((&fact["event"], &fact["cause"]), (&json!("request.expired"), &json!("time")));
        assert!(!t.desk.perform(&t.house(), ExpireRequest(request)).await.unwrap());
        assert_eq!(t.desk.ask(&maker, list()).await.unwrap().total, Some(1));

        // One that has expired and was not noted does not stand in the way of another.
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        t.clock.advance(2 * 3600 * SECOND);
        let next = proposed(&t, &maker, Proposable::Disable, ada).await;
        assert_eq!(facts_of(&last_audit(&t).await), ["request.expired", "request.proposed"]);
        assert_eq!(show(&t, request).await.state, RequestState::Expired);
        t.desk.perform(&checker, approve(next)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_decide_at_once_one_wins() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let ((_, maker), (_, one), (_, two)) = (maker(&t).await, checker(&t).await, person(&t, "two", CHECKER).await);
        for round in 0..5 {
            let action = if round % 2 == 0 { Proposable::Disable } else { Proposable::Enable };
            let request = proposed(&t, &maker, action, ada).await;
            let (first, second, third) = tokio::join!(
                t.desk.perform(&one, approve(request)),
                t.desk.perform(&two, decline(request)),
                t.desk.perform(&two, approve(request)),
            );
            let codes = [code(first), code(second), code(third)];
            let won = codes.iter().filter(|code| **code == "ok").count();
            let lost = codes.iter().filter(|code| **code == "request_decided").count();
            assert_eq!((won, lost), (1, 2), "{codes:?}");
            let declined = show(&t, request).await.state == RequestState::Declined;
            if declined {
                let direct = proposed(&t, &maker, action, ada).await;
                t.desk.perform(&one, approve(direct)).await.unwrap();
            }
        }
        // Two who propose the same at once.
        let (_, other) = person(&t, "other", &[P::RequestsPropose]).await;
        let action = if is_disabled(&t, ada).await { Proposable::Enable } else { Proposable::Disable };
        let (first, second) =
            tokio::join!(t.desk.perform(&maker, propose(action, ada)), t.desk.perform(&other, propose(action, ada)));
        let mut codes = [code(first), code(second)];
        codes.sort_unstable();
        assert_eq!(codes, ["ok", "request_pending"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_has_changed_is_not_carried_out() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let rights: Vec<P> = CHECKER.iter().copied().chain([P::UsersFraud]).collect();
        let ((_, maker), (_, checker)) = (maker(&t).await, person(&t, "checker", &rights).await);
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        // Somebody does it directly: that does not settle the request, and there is nothing left of its plan.
        t.desk.perform(&checker, DisableUser { user: ada, reason: None }).await.unwrap();
        assert_eq!(show(&t, request).await.state, RequestState::Pending);
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);
        assert_eq!(show(&t, request).await.state, RequestState::Pending);
        // Unless who decides says that it may be so already.
        let already = ApproveRequest { already_so: AlreadySo::Approve, ..approve(request) };
        assert_eq!(t.desk.perform(&checker, already).await.unwrap().state, RequestState::Approved);
        assert!(is_disabled(&t, ada).await);
        let unchanged =
            |record: &desk::audit::AuditRecord| record.action == "user.disable" && record.outcome == "unchanged";
        assert!(audit(&t).await.iter().any(unchanged));

        // The words of a fact are the plan.
        let mut proposal = Proposal::plain(Proposable::SetFraudStatus, ada);
        proposal.told.deed.status = Some(FraudStatus::Fraudulent);
        let reason = "case 18".to_owned();
        let request = t.desk.perform(&maker, ProposeAction { proposal, reason }).await.unwrap().request.id;
        let suspicious = SetFraudStatus { user: ada, status: FraudStatus::Suspicious, reason: None };
        t.desk.perform(&t.house(), suspicious).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);
        let already = ApproveRequest { already_so: AlreadySo::Approve, ..approve(request) };
        assert_eq!(refusal(t.desk.perform(&checker, already).await), Refusal::PlanChanged, "this is not so already");
        let seen = t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap();
        assert_eq!(seen.standing.fraud, FraudStatus::Suspicious);

        // A moment that has passed.
        let rights = [P::RequestsDecide, P::UsersLock];
        let (_, locker) = person(&t, "locker", &rights).await;
        let mut proposal = Proposal::plain(Proposable::Lock, ada);
        proposal.told.deed.until = Some(t.desk.now().plus(60 * SECOND));
        let reason = "case 19".to_owned();
        let request = t.desk.perform(&maker, ProposeAction { proposal, reason }).await.unwrap().request.id;
        t.clock.advance(61 * SECOND);
        assert_eq!(refusal(t.desk.perform(&locker, approve(request)).await), Refusal::PlanChanged);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_a_profile_waits_sealed_and_is_shown_masked() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let rights = [P::RequestsDecide, P::RequestsRead, P::UsersEdit, P::UsersContacts];
        let ((_, maker), (_, checker)) = (maker(&t).await, person(&t, "checker", &rights).await);
        let mut proposal = Proposal::plain(Proposable::Edit, ada);
        proposal.told.profile = json!({"email": "ada.new@mail.example", "phone": null}).as_object().cloned();
        let propose = ProposeAction { proposal: proposal.clone(), reason: "she wrote".to_owned() };
        let seen = t.desk.perform(&maker, propose).await.unwrap();
        let request = seen.request.id;
        let profile = |seen: SeenRequest| json!(seen.request.kept.unwrap().told.profile);
        assert_eq!(profile(seen), json!({"email": "a***@mail.example", "phone": null}));
        let seen = t.desk.ask(&checker, ShowRequest(RequestRef::Id(request))).await.unwrap();
        assert_eq!(json!(seen.request.kept.as_ref().unwrap().facts[0]["fields"]), json!(["email", "phone"]));
        assert_eq!(profile(seen), json!({"email": "ada.new@mail.example", "phone": null}));
        for table in ["request", "audit", "event"] {
            for row in look(&t, format!("SELECT * FROM {table}")).await {
                let text = |value| match value {
                    Value::Blob(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    other => format!("{other:?}"),
                };
                assert!(!row.into_iter().map(text).any(|it| it.contains("ada.new")), "{table} holds it in clear");
            }
        }
        t.desk.perform(&checker, approve(request)).await.unwrap();
        let seen = t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap();
        assert_eq!((seen.profile.email.as_deref(), seen.profile.phone), (Some("ada.new@mail.example"), None));
        proposal.told.profile = json!({"email": "not an address"}).as_object().cloned();
        let propose = ProposeAction { proposal, reason: "she wrote".to_owned() };
        assert_eq!(faults(t.desk.perform(&maker, propose).await)[0].0, "email");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_about_who_goes_ends_with_her() {
    for t in TestDesk::all().await {
        let ((_, maker), (_, checker)) = (maker(&t).await, checker(&t).await);
        for (word, cause) in [("ada", "removed"), ("ben", "erased")] {
            let user = user(&t, word).await;
            let disable = proposed(&t, &maker, Proposable::Disable, user).await;
            let flag = proposed(&t, &maker, Proposable::Flag, user).await;
            later(&t);
            match cause {
                "removed" => {
                    let remove = proposed(&t, &maker, Proposable::Remove, user).await;
                    let seen = t.desk.perform(&checker, approve(remove)).await.unwrap();
                    assert_eq!(seen.state, RequestState::Approved, "the request itself does not end by what it does");
                }
                _ => drop(t.desk.perform(&t.house(), EraseUser { user, reason: None }).await.unwrap()),
            }
            let records = audit(&t).await;
            let record = records.iter().rfind(|record| record.action == format!("user.{}", &cause[..cause.len() - 1]));
            let ended = facts_of(record.unwrap()).into_iter().filter(|fact| fact == "request.expired").count();
            assert_eq!(ended, 2, "in the same commit");
            for request in [disable, flag] {
                let seen = show(&t, request).await;
                assert_eq!((seen.state, seen.end_cause), (RequestState::Expired, Some(cause)));
                assert_eq!(refusal(t.desk.perform(&checker, decline(request)).await), Refusal::RequestExpired);
            }
            assert!(t.desk.ask(&maker, PendingRequests(user)).await.unwrap().is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_second_person_is_done_by_nobody_alone() {
    for t in TestDesk::all().await {
        let d = &t.desk;
        let (ada, ben) = (user(&t, "ada").await, user(&t, "ben").await);
        let (_, maker) = maker(&t).await;
        let everything = person(&t, "everything", P::ALL).await.1;
        let key = d.perform(&t.house(), CreateKey::native("K", everything.staff().unwrap())).await.unwrap();
        let key = d.caller(key.secret.unwrap().expose(), origin()).await.unwrap();
        // A bulk action that was begun before.
        let order = |verb, user| BulkOrder {
            deed: BulkDeed::plain(verb),
            selection: Selection::Ids(vec![user]),
            reason: None,
            expected: None,
        };
        let begun = d.plan_bulk(&everything, order(BulkVerb::Disable, ben)).await.unwrap();
        let begun = d.perform(&everything, begun).await.unwrap().id;
        policy(&t, json!({"second_person": ["user.disable", "user.enable", "session.end_all"]})).await;

        let disable = || DisableUser { user: ada, reason: Some("alone".to_owned()) };
        let worker = Caller::house(t.tenant, Door::Worker);
        for caller in [&everything, &key, &t.admin(), &worker] {
            later(&t);
            assert_eq!(refusal(d.perform(caller, disable()).await), Refusal::NeedsSecondPerson, "{:?}", caller.who);
            let record = last_audit(&t).await;
            assert_eq!((record.outcome.as_str(), record.code.as_deref()), ("refused", Some("needs_second_person")));
            assert_eq!(record.reason.as_deref(), Some("alone"));
        }
        assert!(
            matches!(d.perform(&maker, disable()).await, Err(Error::Forbidden("users.disable"))),
            "no right at all"
        );
        // A preview shows what it would be.
        assert_eq!(d.preview(&everything, disable()).await.unwrap().facts.len(), 1);
        // Many at once: not begun, and what was begun does not go on with it.
        let start = d.plan_bulk(&everything, order(BulkVerb::Disable, ada)).await.unwrap();
        assert_eq!(refusal(d.perform(&everything, start).await), Refusal::NeedsSecondPerson);
        d.perform(&t.house(), RunBulkSlice { bulk: begun, limit: 10 }).await.unwrap();
        let rows = ListBulkRows { bulk: begun, outcome: None, after: None, limit: 10 };
        let rows = d.ask(&everything, rows).await.unwrap().rows;
        assert_eq!(rows[0].code.as_deref(), Some("needs_second_person"));
        let other = d.plan_bulk(&everything, order(BulkVerb::Suspend, ada)).await.unwrap();
        d.perform(&everything, other).await.unwrap();
        // A file does not disable anybody who is here.
        let external = EditUser {
            user: ada,
            if_version: None,
            patch: json!({"identifiers": {"external_id": "crm-17"}}).as_object().unwrap().clone(),
            kind: None,
            employee: None,
            reason: None,
        };
        d.perform(&everything, external).await.unwrap();
        let mut staging = d.stage_import(&everything, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(b"external_id,last_name,admission\ncrm-17,Reyes,disabled\n").await.unwrap();
        let import = d.perform(&everything, staging.finish().await.unwrap()).await.unwrap().id;
        d.run_import(t.tenant, import, ToTheEnd).await.unwrap();
        let seen = d.ask(&t.house(), ShowUser(ada)).await.unwrap();
        assert_eq!((seen.profile.last_name.as_str(), seen.standing.admission), ("Reyes", Admission::Enabled));
        assert!(!is_disabled(&t, ada).await && !is_disabled(&t, ben).await);
        // And where profiles need a second person, it changes none.
        policy(&t, json!({"second_person": ["user.disable", "user.enable", "session.end_all", "user.edit"]})).await;
        let mut staging = d.stage_import(&everything, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(b"external_id,last_name\ncrm-17,Changed\ncrm-18,New\n").await.unwrap();
        let import = d.perform(&everything, staging.finish().await.unwrap()).await.unwrap().id;
        d.run_import(t.tenant, import, ToTheEnd).await.unwrap();
        let shown = d.ask(&everything, ShowImport(import)).await.unwrap();
        assert_eq!((shown.rows_created, shown.rows_edited, shown.rows_rejected), (1, 0, 1));
        let rejected = d.ask(&everything, RejectedRows { import, after: 0, limit: 10 }).await.unwrap();
        assert_eq!(rejected.rows[0].rejected.code, "needs_second_person");
        // A user about herself is held by nobody's policy.
        let ada_herself = herself(&t, "ada").await;
        assert!(matches!(ada_herself.who, Who::User { .. }));
        d.perform(&ada_herself, EndSessions { user: ada, reason: None }).await.unwrap();
        // By two it is done.
        let (_, checker) = checker(&t).await;
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        d.perform(&checker, approve(request)).await.unwrap();
        assert!(is_disabled(&t, ada).await);
        // The operator at the machine is the way back in.
        d.perform(&t.house(), EnableUser { user: ada, reason: None }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_decides_a_verification_by_its_request_is_held_by_the_same_policy() {
    for t in TestDesk::all().await {
        let (d, ada) = (&t.desk, user(&t, "ada").await);
        let (_, checker) = person(&t, "everything", P::ALL).await;
        d.perform(&t.house(), SubmitVerification { user: ada }).await.unwrap();
        policy(&t, json!({"second_person": ["user.decide_verification"]})).await;
        let approve = ApproveVerification { user: ada, reason: None };
        assert_eq!(refusal(d.perform(&checker, approve).await), Refusal::NeedsSecondPerson);
        let decline = DeclineVerification { user: ada, reason: "blurred".to_owned(), text: None };
        assert_eq!(refusal(d.perform(&checker, decline).await), Refusal::NeedsSecondPerson);
        let state = d.ask(&t.house(), ShowUser(ada)).await.unwrap().standing.verification;
        assert_eq!(state, Verification::Requested, "{:?}", t.engine);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_second_person_is_not_done_piece_by_piece_nor_brought_in_with_a_file() {
    for t in TestDesk::all().await {
        let (d, ada) = (&t.desk, user(&t, "ada").await);
        let (_, everything) = person(&t, "everything", P::ALL).await;
        let her = herself(&t, "ada").await;
        let Who::User { session, .. } = her.who else { panic!("she is signed in") };
        policy(&t, json!({"second_person": ["session.end_all", "device.unlink_all"]})).await;
        let end = EndSession { user: ada, session, reason: None };
        assert_eq!(refusal(d.perform(&everything, end).await), Refusal::NeedsSecondPerson);
        let unlink = UnlinkDevice { user: ada, device: DeviceId(ada.0), reason: None };
        assert_eq!(refusal(d.perform(&everything, unlink).await), Refusal::NeedsSecondPerson);
        // Verified is what two must say.
        policy(&t, json!({"second_person": ["user.decide_verification"]})).await;
        let file = "external_id,last_name,verification\nv-1,Reyes,verified\nv-2,Bello,requested\nv-3,Eze,\n";
        let mut staging = d.stage_import(&everything, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(file.as_bytes()).await.unwrap();
        let import = d.perform(&everything, staging.finish().await.unwrap()).await.unwrap().id;
        d.run_import(t.tenant, import, ToTheEnd).await.unwrap();
        let shown = d.ask(&everything, ShowImport(import)).await.unwrap();
        assert_eq!((shown.rows_created, shown.rows_rejected), (2, 1));
        let rejected = d.ask(&everything, RejectedRows { import, after: 0, limit: 10 }).await.unwrap();
        assert_eq!(rejected.rows[0].rejected.code, "needs_second_person");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_wide_action_leads_round_a_policy_that_names_the_narrow_one() {
    for t in TestDesk::all().await {
        let (d, ada) = (&t.desk, user(&t, "ada").await);
        let (_, everything) = person(&t, "everything", P::ALL).await;
        let session = token(&t, "ada").await;
        d.perform(&t.house(), SubmitVerification { user: ada }).await.unwrap();
        let many = |deed| BulkOrder { deed, selection: Selection::Ids(vec![ada]), reason: None, expected: None };
        let decide = |verified| DecideVerification { user: ada, verified, reason: None };
        let decided = |verified| {
            let params = BulkParams { verified: Some(verified), ..BulkParams::default() };
            BulkDeed { verb: BulkVerb::DecideVerification, params }
        };
        for (policy_of, refused) in
            [("second_person", Refusal::NeedsSecondPerson), ("customer_confirms", Refusal::NeedsCustomer)]
        {
            policy(&t, json!({policy_of: ["session.end", "device.unlink", "verification.approve"]})).await;
            later(&t);
            let end = EndSessions { user: ada, reason: None };
            assert_eq!(refusal(d.perform(&everything, end).await), refused);
            let unlink = UnlinkAllDevices { user: ada, reason: None };
            assert_eq!(refusal(d.perform(&everything, unlink).await), refused);
            assert_eq!(refusal(d.perform(&everything, decide(true)).await), refused);
            for deed in [BulkDeed::plain(BulkVerb::EndSessions), decided(true)] {
                let start = d.plan_bulk(&everything, many(deed)).await.unwrap();
                assert_eq!(refusal(d.perform(&everything, start).await), refused);
            }
            // What is not named is not held.
            let start = d.plan_bulk(&everything, many(decided(false))).await.unwrap();
            assert!(d.preview(&everything, start).await.is_ok());
            let start = d.plan_bulk(&everything, many(decided(false))).await.unwrap();
            let bulk = d.perform(&everything, start).await.unwrap().id;
            // A bulk action that was begun before is refused row by row.
            policy(&t, json!({policy_of: ["verification.decline"]})).await;
            later(&t);
            d.perform(&t.house(), RunBulkSlice { bulk, limit: 10 }).await.unwrap();
            let rows = ListBulkRows { bulk, outcome: None, after: None, limit: 10 };
            let rows = d.ask(&everything, rows).await.unwrap().rows;
            assert_eq!(rows[0].code.as_deref(), Some(refused.word()));
            assert_eq!(refusal(d.perform(&everything, decide(false)).await), refused);
            policy(&t, json!({policy_of: []})).await;
        }
        assert!(is_open(&t, &session).await);
        let state = d.ask(&t.house(), ShowUser(ada)).await.unwrap().standing.verification;
        assert_eq!(state, Verification::Requested);
        // Nor does a file bring in who is verified.
        policy(&t, json!({"second_person": ["verification.approve"]})).await;
        let file = "external_id,last_name,verification\nv-1,Reyes,verified\nv-2,Bello,requested\n";
        let mut staging = d.stage_import(&everything, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(file.as_bytes()).await.unwrap();
        let import = d.perform(&everything, staging.finish().await.unwrap()).await.unwrap().id;
        d.run_import(t.tenant, import, ToTheEnd).await.unwrap();
        let shown = d.ask(&everything, ShowImport(import)).await.unwrap();
        assert_eq!((shown.rows_created, shown.rows_rejected), (1, 1));
        // What is proposed asks for the second person by what it decides.
        policy(&t, json!({"second_person": ["verification.decline"], "customer_confirms": ["verification.approve"]}))
            .await;
        later(&t);
        for (verified, needs_decider) in [(true, false), (false, true)] {
            let mut proposal = Proposal::plain(Proposable::DecideVerification, ada);
            proposal.told.deed.verified = Some(verified);
            let propose = ProposeAction { proposal, reason: "case 17".to_owned() };
            let seen = d.perform(&everything, propose).await.unwrap().request;
            assert_eq!((seen.customer.is_some(), seen.needs_decider), (verified, needs_decider));
            d.perform(&everything, WithdrawRequest { request: seen.id, reason: None }).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_password_away_is_held_by_the_policy_for_all_that_it_does() {
    for t in TestDesk::all().await {
        let (d, ada) = (&t.desk, user(&t, "ada").await);
        let (_, everything) = person(&t, "everything", P::ALL).await;
        let revoke = || RevokePassword { user: ada, reason: None };
        // A link goes out.
        policy(&t, json!({"second_person": ["password.start_reset"]})).await;
        assert_eq!(refusal(d.perform(&everything, revoke()).await), Refusal::NeedsSecondPerson);
        // Sessions end, where there are any.
        policy(&t, json!({"second_person": ["session.end_all"]})).await;
        let session = token(&t, "ada").await;
        assert_eq!(refusal(d.perform(&everything, revoke()).await), Refusal::NeedsSecondPerson);
        assert!(is_open(&t, &session).await);
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "signed in", "nothing has changed");
        // A lock opens, where there is one.
        policy(&t, json!({"second_person": ["user.unlock"]})).await;
        for _ in 0..5 {
            sign_in(&t, "ada", WRONG).await;
        }
        assert_eq!(refusal(d.perform(&everything, revoke()).await), Refusal::NeedsSecondPerson);
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "shut");
        d.perform(&t.house(), UnlockUser { user: ada, reason: None }).await.unwrap();
        d.perform(&everything, revoke()).await.unwrap();
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "wrong");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_can_guard_itself() {
    for t in TestDesk::all().await {
        let d = &t.desk;
        let (_, one) = person(&t, "one", P::ALL).await;
        let (two_id, two) = person(&t, "two", P::ALL).await;
        policy(&t, json!({"second_person": ["settings.change_security", "staff.disable"]})).await;
        let off = json!({"second_person": []}).as_object().unwrap().clone();
        let change = ChangeSettings { patch: off.clone() };
        assert_eq!(refusal(d.perform(&one, change).await), Refusal::NeedsSecondPerson);
        let change = ChangeSecuritySettings { patch: off.clone() };
        assert_eq!(refusal(d.perform(&one, change).await), Refusal::NeedsSecondPerson);
        let ordinary = json!({"memo_mode": true}).as_object().unwrap().clone();
        d.perform(&one, ChangeSettings { patch: ordinary }).await.unwrap();
        // What is to be done to her she does not decide.
        let told = Told::default();
        let proposal = Proposal { action: Proposable::DisableStaff, about: Subject::Staff(two_id), told };
        let reason = "left".to_owned();
        let request = d.perform(&one, ProposeAction { proposal, reason: reason.clone() }).await.unwrap().request.id;
        assert_eq!(refusal(d.perform(&two, decline(request)).await), Refusal::NotToOneself);
        assert_eq!(refusal(d.perform(&one, DisableStaff(two_id)).await), Refusal::NeedsSecondPerson);

        let told = Told { settings: Some(off), ..Told::default() };
        let proposal = Proposal { action: Proposable::ChangeSecurity, about: Subject::Tenant, told };
        let request = d.perform(&one, ProposeAction { proposal, reason }).await.unwrap().request.id;
        d.perform(&two, approve(request)).await.unwrap();
        d.perform(&one, DisableStaff(two_id)).await.unwrap();
        let patch = json!({"second_person": ["user.juggle"]}).as_object().unwrap().clone();
        assert_eq!(code(d.perform(&t.house(), ChangeSettings { patch }).await), "invalid");
        let manager = t.holder(&[P::SettingsManage]);
        let patch = json!({"second_person": ["user.disable"]}).as_object().unwrap().clone();
        assert_eq!(code(d.perform(&manager, ChangeSettings { patch }).await), "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_request_and_a_hidden_persons_do_not_exist() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let ((_, maker), (_, checker)) = (maker(&t).await, checker(&t).await);
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        let other = t.other_tenant().await;
        let stranger = Caller { tenant: other, ..t.admin() };
        for told in [
            code(t.desk.ask(&stranger, ShowRequest(RequestRef::Id(request))).await),
            code(t.desk.ask(&stranger, ShowRequest(RequestRef::Number(1))).await),
            code(t.desk.perform(&stranger, approve(request)).await),
            code(t.desk.perform(&stranger, decline(request)).await),
            code(t.desk.perform(&stranger, WithdrawRequest { request, reason: None }).await),
        ] {
            assert_eq!(told, "not_found");
        }
        let list = || ListRequests { limit: 10, count: true, ..ListRequests::default() };
        assert_eq!(t.desk.ask(&stranger, list()).await.unwrap().total, Some(0));
        assert!(t.desk.ask(&stranger, PendingRequests(ada)).await.unwrap().is_empty());
        assert_eq!(code(t.desk.perform(&stranger, propose(Proposable::Disable, ada)).await), "not_found");

        // An employee, where the institution hides them.
        policy(&t, json!({"hide_employees": true})).await;
        let edit = EditUser {
            user: ada,
            if_version: None,
            patch: Default::default(),
            kind: None,
            employee: Some(true),
            reason: None,
        };
        t.desk.perform(&t.house(), edit).await.unwrap();
        assert_eq!(code(t.desk.ask(&checker, ShowRequest(RequestRef::Id(request))).await), "not_found");
        assert_eq!(code(t.desk.perform(&checker, approve(request)).await), "not_found");
        assert!(t.desk.ask(&checker, PendingRequests(ada)).await.unwrap().is_empty());
        assert_eq!(t.desk.ask(&t.admin(), PendingRequests(ada)).await.unwrap(), [Proposable::Disable]);
        let page = t.desk.ask(&checker, list()).await.unwrap();
        assert_eq!((page.total, page.requests.len()), (Some(0), 0));
        assert_eq!(t.desk.ask(&t.admin(), list()).await.unwrap().total, Some(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_names_the_selfie_of_whom_it_is_about() {
    for t in TestDesk::all().await {
        let (ada, ben) = (user(&t, "ada").await, user(&t, "ben").await);
        let (_, maker) = maker(&t).await;
        let mut newest = None;
        for side in [8, 9] {
            let paper = papers::show(&t, &t.house(), ada, DocumentKind::Selfie, &papers::png(side, 8)).await;
            newest = Some(paper.unwrap().document.file_name());
            papers::show(&t, &t.house(), ada, DocumentKind::PhotoId, &papers::jpeg(80, 60)).await.unwrap();
            later(&t);
        }
        let of_ada = proposed(&t, &maker, Proposable::Disable, ada).await;
        let of_ben = proposed(&t, &maker, Proposable::Disable, ben).await;
        assert_eq!(show(&t, of_ada).await.selfie, newest, "{:?}", t.engine);
        assert_eq!(show(&t, of_ben).await.selfie, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_by_cursor_and_by_row() {
    for t in TestDesk::all().await {
        let (_, maker) = maker(&t).await;
        let mut users = Vec::new();
        for at in 0..5 {
            let user = t.desk.perform(&t.house(), CreateUser::of(profile(&format!("u{at}")))).await.unwrap().id;
            proposed(&t, &maker, Proposable::Disable, user).await;
            proposed(&t, &maker, Proposable::Flag, user).await;
            users.push(user);
        }
        let filter = |action, user| RequestFilter { state: Some(RequestState::Pending), action, user };
        let numbers = |page: &RequestPage| page.requests.iter().map(|it| it.request.number).collect::<Vec<_>>();
        let flags = filter(Some(Proposable::Flag), None);
        let first = ListRequests { filter: flags.clone(), limit: 2, ..ListRequests::default() };
        let page = t.desk.ask(&maker, first.clone()).await.unwrap();
        assert_eq!((numbers(&page), page.total), (vec![10, 8], None));
        let second = ListRequests { after: page.next.clone(), ..first.clone() };
        let page = t.desk.ask(&maker, second).await.unwrap();
        assert_eq!(numbers(&page), [6, 4]);
        let last = ListRequests { after: page.next.clone(), ..first.clone() };
        let page = t.desk.ask(&maker, last.clone()).await.unwrap();
        assert_eq!((numbers(&page), page.next), (vec![2], None));
        let elsewhere = ListRequests { filter: filter(Some(Proposable::Disable), None), ..last };
        assert_eq!(faults(t.desk.ask(&maker, elsewhere).await), [("after".to_owned(), "invalid")]);
        let third = ListRequests { skip: 4, count: true, ..first };
        let page = t.desk.ask(&maker, third).await.unwrap();
        assert_eq!((numbers(&page), page.total), (vec![2], Some(5)));
        let hers = ListRequests { filter: filter(None, Some(users[2])), limit: 10, ..ListRequests::default() };
        assert_eq!(numbers(&t.desk.ask(&maker, hers).await.unwrap()), [6, 5]);
        for (skip, limit) in [(0, 0), (0, 201), (-1, 10)] {
            assert_eq!(
                code(t.desk.ask(&maker, ListRequests { skip, limit, ..ListRequests::default() }).await),
                "invalid"
            );
        }
    }
}

/// What the rules say, written down a second time and simply: a request, and what has become of it.
struct Modelled {
    id: RequestId,
    proposer: usize,
    action: Proposable,
    user: usize,
    state: RequestState,
    expires_at: i64,
}

impl Modelled {
    fn state_at(&self, now: i64) -> RequestState {
        if self.state == RequestState::Pending && now >= self.expires_at { RequestState::Expired } else { self.state }
    }

    /// The code with which a step on one that is not pending is refused.
    fn closed(&self, now: i64) -> Option<&'static str> {
        match self.state_at(now) {
            RequestState::Pending => None,
            RequestState::Expired => Some("request_expired"),
            _ => Some("request_decided"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_tried_in_whatever_order_comes_to_what_the_rules_say() {
    const ACTIONS: [Proposable; 4] = [Proposable::Disable, Proposable::Enable, Proposable::Flag, Proposable::Unflag];
    let rights: Vec<P> = CHECKER.iter().copied().chain([P::RequestsPropose, P::UsersFlag]).collect();
    for t in TestDesk::all().await {
        policy(&t, json!({"request_seconds": 3600})).await;
        let (mut users, mut people) = (Vec::new(), Vec::new());
        for word in ["ada", "ben"] {
            users.push(t.desk.perform(&t.house(), CreateUser::of(profile(word))).await.unwrap().id);
        }
        for word in ["one", "two", "three"] {
            people.push(person(&t, word, &rights).await.1);
        }
        // Disabled, flagged.
        let mut standing = [[false; 2]; 2];
        let mut requests: Vec<Modelled> = Vec::new();
        let chance = desk::value::random::Random::seeded(17);
        let below = |most: usize| u64::from_be_bytes(chance.bytes()) as usize % most;
        let axis = |action| match action {
            Proposable::Disable => (0, true),
            Proposable::Enable => (0, false),
            Proposable::Flag => (1, true),
            _ => (1, false),
        };
        for step in 0..400 {
            t.clock.advance(below(300) as i64 * SECOND);
            let (who, user, action) = (below(3), below(2), ACTIONS[below(4)]);
            let (at, now) = (below(requests.len().max(1)), t.desk.now().0);
            let (which, to) = axis(action);
            let (told, expected) = match below(8) {
                0..=2 => {
                    let told = t.desk.perform(&people[who], propose(action, users[user])).await;
                    let is_open = |it: &Modelled| it.user == user && it.action == action && it.closed(now).is_none();
                    let expected = match () {
                        () if standing[user][which] == to => "nothing_to_do",
                        () if requests.iter().any(is_open) => "request_pending",
                        () => "ok",
                    };
                    if let Ok(seen) = &told {
                        let (id, state) = (seen.request.id, RequestState::Pending);
                        let expires_at = now + 3600 * SECOND;
                        requests.push(Modelled { id, proposer: who, action, user, state, expires_at });
                        assert_eq!(seen.request.number, requests.len() as i64, "numbers are dense");
                    }
                    (code(told), expected)
                }
                3..=6 if requests.is_empty() => continue,
                3 | 4 => {
                    let it = &mut requests[at];
                    let (which, to) = axis(it.action);
                    let expected = match it.closed(now) {
                        Some(closed) => closed,
                        None if it.proposer == who => "own_request",
                        None if standing[it.user][which] == to => "plan_changed",
                        None => {
                            it.state = RequestState::Approved;
                            standing[it.user][which] = to;
                            "ok"
                        }
                    };
                    (code(t.desk.perform(&people[who], approve(it.id)).await), expected)
                }
                5 => {
                    let it = &mut requests[at];
                    let expected = match it.closed(now) {
                        Some(closed) => closed,
                        None if it.proposer == who => "own_request",
                        None => {
                            it.state = RequestState::Declined;
                            "ok"
                        }
                    };
                    (code(t.desk.perform(&people[who], decline(it.id)).await), expected)
                }
                6 => {
                    let it = &mut requests[at];
                    let expected = match it.closed(now) {
                        _ if it.proposer != who => "not_the_proposer",
                        Some(closed) => closed,
                        None => {
                            it.state = RequestState::Withdrawn;
                            "ok"
                        }
                    };
                    (
                        code(t.desk.perform(&people[who], WithdrawRequest { request: it.id, reason: None }).await),
                        expected,
                    )
                }
                _ => {
                    standing[user][which] = to;
                    let (user, reason) = (users[user], None);
                    let told = match action {
                        Proposable::Disable => t.desk.perform(&people[who], DisableUser { user, reason }).await,
                        Proposable::Enable => t.desk.perform(&people[who], EnableUser { user, reason }).await,
                        Proposable::Flag => t.desk.perform(&people[who], FlagUser { user, bank: None, reason }).await,
                        _ => t.desk.perform(&people[who], UnflagUser { user, bank: None, reason }).await,
                    };
                    (code(told), "ok")
                }
            };
            assert_eq!(told, expected, "step {step}");
            if step % 20 != 0 {
                continue;
            }
            for (user, standing) in users.iter().zip(standing) {
                let seen = t.desk.ask(&t.house(), ShowUser(*user)).await.unwrap().standing;
                assert_eq!([seen.admission == Admission::Disabled, seen.flagged_whole], standing, "step {step}");
            }
            for state in RequestState::ALL.iter().copied() {
                let filter = RequestFilter { state: Some(state), ..RequestFilter::default() };
                let list = ListRequests { filter, limit: 200, count: true, ..ListRequests::default() };
                let page = t.desk.ask(&people[0], list).await.unwrap();
                let found: Vec<_> = page.requests.iter().map(|it| it.request.id).collect();
                let expected: Vec<_> =
                    requests.iter().rev().filter(|it| it.state_at(now) == state).map(|it| it.id).collect();
                assert_eq!(
                    (found, page.total),
                    (expected.clone(), Some(expected.len() as i64)),
                    "{state} at step {step}"
                );
            }
        }
    }
}
