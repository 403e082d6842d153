//! What the Switch voice asks of the desk beyond what there was: lists newest first and by a part of a name, axes that are
//! counted anew, passwords that are taken away.

use desk::Error;
use desk::testing::TestDesk;
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::UserId;

use crate::support::*;

async fn named(t: &TestDesk, first: &str, last: &str, abroad: bool, agent: Option<&str>) -> UserId {
    let profile = Profile {
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: Some(format!("{first}.{last}@mail.example").to_lowercase()),
        is_diaspora: Some(abroad),
        sales_agent_code: agent.map(str::to_owned),
        ..Profile::default()
    };
    t.desk.perform(&t.house(), CreateUser::of(profile)).await.unwrap().id
}

fn newest(containing: Option<&str>, brought_by: Option<&str>) -> UsersNewestFirst {
    let (containing, brought_by) = (containing.map(str::to_owned), brought_by.map(str::to_owned));
    UsersNewestFirst { filter: UserFilter::default(), containing, brought_by, row: 0, limit: 10 }
}

async fn found(t: &TestDesk, question: UsersNewestFirst) -> (Vec<String>, i64) {
    let page = t.desk.ask(&t.admin(), question).await.unwrap();
    (page.users.iter().map(|user| user.profile.full_name()).collect(), page.total.unwrap())
}

#[tokio::test]
async fn a_part_of_a_name_finds_among_few_and_the_beginning_of_a_word_among_many() {
    for t in TestDesk::all().await {
        for (first, last) in [("Ada", "Nwosu"), ("Adaeze", "Bello"), ("Bola", "Nwosu")] {
            named(&t, first, last, false, None).await;
        }
        assert_eq!(found(&t, newest(Some("wos"), None)).await, (vec!["Bola Nwosu".into(), "Ada Nwosu".into()], 2));
        assert_eq!(found(&t, newest(Some("a n"), None)).await.1, 2, "with the blank between the names");
        assert_eq!(found(&t, newest(Some("%"), None)).await.1, 0);
        assert_eq!(found(&t, newest(Some("  "), None)).await.1, 3, "nothing is asked for");
        let paged = UsersNewestFirst { row: 1, limit: 1, ..newest(Some("nwosu"), None) };
        assert_eq!(found(&t, paged).await, (vec!["Ada Nwosu".into()], 2));
        for number in 0..newest::LOOKED_THROUGH {
            let profile = Profile { last_name: format!("Sample{number}"), ..Profile::default() };
            t.desk.perform(&t.house(), CreateUser::of(profile)).await.unwrap();
        }
        assert_eq!(found(&t, newest(Some("wos"), None)).await.1, 0, "among many only beginnings are found");
        let (names, total) = found(&t, newest(Some("nwo"), None)).await;
        assert_eq!((names, total), (vec!["Bola Nwosu".into(), "Ada Nwosu".into()], 2));
        assert_eq!(found(&t, newest(Some("ada@"), None)).await.1, 0);
        assert_eq!(found(&t, newest(Some("ada.nwosu@mail.example"), None)).await.0, ["Ada Nwosu"]);
        let long = t.desk.ask(&t.admin(), newest(Some(&"x".repeat(201)), None)).await;
        assert!(matches!(long, Err(Error::Invalid(_))));
    }
}

#[tokio::test]
async fn whom_an_agent_brought_is_found_by_the_exact_code_and_the_filters_besides() {
    for t in TestDesk::all().await {
        named(&t, "Ada", "Nwosu", true, Some("AGENT7")).await;
        let bola = named(&t, "Bola", "Bello", false, Some("AGENT7")).await;
        named(&t, "Chi", "Eze", false, Some("agent7")).await;
        assert_eq!(found(&t, newest(None, Some("AGENT7"))).await.0, ["Bola Bello", "Ada Nwosu"]);
        let abroad = UserFilter { diaspora: Some(true), ..UserFilter::default() };
        assert_eq!(
            found(&t, UsersNewestFirst { filter: abroad, ..newest(None, Some("AGENT7")) }).await.0,
            ["Ada Nwosu"]
        );
        assert_eq!(found(&t, newest(Some("bell"), Some("AGENT7"))).await.0, ["Bola Bello"]);
        assert_eq!(found(&t, newest(None, Some("AGENT8"))).await.1, 0);
        // Another agent takes her over.
        let patch = serde_json::json!({ "sales_agent_code": "AGENT8" }).as_object().unwrap().clone();
        let edit = EditUser { user: bola, if_version: None, patch, kind: None, employee: None, reason: None };
        t.desk.perform(&t.house(), edit).await.unwrap();
        assert_eq!(found(&t, newest(None, Some("AGENT7"))).await.1, 1);
        assert_eq!(found(&t, newest(None, Some("AGENT8"))).await.0, ["Bola Bello"]);
    }
}

