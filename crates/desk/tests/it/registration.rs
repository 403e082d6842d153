//! Making an account for oneself: what strangers may say, what they are answered, and who gets in.

use std::net::IpAddr;

use desk::Caller;
use desk::Error;
use desk::message::{Letter, Outbox};
use desk::password::{Registration, RegistrationAnswer};
use desk::session::{SignInAnswer, SignInRequest};
use desk::tenant::ChangeSettings;
use desk::testing::{TestDesk, origin};
use desk::user::*;
use desk::value::id::UserId;
use serde_json::json;

use crate::imports::csv;
use crate::support::*;

const EMAIL: &str = "kemi@mail.example";

pub fn registration(email: &str) -> Registration {
    Registration {
        first_name: "Kemi".to_owned(),
        last_name: "Alabi".to_owned(),
        email: email.to_owned(),
        ..Registration::default()
    }
}

async fn open(t: &TestDesk, more: serde_json::Value) {
    let mut patch = more.as_object().unwrap().clone();
    patch.insert("self_registration".to_owned(), json!(true));
    t.desk.perform(&t.house(), ChangeSettings { patch }).await.unwrap();
}

/// The letters of a template, newest first.
async fn letters(t: &TestDesk, template: &str) -> Vec<Letter> {
    let all = t.desk.ask(&t.house(), Outbox::Before(None)).await.unwrap();
    all.into_iter().filter(|it| it.template == template).filter_map(|it| it.letter).collect()
}

async fn confirm(t: &TestDesk, letter: &Letter, password: &str) -> RegistrationAnswer {
    let token = secret(letter.token.as_deref().unwrap());
    t.desk.confirm_registration(&t.nobody(), &token, secret(password)).await.unwrap()
}

async fn signs_in(t: &TestDesk, identifier: &str) -> String {
    let identifier = identifier.to_owned();
    let request = SignInRequest { identifier, password: secret(PASSWORD), device: None, lives_seconds: None };
    told(&t.desk.sign_in(&t.nobody(), request).await.unwrap())
}

