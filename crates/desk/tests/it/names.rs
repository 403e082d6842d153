//! Names that people sign in with are one space, and nothing that looks the same is another's.

use desk::import::{Format, Naming, ShowImport, ToTheEnd};
use desk::role::DefineRole;
use desk::session::SignInRequest;
use desk::team::CreateTeam;
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::*;
use desk::value::id::UserId;
use desk::{Permission, Result};
use serde_json::{Value, json};

use crate::imports::csv;
use crate::support::*;

fn named(username: Option<&str>, email: Option<&str>, phone: Option<&str>) -> Profile {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Profile {
        first_name: "Chidi".to_owned(),
        last_name: "Eze".to_owned(),
        username: owned(username),
        email: owned(email),
        phone: owned(phone),
        ..Profile::default()
    }
}

async fn create(t: &TestDesk, username: Option<&str>, email: Option<&str>, phone: Option<&str>) -> Result<UserId> {
    t.desk.perform(&t.admin(), CreateUser::of(named(username, email, phone))).await.map(|user| user.id)
}

async fn edit(t: &TestDesk, user: UserId, patch: Value) -> Result<()> {
    let patch = patch.as_object().unwrap().clone();
    let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
    t.desk.perform(&t.admin(), edit).await.map(drop)
}

fn taken(field: &str) -> Vec<(String, &'static str)> {
    vec![(field.to_owned(), "taken")]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_that_is_somebodys_address_is_taken_and_the_reverse() {
    for t in TestDesk::all().await {
        let ada = create(&t, None, Some("ada@mail.example"), None).await.unwrap();
        assert_eq!(faults(create(&t, Some("ADA@mail.example"), None, None).await), taken("username"));
        let eve = create(&t, Some("eve@mail.example"), None, None).await.unwrap();
        assert_eq!(faults(create(&t, None, Some("eve@MAIL.example"), None).await), taken("email"));
        assert_eq!(faults(edit(&t, eve, json!({ "username": "ada@mail.example" })).await), taken("username"));
        assert_eq!(faults(edit(&t, ada, json!({ "email": "eve@mail.example" })).await), taken("email"));
        // One's own address is a username like another, and stays one's own when either changes.
        edit(&t, ada, json!({ "username": "ada@mail.example" })).await.unwrap();
        edit(&t, ada, json!({ "email": "ada.okafor@mail.example" })).await.unwrap();
        assert_eq!(faults(create(&t, None, Some("ada@mail.example"), None).await), taken("email"));
        edit(&t, ada, json!({ "username": null })).await.unwrap();
        create(&t, None, Some("ada@mail.example"), None).await.unwrap();
        assert_eq!(faults(edit(&t, ada, json!({ "username": "ada@mail.example" })).await), taken("username"));
        // What was moved into the large table counts the same, and so do files.
        t.desk.settle_unique(t.tenant, 1).await.unwrap();
        assert_eq!(faults(create(&t, None, Some("eve@mail.example"), None).await), taken("email"));
        let file = "external_id,last_name,username,email\nC-1,Eze,ada@mail.example,\nC-2,Eze,,eve@mail.example\n\
                    C-3,Eze,obi@mail.example,\nC-4,Eze,,obi@mail.example\nC-5,Eze,kemi@mail.example,kemi@mail.example\n";
        let import = csv(&t, file).await;
        assert_eq!((import.rows_created, import.rows_rejected), (2, 3));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_sees_names_that_two_rows_share_across_the_fields() {
    for t in TestDesk::all().await {
        let file = "external_id,last_name,username,email\nC-3,Eze,obi@mail.example,\nC-4,Eze,,obi@mail.example\n";
        let mut staging = t.desk.stage_import(&t.house(), Format::Csv, true, Naming::default()).await.unwrap();
        staging.push(file.as_bytes()).await.unwrap();
        let start = staging.finish().await.unwrap();
        let id = t.desk.perform(&t.house(), start).await.unwrap().id;
        t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        let import = t.desk.ask(&t.house(), ShowImport(id)).await.unwrap();
        assert_eq!((import.rows_created, import.rows_rejected), (1, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_username_that_is_somebodys_telephone_number_is_taken_and_the_reverse() {
    for t in TestDesk::all().await {
        let ada = create(&t, None, None, Some("+2348035550101")).await.unwrap();
        for name in ["2348035550101", "08035550101", "0803-555-0101", "8035550101", "002348035550101"] {
            assert_eq!(faults(create(&t, Some(name), None, None).await), taken("username"), "{name}");
        }
        create(&t, Some("2348035550102"), None, None).await.unwrap();
        create(&t, Some("0803-555-0103"), None, None).await.unwrap();
        for phone in ["+2348035550102", "+2348035550103"] {
            assert_eq!(faults(create(&t, None, None, Some(phone)).await), taken("phone"), "{phone}");
        }
        assert_eq!(faults(edit(&t, ada, json!({ "phone": "+2348035550102" })).await), taken("phone"));
        // One's own number is a fine username, families share a number, and other digits are nobody's.
        edit(&t, ada, json!({ "username": "08035550101" })).await.unwrap();
        create(&t, Some("0000123"), None, Some("+2348035550104")).await.unwrap();
        create(&t, Some("1234567890"), None, Some("+2348035550104")).await.unwrap();
        let file = "external_id,last_name,username,phone\nC-1,Eze,,+2348035550102\nC-2,Eze,08035550104,\n\
                    C-3,Eze,08035550109,+2348035550109\nC-4,Eze,,+2348035550109\nC-5,Eze,,+2348035550110\n\
                    C-6,Eze,08035550110,\n";
        let import = csv(&t, file).await;
        assert_eq!((import.rows_created, import.rows_rejected), (2, 4));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_twice_before_is_reported_and_the_address_counts() {
    for t in TestDesk::all().await {
        let hash = t.desk.hash_new_password(secret(PASSWORD), 10, Vec::new()).await.unwrap();
        let create_it = CreateUser {
            password_hash: Some(hash),
            ..CreateUser::of(named(None, Some("ada@mail.example"), Some("+2348035550101")))
        };
        let owner = t.desk.perform(&t.admin(), create_it).await.unwrap().id;
        // As data of before: the other's claim on the address is not in the index.
        tamper(&t, "DELETE FROM user_unique_recent").await;
        let squatter = create(&t, Some("ada@mail.example"), None, None).await.unwrap();
        tamper(&t, "DELETE FROM user_unique_recent").await;
        edit(&t, owner, json!({ "email": "ada2@mail.example" })).await.unwrap();
        edit(&t, owner, json!({ "email": "ada@mail.example" })).await.unwrap();
        let found = t.desk.duplicate_names(&t.house(), 10).await.unwrap();
        assert_eq!(found, [DuplicateName { user: squatter, other: owner, of: "email" }]);
        assert!(t.desk.duplicate_names(&t.house(), 0).await.unwrap().is_empty());
        assert_eq!(code(t.desk.duplicate_names(&t.admin(), 10).await), "forbidden");
        let identifier = "ada@mail.example".to_owned();
        let request = SignInRequest { identifier, password: secret(PASSWORD), device: None, lives_seconds: None };
        assert_eq!(told(&t.desk.sign_in(&t.nobody(), request).await.unwrap()), "signed in");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invisible_characters_and_the_two_forms_of_a_domain_make_no_twin() {
    for t in TestDesk::all().await {
        create(&t, Some("amara"), Some("zoe@bücher.example"), None).await.unwrap();
        for twin in [
            "zoe@xn--bcher-kva.example",
            "ZOE@XN--BCHER-KVA.example",
            "zoe@BÜCHER.example",
            "zoe@bu\u{308}cher.example",
        ] {
            assert_eq!(faults(create(&t, None, Some(twin), None).await), taken("email"), "{twin}");
            assert_eq!(faults(create(&t, Some(twin), None, None).await).len(), 1, "{twin}");
        }
        for c in
            ["\u{200b}", "\u{3164}", "\u{34f}", "\u{ad}", "\u{202e}", "\u{2066}", "\u{fe0f}", "\u{378}", "\u{e0041}"]
        {
            let (username, email) = (format!("ama{c}ra"), format!("zo{c}e@mail.example"));
            let refused = faults(create(&t, Some(&username), Some(&email), None).await);
            assert_eq!(refused.len(), 2, "{c:?}: {refused:?}");
        }
        // In the domain what is not seen does not count.
        let soft = create(&t, None, Some("zoe@bü\u{ad}cher.example"), None).await;
        assert!(soft.is_err());
        let name = CreateTeam { name: "Support".to_owned() };
        t.desk.perform(&t.admin(), name).await.unwrap();
        for twin in [
            "Supp\u{200b}ort",
            "Support\u{3164}",
            "Sup\u{34f}port",
            "\u{202e}Support",
            "support",
            "Ｓupport",
            "Supp\u{378}ort",
        ] {
            let done = t.desk.perform(&t.admin(), CreateTeam { name: twin.to_owned() }).await;
            assert_eq!(faults(done).len(), 1, "{twin:?}");
        }
        let define = |name: &str| DefineRole { name: name.to_owned(), permissions: vec![Permission::UsersRead] };
        t.desk.perform(&t.admin(), define("Night shift")).await.unwrap();
        t.desk.perform(&t.admin(), define("Night shift")).await.unwrap();
        for twin in ["Night\u{200b} shift", "night shift", "Night\u{a0}shift"] {
            assert!(t.desk.perform(&t.admin(), define(twin)).await.is_err(), "{twin:?}");
        }
        for look in
            ["Super Admin", "super-admin", "ѕuper_аdmin", "super_adm1n", "supeR_adrnin", "Ａdmin", "0wner", "ｏwner"]
        {
            let done = t.desk.perform(&t.admin(), define(look)).await;
            let built_in = desk::permission::BUILT_IN_ROLES.iter().any(|(name, _)| name.contains("owner"));
            if look.to_lowercase().contains("wner") && !built_in {
                continue;
            }
            if look == "Ａdmin" && !desk::permission::BUILT_IN_ROLES.iter().any(|(name, _)| *name == "admin") {
                continue;
            }
            assert_eq!(faults(done), [("name".to_owned(), "look_alike")], "{look}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn telephone_numbers_are_read_as_people_of_the_institutions_country_write_them() {
    for t in TestDesk::all().await {
        let written = [
            "0803 555 0101",
            "2348035550101",
            "\u{202a}+234 803 555 0101\u{202c}",
            "00234 803–555–0101",
            "＋２３４ ８０３ ５５５ ０１０１",
            "0803\u{a0}555\u{202f}0101",
        ];
        let missing = faults(create(&t, None, None, Some(written[0])).await);
        assert_eq!(missing, [("phone".to_owned(), "country_missing")]);
        let patch = json!({ "country": "NG" }).as_object().unwrap().clone();
        t.desk.perform(&t.house(), ChangeSettings { patch }).await.unwrap();
        for text in written {
            let user = create(&t, None, None, Some(text)).await.unwrap();
            let seen = t.desk.ask(&t.house(), ShowUser(user)).await.unwrap();
            assert_eq!(seen.profile.phone.as_deref(), Some("+2348035550101"), "{text:?}");
        }
        // A file may be of another country.
        let naming = || Naming { country: Some("gb".to_owned()), ..Naming::default() };
        let mut staging = t.desk.stage_import(&t.house(), Format::Csv, false, naming()).await.unwrap();
        staging.push(b"external_id,last_name,phone\nC-1,Eze,020 7946 0958\nC-2,Eze,442079460959\n").await.unwrap();
        let start = staging.finish().await.unwrap();
        let id = t.desk.perform(&t.house(), start).await.unwrap().id;
        t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        for (id, phone) in [("C-1", "+442079460958"), ("C-2", "+442079460959")] {
            let name = UserByName { by: Unique::ExternalId, text: id.to_owned() };
            let user = t.desk.ask(&t.house(), name).await.unwrap().unwrap();
            let seen = t.desk.ask(&t.house(), ShowUser(user)).await.unwrap();
            assert_eq!(seen.profile.phone.as_deref(), Some(phone));
        }
        let bad = Naming { country: Some("Nigeria".to_owned()), ..Naming::default() };
        assert_eq!(code(t.desk.stage_import(&t.house(), Format::Csv, false, bad).await), "invalid");
        let patch = json!({ "country": "Nigeria" }).as_object().unwrap().clone();
        assert_eq!(faults(t.desk.perform(&t.house(), ChangeSettings { patch }).await)[0].0, "country");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_door_takes_a_link_or_turned_text_for_a_name() {
    for t in TestDesk::all().await {
        let ada = create(&t, None, None, None).await.unwrap();
        for field in ["first_name", "middle_name", "last_name", "preferred_name", "business_name"] {
            for bad in ["https://evil.example", "www.evil.example", "evil.example/x", "A\u{202e}b", "A\u{2067}b"] {
                let refused = faults(edit(&t, ada, json!({ field: bad })).await);
                assert_eq!(refused.len(), 1, "{field} {bad:?}");
                assert_eq!(refused[0].0, field);
            }
        }
        edit(&t, ada, json!({ "business_name": "Pine.Works Ltd." })).await.unwrap();
        let import = csv(&t, "external_id,last_name\nC-1,evil.example/x\nC-2,Eze\u{202e}\nC-3,Eze\n").await;
        assert_eq!((import.rows_created, import.rows_rejected), (1, 2));
        let add = |name: &str| desk::staff::AddStaff {
            id: None,
            name: name.to_owned(),
            email: "tunde@bank.example".to_owned(),
            password_hash: None,
        };
        for bad in ["https://evil.example", "Tunde\u{202e}", "Tunde\u{200b}"] {
            assert_eq!(faults(t.desk.perform(&t.admin(), add(bad)).await).len(), 1, "{bad:?}");
        }
    }
}
