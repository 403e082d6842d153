//! What is special about some of what can be proposed: plans that notice changed values, what makes something new, bulk actions
//! and imports that are begun by an approval. That everything can be proposed is in `coverage.rs`.

use desk::account::{AccountKind, Details, OpenAccount};
use desk::administrator::{IdType, Person};
use desk::bulk::*;
use desk::db::Value;
use desk::import::*;
use desk::key::CreateKey;
use desk::message::Channel;
use desk::permission::{Permission as P, Proposable};
use desk::request::*;
use desk::role::{DefineRole, DeleteRole};
use desk::staff::ListStaff;
use desk::team::CreateTeam;
use desk::testing::{TestDesk, origin};
use desk::user::standing::*;
use desk::user::verification::DocumentKind;
use desk::user::*;
use desk::value::clock::DAY;
use desk::value::id::{RequestId, UserId};
use desk::{Caller, Error, Refusal, Subject};
use serde_json::json;

use crate::papers;
use crate::requests::{CHECKER, approve, decline, maker, person, policy, proposed, show};
use crate::support::*;

fn about(action: Proposable, about: Subject, told: Told) -> ProposeAction {
    ProposeAction { proposal: Proposal { action, about, told }, reason: "case 17".to_owned() }
}

async fn request_of(t: &TestDesk, by: &Caller, propose: ProposeAction) -> RequestId {
    t.desk.perform(by, propose).await.unwrap().request.id
}

fn object(value: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    value.as_object().unwrap().clone()
}

async fn edit(t: &TestDesk, user: UserId, patch: serde_json::Value) {
    let edit = EditUser { user, if_version: None, patch: object(patch), kind: None, employee: None, reason: None };
    t.desk.perform(&t.house(), edit).await.unwrap();
}

