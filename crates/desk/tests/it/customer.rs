//! What the customer has to confirm before it is done to her: by which code and where it goes, in whose name it is done, together
//! with the second person, and every way on which it comes to nothing.

use desk::bulk::*;
use desk::caller::Caller;
use desk::challenge::*;
use desk::device::UnlinkAllDevices;
use desk::import::*;
use desk::message::{Channel, Letter, Outbox};
use desk::permission::{Permission as P, Proposable};
use desk::request::*;
use desk::second_factor::RemoveSecondFactor;
use desk::session::{EndSession, EndSessions};
use desk::staff::DisableStaff;
use desk::tenant::ChangeSecuritySettings;
use desk::testing::TestDesk;
use desk::user::standing::*;
use desk::user::*;
use desk::value::clock::{DAY, MINUTE, SECOND};
use desk::value::id::{ChallengeId, RequestId, StaffId, UserId};
use desk::value::secret::Secret;
use desk::{Error, Refusal};
use serde_json::json;

use crate::requests::{approve, decline, maker, person, policy, propose, show};
use crate::support::*;

/// Somebody at the counter who may do what the tests do, and propose it.
async fn agent(t: &TestDesk) -> (StaffId, Caller) {
    let rights = [
        P::RequestsPropose,
        P::RequestsRead,
        P::RequestsDecide,
        P::UsersRead,
        P::UsersEdit,
        P::UsersDisable,
        P::UsersErase,
        P::UsersLock,
        P::SessionsEnd,
        P::ChallengesManage,
        P::AccountsRead,
    ];
    person(t, "agent", &rights).await
}

fn edited(user: UserId, patch: serde_json::Value) -> ProposeAction {
    let mut proposal = Proposal::plain(Proposable::Edit, user);
    proposal.told.profile = patch.as_object().cloned();
    ProposeAction { proposal, reason: "she wrote".to_owned() }
}

/// Proposes it; the request, and what waits for the customer.
async fn asked(t: &TestDesk, by: &Caller, propose: ProposeAction) -> (RequestId, ChallengeId) {
    let seen = t.desk.perform(by, propose).await.unwrap().request;
    let customer = seen.customer.expect("the customer has to confirm it");
    assert_eq!(customer.state, CustomerState::Waiting);
    (seen.id, customer.challenge)
}

async fn send(t: &TestDesk, by: &Caller, challenge: ChallengeId, channel: Option<Channel>) -> desk::Result<Challenge> {
    t.clock.advance(61 * SECOND);
    t.desk.perform(by, SendCode { challenge, channel, sending: Sending::Any, partner: None }).await
}

/// The newest letter with a code.
async fn newest_letter(t: &TestDesk) -> Letter {
    let newest = t.desk.ask(&t.house(), Outbox::Before(None)).await.unwrap();
    newest.into_iter().filter_map(|it| it.letter).find(|it| it.code.is_some()).unwrap()
}

/// Has a code sent, and reads it where it came.
async fn code_for(t: &TestDesk, by: &Caller, challenge: ChallengeId) -> String {
    send(t, by, challenge, None).await.unwrap();
    later(t);
    newest_letter(t).await.code.unwrap()
}

async fn confirm(t: &TestDesk, by: &Caller, challenge: ChallengeId, code: &str) -> desk::Result<()> {
    match t.desk.perform(by, ConfirmChallenge { challenge, code: Secret::new(code), partner: None }).await? {
        Answered::Confirmed(_) => Ok(()),
        Answered::Refused(refusal) => Err(refusal.into()),
    }
}

async fn email(t: &TestDesk, user: UserId) -> Option<String> {
    t.desk.ask(&t.house(), ShowUser(user)).await.unwrap().profile.email
}

async fn customer_state(t: &TestDesk, request: RequestId) -> (RequestState, CustomerState) {
    let seen = show(t, request).await;
    (seen.state, seen.request.customer.unwrap().state)
}

