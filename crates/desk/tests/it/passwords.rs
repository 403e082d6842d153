//! Reset links and passwords, as users live them.

use desk::message::{Channel, ListMessages, MarkFailed, MarkSent, MessageState, Outbox};
use desk::password::StartPasswordReset;
use desk::session::ListSessions;
use desk::tenant::ChangeSecuritySettings;
use desk::testing::{TestDesk, origin};
use desk::user::{CreateUser, Profile};
use desk::value::clock::{HOUR, MINUTE};
use desk::value::id::UserId;
use desk::value::secret::Secret;
use desk::{Refusal, credential::tenant_of_link};
use serde_json::json;

use crate::support::*;

async fn link(t: &TestDesk, user: UserId) -> Secret {
    later(t);
    let start = StartPasswordReset { user, method: Channel::Email, reason: Some("she called".to_owned()) };
    let started = t.desk.perform(&t.admin(), start).await.unwrap();
    assert_eq!((started.expires_in_seconds, started.expires_at), (3600, t.desk.now().plus(HOUR)));
    let letter = letter(t, user, "password_reset").await.unwrap();
    assert_eq!(letter.minutes, Some(60));
    let token = secret(&letter.token.unwrap());
    assert_eq!(tenant_of_link(token.expose()), Some(t.tenant));
    token
}

