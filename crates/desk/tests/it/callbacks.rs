//! Where a partner is called back: whose key, by whom, and what is on record of it. That it is called, and how, is tested
//! where the worker is.

use desk::administrator::callback::ListCallbacks;
use desk::key::*;
use desk::permission::Proposable;
use desk::request::{Proposal, ProposeAction, Told};
use desk::role::DefineRole;
use desk::staff::{DisableStaff, EnableStaff};
use desk::team::{AddMember, CreateTeam};
use desk::testing::TestDesk;
use desk::value::callback_url::CallbackUrl;
use desk::value::clock::SECOND;
use desk::value::id::KeyId;
use desk::{Caller, Permission as P, Refusal, Subject};
use serde_json::json;

use crate::requests::{approve, person, policy};
use crate::support::*;

fn url(t: &TestDesk, text: &str) -> Option<CallbackUrl> {
    Some(t.desk.callback_url("callback_url", text).unwrap())
}

async fn partner(t: &TestDesk, url: Option<CallbackUrl>) -> KeyId {
    let staff = staff(t, "service").await;
    let create = CreateKey { kind: KeyKind::ChoiceSender, callback_url: url, ..CreateKey::native("Acme Pay", staff) };
    t.desk.perform(&t.house(), create).await.unwrap().key.id
}

async fn set(t: &TestDesk, caller: &Caller, key: KeyId, url: Option<CallbackUrl>) -> desk::Result<Option<String>> {
    Ok(t.desk.perform(caller, SetCallbackUrl { key, url }).await?.callback_url)
}

