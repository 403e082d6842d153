//! Support alone cannot take an account over: after a change of a contact nothing that opens the account goes there for a while,
//! unless a second person or the customer, by a contact that did not change, has said yes.

use desk::Subject;
use desk::challenge::{SendCode, Sending};
use desk::message::Channel;
use desk::password::{RevokePassword, StartPasswordReset};
use desk::permission::{Permission as P, Proposable};
use desk::request::{Proposal, ProposeAction, Told};
use desk::second_factor::RemoveSecondFactor;
use desk::testing::TestDesk;
use desk::user::EditUser;
use desk::value::clock::{DAY, HOUR};
use desk::value::id::UserId;
use desk::{Caller, Door, Refusal};
use serde_json::{Value, json};

use crate::requests::{approve, person, policy};
use crate::support::*;

const CHANGED: Refusal = Refusal::ContactChanged;

async fn edit(t: &TestDesk, caller: &Caller, user: UserId, patch: Value) {
    let patch = patch.as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
    t.desk.perform(caller, edit).await.unwrap();
}

fn reset(user: UserId, method: Channel) -> StartPasswordReset {
    StartPasswordReset { user, method, reason: None }
}

fn revoke(user: UserId) -> RevokePassword {
    RevokePassword { user, reason: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_alone_sends_no_link_to_a_contact_that_was_changed_lately() {
    for t in TestDesk::all().await {
        let (user, d) = (user(&t, "ada").await, &t.desk);
        let support =
            person(&t, "support", &[P::UsersRead, P::UsersContacts, P::UsersEdit, P::UsersResetPassword]).await.1;
        d.perform(&support, reset(user, Channel::Email)).await.unwrap();
        later(&t);
        edit(&t, &support, user, json!({"email": "thief@mail.example"})).await;
        assert_eq!(refusal(d.perform(&support, reset(user, Channel::Email)).await), CHANGED);
        assert!(d.preview(&support, reset(user, Channel::Email)).await.is_err());
        assert_eq!(refusal(d.perform(&support, revoke(user)).await.map(drop)), CHANGED);
        assert_eq!(refusal(d.perform(&support, revoke(user)).await.map(drop)), CHANGED, "nor was anything done");
        // Nor by asking at the door for strangers.
        d.ask_reset(&t.nobody(), "thief@mail.example", Channel::Email).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let sent = letter(&t, user, "password_reset").await;
        assert!(sent.is_none_or(|letter| letter.to != "thief@mail.example"));
        // The contact that did not change is the customer's own word.
        d.perform(&support, reset(user, Channel::Sms)).await.unwrap();
        edit(&t, &support, user, json!({"phone": "+12025550199"})).await;
        assert_eq!(refusal(d.perform(&support, reset(user, Channel::Sms)).await), CHANGED);
        // The operator at the machine is the way out; and time.
        d.perform(&Caller::house(t.tenant, Door::Cli), reset(user, Channel::Email)).await.unwrap();
        t.clock.advance(DAY - HOUR);
        assert_eq!(refusal(d.perform(&support, reset(user, Channel::Email)).await), CHANGED);
        t.clock.advance(HOUR);
        d.perform(&support, reset(user, Channel::Email)).await.unwrap();
        d.perform(&support, revoke(user)).await.unwrap();
        // What the institution chooses.
        edit(&t, &support, user, json!({"email": "another@mail.example"})).await;
        policy(&t, json!({"contact_cooling_seconds": 0})).await;
        d.perform(&support, reset(user, Channel::Email)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_may_approve_it_and_so_may_the_customer_by_an_old_contact() {
    for t in TestDesk::all().await {
        let (user, d) = (user(&t, "ada").await, &t.desk);
        let rights = &[
            P::UsersRead,
            P::UsersContacts,
            P::UsersEdit,
            P::UsersResetPassword,
            P::RequestsPropose,
            P::RequestsDecide,
        ];
        let (one, two) = (person(&t, "one", rights).await.1, person(&t, "two", rights).await.1);
        edit(&t, &one, user, json!({"email": "new@mail.example"})).await;
        let told = || Told { method: Some(Channel::Email), ..Told::default() };
        let propose = |told| {
            let proposal = Proposal { action: Proposable::StartReset, about: Subject::User(user), told };
            ProposeAction { proposal, reason: "lost the old one".to_owned() }
        };
        let request = d.perform(&one, propose(told())).await.unwrap().request.id;
        later(&t);
        d.perform(&two, approve(request)).await.unwrap();
        assert_eq!(letter(&t, user, "password_reset").await.unwrap().to, "new@mail.example");
        // The customer's code goes to a contact that did not change: to the phone, and once that is changed as well, nowhere.
        policy(&t, json!({"customer_confirms": ["password.start_reset"]})).await;
        later(&t);
        let request = d.perform(&one, propose(told())).await.unwrap();
        let challenge = request.request.customer.unwrap().challenge;
        let send = |channel| SendCode { challenge, channel, sending: Sending::Any, partner: None };
        let mail = d.perform(&t.admin(), send(Some(Channel::Email))).await;
        assert_eq!(refusal(mail.map(drop)), Refusal::NoDeliveryAddress);
        assert_eq!(d.perform(&t.admin(), send(None)).await.unwrap().channel, Some(Channel::Sms));
        let withdraw = desk::request::WithdrawRequest { request: request.request.id, reason: None };
        d.perform(&one, withdraw).await.unwrap();
        edit(&t, &one, user, json!({"phone": "+12025550199"})).await;
        later(&t);
        assert_eq!(refusal(d.perform(&one, propose(told())).await), Refusal::NoDeliveryAddress);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn staff_do_not_remove_a_second_factor_after_a_change_of_a_contact() {
    for t in TestDesk::all().await {
        let (user, d) = (user(&t, "ada").await, &t.desk);
        let her = herself(&t, "ada").await;
        let prepared = d.perform(&her, desk::second_factor::PrepareSecondFactor { user }).await.unwrap();
        let code = totp(prepared.secret.expose(), t.desk.now().unix_seconds());
        let confirm = desk::second_factor::ConfirmSecondFactor { user, secret: prepared.secret, code: secret(&code) };
        d.perform(&her, confirm).await.unwrap();
        let support =
            person(&t, "support", &[P::UsersRead, P::UsersContacts, P::UsersEdit, P::UsersResetPassword]).await.1;
        let remove = || RemoveSecondFactor { user, reason: None };
        edit(&t, &support, user, json!({"phone": "+12025550199"})).await;
        assert_eq!(refusal(d.perform(&support, remove()).await), CHANGED);
        t.clock.advance(DAY);
        d.perform(&support, remove()).await.unwrap();
    }
}