async fn choose(t: &TestDesk, link: &Secret, password: &str) -> desk::Result<()> {
    t.desk.choose_password(&t.nobody(), link, secret(password)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_traded_for_a_password_once() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let session = token(&t, "ada").await;
        let link = link(&t, ada).await;
        let card = t.desk.reset_link(&t.nobody(), &link).await.unwrap();
        assert_eq!((card.institution.as_str(), card.password_min_length), ("Harbor & Pine Bank", 10));
        later(&t);
        choose(&t, &link, NEW_PASSWORD).await.unwrap();
        assert_eq!(facts_of(&last_audit(&t).await), ["password.changed", "user.access_ended", "message.queued"]);
        assert!(!is_open(&t, &session).await, "every session ends");
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "wrong");
        assert_eq!(told(&sign_in(&t, "ada", NEW_PASSWORD).await), "signed in");
        assert_eq!(refusal(choose(&t, &link, PASSWORD).await), Refusal::LinkInvalid);
        assert_eq!(refusal(t.desk.reset_link(&t.nobody(), &link).await.map(drop)), Refusal::LinkInvalid);
        let told = letter(&t, ada, "password_changed").await.unwrap();
        assert_eq!((told.to.as_str(), told.name.as_str()), ("adaeze.ada@mail.example", "Adaeze Okafor-ada"));
        assert!(told.token.is_none() && told.code.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_link_voids_the_older_one() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let (old, new) = (link(&t, ada).await, link(&t, ada).await);
        assert_eq!(refusal(choose(&t, &old, NEW_PASSWORD).await), Refusal::LinkInvalid);
        choose(&t, &new, NEW_PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_expires() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let token = link(&t, ada).await;
        t.clock.advance(HOUR);
        assert_eq!(refusal(choose(&t, &token, NEW_PASSWORD).await), Refusal::LinkExpired);
        let patch = json!({ "reset_link_seconds": 7200 }).as_object().unwrap().clone();
        t.desk.perform(&t.admin(), ChangeSecuritySettings { patch }).await.unwrap();
        let start = StartPasswordReset { user: ada, method: Channel::Email, reason: None };
        assert_eq!(t.desk.perform(&t.admin(), start).await.unwrap().expires_in_seconds, 7200);
        let made_up = secret(&format!("bur_{}_{}", t.tenant.0, "x".repeat(43)));
        assert_eq!(code(choose(&t, &made_up, NEW_PASSWORD).await), "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weak_password_is_refused_with_the_reason_and_the_link_stays_usable() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let link = link(&t, ada).await;
        for (weak, reason) in
            [("Sh0rt-1", "too_short"), ("password1234", ""), ("Okafor-ada-2026", ""), ("aaaaaaaaaaaa", "")]
        {
            let told = faults(choose(&t, &link, weak).await);
            assert_eq!(told.len(), 1, "{weak}");
            assert_eq!(told[0].0, "password");
            assert!(reason.is_empty() || told[0].1 == reason, "{weak}: {told:?}");
        }
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "signed in", "nothing has changed");
        choose(&t, &link, NEW_PASSWORD).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_use_one_link_at_the_same_time_one_wins() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let link = link(&t, ada).await;
        let mut all = tokio::task::JoinSet::new();
        for number in 0..4 {
            let (desk, nobody, link) = (t.desk.clone(), t.nobody(), link.clone());
            let password = format!("{NEW_PASSWORD}-{number}");
            all.spawn(async move { (password.clone(), desk.choose_password(&nobody, &link, secret(&password)).await) });
        }
        let (won, lost): (Vec<_>, Vec<_>) = all.join_all().await.into_iter().partition(|(_, told)| told.is_ok());
        assert_eq!(won.len(), 1);
        for (_, told) in lost {
            assert_eq!(refusal(told), Refusal::LinkInvalid);
        }
        assert_eq!(told(&sign_in(&t, "ada", &won[0].0).await), "signed in");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM event WHERE name = 'password.changed'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_no_link_can_be_sent() {
    for t in TestDesk::all().await {
        let bare = Profile { email: None, phone: None, ..profile("bare") };
        let bare = t.desk.perform(&t.house(), CreateUser::of(bare)).await.unwrap().id;
        for method in [Channel::Email, Channel::Sms] {
            let start = StartPasswordReset { user: bare, method, reason: None };
            assert_eq!(refusal(t.desk.perform(&t.admin(), start).await), Refusal::NoDeliveryAddress);
        }
        let ada = user(&t, "ada").await;
        let start = StartPasswordReset { user: ada, method: Channel::Sms, reason: None };
        t.desk.perform(&t.admin(), start).await.unwrap();
        assert_eq!(letter(&t, ada, "password_reset").await.unwrap().to, "+12025550143");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_link_is_answered_alike_whoever_asks() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let frozen = desk::user::Standing { core: desk::user::standing::CoreState::Dormant, ..Default::default() };
        let dormant = user_in(&t, "dormant", frozen).await;
        for name in ["adaeze.ada@mail.example", "adaeze.dormant", "nobody@mail.example"] {
            t.desk.ask_reset(&t.nobody(), name, Channel::Email).await.unwrap();
        }
        let mut tries = 0;
        while letter(&t, ada, "password_reset").await.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            tries += 1;
            assert!(tries < 500, "her link is on its way");
        }
        let link = secret(&letter(&t, ada, "password_reset").await.unwrap().token.unwrap());
        choose(&t, &link, NEW_PASSWORD).await.unwrap();
        assert!(letter(&t, dormant, "password_reset").await.is_none());
        assert_eq!(code(t.desk.ask_reset(&t.nobody(), "", Channel::Email).await), "invalid");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn she_changes_her_own_password_with_the_old_one() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let other = token(&t, "ada").await;
        let own = token(&t, "ada").await;
        let caller = t.desk.caller(own.expose(), origin()).await.unwrap();
        let told = faults(t.desk.change_password(&caller, secret(WRONG), secret(NEW_PASSWORD)).await);
        assert_eq!(told, [("current_password".to_owned(), "wrong")]);
        let told = faults(t.desk.change_password(&caller, secret(PASSWORD), secret("short")).await);
        assert_eq!(told, [("password".to_owned(), "too_short")]);
        t.desk.change_password(&caller, secret(PASSWORD), secret(NEW_PASSWORD)).await.unwrap();
        assert!(!is_open(&t, &other).await && !is_open(&t, &own).await);
        assert!(t.desk.ask(&t.admin(), ListSessions(ada)).await.unwrap().iter().all(|session| !session.open));
        assert_eq!(told_in(&t, NEW_PASSWORD).await, "signed in");
    }
}

async fn told_in(t: &TestDesk, password: &str) -> String {
    told(&sign_in(t, "ada", password).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_marked_once_it_was_handed_over() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        link(&t, ada).await;
        let messages = async || t.desk.ask(&t.admin(), ListMessages(ada)).await.unwrap();
        let message = messages().await[0].id;
        assert!(messages().await[0].letter.is_none(), "staff never see the letter");
        assert_eq!(messages().await[0].state, MessageState::Queued);
        let house = t.house();
        t.desk.perform(&house, MarkFailed { message, last: false }).await.unwrap();
        assert_eq!(messages().await[0].state, MessageState::Queued);
        t.desk.perform(&house, MarkSent { message, resting: true }).await.unwrap();
        assert_eq!(messages().await[0].state, MessageState::Resting);
        later(&t);
        t.desk.perform(&house, MarkSent { message, resting: false }).await.unwrap();
        let sent = messages().await.remove(0);
        assert_eq!((sent.state, sent.sent_at), (MessageState::Sent, Some(t.desk.now())));
        t.clock.advance(MINUTE);
        t.desk.perform(&house, MarkFailed { message, last: true }).await.unwrap();
        assert_eq!(messages().await[0].state, MessageState::Sent, "what was sent has not failed");
        assert_eq!(t.desk.ask(&house, Outbox::One(message)).await.unwrap().len(), 1);
        assert!(t.desk.ask(&house, Outbox::After(Some(message))).await.unwrap().is_empty());
    }
}