fn is_over<T: std::fmt::Debug>(told: desk::Result<T>) -> bool {
    matches!(told, Err(Error::Refused(Refusal::ChallengeOver)))
}

async fn edit(t: &TestDesk, user: UserId, patch: serde_json::Value) {
    let patch = patch.as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
    t.desk.perform(&t.house(), edit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_customer_confirms_is_done_at_once_in_the_name_of_who_proposed_it() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (agent_id, agent) = agent(&t).await;
        let all = person(&t, "all", P::ALL).await.1;
        policy(&t, json!({"customer_confirms": ["user.edit"]})).await;
        let direct = || EditUser {
            user: ada,
            if_version: None,
            patch: json!({"email": "new@mail.example"}).as_object().unwrap().clone(),
            kind: None,
            employee: None,
            reason: None,
        };
        later(&t);
        assert_eq!(refusal(t.desk.perform(&all, direct()).await), Refusal::NeedsCustomer);
        assert_eq!(last_audit(&t).await.code.as_deref(), Some("needs_customer"));
        assert!(t.desk.preview(&all, direct()).await.is_ok(), "a preview is not refused");

        let (request, challenge) = asked(&t, &agent, edited(ada, json!({"email": "new@mail.example"}))).await;
        assert!(!show(&t, request).await.request.needs_decider);
        // Nobody else's word stands for hers.
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::NeedsCustomer);
        let seen = t.desk.ask(&agent, ShowChallenge(challenge)).await.unwrap();
        assert_eq!((seen.waits, seen.purpose), (Waits::Request(request), Purpose::Request));

        // Her number was changed meanwhile: the code goes to the one that she had, the mail to the old address.
        edit_by_house(&t, ada).await;
        send(&t, &agent, challenge, Some(Channel::Email)).await.unwrap();
        assert_eq!(newest_letter(&t).await.to, "adaeze.ada@mail.example");
        send(&t, &agent, challenge, None).await.unwrap();
        let letter = newest_letter(&t).await;
        assert_eq!((letter.to.as_str(), letter.reference), ("+12025550143", Some(challenge.to_string())));
        let code = letter.code.unwrap();
        let before = audit(&t).await.len();
        later(&t);
        confirm(&t, &all, challenge, &code).await.unwrap();
        assert_eq!(email(&t, ada).await.as_deref(), Some("new@mail.example"));
        let seen = show(&t, request).await;
        assert_eq!((seen.state, seen.decider.is_none()), (RequestState::Approved, true));
        assert_eq!(customer_state(&t, request).await.1, CustomerState::Confirmed);

        // Two records: her word, which names both, and what was done, in the agent's name.
        let records = audit(&t).await;
        assert_eq!(records.len(), before + 2);
        let [word, done] = &records[before..] else { panic!("two records") };
        assert_eq!((word.action.as_str(), done.action.as_str()), ("challenge.confirm", "user.edit"));
        assert_eq!(facts_of(word), ["request.confirmed", "challenge.confirmed"]);
        assert_eq!((&word.facts[0]["proposer"], &word.facts[0]["done"]), (&json!(agent_id), &json!(true)));
        assert_eq!(word.facts[0]["about"], json!(ada));
        assert_eq!((done.staff, done.reason.as_deref()), (Some(agent_id), Some("she wrote")));
        let clear: Vec<String> = records.iter().map(|it| it.facts.to_string()).collect();
        assert!(!clear.iter().any(|it| it.contains(&code)), "no code is on record");

        // Once, and nothing is left to decide.
        assert!(is_over(confirm(&t, &all, challenge, &code).await));
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::RequestDecided);
    }
}

