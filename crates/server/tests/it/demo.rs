//! The demo: demo.json is a stable interface, and the same seed gives the same data.

use std::process::Command;

use desk::device::ListDevices;
use desk::message::Channel;
use desk::password::StartPasswordReset;
use desk::session::ListSessions;
use desk::user::standing::{Admission, CoreState, LockCause, SignInLock};
use desk::user::{SetCoreState, ShowUser};
use desk::value::id::UserId;
use serde_json::Value;

use crate::running::{Running, complaint, desk_over, house, printed, until};

/// Everything but where it is reached and where its files are.
fn content(paper: &Value) -> Value {
    let mut paper = paper.clone();
    paper["base_url"].take();
    paper["banno"]["private_key_pem"].take();
    paper["other"]["banno"]["private_key_pem"].take();
    paper
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_paper_has_every_key_and_the_same_seed_gives_the_same() {
    let one = Running::demo(&[]);
    let paper = one.paper().unwrap();
    assert_eq!(
        keys(&paper),
        ["base_url", "tenant_id", "native", "staff", "users", "banno", "switch", "choice", "other"]
    );
    assert_eq!(keys(&paper["other"]), ["tenant_id", "native", "staff", "users", "banno", "switch", "choice"]);
    for institution in [&paper, &paper["other"]] {
        assert_eq!(keys(&institution["native"]), ["secret_key", "read_only_key"]);
        assert_eq!(keys(&institution["banno"]), ["client_id", "private_key_pem", "institution_id"]);
        let switch = &institution["switch"];
        let words = ["client_id", "checksum_secret", "super_admin", "customer_success"];
        let numbers = ["diaspora_user_id", "local_user_id", "device_user_id", "reset_user_id"];
        assert_eq!(keys(switch), [words, numbers].concat());
        assert!(numbers.iter().all(|name| switch[name].is_i64()), "{switch}");
        for admin in ["super_admin", "customer_success"] {
            assert_eq!(keys(&switch[admin]), ["email", "password"]);
        }
        let choice = &institution["choice"];
        let (partner, account) = (["sender", "private_key"], ["account_id", "user_id", "non_sme_account_id"]);
        let refused = ["locked_account_id", "closed_account_id", "frozen_account_id", "more_account_ids"];
        assert_eq!(keys(choice), [&partner[..], &account, &refused].concat());
        assert_eq!(keys(&institution["users"]), ["locked", "active", "dormant", "disabled", "with_devices"]);
        let roles: Vec<&str> =
            institution["staff"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
        assert_eq!(roles, ["admin", "support", "compliance", "auditor"]);
        for user in institution["users"].as_object().unwrap().values() {
            assert_eq!(keys(user), ["id", "uuid", "number", "email", "username", "password"]);
            let id = UserId::parse(user["id"].as_str().unwrap()).unwrap();
            assert_eq!(user["uuid"], id.0.to_string());
            assert!(user["number"].is_i64());
        }
        let pem = std::path::Path::new(institution["banno"]["private_key_pem"].as_str().unwrap());
        assert!(pem.is_absolute());
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(pem).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }
    let pem = |running: &Running| std::fs::read_to_string(running.home.path().join("demo/banno-client.pem")).unwrap();
    let same = Running::demo(&[]);
    assert_eq!(content(&same.paper().unwrap()), content(&paper));
    assert_eq!(pem(&same), pem(&one));
    let other = Running::demo(&["--seed", "2"]);
    assert_ne!(other.paper().unwrap()["native"], paper["native"]);
    assert_ne!(pem(&other), pem(&one));
}

#[tokio::test]
async fn the_named_people_are_as_the_paper_says() {
    let server = Running::demo(&[]);
    let paper = server.paper().unwrap();
    let desk = desk_over(&server.home.path().join("demo")).await;
    let id = |name: &str| UserId::parse(paper["users"][name]["id"].as_str().unwrap()).unwrap();
    let house = house();
    let standing = |name: &str| desk.ask(&house, ShowUser(id(name)));
    let locked = standing("locked").await.unwrap();
    assert_eq!(locked.standing.lock, SignInLock::Locked { cause: LockCause::FailedSignIns, until: None });
    assert_eq!(locked.profile.email.as_deref(), paper["users"]["locked"]["email"].as_str());
    assert_eq!(Some(locked.number), paper["users"]["locked"]["number"].as_i64());
    let mut active = standing("active").await.unwrap().standing;
    active.verification = desk::user::standing::Verification::None;
    assert!(active.deviating().is_empty(), "{active:?}");
    assert_eq!(standing("dormant").await.unwrap().standing.core, CoreState::Dormant);
    let disabled = standing("disabled").await.unwrap();
    assert_eq!(disabled.standing.admission, Admission::Disabled);
    assert!(disabled.marks.values().any(|mark| mark.reason.is_some()), "somebody said why");
    assert!(desk.ask(&house, ListDevices(id("with_devices"))).await.unwrap().len() >= 2);
    assert!(!desk.ask(&house, ListSessions(id("with_devices"))).await.unwrap().is_empty());
}

#[tokio::test]
async fn there_are_people_for_every_call_of_the_switch_voice() {
    use desk::permission::Proposable;
    use desk::request::{ListRequests, RequestFilter, RequestState};
    use desk::user::standing::Verification;
    use desk::user::{ListOrder, UserByNumber, UserFilter, UsersAtRow};
    let server = Running::demo(&[]);
    let paper = server.paper().unwrap();
    let desk = desk_over(&server.home.path().join("demo")).await;
    for (institution, tenant) in [(&paper, 1), (&paper["other"], 2)] {
        let house = desk::Caller::house(desk::value::id::TenantId(tenant), desk::Door::Cli);
        let count = async |filter: UserFilter| {
            let page = UsersAtRow { filter, row: 0, limit: 1, order: ListOrder::NewestFirst };
            desk.ask(&house, page).await.unwrap().total.unwrap()
        };
        let none = UserFilter::default;
        assert!(count(none()).await >= 60 - 5, "some are erased");
        assert!(count(UserFilter { diaspora: Some(true), ..none() }).await >= 25);
        assert!(count(UserFilter { diaspora: Some(false), ..none() }).await >= 10);
        assert!(count(UserFilter { verified: Some(true), ..none() }).await >= 1);
        assert!(count(UserFilter { verification: Some(Verification::Requested), ..none() }).await >= 1);
        let user = async |name: &str| {
            let number = institution["switch"][name].as_i64().unwrap();
            let id = desk.ask(&house, UserByNumber(number)).await.unwrap().unwrap();
            desk.ask(&house, ShowUser(id)).await.unwrap()
        };
        let abroad = user("diaspora_user_id").await;
        assert!(abroad.profile.is_diaspora == Some(true) && abroad.profile.home_contact.name.is_some());
        assert!(user("local_user_id").await.profile.is_diaspora != Some(true));
        assert!(!desk.ask(&house, ListDevices(user("device_user_id").await.id)).await.unwrap().is_empty());
        assert!(user("reset_user_id").await.profile.email.is_some());
        let filter =
            RequestFilter { state: Some(RequestState::Pending), action: Some(Proposable::Disable), user: None };
        let page = ListRequests { filter, after: None, skip: 0, limit: 10, count: true };
        assert_eq!(desk.ask(&house, page).await.unwrap().total, Some(1));
    }
}

#[tokio::test]
async fn messages_rest_in_the_outbox_and_are_printed_while_the_server_runs() {
    let mut server = Running::demo(&[]);
    let (folder, paper) = (server.home.path().join("demo"), server.paper().unwrap());
    let data = folder.to_str().unwrap();
    let user = &paper["users"]["active"];
    let (id, email) = (UserId::parse(user["id"].as_str().unwrap()).unwrap(), user["email"].as_str().unwrap());
    let desk = desk_over(&folder).await;
    for method in [Channel::Email, Channel::Sms] {
        desk.perform(&house(), StartPasswordReset { user: id, method, reason: None }).await.unwrap();
    }
    let text = until("rest", || {
        Some(printed(&["outbox", "--data", data]))
            .filter(|text| text.matches("· password_reset · resting ·").count() == 2)
    });
    assert!(text.contains(&format!("{}/reset/bur_1_", server.base)), "{text}");
    let hers = printed(&["outbox", "--data", data, "--to", &email.to_uppercase()]);
    assert!(hers.contains("Subject: ") && !hers.contains("· sms ·"), "{hers}");
    assert!(printed(&["outbox", "--data", data, "--to", "nobody@example.com"]).is_empty());
    // Erased people have no letters left, and nothing falls over them.
    desk.perform(&house(), SetCoreState { user: id, state: CoreState::Normal, reason: None }).await.unwrap();
    desk.perform(&house(), desk::user::EraseUser { user: id, reason: None }).await.unwrap();
    assert!(printed(&["outbox", "--data", data]).contains("erased"));
    server.terminate();
    assert_eq!(server.end().code(), Some(0), "{}", server.log());
}

#[test]
fn the_guide_on_the_card_works_when_it_is_pasted() {
    let server = Running::demo(&[]);
    let read = || std::fs::read_to_string(server.home.path().join("card")).ok();
    let card = until("the card", || read().filter(|card| card.contains("Ctrl-C")));
    let guide = &card[card.find("  TOKEN=").unwrap()..card.find("Stop with").unwrap()];
    // Without the heads of answers, what is left is what each step prints.
    let pasted = Command::new("sh").args(["-ec", guide]).output().unwrap();
    let text = String::from_utf8(pasted.stdout).unwrap();
    assert!(pasted.status.success(), "{text}{}", String::from_utf8_lossy(&pasted.stderr));
    let locked = &server.paper().unwrap()["users"]["locked"];
    let (uuid, id) = (locked["uuid"].as_str().unwrap(), locked["id"].as_str().unwrap());
    let mut rest = text.as_str();
    for part in [
        &format!("{{\"users\":[{{\"userId\":\"{uuid}\""),
        "\"totalCount\":1",
        "\"abilities\":{",
        "{\"status\":\"Locked\"}",
        "HTTP/1.1 204",
        "{}",
        "· password_reset ·",
        &format!("{}/reset/bur_1_", server.base),
        id,
        "\"sign_in_lock\":{\"state\":\"open\"",
    ] {
        let at = rest.find(part).unwrap_or_else(|| panic!("{part} is missing or out of order in:\n{text}"));
        rest = &rest[at + part.len()..];
    }
    let other = printed(&["token", "--demo", server.home.path().join("demo").to_str().unwrap(), "--other"]);
    assert!(other.lines().count() == 1 && other.matches('.').count() == 2, "{other}");
}

#[test]
fn a_folder_that_is_somebody_elses_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("thesis.txt"), "years of work").unwrap();
    let (code, text) = complaint(&["demo", "--listen", "127.0.0.1:0", "--data", home.path().to_str().unwrap()]);
    assert!(code == 1 && text.contains("--data"), "{text}");
    assert!(home.path().join("thesis.txt").exists());
}