#[tokio::test]
async fn rows_of_before_an_axis_was_added_are_counted_when_they_are_saved_and_by_the_housekeeping() {
    for t in TestDesk::all().await {
        let ada = named(&t, "Ada", "Nwosu", true, None).await;
        named(&t, "Bola", "Bello", true, None).await;
        let verified = Standing { verification: Verification::Verified, ..Standing::default() };
        let create = CreateUser { standing: verified, ..CreateUser::of(profile("chi")) };
        t.desk.perform(&t.house(), create).await.unwrap();
        t.desk.fold().await.unwrap();
        // As an older version would have left them: counted without the two bits, and the column empty.
        for table in ["user_block", "user_region", "user_move"] {
            tamper(&t, format!("DELETE FROM {table}")).await;
        }
        tamper(&t, "UPDATE users SET diaspora = NULL".to_owned()).await;
        for (number, axes) in [(1, 1), (2, 1), (3, 1 + (2 << 12))] {
            let tenant = t.tenant.0;
            let row = format!("({tenant}, {number}, 0, 0, {axes})");
            tamper(&t, format!("INSERT INTO user_move (tenant_id, number, version, was, axes) VALUES {row}")).await;
        }
        let total = async |filter: UserFilter| {
            let list = UsersAtRow { filter, row: 0, limit: 1, order: ListOrder::NewestFirst };
            t.desk.ask(&t.admin(), list).await.unwrap().total.unwrap()
        };
        let abroad = || UserFilter { diaspora: Some(true), ..UserFilter::default() };
        let verified = || UserFilter { verified: Some(true), ..UserFilter::default() };
        assert_eq!((total(UserFilter::default()).await, total(abroad()).await, total(verified()).await), (3, 0, 0));
        t.desk.perform(&t.house(), FlagUser { user: ada, bank: None, reason: None }).await.unwrap();
        assert_eq!((total(UserFilter::default()).await, total(abroad()).await), (3, 1), "whoever is saved is counted");
        while t.desk.count_anew().await.unwrap() > 0 {}
        assert_eq!((total(UserFilter::default()).await, total(abroad()).await, total(verified()).await), (3, 2, 1));
        assert_eq!(t.desk.recount(t.tenant).await.unwrap().wrong, 0);
        t.desk.fold().await.unwrap();
        assert_eq!(t.desk.recount(t.tenant).await.unwrap().wrong, 0);
        t.desk.perform(&t.house(), EraseUser { user: ada, reason: None }).await.unwrap();
        assert_eq!(total(abroad()).await, 1, "nothing of her is left");
    }
}

#[tokio::test]
async fn a_password_that_was_taken_away_opens_nothing_and_a_link_is_on_its_way() {
    for t in TestDesk::all().await {
        let user = user(&t, "ada").await;
        let open = token(&t, "ada").await;
        for _ in 0..5 {
            assert_eq!(told(&sign_in(&t, "ada", WRONG).await), "wrong");
        }
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "shut");
        t.desk.perform(&t.house(), DisableUser { user, reason: None }).await.unwrap();
        let revoke = || desk::password::RevokePassword { user, reason: Some("phishing".to_owned()) };
        let done = t.desk.perform(&t.admin(), revoke()).await.unwrap();
        assert_eq!(done.user.standing.lock, SignInLock::Open, "the lock by wrong passwords is open");
        assert_eq!(done.user.standing.admission, Admission::Disabled, "and she stays disabled");
        assert!(!is_open(&t, &open).await);
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "wrong");
        t.desk.perform(&t.house(), EnableUser { user, reason: None }).await.unwrap();
        assert_eq!(told(&sign_in(&t, "ada", PASSWORD).await), "wrong");
        // Again: the newer link replaces the older.
        let first = secret(&letter(&t, user, "password_reset").await.unwrap().token.unwrap());
        later(&t);
        t.desk.perform(&t.admin(), revoke()).await.unwrap();
        let link = secret(&letter(&t, user, "password_reset").await.unwrap().token.unwrap());
        assert!(t.desk.choose_password(&t.nobody(), &first, secret(NEW_PASSWORD)).await.is_err());
        t.desk.choose_password(&t.nobody(), &link, secret(NEW_PASSWORD)).await.unwrap();
        assert_eq!(told(&sign_in(&t, "ada", NEW_PASSWORD).await), "signed in");
        // A lock by staff is not the password's business.
        t.desk.perform(&t.house(), LockUser { user, until: None, reason: None }).await.unwrap();
        let done = t.desk.perform(&t.admin(), revoke()).await.unwrap();
        assert!(done.user.standing.is_locked(t.desk.now()));
    }
}
