//! What a customer reads of themselves, at every door that has customers: nothing changes in it when they come under
//! suspicion. The table of field, reader and door is generated (`docs/customer-view.md`; `BLESS=1` writes it anew), and the
//! list of what may differ stands here, each with its reason. The Banno and Choice voices have no customers as callers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use desk::key::CreateKey;
use desk::note::WriteNote;
use desk::permission::Permission as P;
use desk::role::DefineRole;
use desk::session::SignInAnswer;
use desk::staff::AddStaff;
use desk::team::{AddMember, CreateTeam};
use desk::user::standing::FraudStatus;
use desk::user::{
    BlacklistUser, DisableUser, EditUser, EnableUser, FlagUser, HoldUser, LockUser, ReinstateUser, ReleaseUser,
    SetFraudStatus, SuspendUser, UnlockUser,
};
use serde_json::{Value, json};

use super::world::World;

/// Stands in every reason, bank and note that staff write.
const CANARY: &str = "CANARY-SUSPECT-17";

/// What may differ between before and after, by the end of its name, and why.
const MAY_DIFFER: &[(&str, &str)] = &[
    ("version", "counts every change, those by the core and by signing in as well"),
    ("updated_at", "moves with the version"),
    ("last_seen_at", "they have signed in once more"),
    ("last_sign_in", "they have signed in once more"),
    ("auth_token", "a new session"),
    ("token", "a new session"),
    ("session_id", "a new session"),
    ("expires_at", "a new session"),
    ("request_id", "each request has another"),
    ("last_used_at", "a device used once more"),
    ("last_seen", "a device used once more"),
];

/// The leaves of a JSON value, by their names.
fn leaves(value: &Value, name: &str, into: &mut BTreeMap<String, Value>) {
    let under = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(part, value)| leaves(value, &under(part), into)),
        Value::Array(items) => items.iter().enumerate().for_each(|(at, it)| leaves(it, &under(&at.to_string()), into)),
        leaf => drop(into.insert(name.to_owned(), leaf.clone())),
    }
}

fn leaves_of(value: &Value) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    leaves(value, "", &mut all);
    all
}

