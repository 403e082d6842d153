//! Nothing tells what is masked: not a search, a filter, a preview, a proposal or a change that comes to nothing.

use desk::permission::{Permission as P, Proposable};
use desk::request::{Proposal, ProposeAction, Told};
use desk::testing::TestDesk;
use desk::user::{CreateUser, EditUser, FindUsers, Found, Identifiers, PhotoId, Profile, Term, UsersNewestFirst};
use desk::value::clock::HOUR;
use desk::value::id::UserId;
use desk::{Busy, Caller, Error, Result};
use serde_json::{Value, json};

use crate::requests::person;
use crate::support::*;

/// Somebody who has every number there is; all of them invented.
fn numbered() -> Profile {
    let text = |text: &str| Some(text.to_owned());
    let identifiers = Identifiers {
        ssn: text("900-12-3456"),
        bvn: text("22123456144"),
        nin: text("12345678901"),
        net_teller_id: text("900100200"),
        customer_id: text("C0001234"),
        member_number: text("0000070017"),
        external_id: text("crm-1717"),
    };
    let photo_id = PhotoId { number: text("A01234567"), ..PhotoId::default() };
    let phone = text("+2348031234567");
    let (username, email) = (text("kettle.lamp"), text("violet.lamp@mail.example"));
    let date_of_birth = text("1990-04-17");
    Profile { identifiers, photo_id, phone, username, email, date_of_birth, ..profile("numbered") }
}

async fn made(t: &TestDesk) -> UserId {
    t.desk.perform(&t.house(), CreateUser::of(numbered())).await.unwrap().id
}

/// How many are found without a question that is on record.
async fn free(t: &TestDesk, caller: &Caller, query: &str) -> usize {
    let found = t.desk.ask(caller, FindUsers::of(query)).await.unwrap();
    assert!(found.total.is_none_or(|total| total == found.users.len() as i64), "{query}: the total tells");
    found.users.len()
}

/// How many are found as the doors look for them.
async fn asked(t: &TestDesk, caller: &Caller, query: &str) -> Result<usize> {
    t.desk.find_users(caller, FindUsers::of(query)).await.map(|found: Found| found.users.len())
}

const NATIONAL: &[&str] = &["900-12-3456", "900123456", "22123456144", "12345678901", "A01234567", "a01234567"];
const OURS: &[&str] = &["900100200", "C0001234", "0000070017", "crm-1717"];
const CONTACTS: &[&str] = &["violet.lamp@mail.example", "+2348031234567", "0803 123 4567"];
/// Parts and beginnings.
const PARTS: &[&str] = &["violet", "kettle", "4567", "1234567", "violet.lamp@", "violet.lamp@mail"];