/// Her phone is changed by the operator at the machine, whom the policy does not hold.
async fn edit_by_house(t: &TestDesk, user: UserId) {
    edit(t, user, json!({"phone": "+12025550199"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_the_customer_and_the_second_person_where_both_are_wanted() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        let (checker_id, all) = person(&t, "all", P::ALL).await;
        policy(&t, json!({"customer_confirms": ["user.disable", "user.enable"], "second_person": ["user.disable"]}))
            .await;
        // The second person's is named first; the way is the same.
        let direct = DisableUser { user: ada, reason: None };
        assert_eq!(refusal(t.desk.perform(&all, direct).await), Refusal::NeedsSecondPerson);
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        assert!(show(&t, request).await.request.needs_decider);
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::NeedsCustomer);
        let code = code_for(&t, &agent, challenge).await;
        confirm(&t, &agent, challenge, &code).await.unwrap();
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Confirmed));
        assert_eq!(last_audit(&t).await.facts[0]["done"], json!(false));
        assert_eq!(refusal(t.desk.perform(&agent, approve(request)).await), Refusal::OwnRequest);
        t.desk.perform(&all, approve(request)).await.unwrap();
        let done = audit(&t).await.into_iter().rfind(|it| it.action == "user.disable").unwrap();
        assert_eq!(done.staff, Some(checker_id), "in the name of who approves");

        // The second person may say no after the customer has said yes.
        let (_, maker) = maker(&t).await;
        let (request, challenge) = asked(&t, &maker, propose(Proposable::Enable, ada)).await;
        // Whoever may not do it herself needs somebody who may, whatever the customer says.
        assert!(show(&t, request).await.request.needs_decider);
        let code = code_for(&t, &agent, challenge).await;
        confirm(&t, &agent, challenge, &code).await.unwrap();
        assert_eq!(customer_state(&t, request).await.0, RequestState::Pending);
        t.desk.perform(&all, decline(request)).await.unwrap();
        assert_eq!(customer_state(&t, request).await, (RequestState::Declined, CustomerState::Confirmed));

        // A policy that wants a second person only since counts, too.
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Enable, ada)).await;
        policy(&t, json!({"second_person": ["user.enable"]})).await;
        later(&t);
        let code = code_for(&t, &agent, challenge).await;
        confirm(&t, &agent, challenge, &code).await.unwrap();
        assert_eq!(customer_state(&t, request).await.0, RequestState::Pending);
        t.desk.perform(&all, approve(request)).await.unwrap();

        // One that was proposed before the customer was wanted has to be proposed anew.
        policy(&t, json!({"second_person": [], "customer_confirms": []})).await;
        let request = t.desk.perform(&agent, propose(Proposable::Disable, ada)).await.unwrap().request.id;
        policy(&t, json!({"customer_confirms": ["user.disable"]})).await;
        later(&t);
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::NeedsCustomer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_request_is_not_done_if_its_plan_or_its_proposer_has_changed() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (agent_id, agent) = agent(&t).await;
        let all = person(&t, "all", P::ALL).await.1;
        policy(&t, json!({"customer_confirms": ["user.edit"]})).await;
        let (request, challenge) = asked(&t, &agent, edited(ada, json!({"email": "new@mail.example"}))).await;
        edit(&t, ada, json!({"email": "other@mail.example"})).await;
        let code = code_for(&t, &agent, challenge).await;
        assert_eq!(refusal(confirm(&t, &agent, challenge, &code).await), Refusal::PlanChanged);
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Waiting));
        assert_eq!(email(&t, ada).await.as_deref(), Some("other@mail.example"));
        edit(&t, ada, json!({"email": "adaeze.ada@mail.example"})).await;
        t.desk.perform(&t.house(), DisableStaff(agent_id)).await.unwrap();
        assert_eq!(refusal(confirm(&t, &all, challenge, &code).await), Refusal::ProposerMayNot);
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Waiting));
        t.desk.perform(&t.house(), desk::staff::EnableStaff(agent_id)).await.unwrap();
        confirm(&t, &all, challenge, &code).await.unwrap();
        assert_eq!(email(&t, ada).await.as_deref(), Some("new@mail.example"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_to_its_end_takes_no_code_any_more() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        let all = person(&t, "all", P::ALL).await.1;
        policy(&t, json!({"customer_confirms": ["user.disable", "user.lock"]})).await;
        let withdraw = |request| WithdrawRequest { request, reason: None };
        for end in ["withdrawn", "declined", "expired"] {
            let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
            let code = code_for(&t, &agent, challenge).await;
            match end {
                "withdrawn" => {
                    let seen = t.desk.perform(&agent, withdraw(request)).await.unwrap();
                    assert_eq!(seen.request.customer.unwrap().state, CustomerState::Cancelled);
                }
                "declined" => drop(t.desk.perform(&all, decline(request)).await.unwrap()),
                _ => {
                    t.clock.advance(8 * DAY);
                    let expired = confirm(&t, &agent, challenge, &code).await;
                    assert_eq!(refusal(expired), Refusal::ChallengeExpired, "also before that is noted");
                    assert!(t.desk.perform(&t.house(), ExpireRequest(request)).await.unwrap());
                }
            }
            assert!(is_over(confirm(&t, &all, challenge, &code).await), "{end}");
            assert!(is_over(send(&t, &all, challenge, None).await), "{end}");
            let seen = t.desk.ask(&all, ShowChallenge(challenge)).await.unwrap();
            assert_eq!((seen.state, seen.end_cause.as_deref()), (ChallengeState::Cancelled, Some(end)));
            assert_eq!(customer_state(&t, request).await.1, CustomerState::Cancelled);
        }
        // Whatever ends her codes ends this one: it can only be proposed anew, once the request is taken back.
        let all = person(&t, "checker", P::ALL).await.1;
        let agent = person(&t, "agent.two", &[P::RequestsPropose, P::UsersDisable, P::ChallengesManage]).await.1;
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        t.desk.perform(&all, EndSessions { user: ada, reason: None }).await.unwrap();
        assert!(is_over(send(&t, &agent, challenge, None).await));
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Cancelled));
        assert_eq!(refusal(t.desk.perform(&all, approve(request)).await), Refusal::NeedsCustomer);
        t.desk.perform(&agent, withdraw(request)).await.unwrap();
        // She has not asked for it: her challenge is called off by hand.
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        t.desk.perform(&all, CancelChallenge { challenge, reason: Some("not by her".to_owned()) }).await.unwrap();
        assert_eq!(customer_state(&t, request).await.1, CustomerState::Cancelled);
        t.desk.perform(&all, decline(request)).await.unwrap();
        // She goes.
        let ben = user(&t, "ben").await;
        for (who, cause) in [(ben, "removed"), (ada, "erased")] {
            let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, who)).await;
            let code = code_for(&t, &agent, challenge).await;
            match cause {
                "removed" => drop(t.desk.perform(&t.house(), RemoveUser { user: who, reason: None }).await.unwrap()),
                _ => drop(t.desk.perform(&t.house(), EraseUser { user: who, reason: None }).await.unwrap()),
            }
            assert!(is_over(confirm(&t, &all, challenge, &code).await), "{cause}");
            assert_eq!(customer_state(&t, request).await, (RequestState::Expired, CustomerState::Cancelled));
        }
        let told = t.desk.perform(&agent, propose(Proposable::Disable, ada)).await;
        assert_eq!(refusal(told), Refusal::UserErased);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_all_codes_of_hers_does_not_end_the_one_that_confirms_it() {
    for t in TestDesk::all().await {
        let (_, agent) = agent(&t).await;
        policy(&t, json!({"customer_confirms": ["session.end_all", "user.erase", "user.lock"]})).await;
        for (word, action) in [("ada", Proposable::EndSessions), ("ben", Proposable::Erase), ("eve", Proposable::Lock)]
        {
            let user = user(&t, word).await;
            token(&t, word).await;
            let (request, challenge) = asked(&t, &agent, propose(action, user)).await;
            let code = code_for(&t, &agent, challenge).await;
            confirm(&t, &agent, challenge, &code).await.unwrap();
            let seen = show(&t, request).await;
            assert_eq!(seen.state, RequestState::Approved, "{action}");
            let seen = t.desk.ask(&t.admin(), ShowChallenge(challenge)).await.unwrap();
            assert_eq!(seen.state, ChallengeState::Confirmed, "{action}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_for_a_customer_have_the_limits_of_all_codes() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        policy(&t, json!({"customer_confirms": ["user.disable"], "challenge_codes_a_day": 3})).await;
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        assert_eq!(refusal(confirm(&t, &agent, challenge, "000000").await), Refusal::CodeWrong, "none was sent yet");
        send(&t, &agent, challenge, None).await.unwrap();
        let code = newest_letter(&t).await.code.unwrap();
        let again = SendCode { challenge, channel: None, sending: Sending::Again, partner: None };
        assert_eq!(refusal(t.desk.perform(&agent, again).await), Refusal::CodeTooSoon);
        t.clock.advance(6 * MINUTE);
        assert_eq!(refusal(confirm(&t, &agent, challenge, &code).await), Refusal::CodeExpired);
        let second = code_for(&t, &agent, challenge).await;
        if second != code {
            assert_eq!(refusal(confirm(&t, &agent, challenge, &code).await), Refusal::CodeWrong, "voided by the next");
        }
        let wrong = if second == "123456" { "654321" } else { "123456" };
        for _ in 0..4 {
            assert_eq!(refusal(confirm(&t, &agent, challenge, wrong).await), Refusal::CodeWrong);
        }
        if second == code {
            assert_eq!(refusal(confirm(&t, &agent, challenge, wrong).await), Refusal::CodeWrong);
        }
        // The right one comes too late; the request says so, and is proposed anew.
        assert!(is_over(confirm(&t, &agent, challenge, &second).await));
        assert!(is_over(send(&t, &agent, challenge, None).await));
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Cancelled));
        let seen = t.desk.ask(&agent, ShowChallenge(challenge)).await.unwrap();
        assert_eq!((seen.tries, seen.end_cause.as_deref()), (5, Some("too_many_tries")));
        t.desk.perform(&agent, WithdrawRequest { request, reason: None }).await.unwrap();
        asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        // And so many a day, whatever they are for.
        let (_, other) = asked(&t, &agent, propose(Proposable::Disable, user(&t, "ben").await)).await;
        for _ in 0..3 {
            send(&t, &agent, other, None).await.unwrap();
        }
        assert_eq!(refusal(send(&t, &agent, other, None).await), Refusal::TooManyCodes);
        // A partner knows of no request.
        let theirs = SendCode { challenge: other, channel: None, sending: Sending::Any, partner: Some("P".to_owned()) };
        assert!(matches!(t.desk.perform(&agent, theirs).await, Err(Error::NotFound("challenge"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_not_guessed_by_previews() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        policy(&t, json!({"customer_confirms": ["user.disable"]})).await;
        let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        let code = code_for(&t, &agent, challenge).await;
        let wrong = if code == "123456" { "654321" } else { "123456" };
        for guess in [wrong, &code] {
            let guess = ConfirmChallenge { challenge, code: Secret::new(guess), partner: None };
            let told = t.desk.preview(&agent, guess).await;
            assert_eq!(faults(told), [("preview".to_owned(), "not_previewable")], "right and wrong are told alike");
        }
        assert_eq!(customer_state(&t, request).await, (RequestState::Pending, CustomerState::Waiting));
        // What counts is what is tried in earnest.
        assert_eq!(refusal(confirm(&t, &agent, challenge, wrong).await), Refusal::CodeWrong);
        assert_eq!(t.desk.ask(&agent, ShowChallenge(challenge)).await.unwrap().tries, 1);
        confirm(&t, &agent, challenge, &code).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_come_at_once_one_wins() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        let all = person(&t, "all", P::ALL).await.1;
        policy(&t, json!({"customer_confirms": ["user.disable", "user.enable"], "challenge_codes_a_day": 100})).await;
        for round in 0..4 {
            let action = if round % 2 == 0 { Proposable::Disable } else { Proposable::Enable };
            let (_, challenge) = asked(&t, &agent, propose(action, ada)).await;
            let code = code_for(&t, &agent, challenge).await;
            let (one, two) = tokio::join!(confirm(&t, &agent, challenge, &code), confirm(&t, &all, challenge, &code));
            let mut codes = [code_of(one), code_of(two)];
            codes.sort_unstable();
            assert_eq!(codes, ["challenge_over", "ok"]);
        }
        for _ in 0..4 {
            let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
            let code = code_for(&t, &agent, challenge).await;
            let withdraw = WithdrawRequest { request, reason: None };
            let (word, back) = tokio::join!(confirm(&t, &all, challenge, &code), t.desk.perform(&agent, withdraw));
            let state = show(&t, request).await.state;
            match (code_of(word), code_of(back.map(drop))) {
                ("ok", "request_decided") => {
                    assert_eq!(state, RequestState::Approved);
                    t.desk.perform(&t.house(), EnableUser { user: ada, reason: None }).await.unwrap();
                }
                ("challenge_over", "ok") => assert_eq!(state, RequestState::Withdrawn),
                other => panic!("{other:?}"),
            }
        }
        policy(&t, json!({"second_person": ["user.disable"]})).await;
        later(&t);
        for _ in 0..4 {
            let (request, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
            let code = code_for(&t, &agent, challenge).await;
            let (word, yes) =
                tokio::join!(confirm(&t, &agent, challenge, &code), t.desk.perform(&all, approve(request)));
            assert_eq!(code_of(word), "ok");
            match code_of(yes.map(drop)) {
                "ok" => {}
                // She came before the customer had spoken.
                "needs_customer" => drop(t.desk.perform(&all, approve(request)).await.unwrap()),
                other => panic!("{other}"),
            }
            t.desk.perform(&t.house(), EnableUser { user: ada, reason: None }).await.unwrap();
        }
    }
}

fn code_of(result: desk::Result<()>) -> &'static str {
    code(result)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_cannot_be_asked_is_not_asked_for() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        let all = person(&t, "all", P::ALL).await.1;
        let confirmed = ["user.disable", "user.edit", "device.unlink_all", "session.end_all"];
        policy(&t, json!({"customer_confirms": confirmed, "contact_cooling_seconds": 0})).await;
        edit(&t, ada, json!({"email": null, "phone": null})).await;
        let told = t.desk.perform(&agent, propose(Proposable::Disable, ada)).await;
        assert_eq!(refusal(told), Refusal::NoDeliveryAddress);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM challenge").await, 0);
        edit(&t, ada, json!({"email": "ada@mail.example"})).await;
        let (_, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        let told = send(&t, &agent, challenge, Some(Channel::Sms)).await;
        assert_eq!(refusal(told), Refusal::NoDeliveryAddress);
        assert_eq!(send(&t, &agent, challenge, None).await.unwrap().channel, Some(Channel::Email));

        // Many at once are asked by nobody.
        let ids = Selection::Ids(vec![ada]);
        let deed = BulkDeed::plain(BulkVerb::Disable);
        let order = BulkOrder { deed: deed.clone(), selection: ids, reason: None, expected: None };
        let start = t.desk.plan_bulk(&all, order).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&all, start).await), Refusal::NeedsCustomer);
        let mut proposal = Proposal::plain(Proposable::StartBulk, ada);
        proposal.about = desk::Subject::Tenant;
        proposal.told.bulk = Some(ProposedBulk { deed, filter: None, ids: Some(vec![ada]) });
        let told = t.desk.perform(&agent, ProposeAction { proposal, reason: "case 17".to_owned() }).await;
        assert_eq!(refusal(told), Refusal::NeedsCustomer);
        // What is held for all of her sessions is held for each.
        token(&t, "ada").await;
        let session = session_of(&herself(&t, "ada").await);
        let end = EndSession { user: ada, session, reason: None };
        assert_eq!(refusal(t.desk.perform(&all, end).await), Refusal::NeedsCustomer);
        // A file changes nobody who is here.
        edit(&t, ada, json!({"identifiers": {"external_id": "crm-17"}})).await;
        let mut staging = t.desk.stage_import(&all, Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(b"external_id,middle_name\ncrm-17,Chi\n").await.unwrap();
        let import = staging.finish().await.unwrap();
        let import = t.desk.perform(&all, import).await.unwrap().id;
        t.desk.run_import(t.tenant, import, ToTheEnd).await.unwrap();
        let rejected = t.desk.ask(&all, RejectedRows { import, after: 0, limit: 10 }).await.unwrap();
        assert_eq!(rejected.rows[0].rejected.code, "needs_customer");

        // She herself is not held, nor the operator at the machine.
        let herself = herself(&t, "ada").await;
        t.desk.perform(&herself, UnlinkAllDevices { user: ada, reason: None }).await.unwrap();
        t.desk.perform(&t.house(), DisableUser { user: ada, reason: None }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_about_a_user_can_be_hers_to_confirm_and_what_is_within_counts() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (_, agent) = agent(&t).await;
        let patch = |names| json!({ "customer_confirms": names }).as_object().unwrap().clone();
        let told = t.desk.perform(&t.house(), ChangeSecuritySettings { patch: patch(["team.create"]) }).await;
        assert_eq!(faults(told), [("customer_confirms".to_owned(), "invalid")]);
        let told = t.desk.perform(&t.house(), ChangeSecuritySettings { patch: patch(["user.juggle"]) }).await;
        assert_eq!(faults(told)[0].0, "customer_confirms");
        // Taking a password away sends a reset link: whoever has to confirm the one has to confirm the other.
        policy(&t, json!({"customer_confirms": ["password.start_reset", "second_factor.remove"]})).await;
        later(&t);
        let all = person(&t, "all", P::ALL).await.1;
        let revoke = desk::password::RevokePassword { user: ada, reason: None };
        assert_eq!(refusal(t.desk.perform(&all, revoke).await), Refusal::NeedsCustomer);
        let (request, challenge) = asked(&t, &all, propose(Proposable::RevokePassword, ada)).await;
        let code = code_for(&t, &all, challenge).await;
        confirm(&t, &all, challenge, &code).await.unwrap();
        assert_eq!(show(&t, request).await.state, RequestState::Approved);
        assert!(letter(&t, ada, "password_reset").await.is_some());
        let remove = RemoveSecondFactor { user: ada, reason: None };
        assert_eq!(refusal(t.desk.perform(&all, remove).await), Refusal::NeedsCustomer);
        // An employee whom she may not see does not exist, nor what waits for her.
        policy(&t, json!({"customer_confirms": ["user.disable"], "hide_employees": true})).await;
        later(&t);
        let (_, challenge) = asked(&t, &agent, propose(Proposable::Disable, ada)).await;
        let employ = EditUser {
            user: ada,
            if_version: None,
            patch: Default::default(),
            kind: None,
            employee: Some(true),
            reason: None,
        };
        t.desk.perform(&t.house(), employ).await.unwrap();
        assert!(matches!(send(&t, &agent, challenge, None).await, Err(Error::NotFound("challenge"))));
        assert!(matches!(t.desk.ask(&agent, ShowChallenge(challenge)).await, Err(Error::NotFound("challenge"))));
        assert!(matches!(confirm(&t, &agent, challenge, "123456").await, Err(Error::NotFound("challenge"))));
        assert_eq!(t.desk.ask(&t.house(), ShowUser(ada)).await.unwrap().standing.admission, Admission::Enabled);
    }
}