/// Everything that is stored, as text: what is kept in the clear would be found in it.
async fn stored(t: &TestDesk, tables: &[&str]) -> String {
    let mut all = String::new();
    for table in tables {
        for value in look(t, format!("SELECT * FROM {table}")).await.into_iter().flatten() {
            match value {
                Value::Blob(bytes) => all.push_str(&String::from_utf8_lossy(&bytes)),
                other => all.push_str(&format!("{other:?}")),
            }
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_notices_that_what_is_changed_was_another_value_meanwhile() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, maker) = maker(&t).await;
        let all = person(&t, "checker", P::ALL).await.1;
        let surname = |to: &str| Told { profile: Some(object(json!({ "last_name": to }))), ..Told::default() };
        let change = || about(Proposable::Edit, Subject::User(ada), surname("Obi"));

        // The surname that was shown is not the one that would be replaced.
        let request = request_of(&t, &maker, change()).await;
        edit(&t, ada, json!({"last_name": "Eze"})).await;
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);
        // Another field does not matter, and back is as it was shown.
        edit(&t, ada, json!({"last_name": "Okafor-ada", "middle_name": "Chi"})).await;
        t.desk.perform(&all, approve(request)).await.unwrap();
        assert_eq!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().profile.last_name, "Obi");

        // A reset link goes where it was shown to go.
        let told = Told { method: Some(Channel::Email), ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::StartReset, Subject::User(ada), told)).await;
        edit(&t, ada, json!({"email": "other@mail.example"})).await;
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);

        // She was disabled for another reason meanwhile.
        let disable = |reason: &str| DisableUser { user: ada, reason: Some(reason.to_owned()) };
        t.desk.perform(&t.house(), disable("a lost card")).await.unwrap();
        let request = proposed(&t, &maker, Proposable::Enable, ada).await;
        later(&t);
        t.desk.perform(&t.house(), EnableUser { user: ada, reason: None }).await.unwrap();
        later(&t);
        t.desk.perform(&t.house(), disable("a court order")).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);

        // Settings, and what a role permits.
        let told = Told { settings: Some(object(json!({"lock_after": 9}))), ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::ChangeSettings, Subject::Tenant, told)).await;
        policy(&t, json!({"bulk_max": 77})).await;
        later(&t);
        let preview = t.desk.preview(&all, approve(request)).await;
        assert!(preview.is_ok(), "another setting does not matter: {preview:?}");
        policy(&t, json!({"lock_after": 3})).await;
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);
        let role = |permissions: &[P]| DefineRole { name: "Clerk".to_owned(), permissions: permissions.to_vec() };
        let clerk = t.desk.perform(&t.house(), role(&[])).await.unwrap().id;
        let team = t.desk.perform(&t.house(), CreateTeam { name: "Counter".to_owned() }).await.unwrap().id;
        let told = Told { staff: Some(staff(&t, "clerk").await), role: Some(clerk), ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::AddMember, Subject::Team(team), told)).await;
        t.desk.perform(&t.house(), role(&[P::UsersErase])).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);

        // Nobody learns a value from the hash: it is keyed.
        assert!(!stored(&t, &["request"]).await.contains("Okafor"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_is_not_approved_on_other_papers_than_were_shown() {
    for t in TestDesk::all().await {
        let standing = Standing { verification: Verification::Requested, ..Standing::default() };
        let ada = user_in(&t, "ada", standing).await;
        let ((_, maker), house) = (maker(&t).await, t.house());
        let all = person(&t, "checker", P::ALL).await.1;
        papers::show(&t, &house, ada, DocumentKind::PhotoId, &papers::png(8, 8)).await.unwrap();
        let request = proposed(&t, &maker, Proposable::ApproveVerification, ada).await;
        later(&t);
        papers::show(&t, &house, ada, DocumentKind::PhotoId, &papers::png(9, 9)).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::PlanChanged);
    }
}

fn new_user(word: &str) -> ProposeAction {
    let profile =
        Some(object(json!({"first_name": "Ngozi", "last_name": word, "email": format!("{word}@mail.example")})));
    about(Proposable::CreateUser, Subject::Tenant, Told { profile, ..Told::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn several_people_may_be_proposed_at_once_and_requests_forget_who_they_are() {
    for t in TestDesk::all().await {
        let (_, maker) = maker(&t).await;
        let all = person(&t, "checker", P::ALL).await.1;
        let one = request_of(&t, &maker, new_user("one")).await;
        let two = request_of(&t, &maker, new_user("two")).await;
        assert_eq!(refusal(t.desk.perform(&maker, new_user("two")).await), Refusal::RequestPending);
        // The number that she gets is no part of the plan.
        later(&t);
        user(&t, "between").await;
        let seen = t.desk.perform(&all, approve(one)).await.unwrap();
        let made = UserId::parse(seen.outcome.unwrap().facts[0]["user"].as_str().unwrap()).unwrap();
        let made = t.desk.ask(&t.house(), ShowUser(made)).await.unwrap();
        assert_eq!((made.profile.last_name.as_str(), made.standing.admission), ("one", Admission::Enabled));
        t.desk.perform(&all, decline(two)).await.unwrap();
        for request in [one, two] {
            let kept = show(&t, request).await.request.kept.unwrap();
            assert_eq!((kept.told.profile, kept.reason.as_str()), (None, "case 17"), "what she was to be is gone");
        }
        // Nor is anybody created twice with one name; who may not see addresses hears of it when it is decided.
        let knowing = person(&t, "knowing", &[P::RequestsPropose, P::UsersRead, P::UsersContacts]).await.1;
        let told = t.desk.perform(&knowing, new_user("one")).await;
        assert_eq!(faults(told), [("email".to_owned(), "taken")]);
        let twice = request_of(&t, &maker, new_user("one")).await;
        assert!(t.desk.perform(&all, approve(twice)).await.is_err());
        let told = Told { profile: Some(object(json!({"first_name": "Ngozi", "colour": "red"}))), ..Told::default() };
        let told = t.desk.perform(&maker, about(Proposable::CreateUser, Subject::Tenant, told)).await;
        assert_eq!(code(told), "invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_of_an_approved_key_is_told_once_to_who_approves() {
    for t in TestDesk::all().await {
        let (maker_id, maker) = person(&t, "maker", &[P::RequestsPropose, P::UsersRead]).await;
        let (_, checker) = person(&t, "checker", P::ALL).await;
        policy(&t, json!({"second_person": ["key.create"]})).await;
        let key = ProposedKey { permissions: Some(vec![P::UsersRead]), ..native_key("Night batch") };
        let told = Told { key: Some(key), ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::CreateKey, Subject::Staff(maker_id), told)).await;
        assert_eq!(count(&t, "SELECT COUNT(*) FROM key").await, 0, "nothing is made before somebody approves");
        later(&t);
        let secret = t.desk.perform(&checker, approve(request)).await.unwrap().outcome.unwrap().secret.unwrap();
        let caller = t.desk.caller(secret.expose(), origin()).await.unwrap();
        assert_eq!((caller.staff(), caller.may.list()), (Some(maker_id), vec![P::UsersRead]));
        assert!(show(&t, request).await.outcome.is_none());
        let all = stored(&t, &["request", "audit", "event", "key", "job"]).await;
        assert!(!all.contains(secret.expose()), "it is nowhere in clear");
        // Who approved has held it, and is no second person to whoever comes with it.
        let ada = user(&t, "ada").await;
        policy(&t, json!({"second_person": []})).await;
        let by_key = Caller { may: P::ALL.iter().copied().collect(), ..caller };
        let request = proposed(&t, &by_key, Proposable::Disable, ada).await;
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::OwnRequest);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_a_key_made_with_which_she_decides_what_she_proposed() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (maker_id, maker) = person(&t, "maker", P::ALL).await;
        let (deputy_id, _) = person(&t, "deputy", CHECKER).await;
        let checker = person(&t, "checker", P::ALL).await.1;
        let key = native_key("Night batch");
        // Her own key, that the house made.
        let own = t.desk.perform(&t.house(), CreateKey::native("hers", maker_id)).await.unwrap().secret.unwrap();
        let own = t.desk.caller(own.expose(), origin()).await.unwrap();
        let mut keys = Vec::new();
        for by in [&maker, &own] {
            // It acts as a colleague, is approved by another, and comes to who proposed it.
            let told = Told { key: Some(key.clone()), ..Told::default() };
            let request = request_of(&t, by, about(Proposable::CreateKey, Subject::Staff(deputy_id), told)).await;
            later(&t);
            keys.push(t.desk.perform(&checker, approve(request)).await.unwrap().outcome.unwrap().secret.unwrap());
        }
        // And one that her own key has made, without anybody.
        let made = t.desk.perform(&own, CreateKey::native("theirs", deputy_id)).await.unwrap();
        keys.push(made.secret.unwrap());
        let request = proposed(&t, &maker, Proposable::Disable, ada).await;
        for key in &keys {
            let with_it = t.desk.caller(key.expose(), origin()).await.unwrap();
            assert_eq!(with_it.staff(), Some(deputy_id));
            assert_eq!(refusal(t.desk.perform(&with_it, approve(request)).await), Refusal::OwnRequest);
            assert_eq!(refusal(t.desk.perform(&with_it, decline(request)).await), Refusal::OwnRequest);
        }
        // What others propose is decided with them, by the deputy's rights.
        let other = person(&t, "other", &[P::RequestsPropose, P::UsersRead]).await.1;
        let request = proposed(&t, &other, Proposable::Remove, ada).await;
        let with_it = t.desk.caller(keys[0].expose(), origin()).await.unwrap();
        t.desk.perform(&with_it, approve(request)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_colleague_chooses_her_own_password() {
    for t in TestDesk::all().await {
        let (_, maker) = maker(&t).await;
        let checker = person(&t, "checker", P::ALL).await.1;
        let (name, email) = (Some("Sade Bello".to_owned()), Some("sade@bank.example".to_owned()));
        let told = Told { name, email, ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::AddStaff, Subject::Tenant, told)).await;
        let letters = "SELECT COUNT(*) FROM message";
        assert_eq!(count(&t, letters).await, 0, "no link is on its way yet");
        t.desk.perform(&checker, approve(request)).await.unwrap();
        let staff = t.desk.ask(&t.house(), ListStaff).await.unwrap();
        assert!(staff.iter().any(|it| it.profile.email == "sade@bank.example"));
        assert_eq!(count(&t, letters).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_bulk_action_does_to_each_what_needs_a_second_person() {
    for t in TestDesk::all().await {
        let (ada, ben) = (user(&t, "ada").await, user(&t, "ben").await);
        let (_, maker) = maker(&t).await;
        let (checker_id, checker) = person(&t, "checker", P::ALL).await;
        policy(&t, json!({"second_person": ["user.disable", "bulk.start"]})).await;
        let order = |filter, ids| {
            let bulk = ProposedBulk { deed: BulkDeed::plain(BulkVerb::Disable), filter, ids };
            about(Proposable::StartBulk, Subject::Tenant, Told { bulk: Some(bulk), ..Told::default() })
        };
        let whole = || order(Some(UserFilter::default()), None);
        let seen = t.desk.perform(&maker, whole()).await.unwrap();
        let request = seen.request.id;
        let counts = seen.request.kept.unwrap().counts.unwrap();
        assert_eq!((counts.selected, counts.changed, counts.unchanged), (2, 2, 0));
        // Somebody is disabled already, and would be unchanged: that is not what was shown.
        let direct = DisableUser { user: ben, reason: None };
        t.desk.perform(&t.house(), direct).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);
        t.desk.perform(&t.house(), EnableUser { user: ben, reason: None }).await.unwrap();
        later(&t);
        let seen = t.desk.perform(&checker, approve(request)).await.unwrap();
        let bulk = desk::value::id::BulkId::parse(seen.outcome.unwrap().facts[0]["bulk"].as_str().unwrap()).unwrap();
        // It rests and goes on without being asked for again.
        let pause = PauseBulk { bulk, reason: None };
        t.desk.perform(&checker, pause).await.unwrap();
        t.desk.perform(&checker, ResumeBulk { bulk, reason: None }).await.unwrap();
        t.desk.perform(&t.house(), RunBulkSlice { bulk, limit: 10 }).await.unwrap();
        let shown = t.desk.ask(&checker, ShowBulk(bulk)).await.unwrap();
        assert_eq!((shown.changed, shown.refused, shown.approved), (2, 0, true));
        assert_eq!(shown.reason.as_deref(), Some("case 17"));
        let hers = audit(&t).await.into_iter().filter(|it| it.action == "user.disable" && it.staff == Some(checker_id));
        assert_eq!(hers.count(), 2, "in the name of who approved");
        assert_eq!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().standing.admission, Admission::Disabled);

        // Both lists of one proposal, or none, are refused.
        for (filter, ids) in [(None, None), (Some(UserFilter::default()), Some(vec![ada]))] {
            assert_eq!(faults(t.desk.perform(&maker, order(filter, ids)).await), [("bulk".to_owned(), "invalid")]);
        }
        let nobody = order(None, Some(Vec::new()));
        assert_eq!(faults(t.desk.perform(&maker, nobody).await), [("ids".to_owned(), "empty")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_action_is_not_approved_for_other_people_were_they_as_many() {
    for t in TestDesk::all().await {
        let suspect = Standing { fraud: FraudStatus::Fraudulent, ..Standing::default() };
        let ada = user_in(&t, "ada", suspect.clone()).await;
        user_in(&t, "eve", suspect).await;
        let ben = user(&t, "ben").await;
        let (_, maker) = maker(&t).await;
        let checker = person(&t, "checker", P::ALL).await.1;
        let order = |verb, ids: Option<Vec<UserId>>| {
            let filter = UserFilter { fraud: Some(FraudStatus::Fraudulent), ..UserFilter::default() };
            let filter = if ids.is_none() { Some(filter) } else { None };
            let bulk = ProposedBulk { deed: BulkDeed::plain(verb), filter, ids };
            about(Proposable::StartBulk, Subject::Tenant, Told { bulk: Some(bulk), ..Told::default() })
        };
        let set = async |user, status| {
            t.desk.perform(&t.house(), SetFraudStatus { user, status, reason: None }).await.unwrap();
        };
        let request = request_of(&t, &maker, order(BulkVerb::Disable, None)).await;
        // One has ceased to fit, another fits: as many, and others.
        set(ada, FraudStatus::Suspicious).await;
        set(ben, FraudStatus::Fraudulent).await;
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);
        set(ben, FraudStatus::Suspicious).await;
        set(ada, FraudStatus::Fraudulent).await;
        t.desk.perform(&checker, approve(request)).await.unwrap();

        // The same people, and what would become of them has changed places.
        t.desk.perform(&t.house(), LockUser { user: ada, until: None, reason: None }).await.unwrap();
        let request = request_of(&t, &maker, order(BulkVerb::Lock, Some(vec![ada, ben]))).await;
        t.desk.perform(&t.house(), UnlockUser { user: ada, reason: None }).await.unwrap();
        t.desk.perform(&t.house(), LockUser { user: ben, until: None, reason: None }).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);

        // A moment that has passed is another plan, and no fault of who approves.
        let mut until = order(BulkVerb::Lock, Some(vec![ada]));
        let bulk = until.proposal.told.bulk.as_mut().unwrap();
        bulk.deed.params.until = Some(t.desk.now().plus(DAY));
        let request = request_of(&t, &maker, until).await;
        t.clock.advance(2 * DAY);
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);

        // Who is signed in comes and goes by itself.
        let request = request_of(&t, &maker, order(BulkVerb::EndSessions, Some(vec![ada, ben]))).await;
        token(&t, "ada").await;
        t.desk.perform(&checker, approve(request)).await.unwrap();
    }
}

async fn waiting(t: &TestDesk, by: &Caller, file: &str) -> desk::Result<Import> {
    let mut staging = t.desk.stage_import(by, Format::Csv, false, Naming::default()).await?;
    staging.push(file.as_bytes()).await?;
    let waits = staging.finish().await?.to_wait();
    t.desk.perform(by, waits).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_waits_until_its_import_is_approved() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        edit(&t, ada, json!({"identifiers": {"external_id": "crm-17"}})).await;
        let rights = [P::RequestsPropose, P::RequestsRead, P::UsersImport];
        let (_, maker) = person(&t, "maker", &rights).await;
        let (checker_id, checker) = person(&t, "checker", P::ALL).await;
        policy(&t, json!({"second_person": ["import.start", "user.create", "user.edit"]})).await;
        let file = "external_id,last_name,middle_name\ncrm-17,Okafor-ada,Chi\ncrm-18,Reyes,\n";
        let id = waiting(&t, &maker, file).await.unwrap().id;
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Paused, "nobody begins it");
        assert_eq!(refusal(t.desk.perform(&checker, ResumeImport(id)).await), Refusal::ImportAwaits);
        assert_eq!(refusal(t.desk.perform(&checker, PauseImport(id)).await), Refusal::ImportAwaits);
        let start = || about(Proposable::StartImport, Subject::Import(id), Told::default());
        let request = request_of(&t, &maker, start()).await;
        later(&t);
        t.desk.perform(&checker, approve(request)).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
        let import = t.desk.ask(&checker, ShowImport(id)).await.unwrap();
        assert_eq!((import.rows_created, import.rows_edited, import.rows_rejected), (1, 1, 0), "rows pass the policy");
        assert_eq!(import.author, checker.author());
        assert_eq!(import.state, ImportState::Completed);
        assert!(audit(&t).await.iter().any(|it| it.action == "import.start" && it.staff == Some(checker_id)));
        assert_eq!(refusal(t.desk.perform(&maker, start()).await), Refusal::ImportOver);

        // One that was begun without an approval brings in nobody where the policy wants one.
        policy(&t, json!({"second_person": ["user.create"]})).await;
        let mut staging = t.desk.stage_import(&checker, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(b"external_id,last_name\ncrm-19,Reyes\n").await.unwrap();
        let alone = staging.finish().await.unwrap();
        let alone = t.desk.perform(&checker, alone).await.unwrap().id;
        // Nor because somebody has approved that it goes on.
        t.desk.perform(&checker, PauseImport(alone)).await.unwrap();
        let resume = about(Proposable::ResumeImport, Subject::Import(alone), Told::default());
        let request = request_of(&t, &maker, resume).await;
        t.desk.perform(&checker, approve(request)).await.unwrap();
        t.desk.run_import(t.tenant, alone, ToTheEnd).await.unwrap();
        let import = t.desk.ask(&checker, ShowImport(alone)).await.unwrap();
        assert_eq!((import.rows_created, import.rows_rejected), (0, 1));

        // A file that nobody approves is deleted after a month, and one may be called off before.
        let [forgotten, off] =
            [waiting(&t, &maker, "external_id\ncrm-20\n"), waiting(&t, &maker, "external_id\ncrm-21\n")];
        let (forgotten, off) = (forgotten.await.unwrap().id, off.await.unwrap().id);
        t.desk.perform(&maker, CancelImport(off)).await.unwrap();
        t.clock.advance(31 * DAY);
        t.desk.sweep_imports().await.unwrap();
        let import = t.desk.ask(&t.house(), ShowImport(forgotten)).await.unwrap();
        assert_eq!((import.state, import.failure.as_deref()), (ImportState::Failed, Some("not_approved")));
        for id in [forgotten, off] {
            t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        }
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_piece").await, 0);
        for number in 0..16 {
            waiting(&t, &maker, &format!("external_id\ncrm-{number}\n")).await.unwrap();
        }
        assert_eq!(refusal(waiting(&t, &maker, "external_id\ncrm-99\n").await), Refusal::TooManyImports);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_about_an_account_is_its_owners() {
    for t in TestDesk::all().await {
        let (ada, house) = (user(&t, "ada").await, t.house());
        let (_, maker) = maker(&t).await;
        let checker = person(&t, "checker", P::ALL).await.1;
        let details = Details { number: "0012345".to_owned(), name: "Ada Traders".to_owned(), short_code: None };
        let (kind, currency) = (AccountKind::Sme, "KES".to_owned());
        let open = OpenAccount { owner: ada, kind, currency, balance: 0, details, partner: None };
        let account = t.desk.perform(&house, open).await.unwrap().account.id;
        let person = Person {
            id_type: IdType::Passport,
            id_number: "P0000017".to_owned(),
            full_name: "Wanjiru Otieno".to_owned(),
            country_code: "254".to_owned(),
            mobile: "712000017".to_owned(),
            email: "w17@mail.example".to_owned(),
        };
        let told = Told { person: Some(person.clone()), ..Told::default() };
        let seen = t.desk.perform(&maker, about(Proposable::AddAdministrator, Subject::Account(account), told)).await;
        let seen = seen.unwrap();
        assert_eq!(seen.request.user, Some(ada));
        assert_eq!(seen.request.kept.unwrap().told.person.unwrap().mobile, "*****0017", "masked to who may not see it");
        assert!(!stored(&t, &["request", "audit", "event"]).await.contains("Otieno"));
        let request = seen.request.id;
        assert_eq!(t.desk.ask(&maker, PendingRequests(ada)).await.unwrap(), [Proposable::AddAdministrator]);
        let of_hers = RequestFilter { user: Some(ada), ..RequestFilter::default() };
        let list = ListRequests { filter: of_hers, limit: 10, ..ListRequests::default() };
        assert_eq!(t.desk.ask(&maker, list).await.unwrap().requests.len(), 1);

        // Who may not know of the owner knows of nothing about her account.
        let (patch, employee) = (serde_json::Map::new(), Some(true));
        let employ = EditUser { user: ada, if_version: None, patch, kind: None, employee, reason: None };
        t.desk.perform(&house, employ).await.unwrap();
        policy(&t, json!({"hide_employees": true})).await;
        let told = t.desk.perform(&maker, WithdrawRequest { request, reason: None }).await;
        assert!(matches!(told, Err(Error::NotFound("request"))), "{told:?}");
        let told = t.desk.ask(&maker, ShowRequest(RequestRef::Id(request))).await;
        assert!(matches!(told, Err(Error::NotFound("request"))));
        policy(&t, json!({"hide_employees": false})).await;

        // It goes with the owner.
        t.desk.perform(&house, EraseUser { user: ada, reason: None }).await.unwrap();
        let seen = show(&t, request).await;
        assert_eq!((seen.state, seen.end_cause, seen.request.kept), (RequestState::Expired, Some("erased"), None));
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::RequestExpired);
        let told = Told { person: Some(person), ..Told::default() };
        let told = t.desk.perform(&maker, about(Proposable::AddAdministrator, Subject::Account(account), told)).await;
        assert!(told.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_of_the_moment_bound_what_an_approval_does_within_itself() {
    for t in TestDesk::all().await {
        // The proposer may change no settings at all; the approver only the ordinary ones.
        let (_, maker) = maker(&t).await;
        let ordinary = person(&t, "ordinary", &[P::RequestsDecide, P::SettingsManage]).await.1;
        let told = Told { settings: Some(object(json!({"bulk_max": 50, "lock_after": 7}))), ..Told::default() };
        let request = request_of(&t, &maker, about(Proposable::ChangeSettings, Subject::Tenant, told)).await;
        let told = t.desk.perform(&ordinary, approve(request)).await;
        assert!(matches!(told, Err(Error::Forbidden("settings.security"))), "{told:?}");
        let all = person(&t, "all", P::ALL).await.1;
        t.desk.perform(&all, approve(request)).await.unwrap();
        // Nothing is proposed that the action's own rule refuses.
        let role = DefineRole { name: "Spare".to_owned(), permissions: Vec::new() };
        let role = t.desk.perform(&t.house(), role).await.unwrap().id;
        t.desk.perform(&t.house(), DeleteRole(role)).await.unwrap();
        let told = t.desk.perform(&maker, about(Proposable::DeleteRole, Subject::Role(role), Told::default())).await;
        assert!(matches!(told, Err(Error::NotFound("role"))));
    }
}