async fn registered(t: &TestDesk, email: &str) -> UserId {
    t.desk.register(&t.nobody(), registration(email), secret(PASSWORD)).await.unwrap();
    match confirm(t, &letters(t, "registration_link").await[0], PASSWORD).await {
        RegistrationAnswer::Registered(user) => user,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_a_user_before_the_link_came_back_with_the_password() {
    for t in TestDesk::all().await {
        let closed = t.desk.register(&t.nobody(), registration(EMAIL), secret(PASSWORD)).await;
        assert_eq!(code(closed), "registration_closed");
        open(&t, json!({})).await;
        t.desk.register(&t.nobody(), registration(EMAIL), secret(PASSWORD)).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM users").await, 0);
        assert_eq!(signs_in(&t, EMAIL).await, "wrong");
        let letter = letters(&t, "registration_link").await.remove(0);
        assert_eq!((letter.to.as_str(), letter.name.as_str()), (EMAIL, "Kemi Alabi"));
        // Somebody else's address: its owner opens the link, and does not know the password.
        for _ in 0..2 {
            assert_eq!(confirm(&t, &letter, WRONG).await, RegistrationAnswer::WrongPassword);
        }
        let RegistrationAnswer::Registered(user) = confirm(&t, &letter, PASSWORD).await else {
            panic!("not registered")
        };
        assert_eq!(signs_in(&t, EMAIL).await, "signed in");
        let seen = t.desk.ask(&t.house(), ShowUser(user)).await.unwrap();
        assert_eq!(seen.profile.email_confirmed, Some(true));
        // The link works once, and what was kept of the registration is gone.
        let again = t.desk.confirm_registration(&t.nobody(), &secret(&letter.token.unwrap()), secret(PASSWORD)).await;
        assert_eq!(code(again), "link_invalid");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM registration").await, 0);
        assert!(letters(&t, "registration_link").await.is_empty(), "its letter cannot be read any more");
        assert!(audit(&t).await.iter().any(|it| it.action == "user.confirm_registration"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_and_time_end_a_link() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        t.desk.register(&t.nobody(), registration(EMAIL), secret(PASSWORD)).await.unwrap();
        let letter = letters(&t, "registration_link").await.remove(0);
        for _ in 0..5 {
            assert_eq!(confirm(&t, &letter, WRONG).await, RegistrationAnswer::WrongPassword);
        }
        let over = RegistrationAnswer::Refused(desk::Refusal::TooManyTries);
        assert_eq!(confirm(&t, &letter, PASSWORD).await, over);
        t.clock.advance(25 * desk::value::clock::HOUR);
        let expired = RegistrationAnswer::Refused(desk::Refusal::LinkExpired);
        assert_eq!(confirm(&t, &letter, PASSWORD).await, expired);
        t.desk.sweep().await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM registration").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_is_the_same_for_an_address_that_is_taken_and_only_its_owner_is_told() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        let owner = user(&t, "ada").await;
        let email = profile("ada").email.unwrap();
        for _ in 0..3 {
            t.desk.register(&t.nobody(), registration(&email), secret(NEW_PASSWORD)).await.unwrap();
        }
        let told = letters(&t, "registration_taken").await;
        assert_eq!(told.len(), 1, "once in an hour");
        assert_eq!(told[0].to, email);
        assert!(letters(&t, "registration_link").await.is_empty());
        // The address as a username of somebody else, and a username: the same.
        let taken = Registration { username: profile("ada").username, ..registration(EMAIL) };
        t.desk.register(&t.nobody(), taken, secret(PASSWORD)).await.unwrap();
        // Whoever has shown that the address is theirs gets in, without the name that is another's.
        let RegistrationAnswer::Registered(new) =
            confirm(&t, &letters(&t, "registration_link").await[0], PASSWORD).await
        else {
            panic!("not registered")
        };
        let seen = t.desk.ask(&t.house(), ShowUser(new)).await.unwrap();
        assert_eq!(seen.profile.username, None);
        assert_eq!(signs_in(&t, "adaeze.ada").await, "signed in");
        assert_ne!(owner, new);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn registrations_are_limited_by_the_address_they_come_from_and_mails_by_the_one_they_go_to() {
    for t in TestDesk::all().await {
        open(&t, json!({ "registrations_an_hour": 5 })).await;
        let from = |last: u16| {
            let address = Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, last]));
            Caller::anonymous(t.tenant, desk::Origin { address, ..origin() })
        };
        // One network of version 6 has very many addresses.
        for last in 0..5 {
            t.desk.register(&from(last), registration(EMAIL), secret(PASSWORD)).await.unwrap();
        }
        assert_eq!(letters(&t, "registration_link").await.len(), 3, "the earlier links live on");
        let known = registration(&profile("ada").email.unwrap());
        assert_eq!(code(t.desk.register(&from(9), known, secret(PASSWORD)).await), "rate_limited");
        assert_eq!(
            code(t.desk.register(&from(9), registration("x@mail.example"), secret(PASSWORD)).await),
            "rate_limited"
        );
        t.desk.register(&t.nobody(), registration("y@mail.example"), secret(PASSWORD)).await.unwrap();
        t.clock.advance(desk::value::clock::HOUR);
        t.desk.register(&from(9), registration("x@mail.example"), secret(PASSWORD)).await.unwrap();
        let oldest = letters(&t, "registration_link").await.pop().unwrap();
        assert!(matches!(confirm(&t, &oldest, PASSWORD).await, RegistrationAnswer::Registered(_)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_institution_has_not_added_is_refused_by_name() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        let more = || Registration {
            bvn: Some("22123456144".to_owned()),
            nin: Some("12345678901".to_owned()),
            gender: Some("female".to_owned()),
            address: Some(Address::default()),
            sales_agent_code: Some("AGENT7".to_owned()),
            ..registration(EMAIL)
        };
        let refused = faults(t.desk.register(&t.nobody(), more(), secret(PASSWORD)).await);
        let names = ["bvn", "nin", "gender", "address", "sales_agent_code"];
        assert_eq!(refused, names.map(|name| (name.to_owned(), "not_accepted")));
        open(&t, json!({ "registration_fields": names })).await;
        t.desk.register(&t.nobody(), more(), secret(PASSWORD)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_does_not_take_over_who_registered_and_changes_no_password() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        let stranger = registered(&t, EMAIL).await;
        // The file's customer is somebody else, whatever the stranger has registered with.
        let file = "external_id,first_name,last_name,email\nC-1,Ngozi,Eze,ngozi@mail.example\nC-2,Kemi,Alabi,kemi@mail.example\n";
        let first = csv(&t, file).await;
        assert_eq!((first.rows_created, first.rows_edited, first.rows_rejected), (1, 0, 1));
        let seen = t.desk.ask(&t.house(), ShowUser(stranger)).await.unwrap();
        assert_eq!(seen.profile.identifiers.external_id, None);
        // Once staff have said who that is, a file may complete the profile, and not the password.
        let patch = json!({ "identifiers": { "external_id": "C-2" } }).as_object().unwrap().clone();
        let edit = EditUser { user: stranger, if_version: None, patch, kind: None, employee: None, reason: None };
        t.desk.perform(&t.house(), edit).await.unwrap();
        let hash = t.desk.hash_new_password(secret(NEW_PASSWORD), 10, Vec::new()).await.unwrap();
        let second = csv(&t, &format!("external_id,last_name,password_hash\nC-2,Alabi-Ojo,\"{hash}\"\n")).await;
        assert_eq!((second.rows_edited, second.rows_rejected), (1, 0));
        assert_eq!(signs_in(&t, EMAIL).await, "signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_became_somebodys_meanwhile_makes_no_second_user() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        let email = profile("ada").email.unwrap();
        t.desk.register(&t.nobody(), registration(&email), secret(NEW_PASSWORD)).await.unwrap();
        user(&t, "ada").await;
        let letter = letters(&t, "registration_link").await.remove(0);
        let refused = RegistrationAnswer::Refused(desk::Refusal::LinkInvalid);
        assert_eq!(confirm(&t, &letter, NEW_PASSWORD).await, refused);
        assert_eq!(signs_in(&t, &email).await, "signed in");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM users").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_with_links_do_not_reach_a_mail() {
    for t in TestDesk::all().await {
        open(&t, json!({})).await;
        for name in ["http://evil.example", "www.evil.example", "evil.example/pay", "Kemi\u{202e}x"] {
            let bad = Registration { first_name: name.to_owned(), ..registration(EMAIL) };
            let refused = t.desk.register(&t.nobody(), bad, secret(PASSWORD)).await;
            assert!(matches!(refused, Err(Error::Invalid(_))), "{name}");
        }
        assert!(letters(&t, "registration_link").await.is_empty());
        assert!(!matches!(
            t.desk
                .sign_in(
                    &t.nobody(),
                    SignInRequest {
                        identifier: EMAIL.to_owned(),
                        password: secret(PASSWORD),
                        device: None,
                        lives_seconds: None
                    }
                )
                .await,
            Ok(SignInAnswer::SignedIn { .. })
        ));
    }
}