async fn seen(t: &TestDesk, key: KeyId) -> Option<String> {
    let keys = t.desk.ask(&t.holder(&[P::KeysRead]), ListKeys).await.unwrap();
    keys.into_iter().find(|it| it.id == key).unwrap().callback_url
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_set_changed_and_taken_away_and_its_host_is_on_record() {
    for t in TestDesk::all().await {
        let manager = t.holder(&[P::KeysManage, P::AccountsRead, P::UsersReveal]);
        let plain = partner(&t, None).await;
        assert_eq!(seen(&t, plain).await, None, "off by default");
        later(&t);
        let one = "https://partner.example/callbacks?token=1";
        assert_eq!(set(&t, &manager, plain, url(&t, one)).await.unwrap().as_deref(), Some(one));
        assert_eq!(seen(&t, plain).await.as_deref(), Some(one));
        let record = last_audit(&t).await;
        assert_eq!(facts_of(&record), ["key.callback_set"]);
        let told = record.facts.to_string();
        assert!(told.contains(r#""host":"partner.example""#) && !told.contains("token"), "{told}");
        later(&t);
        set(&t, &manager, plain, url(&t, one)).await.unwrap();
        assert!(facts_of(&last_audit(&t).await).is_empty(), "it was so already");
        later(&t);
        assert_eq!(set(&t, &manager, plain, None).await.unwrap(), None);
        assert_eq!(seen(&t, plain).await, None);
        // With the key, too, but only a partner's.
        let other = staff(&t, "other").await;
        let create = CreateKey {
            kind: KeyKind::ChoiceSender,
            callback_url: url(&t, one),
            ..CreateKey::native("Born with it", other)
        };
        later(&t);
        let made = t.desk.perform(&t.house(), create).await.unwrap().key;
        assert_eq!(made.callback_url.as_deref(), Some(one));
        assert_eq!(facts_of(&last_audit(&t).await), ["key.created", "key.callback_set"]);
        let native = CreateKey { callback_url: url(&t, one), ..CreateKey::native("CRM", other) };
        assert_eq!(faults(t.desk.perform(&t.house(), native).await), [("callback_url".to_owned(), "invalid")]);
        let native = t.desk.perform(&t.house(), CreateKey::native("CRM", other)).await.unwrap().key.id;
        assert_eq!(faults(set(&t, &manager, native, url(&t, one)).await), [("url".to_owned(), "invalid")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_has_herself_told_what_she_may_not_see() {
    for t in TestDesk::all().await {
        let house = t.house();
        let service = staff(&t, "service").await;
        let define = DefineRole { name: "Partners".to_owned(), permissions: vec![P::AccountsRead] };
        let role = t.desk.perform(&house, define).await.unwrap().id;
        let team = t.desk.perform(&house, CreateTeam { name: "Partners".to_owned() }).await.unwrap().id;
        t.desk.perform(&house, AddMember { team, staff: service, role }).await.unwrap();
        let create = CreateKey { kind: KeyKind::ChoiceSender, ..CreateKey::native("Acme Pay", service) };
        let key = t.desk.perform(&house, create).await.unwrap().key.id;
        let address = || url(&t, "https://partner.example/callbacks");
        let manager = t.holder(&[P::KeysManage]);
        assert_eq!(refusal(set(&t, &manager, key, address()).await), Refusal::BeyondOwnRights);
        let blind = t.holder(&[P::KeysManage, P::AccountsRead]);
        assert_eq!(
            refusal(set(&t, &blind, key, address()).await),
            Refusal::BeyondOwnRights,
            "papers are masked for her"
        );
        let both = t.holder(&[P::KeysManage, P::AccountsRead, P::UsersReveal]);
        set(&t, &both, key, address()).await.unwrap();
        // Nor by a key that she makes.
        let other = staff(&t, "other").await;
        let create =
            CreateKey { kind: KeyKind::ChoiceSender, callback_url: address(), ..CreateKey::native("Hers", other) };
        assert_eq!(refusal(t.desk.perform(&manager, create).await), Refusal::BeyondOwnRights);
        // Taking it away needs no more than managing keys.
        assert_eq!(set(&t, &manager, key, None).await.unwrap(), None);
        assert_eq!(code(set(&t, &t.holder(&[P::KeysRead]), key, None).await), "forbidden");
        let there = Caller { tenant: t.other_tenant().await, ..t.admin() };
        assert_eq!(code(set(&t, &there, key, None).await), "not_found");
        let list = |limit| ListCallbacks { key, state: None, before: None, limit };
        for limit in [0, 201] {
            assert_eq!(faults(t.desk.ask(&t.admin(), list(limit)).await), [("limit".to_owned(), "out_of_range")]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_set_while_the_key_counts_and_taken_away_at_any_time() {
    for t in TestDesk::all().await {
        let house = t.house();
        let service = staff(&t, "service").await;
        let create = |name| CreateKey { kind: KeyKind::ChoiceSender, ..CreateKey::native(name, service) };
        let one = || url(&t, "https://partner.example/one");
        let two = || url(&t, "https://partner.example/two");
        let expires_at = Some(t.desk.now().plus(SECOND));
        let lasting = t.desk.perform(&house, create("Lasting")).await.unwrap().key.id;
        let revoked = t.desk.perform(&house, create("Revoked")).await.unwrap().key.id;
        let expired = CreateKey { expires_at, ..create("Expired") };
        let expired = t.desk.perform(&house, expired).await.unwrap().key.id;
        for key in [lasting, revoked, expired] {
            set(&t, &house, key, one()).await.unwrap();
        }
        t.desk.perform(&house, RevokeKey(revoked)).await.unwrap();
        t.clock.advance(SECOND);
        for key in [revoked, expired] {
            assert_eq!(refusal(set(&t, &house, key, two()).await), Refusal::KeyDoesNotCount);
        }
        t.desk.perform(&house, DisableStaff(service)).await.unwrap();
        assert_eq!(refusal(set(&t, &house, lasting, two()).await), Refusal::KeyDoesNotCount);
        for key in [lasting, revoked, expired] {
            assert_eq!(seen(&t, key).await.as_deref(), Some("https://partner.example/one"));
            assert_eq!(set(&t, &house, key, None).await.unwrap(), None);
        }
        t.desk.perform(&house, EnableStaff(service)).await.unwrap();
        set(&t, &house, lasting, two()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_partner_is_called_back_may_need_a_second_person() {
    for t in TestDesk::all().await {
        let all = |name| person(&t, name, P::ALL);
        let ((_, maker), (_, checker)) = (all("maker").await, all("checker").await);
        policy(&t, json!({"second_person": ["key.set_callback"]})).await;
        let key = partner(&t, None).await;
        let one = url(&t, "https://partner.example/told?token=1");
        assert_eq!(refusal(set(&t, &maker, key, one.clone()).await), Refusal::NeedsSecondPerson);
        let proposal = |url: Option<CallbackUrl>| {
            let told = Told { callback_url: url, ..Told::default() };
            let proposal = Proposal { action: Proposable::SetKeyCallback, about: Subject::Key(key), told };
            ProposeAction { proposal, reason: "their new gateway".to_owned() }
        };
        // Nor does anybody propose to be told what she may not see.
        let (_, bare) = person(&t, "bare", &[P::RequestsPropose, P::KeysManage]).await;
        assert_eq!(refusal(t.desk.perform(&bare, proposal(one.clone())).await), Refusal::BeyondOwnRights);
        let request = t.desk.perform(&maker, proposal(one.clone())).await.unwrap().request.id;
        later(&t);
        t.desk.perform(&checker, approve(request)).await.unwrap();
        assert_eq!(seen(&t, key).await.as_deref(), one.as_ref().map(CallbackUrl::as_str));
        // What was to be replaced is not what was shown.
        later(&t);
        let request = t.desk.perform(&maker, proposal(None)).await.unwrap().request.id;
        policy(&t, json!({"second_person": []})).await;
        later(&t);
        set(&t, &checker, key, url(&t, "https://partner.example/told?token=2")).await.unwrap();
        assert_eq!(refusal(t.desk.perform(&checker, approve(request)).await), Refusal::PlanChanged);
    }
}