#[tokio::test(flavor = "multi_thread")]
async fn a_search_looks_at_what_the_caller_sees_and_at_whole_values_only_on_record() {
    for t in TestDesk::all().await {
        made(&t).await;
        let reader = person(&t, "reader", &[P::UsersRead]).await.1;
        let contacts = person(&t, "contacts", &[P::UsersRead, P::UsersContacts]).await.1;
        let revealer = t.holder(&[P::UsersRead, P::UsersContacts, P::UsersReveal]);
        for query in NATIONAL {
            assert_eq!(free(&t, &reader, query).await, 0, "{query}");
            assert_eq!(free(&t, &contacts, query).await, 0, "{query}");
            assert_eq!(free(&t, &revealer, query).await, 1, "{query}");
        }
        for query in OURS.iter().chain(CONTACTS) {
            assert_eq!(free(&t, &reader, query).await, 0, "{query}");
            assert_eq!(free(&t, &contacts, query).await, 1, "{query}");
        }
        for query in PARTS {
            assert_eq!(free(&t, &reader, query).await, 0, "{query}");
            assert_eq!(asked(&t, &reader, query).await.unwrap(), 0, "{query}: a part is no whole value");
        }
        assert_eq!(free(&t, &reader, "Okafor").await, 1, "names are seen by whoever may read");
        // Whole values are found on record: each costs one of so many an hour.
        for query in NATIONAL.iter().chain(OURS).chain(CONTACTS) {
            later(&t);
            assert_eq!(asked(&t, &reader, query).await.unwrap(), 1, "{query}");
            assert_eq!(last_audit(&t).await.action, "user.find_by_hidden_value", "{query}");
        }
        for part in ["2212345614", "A0123456", "900-12-345", "234803123"] {
            assert_eq!(asked(&t, &contacts, part).await.unwrap(), 0, "{part}");
        }
        // The Banno and the Switch search as well.
        let find = |term, query: &str| FindUsers { term, ..FindUsers::of(query) };
        let names = t.desk.ask(&reader, find(Term::NamesAndLogins, "violet.lamp@mail.example")).await.unwrap();
        assert!(names.users.is_empty());
        let names = t.desk.ask(&reader, find(Term::NamesAndEmail, "violet.l")).await.unwrap();
        assert!(names.users.is_empty());
        for (caller, count) in [(&reader, 0), (&contacts, 1)] {
            let containing = Some("lamp@mail".to_owned());
            let page = UsersNewestFirst { filter: Default::default(), containing, brought_by: None, row: 0, limit: 10 };
            assert_eq!(t.desk.ask(caller, page).await.unwrap().total, Some(count));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_for_hidden_values_are_so_many_an_hour_for_each_member_of_the_staff() {
    for t in TestDesk::all().await {
        made(&t).await;
        let support = person(&t, "support", &[P::UsersRead, P::UsersContacts]).await.1;
        let other = person(&t, "other", &[P::UsersRead, P::UsersContacts]).await.1;
        for at in 0..30 {
            assert_eq!(asked(&t, &support, &format!("221234560{at:02}")).await.unwrap(), 0);
        }
        let over = asked(&t, &support, "22123456144").await;
        assert!(matches!(over, Err(Error::Busy(Busy::RateLimited))), "{over:?}");
        assert_eq!(asked(&t, &support, "Okafor").await.unwrap(), 1, "names go on");
        assert_eq!(asked(&t, &support, "+2348031234567").await.unwrap(), 1, "and what is seen");
        assert_eq!(asked(&t, &other, "22123456144").await.unwrap(), 1);
        t.clock.advance(HOUR);
        assert_eq!(asked(&t, &support, "22123456144").await.unwrap(), 1);
        crate::requests::policy(&t, json!({"hidden_searches_an_hour": 0})).await;
        assert!(asked(&t, &other, "22123456144").await.is_err());
        assert_eq!(
            asked(&t, &t.holder(&[P::UsersRead, P::UsersContacts, P::UsersReveal]), "22123456144").await.unwrap(),
            1
        );
    }
}

fn edit(user: UserId, patch: Value) -> EditUser {
    let patch = patch.as_object().unwrap().clone();
    EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_what_is_hidden_says_what_was_asked_and_not_whether_it_differs() {
    for t in TestDesk::all().await {
        let user = made(&t).await;
        let editor = t.holder(&[P::UsersRead, P::UsersEdit]);
        let support =
            person(&t, "support", &[P::UsersRead, P::UsersContacts, P::UsersEdit, P::RequestsPropose]).await.1;
        // A right and a wrong guess at each hidden value, by who may see no contact and by who may.
        for (right, wrong, is_contact) in [
            (json!({"identifiers": {"ssn": "900-12-3456"}}), json!({"identifiers": {"ssn": "900-12-3457"}}), false),
            (json!({"identifiers": {"bvn": "22123456144"}}), json!({"identifiers": {"bvn": "22123456145"}}), false),
            (json!({"photo_id": {"number": "A01234567"}}), json!({"photo_id": {"number": "A01234568"}}), false),
            (json!({"date_of_birth": "1990-04-17"}), json!({"date_of_birth": "1990-04-18"}), true),
            (json!({"phone": "+2348031234567"}), json!({"phone": "+2348031234568"}), true),
        ] {
            let mut callers = vec![&editor];
            callers.extend((!is_contact).then_some(&support));
            for caller in callers {
                let same = t.desk.preview(caller, edit(user, right.clone())).await.unwrap();
                let other = t.desk.preview(caller, edit(user, wrong.clone())).await.unwrap();
                assert_eq!(same.facts, other.facts, "{right}");
                assert_ne!(same.hash, other.hash);
                let nothing = t.desk.preview(caller, edit(user, json!({"identifiers": {}}))).await.unwrap();
                assert_ne!(same.hash, nothing.hash, "{right}: the hash tells");
                later(&t);
                assert!(t.desk.perform(caller, edit(user, right.clone())).await.unwrap().changed, "{right}");
            }
        }
        // Nor is a proposal refused because there is nothing to do.
        let told =
            Told { profile: json!({"identifiers": {"bvn": "22123456144"}}).as_object().cloned(), ..Told::default() };
        let proposal = Proposal { action: Proposable::Edit, about: desk::Subject::User(user), told };
        t.desk.perform(&support, ProposeAction { proposal, reason: "a typing error".to_owned() }).await.unwrap();
        // What is seen is compared as ever.
        assert!(!t.desk.perform(&editor, edit(user, json!({"first_name": "Adaeze"}))).await.unwrap().changed);
        let full = t.holder(&[P::UsersRead, P::UsersEdit, P::UsersContacts, P::UsersReveal]);
        assert!(
            !t.desk.perform(&full, edit(user, json!({"identifiers": {"bvn": "22123456144"}}))).await.unwrap().changed
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_does_not_tell_whether_a_hidden_contact_is_taken() {
    for t in TestDesk::all().await {
        made(&t).await;
        let other = user(&t, "other").await;
        let blind = t.holder(&[P::UsersRead, P::UsersCreate, P::UsersEdit]);
        let sees = t.holder(&[P::UsersRead, P::UsersCreate, P::UsersEdit, P::UsersContacts]);
        let email = || Some("violet.lamp@mail.example".to_owned());
        let taken = || Profile { username: None, phone: None, email: email(), ..profile("another") };
        t.desk.preview(&blind, CreateUser::of(taken())).await.unwrap();
        let mail = || edit(other, json!({"email": "violet.lamp@mail.example"}));
        t.desk.preview(&blind, mail()).await.unwrap();
        assert_eq!(faults(t.desk.preview(&sees, CreateUser::of(taken())).await), [("email".to_owned(), "taken")]);
        assert_eq!(faults(t.desk.preview(&sees, mail()).await), [("email".to_owned(), "taken")]);
        // Whoever does it is told, and it is on record.
        later(&t);
        assert_eq!(faults(t.desk.perform(&blind, mail()).await), [("email".to_owned(), "taken")]);
        assert_eq!(last_audit(&t).await.outcome, "refused");
    }
}