async fn native(world: &World, bearer: &str, method: &str, path: &str, body: Value) -> super::world::Answer {
    let bearer = format!("Bearer {bearer}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let body = if method == "GET" { String::new() } else { body.to_string() };
    world.send(method, path, &headers, body).await
}

/// A native key with these permissions.
async fn key(world: &World, name: &str, permissions: &[P]) -> String {
    let (desk, house) = (&world.test.desk, world.house());
    let email = format!("{name}@staff.example");
    let add = AddStaff { id: None, name: name.to_owned(), email, password_hash: None };
    let staff = desk.perform(&house, add).await.unwrap().id;
    let role = DefineRole { name: format!("role {name}"), permissions: permissions.to_vec() };
    let role = desk.perform(&house, role).await.unwrap().id;
    let team = desk.perform(&house, CreateTeam { name: format!("team {name}") }).await.unwrap().id;
    desk.perform(&house, AddMember { team, staff, role }).await.unwrap();
    desk.perform(&house, CreateKey::native(name, staff)).await.unwrap().secret.unwrap().expose().to_owned()
}

/// Everything that ada can read, at both doors, by the name of the call.
async fn everything(world: &World) -> BTreeMap<String, (u16, String)> {
    let SignInAnswer::SignedIn { token, user, .. } = world.sign_in("ada", None).await else { panic!("not signed in") };
    let (token, id) = (token.expose().to_owned(), user.id);
    let mut read = BTreeMap::new();
    for (method, path, body) in [
        ("GET", "/v1/me".to_owned(), json!({})),
        ("GET", "/v1/me/verification".to_owned(), json!({})),
        ("GET", "/v1/me/devices".to_owned(), json!({})),
        ("GET", format!("/v1/users/{id}"), json!({})),
        ("GET", format!("/v1/users/{id}/standing"), json!({})),
        ("GET", format!("/v1/users/{id}/verification"), json!({})),
        ("GET", format!("/v1/users/{id}/devices"), json!({})),
        ("GET", format!("/v1/users/{id}/sessions"), json!({})),
        ("GET", format!("/v1/users/{id}/notes"), json!({})),
        ("GET", format!("/v1/users/{id}/messages"), json!({})),
        ("GET", format!("/v1/users/{id}/requests"), json!({})),
        ("PATCH", "/v1/me".to_owned(), json!({"preferred_name": "Ada"})),
        ("PATCH", "/v1/me?preview=true".to_owned(), json!({"preferred_name": "Adanna"})),
    ] {
        let answer = native(world, &token, method, &path, body).await;
        let name = format!("{method} {}", path.replace(&id.to_string(), "{user_id}"));
        read.insert(name, (answer.status.as_u16(), answer.text));
    }
    let login = world.log_in("ada").await;
    let token = login.json()["data"]["auth_token"].as_str().unwrap().to_owned();
    read.insert("POST /user/login".to_owned(), (login.status.as_u16(), login.text));
    for path in ["/user", "/user/balance", "/user/verification/progress"] {
        let answer = world.get(&token, path).await;
        read.insert(format!("GET {path}"), (answer.status.as_u16(), answer.text));
    }
    read
}

/// Puts ada under every suspicion there is that lets her sign in, and leaves the marks of those that do not.
async fn suspect(world: &World) {
    let (desk, admin, user) = (&world.test.desk, world.test.admin(), world.user("ada").await);
    let reason = || Some(CANARY.to_owned());
    desk.perform(&admin, HoldUser { user, legal: true, reason: reason() }).await.unwrap();
    desk.perform(&admin, ReleaseUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, LockUser { user, until: None, reason: reason() }).await.unwrap();
    desk.perform(&admin, UnlockUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, DisableUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, EnableUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, SuspendUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, ReinstateUser { user, reason: reason() }).await.unwrap();
    desk.perform(&admin, FlagUser { user, bank: None, reason: reason() }).await.unwrap();
    desk.perform(&admin, FlagUser { user, bank: Some(CANARY.to_owned()), reason: reason() }).await.unwrap();
    desk.perform(&admin, BlacklistUser { user, reason: reason() }).await.unwrap();
    let status = FraudStatus::Fraudulent;
    desk.perform(&admin, SetFraudStatus { user, status, reason: reason() }).await.unwrap();
    desk.perform(&admin, WriteNote { user, text: CANARY.to_owned() }).await.unwrap();
    let patch = json!({"demographic": {"customer_description": CANARY, "customer_importance": CANARY}});
    let patch = patch.as_object().unwrap().clone();
    desk.perform(&admin, EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None })
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_customer_reads_changes_when_they_are_suspected() {
    for world in World::all().await {
        everything(&world).await;
        let before = everything(&world).await;
        world.test.clock.advance(60_000_000);
        suspect(&world).await;
        world.test.clock.advance(60_000_000);
        let after = everything(&world).await;
        let mut found = BTreeSet::new();
        for (call, (status, text)) in &after {
            assert!(!text.contains(CANARY), "{call}: {text}");
            let (status_before, text_before) = &before[call];
            assert_eq!(status_before, status, "{call}: {text}");
            // Sessions are others after another sign-in; that nothing of the suspicion stands in them was looked at above.
            if call.ends_with("/sessions") {
                continue;
            }
            let (old, new) = (leaves_of(&json_of(text_before)), leaves_of(&json_of(text)));
            for name in old.keys().chain(new.keys()) {
                let excuse = MAY_DIFFER.iter().find(|(end, _)| name.rsplit('.').next() == Some(end));
                match (old.get(name) == new.get(name), excuse) {
                    (true, _) => {}
                    (false, Some((end, _))) => drop(found.insert(*end)),
                    (false, None) => panic!("{call}: {name} was {:?} and is {:?}", old.get(name), new.get(name)),
                }
            }
        }
        for (word, text) in [("fraudulent", "whitelisted"), ("blacklisted\":true", "blacklisted\":false")] {
            for (call, (_, read)) in &after {
                assert!(!read.contains(word), "{call} says {word}, not {text}");
            }
        }
    }
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_hold_or_blacklisted_reads_reasons_that_anybody_may_meet() {
    for world in World::all().await {
        let (desk, admin) = (&world.test.desk, world.test.admin());
        let user = world.user("tunde").await;
        let ada = world.user("ada").await;
        // Blacklisted: asking for verification.
        let SignInAnswer::SignedIn { token, .. } = world.sign_in("ada", None).await else { panic!("not signed in") };
        desk.perform(&admin, BlacklistUser { user: ada, reason: None }).await.unwrap();
        let answer = native(&world, token.expose(), "POST", "/v1/me/verification", json!({})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (409, &json!("verification_state")));
        let key = native(&world, token.expose(), "PUT", "/v1/me/verification/documents/selfie", json!({})).await;
        assert!(!key.text.to_lowercase().contains("blacklist"), "{}", key.text);
        // On hold: signing in, at both doors, is refused as to somebody who is disabled, and so is what follows on it.
        for legal in [false, true] {
            desk.perform(&admin, HoldUser { user, legal, reason: Some(CANARY.to_owned()) }).await.unwrap();
            let held = world.log_in("tunde").await;
            desk.perform(&admin, ReleaseUser { user, reason: None }).await.unwrap();
            desk.perform(&admin, DisableUser { user, reason: None }).await.unwrap();
            let disabled = world.log_in("tunde").await;
            desk.perform(&admin, EnableUser { user, reason: None }).await.unwrap();
            assert_eq!(held.told(), disabled.told());
        }
        desk.perform(&admin, HoldUser { user, legal: true, reason: None }).await.unwrap();
        let body = json!({"tenant_id": world.test.tenant.to_string(), "identifier": "tunde@mail.example",
            "password": super::world::PASSWORD});
        let headers = [("content-type", "application/json")];
        let answer = world.send("POST", "/v1/sessions", &headers, body.to_string()).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (403, &json!("user_disabled")), "{}", answer.text);
    }
}

/// What a reader finds in place of a value.
fn cell(name: &str, whole: Option<&Value>, seen: Option<&Value>) -> &'static str {
    let is_of_standing = name.starts_with("standing.") || name == "risk_locked";
    match (whole, seen) {
        (None | Some(Value::Null), None | Some(Value::Null)) => "–",
        (Some(whole), Some(seen)) if whole == seen => "whole",
        (_, None | Some(Value::Null)) => "absent",
        _ if is_of_standing => "neutral",
        _ => "masked",
    }
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test is told by the environment to write instead of compare")]
async fn the_table_of_field_reader_and_door_is_what_the_code_does() {
    let world = World::all().await.remove(0);
    suspect(&world).await;
    let id = world.user("ada").await;
    let path = format!("/v1/users/{id}");
    let full = [P::UsersRead, P::UsersContacts, P::UsersReveal];
    let revealer = key(&world, "revealer", &full).await;
    let reveal = native(&world, &revealer, "POST", &format!("{path}/reveal"), json!({"purpose": "the table"})).await;
    let whole = leaves_of(&reveal.json());
    let mut columns = Vec::new();
    let SignInAnswer::SignedIn { token, .. } = world.sign_in("ada", None).await else { panic!("not signed in") };
    columns.push(leaves_of(&native(&world, token.expose(), "GET", "/v1/me", json!({})).await.json()));
    for (name, permissions) in [("reader", &full[..1]), ("contacts", &full[..2])] {
        let key = key(&world, name, permissions).await;
        columns.push(leaves_of(&native(&world, &key, "GET", &path, json!({})).await.json()));
    }
    let mut text = String::from(
        "# What a customer reads of themselves\n\n\
         Generated by `crates/dialects/tests/it/switch/customer_view.rs` (`BLESS=1` writes it anew); do not edit. One customer\n\
         was put under every suspicion there is. *whole*: as it is stored. *masked*: in part. *neutral*: the value that an ordinary\n\
         customer has. *absent*: not shown. –: nothing was there.\n\n\
         Telling a suspect is a crime in most countries. Reasons and authors of staff, fraud status, flags, blacklist, holds, the\n\
         reason of a decline, and words of the institution about a customer therefore stand in nothing that the customer can read:\n\
         this is decided in one place (`SeenUser::for_customer`, `Refusal::for_customer`), below every door. Whoever is on hold is\n\
         answered like whoever is disabled; whoever is blacklisted and asks for verification, as if it could not be asked for now.\n\
         The Banno and Choice voices have no customers as callers.\n\n\
         ## Our own API\n\n| field | the customer (`/v1/me`) | staff: `users.read` | staff: `users.contacts` |\n|---|---|---|---|\n",
    );
    let may_move = |name: &str| MAY_DIFFER.iter().any(|(end, _)| name == *end);
    for (name, value) in whole.iter().filter(|(name, _)| !may_move(name)) {
        let cells: Vec<_> = columns.iter().map(|seen| cell(name, Some(value), seen.get(name))).collect();
        writeln!(text, "| `{name}` | {} |", cells.join(" | ")).unwrap();
    }
    text.push_str(
        "\n## The Switch voice\n\n| field | the customer (`/user`) | staff (`/admin/users/{id}`) |\n|---|---|---|\n",
    );
    let customer = leaves_of(&world.get(&world.customer("ada").await, "/user").await.json()["data"]);
    let staff = world.get(&world.admin("super_admin").await, &format!("/admin/users/{}", world.number("ada"))).await;
    world.settings(json!({"switch_detail_fraud_status": true})).await;
    let detailed = world.get(&world.admin("super_admin").await, &format!("/admin/users/{}", world.number("ada"))).await;
    assert_eq!(staff.status, 200);
    let staff = leaves_of(&detailed.json()["data"]);
    for (name, value) in customer.iter().filter(|(name, _)| !may_move(name)) {
        let cells = match staff.get(name) {
            Some(seen) if seen == value || name == "id" => "whole | whole",
            None if *value == Value::Null => "– | –",
            None => "whole | absent",
            Some(_) if ["blacklisted", "fraud_status", "disabled"].contains(&name.as_str()) => "neutral | whole",
            Some(_) => "in its own form | whole",
        };
        writeln!(text, "| `{name}` | {cells} |").unwrap();
    }
    text.push_str("\n## What may move when a customer comes under suspicion\n\n| field | why |\n|---|---|\n");
    for (name, why) in MAY_DIFFER {
        writeln!(text, "| `{name}` | {why} |").unwrap();
    }
    for field in ["standing.fraud.state", "standing.blacklist.state", "standing.flag.state", "standing.fraud.reason"] {
        assert!(!text.contains(&format!("| `{field}` | whole")), "{field} is shown to the customer");
    }
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/customer-view.md");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &text).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    assert!(committed == text, "docs/customer-view.md is not what the code does; look at it and run with BLESS=1");
}
