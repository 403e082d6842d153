//! Bringing users in: good rows enter, bad ones are told, nothing is done twice, whatever happens on the way.

use desk::audit::{AuditFilter, ListAudit};
use desk::event::ListEvents;
use desk::import::*;
use desk::role::DefineRole;
use desk::staff::DisableStaff;
use desk::team::{AddMember, CreateTeam};
use desk::testing::TestDesk;
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::{ImportId, TenantId};
use desk::value::password::Hashing;
use desk::{Caller, Desk, Error, Permission as P};

use crate::bulk::worker;
use crate::support::*;

/// Receives a file and starts its import.
async fn start(t: &TestDesk, format: Format, dry_run: bool, file: &[u8]) -> desk::Result<ImportId> {
    start_by(t, &t.house(), format, dry_run, file).await
}

async fn start_by(t: &TestDesk, caller: &Caller, format: Format, dry_run: bool, file: &[u8]) -> desk::Result<ImportId> {
    start_as(t, caller, format, dry_run, Naming::default(), file).await
}

async fn start_as(
    t: &TestDesk,
    caller: &Caller,
    format: Format,
    dry_run: bool,
    naming: Naming,
    file: &[u8],
) -> desk::Result<ImportId> {
    let mut staging = t.desk.stage_import(caller, format, dry_run, naming).await?;
    // In odd chunks, as a network gives them.
    for chunk in file.chunks(100_003) {
        staging.push(chunk).await?;
    }
    let start = staging.finish().await?;
    Ok(t.desk.perform(caller, start).await?.id)
}

async fn show(t: &TestDesk, id: ImportId) -> Import {
    t.desk.ask(&t.house(), ShowImport(id)).await.unwrap()
}

/// Brings a file in and says what became of it.
async fn import(t: &TestDesk, format: Format, file: &[u8]) -> Import {
    let id = start(t, format, false, file).await.unwrap();
    assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
    later(t);
    show(t, id).await
}

/// The same, with what the caller says of its columns.
async fn import_as(t: &TestDesk, format: Format, naming: Naming, file: &[u8]) -> Import {
    let id = start_as(t, &t.house(), format, false, naming, file).await.unwrap();
    assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
    later(t);
    show(t, id).await
}

fn naming(map: &[&str], ignore: &[&str]) -> Naming {
    let map = map.iter().map(|pair| Naming::pair(pair).unwrap()).collect();
    Naming { map, ignore: ignore.iter().map(|it| (*it).to_owned()).collect(), ..Naming::default() }
}

pub async fn csv(t: &TestDesk, file: &str) -> Import {
    import(t, Format::Csv, file.as_bytes()).await
}

/// Created, edited, unchanged, rejected.
fn counts(import: &Import) -> (i64, i64, i64, i64) {
    assert_eq!(import.state, ImportState::Completed, "{import:?}");
    assert_eq!(import.done_bytes, import.file_bytes);
    (import.rows_created, import.rows_edited, import.rows_unchanged, import.rows_rejected)
}

/// Line, field and code of what did not enter.
async fn rejected(t: &TestDesk, id: ImportId) -> Vec<(i64, String, String)> {
    let page = t.desk.ask(&t.house(), RejectedRows { import: id, after: 0, limit: 1000 }).await.unwrap();
    assert!(page.rows.iter().all(|row| row.cells.is_none()));
    let told = |row: &RejectedRow| {
        let it = row.rejected.clone();
        (it.line, it.field.unwrap_or_default(), it.code)
    };
    page.rows.iter().map(told).collect()
}

fn line(line: i64, field: &str, code: &str) -> (i64, String, String) {
    (line, field.to_owned(), code.to_owned())
}

async fn by_external_id(t: &TestDesk, id: &str) -> Option<SeenUser> {
    let name = UserByName { by: Unique::ExternalId, text: id.to_owned() };
    let user = t.desk.ask(&t.house(), name).await.unwrap()?;
    let reveal = RevealUser { user, purpose: "looking at what was brought in".to_owned() };
    Some(t.desk.ask(&t.house(), reveal).await.unwrap())
}

async fn users(t: &TestDesk) -> i64 {
    count(t, "SELECT COUNT(*) FROM users".to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn good_rows_enter_whole_and_bad_ones_are_told_with_line_field_and_code() {
    for t in TestDesk::all().await {
        user(&t, "here").await;
        let file = "\u{feff}external_id,first_name,middle_name,last_name,email,phone,username,date_of_birth,gender,country,bvn,nin,ssn,\
            is_diaspora,is_verified,fraud_status,sign_in_lock,flagged_banks,created_at\r\n\
            a1,Marta,Inés,Reyes,Marta@mail.example,+12025550143,marta.r,1988-04-17,Female,US,22123456144,12345678901,123-45-6789,\
            true,yes,suspicious,locked,okra:1;okra:2,2019-01-02T03:04:05Z\r\n\
            a2,Tunde,,Bello,not an address,,,,,,,,,,,,,,\r\n\
            a3,\"Ngozi, the elder\",,Eze,,,,,,,,,,,,,,,\r\n\
            a1,Twice,,Reyes,,,,,,,,,,,,,,,\r\n\
            a4,Ada,,Obi,adaeze.here@mail.example,,,,,,,,,,,,,,\r\n\
            a5,Ada,,Obi,marta@MAIL.example,,,,,,,,,,,,,,\r\n\
            a6,,,,,,,,,,,,,,,,,,\r\n\
            a7,Kemi,,Ojo,,+12,,31.12.1999,,,1,,,maybe,,thief,,,yesterday\r\n\
            ,Nobody,,Known,,,,,,,,,,,,,,,\r\n";
        let import = csv(&t, file).await;
        assert_eq!(counts(&import), (3, 0, 0, 6));
        assert_eq!(
            rejected(&t, import.id).await,
            [
                line(3, "email", "malformed"),
                line(5, "external_id", "duplicate"),
                line(6, "email", "taken"),
                line(7, "email", "taken"),
                line(8, "last_name", "required"),
                line(9, "fraud_status", "invalid"),
            ]
        );
        let marta = by_external_id(&t, "a1").await.unwrap();
        let (profile, standing) = (&marta.profile, &marta.standing);
        assert_eq!((profile.first_name.as_str(), profile.middle_name.as_deref()), ("Marta", Some("Inés")));
        assert_eq!((profile.is_diaspora, profile.address.country.as_deref()), (Some(true), Some("US")));
        assert_eq!(profile.identifiers.ssn.as_deref(), Some("123-45-6789"));
        assert_eq!((standing.verification, standing.fraud), (Verification::Verified, FraudStatus::Suspicious));
        assert_eq!(standing.lock, SignInLock::Locked { cause: LockCause::Core, until: None });
        assert_eq!(standing.flagged_banks.len(), 2);
        assert_eq!(marta.marks[&Axis::Fraud].by, "house");
        assert_eq!(marta.created_at.rfc3339_millis(), "2019-01-02T03:04:05.000Z");
        assert_eq!(by_external_id(&t, "a3").await.unwrap().profile.first_name, "Ngozi, the elder");
        // Found like anybody else, and numbered without gaps.
        let find = FindUsers { count: true, ..FindUsers::of("ngoz eze".to_owned()) };
        assert_eq!(t.desk.ask(&t.house(), find).await.unwrap().total, Some(1));
        assert_eq!(count(&t, "SELECT MAX(number) FROM users".to_owned()).await, 4);
        assert_eq!(users(&t).await, 4);
        // Of the file nothing is left.
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_piece".to_owned()).await, 0);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_upload".to_owned()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_has_an_event_and_the_slices_have_the_records() {
    for t in TestDesk::all().await {
        let file: String = (1..=70).map(|n| format!("x{n},Person,Of-{n}\n")).collect();
        let import = csv(&t, &format!("external_id,first_name,last_name\n{file}")).await;
        assert_eq!(counts(&import), (70, 0, 0, 0));
        let events = t.desk.ask(&t.house(), ListEvents { after: None, limit: 500 }).await.unwrap().events;
        let created: Vec<_> = events.iter().filter(|it| it.name == "user.created").collect();
        let numbers: Vec<i64> = created.iter().map(|it| it.fact["number"].as_i64().unwrap()).collect();
        assert_eq!(numbers, (1..=70).collect::<Vec<_>>());
        let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
        let audit = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records;
        let slice = audit.iter().find(|row| row.action == "import.slice").unwrap();
        assert!(created.iter().all(|it| it.audit == slice.id));
        assert_eq!(slice.subject.as_deref(), Some(import.id.to_string().as_str()));
        let facts = slice.facts.as_array().unwrap();
        let names: Vec<_> = facts.iter().map(|fact| fact["event"].as_str().unwrap().to_owned()).collect();
        assert_eq!(names, ["import.advanced", "import.completed"], "the users are not told again");
        assert_eq!((&facts[0]["first_number"], &facts[0]["last_number"]), (&1.into(), &70.into()));
        assert!(audit.iter().any(|row| row.action == "import.start"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_changes_nothing_and_a_changed_row_edits() {
    for t in TestDesk::all().await {
        let file = "external_id,first_name,last_name,email,fraud_status\n1,Marta,Reyes,marta@mail.example,suspicious\n2,Tunde,Bello,,\n";
        assert_eq!(counts(&csv(&t, file).await), (2, 0, 0, 0));
        let before = by_external_id(&t, "1").await.unwrap();
        assert_eq!(counts(&csv(&t, file).await), (0, 0, 2, 0));
        assert_eq!(by_external_id(&t, "1").await.unwrap().version, before.version);
        // What is not in a row stays; standing is not moved by a second file.
        let changed = "external_id,first_name,last_name,email,fraud_status\n1,Marta,Reyes-Bello,,fraudulent\n2,Tunde,Bello,marta@mail.example,\n3,New,One,,\n";
        let import = csv(&t, changed).await;
        assert_eq!(counts(&import), (1, 1, 0, 1));
        assert_eq!(rejected(&t, import.id).await, [line(3, "email", "taken")]);
        let marta = by_external_id(&t, "1").await.unwrap();
        assert_eq!(marta.profile.last_name, "Reyes-Bello");
        assert_eq!(marta.profile.email.as_deref(), Some("marta@mail.example"));
        assert_eq!(marta.standing.fraud, FraudStatus::Suspicious);
        // NDJSON clears with null.
        let json = "{\"external_id\": \"1\", \"email\": null, \"demographic\": {\"gender\": \"Female\"}, \"abilities\": {\"pay\": true}}\n";
        assert_eq!(counts(&import_json(&t, json).await), (0, 1, 0, 0));
        let marta = by_external_id(&t, "1").await.unwrap();
        assert_eq!((marta.profile.email, marta.profile.demographic.gender.as_deref()), (None, Some("Female")));
        assert!(marta.profile.abilities["pay"]);
        assert_eq!(counts(&import_json(&t, json).await), (0, 0, 1, 0));
    }
}

async fn import_json(t: &TestDesk, file: &str) -> Import {
    import(t, Format::Ndjson, file.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_before_and_after_a_broken_one_are_unharmed() {
    let long = "a".repeat(10 * 1024 * 1024);
    let latin = b"M\xfcller".to_vec();
    for t in TestDesk::all().await {
        let good = |n: usize| format!("{n},Person,Of-{n}").into_bytes();
        let mut lines: Vec<Vec<u8>> = vec![b"external_id,first_name,last_name".to_vec()];
        lines.push(good(2));
        lines.push(format!("3,{long},Long").into_bytes());
        lines.push(good(4));
        lines.push(format!("5,\"{long},Long").into_bytes());
        lines.push(good(6));
        lines.push([b"7,".as_slice(), &latin, b",Bytes"].concat());
        lines.push(b"8,\"open,quote".to_vec());
        lines.push(good(9));
        lines.push(b"10,a\"b,quote".to_vec());
        lines.push(b"11,few".to_vec());
        lines.push(b"12,too,many,fields".to_vec());
        lines.push(b"13,nul\0l,Byte".to_vec());
        lines.push(Vec::new());
        lines.push(good(15));
        lines.push(b"16,\"cut of".to_vec());
        for end in [b"\n".as_slice(), b"\r\n"] {
            let import = import(&t, Format::Csv, &lines.join(end)).await;
            let (created, edited, unchanged, rejected_rows) = counts(&import);
            assert_eq!((created + unchanged, edited, rejected_rows), (5, 0, 9));
            assert_eq!(
                rejected(&t, import.id).await,
                [
                    line(3, "", "too_long"),
                    line(5, "", "too_long"),
                    line(7, "", "encoding"),
                    line(8, "", "quoting"),
                    line(10, "", "quoting"),
                    line(11, "", "columns"),
                    line(12, "", "columns"),
                    line(13, "first_name", "invalid"),
                    line(16, "", "quoting"),
                ]
            );
        }
        let json = format!(
            "{{\"external_id\":\"n1\",\"last_name\":\"One\"}}\n[1]\n{{\"last_name\":\n\n{{\"last_nam\":\"Two\"}}\n\
             {{\"last_name\":[\"Three\"]}}\n{{\"last_name\":\"{long}\"}}\r\n{{\"external_id\":17,\"last_name\":\"Four\"}}\n{{\"last_name\":\"cut"
        );
        let import = import_json(&t, &json).await;
        assert_eq!(counts(&import), (2, 0, 0, 6));
        assert_eq!(
            rejected(&t, import.id).await,
            [
                line(2, "", "json"),
                line(3, "", "json"),
                line(5, "last_nam", "unknown"),
                line(6, "last_name", "invalid"),
                line(7, "", "too_long"),
                line(9, "", "json"),
            ]
        );
        assert!(by_external_id(&t, "17").await.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_has_the_rights_of_who_started_it_at_each_slice() {
    for t in TestDesk::all().await {
        assert_eq!(counts(&csv(&t, "external_id,last_name,employee\ne1,Okoro,true\n").await), (1, 0, 0, 0));
        let patch = serde_json::json!({ "hide_employees": true }).as_object().unwrap().clone();
        t.desk.perform(&t.house(), desk::tenant::ChangeSettings { patch }).await.unwrap();
        let (ada, adas) = worker(&t, "ada", &[P::UsersImport]).await;
        // Employees are hidden from her: she can no more change one than see her.
        let file = b"external_id,last_name\ne1,Changed\nn1,Bello\n";
        let id = start_by(&t, &adas, Format::Csv, false, file).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
        assert_eq!(counts(&show(&t, id).await), (1, 0, 0, 1));
        assert_eq!(rejected(&t, id).await, [line(2, "external_id", "taken")]);
        assert_eq!(by_external_id(&t, "e1").await.unwrap().profile.last_name, "Okoro");
        // Whoever may no longer bring in users does not go on bringing them in.
        let id = start_by(&t, &adas, Format::Csv, false, b"external_id,last_name\nn2,Eze\n").await.unwrap();
        t.desk.perform(&t.house(), desk::staff::DisableStaff(ada)).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
        let failed = show(&t, id).await;
        assert_eq!((failed.state, failed.failure.as_deref()), (ImportState::Failed, Some("forbidden")));
        assert_eq!(users(&t).await, 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_said_twice_costs_its_own_row_and_no_other() {
    for t in TestDesk::all().await {
        let done = import_json(
            &t,
            "{\"external_id\":\"a\",\"identifiers\":{\"external_id\":\"x\"},\"last_name\":\"Bello\"}\n\
             {\"external_id\":\"b\",\"identifiers\":{\"external_id\":\"x\"},\"last_name\":\"Eze\"}\n\
             {\"external_id\":\"5f0f1c7e-6a52-4d0e-9a51-2f6d6c1f0b11\",\"last_name\":\"Obi\"}\n",
        )
        .await;
        assert_eq!(counts(&done), (1, 0, 0, 2));
        let twice = |at| line(at, "identifiers.external_id", "duplicate");
        assert_eq!(rejected(&t, done.id).await, [twice(1), twice(2)]);
        // Another system's id may look like one of ours.
        let find = FindUsers::of("5f0f1c7e-6a52-4d0e-9a51-2f6d6c1f0b11");
        assert_eq!(t.desk.ask(&t.house(), find).await.unwrap().users.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_finds_the_same_faults_and_changes_nothing() {
    for t in TestDesk::all().await {
        csv(&t, "external_id,last_name,email\nold,Okoro,old@mail.example\n").await;
        let file = "external_id,last_name,email,username\n\
            1,One,one@mail.example,one\n2,Two,one@mail.example,two\n3,Three,old@mail.example,\n4,Four,,one\n\
            old,Okoro-Bello,,\n5,,,\n1,Again,,\n6,Six,,six\n";
        let id = start(&t, Format::Csv, true, file.as_bytes()).await.unwrap();
        let before = (users(&t).await, by_external_id(&t, "old").await.unwrap().version);
        t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        let dry = show(&t, id).await;
        assert_eq!((users(&t).await, by_external_id(&t, "old").await.unwrap().version), before);
        assert_eq!(counts(&dry), (2, 1, 0, 5));
        let wet = csv(&t, file).await;
        assert_eq!(counts(&wet), counts(&dry));
        assert_eq!(rejected(&t, wet.id).await, rejected(&t, id).await);
    }
}

/// E-mail and username of these, by their external ids.
async fn names(t: &TestDesk, ids: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for id in ids {
        let profile = by_external_id(t, id).await.unwrap().profile;
        found.push((profile.email.unwrap_or_default(), profile.username.unwrap_or_default()));
    }
    found
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(email, username)| ((*email).to_owned(), (*username).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn emails_and_usernames_that_are_swapped_or_passed_on_within_a_file_reach_their_final_state() {
    // The same near each other, and in slices far from each other.
    for between in [0, 700] {
        for t in TestDesk::all().await {
            let filler: String = (0..between).map(|n| format!("f{n},Filler,,\n")).collect();
            let header = "external_id,last_name,email,username\n";
            let before = format!(
                "{header}a,A,a@mail.example,anna\nb,B,b@mail.example,bert\nc,C,c@mail.example,carl\n\
                 d,D,d@mail.example,\ne,E,e@mail.example,\ng,G,g@mail.example,\nh,H,h@mail.example,\n{filler}"
            );
            assert_eq!(csv(&t, &before).await.rows_rejected, 0);
            // Some are in the large table by now.
            t.desk.settle_unique(t.tenant, 1).await.unwrap();
            // a and b swap e-mails; a, b and c rotate usernames; d takes that of e, who moves on; somebody new takes that of d;
            // g asks for that of h, who keeps it, and another new one for that of g, who therefore keeps it, too.
            let after = format!(
                "{header}new,N,d@mail.example,\na,A,b@mail.example,bert\nd,D,e@mail.example,\ng,G,h@mail.example,\n\
                 late,L,g@mail.example,\n{filler}c,C,,anna\nb,B,a@mail.example,carl\ne,E,e2@mail.example,\nh,H2,,\n"
            );
            let dry = start(&t, Format::Csv, true, after.as_bytes()).await.unwrap();
            t.desk.run_import(t.tenant, dry, ToTheEnd).await.unwrap();
            let id = start(&t, Format::Csv, false, after.as_bytes()).await.unwrap();
            // Stopped after each slice: what waits is kept.
            while t.desk.run_import(t.tenant, id, For(2)).await.unwrap() == Stopped::Told {}
            let wet = show(&t, id).await;
            assert_eq!(counts(&wet), (1, 6, between, 2));
            assert_eq!(counts(&show(&t, dry).await), counts(&wet));
            let denied = rejected(&t, id).await;
            assert_eq!(denied, [line(5, "email", "taken"), line(6, "email", "taken")]);
            assert_eq!(rejected(&t, dry).await, denied);
            let now = names(&t, &["a", "b", "c", "d", "e", "new", "g", "h"]).await;
            let shall = [
                ("b@mail.example", "bert"),
                ("a@mail.example", "carl"),
                ("c@mail.example", "anna"),
                ("e@mail.example", ""),
                ("e2@mail.example", ""),
                ("d@mail.example", ""),
                ("g@mail.example", ""),
                ("h@mail.example", ""),
            ];
            assert_eq!(now, pairs(&shall));
            // Each is found by what is theirs now, and nothing is left behind.
            for (id, email) in [("a", "b@mail.example"), ("b", "a@mail.example"), ("new", "d@mail.example")] {
                let by = UserByName { by: Unique::Email, text: email.to_owned() };
                let user = t.desk.ask(&t.house(), by).await.unwrap();
                assert_eq!(user, Some(by_external_id(&t, id).await.unwrap().id), "{email}");
            }
            assert_eq!(count(&t, "SELECT COUNT(*) FROM import_waiting".to_owned()).await, 0);
            // The same file again changes nothing.
            let again = csv(&t, &after).await;
            assert_eq!(counts(&again), (0, 0, between + 7, 2));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_many_is_one_step_and_a_dry_run_that_was_stopped_says_the_same() {
    const MANY: usize = 1200;
    for t in TestDesk::all().await {
        let rows = |shift: usize| -> String {
            let row = |n: usize| format!("{n},Of-{n},p{}@mail.example\n", (n + shift) % MANY);
            "external_id,last_name,email\n".to_owned() + &(0..MANY).map(row).collect::<String>()
        };
        assert_eq!(counts(&csv(&t, &rows(0)).await), (MANY as i64, 0, 0, 0));
        let dry = start(&t, Format::Csv, true, rows(1).as_bytes()).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, dry, For(3)).await.unwrap(), Stopped::Told);
        assert_eq!(t.desk.run_import(t.tenant, dry, ToTheEnd).await.unwrap(), Stopped::Over);
        assert_eq!(counts(&show(&t, dry).await), (0, MANY as i64, 0, 0));
        assert_eq!(counts(&csv(&t, &rows(1)).await), (0, MANY as i64, 0, 0));
        let last = (MANY - 1).to_string();
        let found = names(&t, &["0", &last]).await;
        assert_eq!(found, pairs(&[("p1@mail.example", ""), ("p0@mail.example", "")]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_wait_go_with_an_import_that_is_called_off() {
    for t in TestDesk::all().await {
        csv(&t, "external_id,last_name,email\na,A,a@mail.example\nb,B,b@mail.example\n").await;
        let filler: String = (0..900).map(|n| format!("f{n},Filler,\n")).collect();
        let file = format!("external_id,last_name,email\na,A,b@mail.example\n{filler}b,B,a@mail.example\n");
        let id = start(&t, Format::Csv, false, file.as_bytes()).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, id, For(2)).await.unwrap(), Stopped::Told);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_waiting".to_owned()).await, 1);
        t.desk.perform(&t.house(), CancelImport(id)).await.unwrap();
        t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_waiting".to_owned()).await, 0);
        assert_eq!(names(&t, &["a"]).await, pairs(&[("a@mail.example", "")]));
    }
}

/// The rows that are kept of an import, as text; nothing where the row is forgotten.
async fn kept_rows(t: &TestDesk, id: ImportId) -> Vec<Option<String>> {
    let reveal = RevealRejected { import: id, after: 0, limit: 100, purpose: "mending".to_owned() };
    let page = t.desk.ask(&t.house(), reveal).await.unwrap();
    page.rows.into_iter().map(|row| row.cells.map(|cells| cells.join("|"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_reaches_rejected_rows_and_files_that_wait() {
    for t in TestDesk::all().await {
        csv(
            &t,
            "external_id,last_name,email,bvn\n17,Reyes,marta@mail.example,22123456144\n18,Bello,tunde@mail.example,\n",
        )
        .await;
        let marta = by_external_id(&t, "17").await.unwrap().id;
        // Rejected: by her id, by her address in other letters, by a number; a row that cannot be read; and two of others.
        let file = "external_id,last_name,email,bvn\n17,Reyes,nowhere,\n,Reyes,MARTA@mail.example,\n,,,22123456144\n\
            \"17,Reyes,marta@mail.example\n18,Bello,nowhere,\n,,tunde@mail.example,\n";
        let over = csv(&t, file).await;
        assert_eq!(over.rows_rejected, 6);
        let text = "external_id,last_name,email\n17,Reyes,marta@mail.example\n18,Bello,tunde.b@mail.example\n\
            99,Of the same,name@mail.example\n";
        // One file waits for its start, one rests in the middle, with a row that waits for her address.
        let mut staging = t.desk.stage_import(&t.house(), Format::Csv, false, Naming::default()).await.unwrap();
        staging.push(text.as_bytes()).await.unwrap();
        let start_later = staging.finish().await.unwrap().to_wait();
        let awaiting = t.desk.perform(&t.house(), start_later).await.unwrap().id;
        let filler: String = (0..800).map(|n| format!("f{n},Filler,\n")).collect();
        let json: String = text
            .lines()
            .skip(1)
            .map(|row| {
                let cells: Vec<&str> = row.split(',').collect();
                format!(
                    "{{\"external_id\":\"{}\",\"last_name\":\"{}\",\"email\":\"{}\"}}\n",
                    cells[0], cells[1], cells[2]
                )
            })
            .collect();
        let resting = start(&t, Format::Ndjson, false, json.as_bytes()).await.unwrap();
        t.desk.perform(&t.house(), PauseImport(resting)).await.unwrap();
        let middle =
            format!("external_id,last_name,email\n50,Waits,marta@mail.example\n{filler}17,Reyes,m2@mail.example\n");
        let middle = start(&t, Format::Csv, false, middle.as_bytes()).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, middle, For(2)).await.unwrap(), Stopped::Told);
        t.desk.perform(&t.house(), PauseImport(middle)).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_waiting").await, 1);

        t.desk.perform(&t.admin(), EraseUser { user: marta, reason: None }).await.unwrap();
        t.desk.forget_in_imports(t.tenant).await.unwrap();
        let kept = kept_rows(&t, over.id).await;
        assert!(kept[..4].iter().all(Option::is_none), "{kept:?}");
        assert!(
            kept[4..].iter().all(|row| row.as_ref().is_some_and(|row| row.contains("18") || row.contains("tunde")))
        );
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_waiting").await, 0);
        // Once no process can have the files in its hands any more, what she was known by is forgotten, too.
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_erased").await, 1);
        t.clock.advance(11 * desk::value::clock::MINUTE);
        t.desk.sweep_imports().await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_erased").await, 0);
        // What goes on brings everybody in but her: her rows are blanks.
        let of_file = async |import: Import| {
            let rows = rejected(&t, import.id).await;
            (import.rows_created, import.rows_edited, rows)
        };
        for id in [resting, middle] {
            t.desk.perform(&t.house(), ResumeImport(id)).await.unwrap();
            t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap();
        }
        assert_eq!(of_file(show(&t, resting).await).await, (1, 1, vec![]));
        assert_eq!(of_file(show(&t, middle).await).await, (800, 0, vec![]));
        assert!(by_external_id(&t, "17").await.is_none() && by_external_id(&t, "99").await.is_some());
        assert_eq!(show(&t, awaiting).await.state, ImportState::Awaiting);
    }
}

/// Erases somebody while the rows about her were made ready and are not yet written.
struct Erasing<'a>(&'a TestDesk, Option<desk::value::id::UserId>);

impl GoesOn for Erasing<'_> {
    async fn goes_on(&mut self, since: Since) -> bool {
        if since == Since::Wrote
            && let Some(user) = self.1.take()
        {
            self.0.desk.perform(&self.0.admin(), EraseUser { user, reason: None }).await.unwrap();
            self.0.desk.forget_in_imports(self.0.tenant).await.unwrap();
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_runs_does_not_bring_back_who_is_erased_meanwhile() {
    for t in TestDesk::all().await {
        csv(&t, "external_id,last_name,email\n17,Reyes,marta@mail.example\n").await;
        let marta = by_external_id(&t, "17").await.unwrap().id;
        // The slice behind the first is ready while the first is written.
        let filler: String = (0..250).map(|n| format!("f{n},Filler,\n")).collect();
        let file = format!("external_id,last_name,email\n{filler}17,Reyes-Bello,marta@mail.example\n");
        let id = start(&t, Format::Csv, false, file.as_bytes()).await.unwrap();
        t.desk.run_import(t.tenant, id, Erasing(&t, Some(marta))).await.unwrap();
        assert_eq!(show(&t, id).await.rows_created, 250);
        assert!(by_external_id(&t, "17").await.is_none());
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_rejected WHERE sealed IS NOT NULL").await, 0);
    }
}

/// Goes on for so many slices.
struct For(usize);

impl GoesOn for For {
    async fn goes_on(&mut self, _: Since) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_pauses_goes_on_exactly_and_can_be_called_off() {
    for t in TestDesk::all().await {
        let rows: String = (1..=1500).map(|n| format!("p{n},Person,Of-{n},p{}@mail.example\n", n % 1400)).collect();
        let file = format!("external_id,first_name,last_name,email\n{rows}p7,Late,Double,\n");
        let id = start(&t, Format::Csv, false, file.as_bytes()).await.unwrap();
        // Interrupted after the first slices, again and again: with each run everything is read from the tables anew.
        assert_eq!(t.desk.run_import(t.tenant, id, For(3)).await.unwrap(), Stopped::Told);
        let begun = show(&t, id).await;
        assert!(begun.rows_read() >= 200 && begun.rows_read() < 1501, "{begun:?}");
        assert_eq!(users(&t).await, begun.rows_created);
        let (paused, changed) = t.desk.perform(&t.house(), PauseImport(id)).await.unwrap();
        assert!(changed && paused.state == ImportState::Paused);
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Paused);
        assert_eq!(show(&t, id).await.rows_read(), begun.rows_read());
        assert!(!t.desk.perform(&t.house(), PauseImport(id)).await.unwrap().1, "it rests already");
        t.desk.perform(&t.house(), ResumeImport(id)).await.unwrap();
        while t.desk.run_import(t.tenant, id, For(2)).await.unwrap() == Stopped::Told {}
        let done = show(&t, id).await;
        assert_eq!(counts(&done), (1400, 0, 0, 101));
        assert_eq!(users(&t).await, 1400);
        assert_eq!(count(&t, "SELECT MAX(number) FROM users".to_owned()).await, 1400);
        let last = rejected(&t, id).await.pop().unwrap();
        assert_eq!(last, line(1502, "external_id", "duplicate"), "what was read before the interruption still counts");
        // What is over stays over.
        for told in [
            t.desk.perform(&t.house(), PauseImport(id)).await,
            t.desk.perform(&t.house(), ResumeImport(id)).await,
            t.desk.perform(&t.house(), CancelImport(id)).await,
        ] {
            assert!(matches!(told, Err(Error::Refused(desk::Refusal::ImportOver))));
        }
        let id = start(&t, Format::Csv, false, file.replace(",Person", ",Other").replace("\np", "\nq").as_bytes())
            .await
            .unwrap();
        t.desk.run_import(t.tenant, id, For(2)).await.unwrap();
        t.desk.perform(&t.house(), CancelImport(id)).await.unwrap();
        assert_eq!(t.desk.run_import(t.tenant, id, ToTheEnd).await.unwrap(), Stopped::Over);
        assert_eq!(show(&t, id).await.state, ImportState::Cancelled);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_piece".to_owned()).await, 0, "its file is gone");
    }
}

/// Moves what may exist once only into the large table after each slice, while the next ones are ready already.
struct Moving(Desk, TenantId);

impl GoesOn for Moving {
    async fn goes_on(&mut self, since: Since) -> bool {
        if since == Since::Wrote {
            self.0.settle_unique(self.1, 1).await.unwrap();
        }
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_taken_although_it_was_moved_since_the_rows_were_made_ready() {
    for t in TestDesk::all().await {
        // Some are there before, in either table.
        for (names, moved) in [("settled", true), ("recent", false)] {
            let rows: String = (0..50).map(|n| format!("{names}{n},Before\n")).collect();
            assert_eq!(counts(&csv(&t, &format!("username,last_name\n{rows}")).await), (50, 0, 0, 0));
            if moved {
                assert_eq!(t.desk.settle_unique(t.tenant, 1).await.unwrap(), 50);
            }
        }
        // Each name comes three times, in slices far from each other.
        let names = || {
            (0..50)
                .map(|n| format!("settled{n}"))
                .chain((0..50).map(|n| format!("recent{n}")))
                .chain((0..400).map(|n| format!("new{n}")))
        };
        let rows: String = (0..3).flat_map(|_| names()).map(|name| format!("{name},Person\n")).collect();
        let file = format!("username,last_name\n{rows}");
        let id = start(&t, Format::Csv, false, file.as_bytes()).await.unwrap();
        let moving = Moving(t.desk.clone(), t.tenant);
        assert_eq!(t.desk.run_import(t.tenant, id, moving).await.unwrap(), Stopped::Over);
        assert_eq!(counts(&show(&t, id).await), (400, 0, 0, 1100));
        assert!(rejected(&t, id).await.iter().all(|(_, field, code)| field == "username" && code == "taken"));
        assert_eq!(users(&t).await, 500);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM user_unique".to_owned()).await, 500);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_bring_each_row_in_once() {
    for t in TestDesk::all().await {
        let rows: String = (1..=1000).map(|n| format!("{n},Of-{n}\n")).collect();
        let id = start(&t, Format::Csv, false, format!("external_id,last_name\n{rows}").as_bytes()).await.unwrap();
        let (one, two) =
            tokio::join!(t.desk.run_import(t.tenant, id, ToTheEnd), t.desk.run_import(t.tenant, id, ToTheEnd));
        assert_eq!((one.unwrap(), two.unwrap()), (Stopped::Over, Stopped::Over));
        assert_eq!(counts(&show(&t, id).await), (1000, 0, 0, 0));
        assert_eq!(users(&t).await, 1000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_refused_before_anything_is_begun() {
    for t in TestDesk::all().await {
        for (format, file, what) in [
            (Format::Csv, b"".as_slice(), "empty"),
            (Format::Ndjson, b"", "empty"),
            (Format::Csv, b"external_id,fone\n1,2\n", "nearest is `phone`"),
            (Format::Csv, b"phone,phone\n", "Two columns"),
            (Format::Csv, b"external_id,stra\xdfe\n", "UTF-8"),
            (Format::Csv, b"PK\x03\x04xl/workbook.xml", "spreadsheet"),
            (Format::Csv, b"\x1f\x8b\x08\0\0", "not compressed"),
            (Format::Csv, b"\"external_id,last_name\n1,2\n", "quotes"),
        ] {
            let Err(Error::Invalid(faults)) = start(&t, format, false, file).await else { panic!("{what}") };
            assert!(faults[0].message.contains(what), "{what}: {faults:?}");
        }
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import".to_owned()).await, 0);
        // What was received of them is swept after a day.
        assert!(count(&t, "SELECT COUNT(*) FROM import_upload".to_owned()).await > 0);
        t.clock.advance(desk::value::clock::DAY + 1);
        t.desk.sweep_imports().await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_upload".to_owned()).await, 0);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM import_piece".to_owned()).await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_can_be_mended_and_brought_in() {
    for t in TestDesk::all().await {
        let import =
            csv(&t, "external_id,last_name,email\n1,\"Reyes, Marta\",nowhere\n2,Bello,tunde@mail.example\n").await;
        let reveal = |after| RevealRejected { import: import.id, after, limit: 1, purpose: "mending".to_owned() };
        let page = t.desk.ask(&t.house(), reveal(0)).await.unwrap();
        let file = page.csv_header() + &page.csv_rows();
        assert!(file.starts_with("line,field,code,reason,external_id,last_name,email\r\n2,email,malformed,"), "{file}");
        assert!(file.ends_with(",1,\"Reyes, Marta\",nowhere\r\n"), "{file}");
        let mended = file.replace("nowhere", "marta@mail.example");
        assert_eq!(counts(&csv(&t, &mended).await), (1, 0, 0, 0));
        assert_eq!(by_external_id(&t, "1").await.unwrap().profile.last_name, "Reyes, Marta");
        // A month later only the reasons are left.
        t.clock.advance(31 * desk::value::clock::DAY);
        t.desk.sweep_imports().await.unwrap();
        let page = t.desk.ask(&t.house(), reveal(0)).await.unwrap();
        assert!(page.rows[0].cells.is_none() && page.rows[0].rejected.code == "malformed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hash_from_elsewhere_signs_in_and_is_replaced_by_ours() {
    let hashes = [
        ("argon2", ""),
        ("bcrypt", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("pbkdf2", "$pbkdf2-sha256$i=1000,l=32$ZGVmZ2hpamtsbW5vcHFycw$+EZULgEmzaMAxCuCQkRrBLNAhQaBwQdt0mrBpLgMxWU"),
        ("scrypt", "$scrypt$ln=8,r=8,p=1$ZGVmZ2hpamtsbW5vcHFycw$cXLympE7X8xGTDTAuyCPhO4b89r3ipU4ZLpYtjMmrAc"),
    ];
    for t in TestDesk::all().await {
        let mut file = "external_id,last_name,username,password_hash\n".to_owned();
        for (kind, hash) in hashes {
            let hash = match kind {
                "argon2" => {
                    let dear = Hashing { memory_kib: 16, passes: 2, lanes: 1 };
                    dear.hash(&secret("U*U"), t.desk.random()).unwrap()
                }
                _ => hash.to_owned(),
            };
            file.push_str(&format!("{kind},Of-{kind},adaeze.{kind},\"{hash}\"\n"));
        }
        file.push_str("bad,Bad,adaeze.bad,$2b$99$nonsense\n");
        let import = csv(&t, &file).await;
        assert_eq!(counts(&import), (4, 0, 0, 1));
        assert_eq!(rejected(&t, import.id).await, [line(6, "password_hash", "password_hash")]);
        for (kind, _) in hashes {
            assert_eq!(told(&sign_in(&t, kind, WRONG).await), "wrong", "{kind}");
            assert_eq!(told(&sign_in(&t, kind, "U*U").await), "signed in", "{kind}");
        }
        let sql = "SELECT COUNT(*) FROM users WHERE password_hash LIKE '$argon2id$v=19$m=8,t=1,p=1$%'".to_owned();
        assert_eq!(count(&t, sql).await, 4, "each is one of ours now");
        for (kind, _) in hashes {
            assert_eq!(told(&sign_in(&t, kind, "U*U").await), "signed in", "{kind} again");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_masked_unless_right_and_purpose_say_otherwise_and_can_be_brought_in_again() {
    for t in TestDesk::all().await {
        let file = "external_id,last_name,email,bvn,fraud_status,is_diaspora\n\
            crm-0001,Reyes,marta@mail.example,22123456144,suspicious,true\ncrm-0002,Bello,,,,\n";
        csv(&t, file).await;
        let filter = UserFilter { fraud: Some(FraudStatus::Suspicious), ..UserFilter::default() };
        let open = |purpose: Option<&str>| ExportUsers { filter: filter.clone(), purpose: purpose.map(str::to_owned) };
        let exporter = t.holder(&[P::UsersExport]);
        let export = t.desk.ask(&exporter, open(None)).await.unwrap();
        let page = t.desk.ask(&exporter, ExportPage { export, after: 0 }).await.unwrap();
        let mut masked = csv_header();
        page.iter().for_each(|user| csv_line(user, &mut masked));
        assert_eq!(masked.lines().count(), 2);
        assert!(
            masked.contains("Reyes") && masked.contains("m***@mail.example") && masked.contains("22xxxxxx144"),
            "{masked}"
        );
        assert!(!masked.contains("22123456144") && !masked.contains("password"), "{masked}");
        let told = t.desk.ask(&exporter, open(Some("a report"))).await;
        assert!(matches!(told, Err(Error::Forbidden("users.reveal"))));
        let revealer = t.holder(&[P::UsersExport, P::UsersReveal]);
        assert!(matches!(t.desk.ask(&revealer, open(Some(" "))).await, Err(Error::Invalid(_))));
        let export = t.desk.ask(&revealer, open(Some("a report"))).await.unwrap();
        assert!(export.in_full());
        let page = t.desk.ask(&revealer, ExportPage { export: export.clone(), after: 0 }).await.unwrap();
        let mut full = csv_header();
        page.iter().for_each(|user| csv_line(user, &mut full));
        assert!(full.contains("22123456144"));
        let after = page.last().unwrap().number;
        assert!(t.desk.ask(&revealer, ExportPage { export, after }).await.unwrap().is_empty());
        let filter = AuditFilter { limit: 100, ..AuditFilter::default() };
        let audit = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records;
        let mut outcomes: Vec<_> =
            audit.iter().filter(|row| row.action == "user.export").map(|row| row.outcome.as_str()).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, ["asked", "asked", "refused", "refused"], "each attempt is on record");
        assert!(audit.iter().any(|row| row.action == "user.export" && row.reason.as_deref() == Some("a report")));
        // What was taken out says what is so already.
        let own = || naming(&[], &["id", "number"]);
        assert_eq!(counts(&import_as(&t, Format::Csv, own(), full.as_bytes()).await), (0, 0, 1, 0));
        let mut json = String::new();
        page.iter().for_each(|user| ndjson_line(user, &mut json));
        assert_eq!(json.lines().count(), 1);
        assert_eq!(counts(&import_as(&t, Format::Ndjson, own(), json.as_bytes()).await), (0, 0, 1, 0));
    }
}

/// All users as this caller may take them out.
async fn taken_out(t: &TestDesk, caller: &Caller, format: Format, purpose: Option<&str>) -> String {
    let open = ExportUsers { filter: UserFilter::default(), purpose: purpose.map(str::to_owned) };
    let export = t.desk.ask(caller, open).await.unwrap();
    let mut text = if format == Format::Csv { csv_header() } else { String::new() };
    for user in t.desk.ask(caller, ExportPage { export, after: 0 }).await.unwrap() {
        match format {
            Format::Csv => csv_line(&user, &mut text),
            Format::Ndjson => ndjson_line(&user, &mut text),
        }
    }
    text
}

/// Somebody with something in every field that is masked for anybody.
const EVERYTHING: &str = "external_id,first_name,last_name,email,phone,username,date_of_birth,address_line_one,city,\
    country,bvn,nin,ssn,photo_id_number,photo_id_issuer,photo_id_expiry,net_teller_id,customer_id,gender,net_worth,\
    home_contact_name,home_contact_phone,next_of_kin_name,next_of_kin_email,house_account_name,house_account_number,\
    wallet_balance,payment_slug,abilities,is_diaspora,flagged_banks,kind,fraud_status,sign_in_lock,core_state,created_at\n\
    crm-00000017,\"Marta, \"\"M\"\"\",Reyes,marta@mail.example,+12025550143,marta.r,1988-04-17,1 Elm St,Lagos,NG,22123456144,\
    12345678901,123-45-6789,AB1234567,passport,2031-01-01,net-00000001,cust-0000001,Female,lots,Inés,+12025550111,Luis,\
    luis@mail.example,Marta Reyes,0123451234,12.5,marta-pays,pay=true;fetch=false,true,okra:1;okra:2,individual,\
    suspicious,locked,dormant,2019-01-02T03:04:05Z\n\
    crm-00000018,Tunde,Bello,,,,,,,,,,,AB123,,,,,,,,,,,,1234,,,,,,,,,,\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_export_brought_back_changes_nothing_and_creates_nobody() {
    for t in TestDesk::all().await {
        assert_eq!(counts(&csv(&t, EVERYTHING).await), (2, 0, 0, 0));
        let revealer = t.holder(&[P::UsersExport, P::UsersReveal]);
        let before = taken_out(&t, &revealer, Format::Ndjson, Some("to compare")).await;
        assert!(!before.contains("***"), "{before}");
        for reader in [t.holder(&[P::UsersExport]), t.holder(&[P::UsersExport, P::UsersContacts])] {
            for format in [Format::Csv, Format::Ndjson] {
                let masked = taken_out(&t, &reader, format, None).await;
                assert!(masked.contains("***"), "{masked}");
                let own = naming(&[], &["id", "number"]);
                let import = import_as(&t, format, own.clone(), masked.as_bytes()).await;
                assert_eq!(counts(&import), (0, 0, 0, 2), "{masked}");
                let rows = rejected(&t, import.id).await;
                assert!(rows.iter().all(|(_, field, code)| code == "masked" && !field.is_empty()), "{rows:?}");
                // The dry run says the same.
                let dry = start_as(&t, &t.house(), format, true, own, masked.as_bytes()).await.unwrap();
                t.desk.run_import(t.tenant, dry, ToTheEnd).await.unwrap();
                assert_eq!(rejected(&t, dry).await, rows);
            }
        }
        // Without the columns that are masked the rest can be brought back.
        let masked = taken_out(&t, &t.holder(&[P::UsersExport, P::UsersContacts]), Format::Csv, None).await;
        let shown = naming(&[], &["id", "number", "bvn", "nin", "ssn", "photo_id_number", "house_account_number"]);
        assert_eq!(counts(&import_as(&t, Format::Csv, shown, masked.as_bytes()).await), (0, 0, 2, 0));
        assert_eq!(taken_out(&t, &revealer, Format::Ndjson, Some("to compare")).await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_masked_form_is_refused_in_its_row_and_no_value_is_taken_for_one() {
    for t in TestDesk::all().await {
        let file = "external_id,last_name,email,phone,username,date_of_birth,ssn,bvn,photo_id_number,house_account_number,city\n\
            1,Reyes,,,,,,,,,\n\
            1a,R***,,,,,,,,,\n\
            2,Reyes,m***@mail.example,,,,,,,,\n\
            3,Reyes,,+1******0143,,,,,,,\n\
            4,Reyes,,,***,,,,,,\n\
            5,Reyes,,,,****-**-**,,,,,\n\
            6,Reyes,,,,,***-**-6789,,,,\n\
            7,Reyes,,,,,,22xxxxxx144,,,\n\
            8,Reyes,,,,,,,xxxxxxxxx,,\n\
            9,Reyes,,,,,,,,******1234,\n\
            10,Reyes,,,,,,,,, *** \n\
            ******0017,Reyes,,,,,,,,,\n\
            11,Xaxxxxx,,,,,,,AX1234xxxx,,4 ** Road\n";
        let import = csv(&t, file).await;
        assert_eq!(counts(&import), (2, 0, 0, 11));
        let fields: Vec<_> = rejected(&t, import.id).await;
        let told: Vec<&str> = fields.iter().map(|(_, field, _)| field.as_str()).collect();
        let named = ["last_name", "email", "phone", "username", "date_of_birth", "ssn", "bvn", "photo_id_number"];
        assert_eq!(told, [&named[..], &["house_account_number", "city", "external_id"]].concat());
        assert!(fields.iter().all(|(.., code)| code == "masked"), "{fields:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_export_is_brought_into_another_institution_as_it_was() {
    for format in [Format::Csv, Format::Ndjson] {
        for (t, empty) in TestDesk::all().await.into_iter().zip(TestDesk::all().await) {
            assert_eq!(counts(&csv(&t, EVERYTHING).await), (2, 0, 0, 0));
            let revealer = [P::UsersExport, P::UsersReveal];
            let full = taken_out(&t, &t.holder(&revealer), format, Some("moving")).await;
            // Nobody is told apart by ids that are not theirs there.
            let undecided = start(&empty, format, false, full.as_bytes()).await;
            assert!(
                matches!(undecided, Err(Error::Invalid(ref faults)) if faults.iter().all(|it| it.code == "undecided"))
            );
            let own = naming(&[], &["id", "number"]);
            assert_eq!(counts(&import_as(&empty, format, own, full.as_bytes()).await), (2, 0, 0, 0));
            let there = taken_out(&empty, &empty.holder(&revealer), format, Some("to compare")).await;
            let without_ids = |text: &str| -> Vec<String> {
                let lines = text.lines().map(|line| match format {
                    Format::Csv => line.splitn(2, ',').last().unwrap().to_owned(),
                    Format::Ndjson => {
                        let mut user: serde_json::Value = serde_json::from_str(line).unwrap();
                        user.as_object_mut().unwrap().remove("id");
                        user.to_string()
                    }
                });
                lines.collect()
            };
            assert_eq!(without_ids(&there), without_ids(&full));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_password_gets_the_hash_that_comes_later_and_nobody_elses_is_replaced() {
    let (old, new) = (Hashing::cheap(), "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
    for t in TestDesk::all().await {
        let own = old.hash(&desk::value::secret::Secret::new(PASSWORD), t.desk.random()).unwrap();
        let first = format!(
            "external_id,last_name,username,password_hash,core_state\n1,Reyes,marta,,\n2,Bello,tunde,\"{own}\",\n\
             3,Eze,ngozi,,password_needs_reset\n"
        );
        assert_eq!(counts(&csv(&t, &first).await), (3, 0, 0, 0));
        let later = format!("external_id,password_hash\n1,{new}\n2,{new}\n3,{new}\n");
        let dry = start(&t, Format::Csv, true, later.as_bytes()).await.unwrap();
        t.desk.run_import(t.tenant, dry, ToTheEnd).await.unwrap();
        assert_eq!(counts(&show(&t, dry).await), (0, 1, 2, 0));
        let import = csv(&t, &later).await;
        assert_eq!(counts(&import), (0, 1, 2, 0));
        for (id, is_new) in [("1", true), ("2", false), ("3", false)] {
            assert_eq!(has_hash(&t, id, new).await, is_new, "{id}");
        }
        let events = t.desk.ask(&t.house(), ListEvents { after: None, limit: 500 }).await.unwrap().events;
        let changed: Vec<_> = events.iter().filter(|it| it.name == "password.changed").collect();
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].fact["way"], "import");
        // The same file again finds a password.
        assert_eq!(counts(&csv(&t, &later).await), (0, 0, 3, 0));
    }
}

/// Whether the user with this external id has just this hash.
async fn has_hash(t: &TestDesk, external_id: &str, hash: &str) -> bool {
    let user = by_external_id(t, external_id).await.unwrap();
    let sql = format!("SELECT COUNT(*) FROM users WHERE number = {} AND password_hash = '{hash}'", user.number);
    count(t, sql).await == 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_semicolon_or_tab_file_in_utf_16_or_windows_1252_is_read() {
    let text = "External_ID;First Name;LAST_NAME\r\n1;Zoë;\"Müller; Weiß\"\r\n";
    let tabs = text.replace(';', "\t").replace("\t Weiß", "; Weiß");
    let wide: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let narrow: Vec<u8> = text.chars().map(|it| u8::try_from(u32::from(it)).unwrap()).collect();
    for t in TestDesk::all().await {
        for (file, encoding) in [(text.as_bytes(), None), (tabs.as_bytes(), None), (&wide[..], None)]
            .into_iter()
            .chain([(&narrow[..], Encoding::named("cp1252"))])
        {
            let naming = Naming { encoding, ..Naming::default() };
            let import = import_as(&t, Format::Csv, naming, file).await;
            assert_eq!(import.rows_rejected, 0, "{:?}", rejected(&t, import.id).await);
            let zoe = by_external_id(&t, "1").await.unwrap().profile;
            assert_eq!(zoe.first_name, "Zoë");
            assert_eq!(zoe.last_name, "Müller; Weiß");
        }
        // Nobody guesses: what is not UTF-8 names what it may be, in the header and in a row.
        let header = [b"external_id,last_name,".as_slice(), b"caf\xe9\n1,Reyes,x\n"].concat();
        let fault = start(&t, Format::Csv, false, &header).await.unwrap_err();
        assert!(
            matches!(&fault, Error::Invalid(faults) if faults[0].message.contains("encoding=windows-1252")),
            "{fault:?}"
        );
        let import = import(&t, Format::Csv, b"external_id,last_name\n2,M\xfcller\n").await;
        let page = RejectedRows { import: import.id, after: 0, limit: 10 };
        let row = t.desk.ask(&t.house(), page).await.unwrap().rows.remove(0).rejected;
        assert!(row.code == "encoding" && row.reason.contains("encoding=windows-1252"), "{row:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rejected_rows_of_a_semicolon_file_can_be_mended() {
    for t in TestDesk::all().await {
        let import = csv(&t, "EXTERNAL_ID;last_name;email\n1;\"Reyes; Bello\";nowhere\n").await;
        let reveal = RevealRejected { import: import.id, after: 0, limit: 10, purpose: "mending".to_owned() };
        let page = t.desk.ask(&t.house(), reveal).await.unwrap();
        let mended = (page.csv_header() + &page.csv_rows()).replace("nowhere", "marta@mail.example");
        assert_eq!(counts(&csv(&t, &mended).await), (1, 0, 0, 0));
        assert_eq!(by_external_id(&t, "1").await.unwrap().profile.last_name, "Reyes; Bello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_with_the_rights_that_are_left_of_those_it_began_with() {
    for t in TestDesk::all().await {
        let (d, house) = (&t.desk, t.house());
        csv(&t, "external_id,last_name,email\ncrm-1,Reyes,marta@mail.example\n").await;
        let permissions = vec![P::UsersExport, P::UsersReveal, P::UsersContacts];
        let define = |permissions| DefineRole { name: "exporter".to_owned(), permissions };
        let role = d.perform(&house, define(permissions)).await.unwrap().id;
        let team = d.perform(&house, CreateTeam { name: "exports".to_owned() }).await.unwrap().id;
        let id = staff(&t, "exporter").await;
        d.perform(&house, AddMember { team, staff: id, role }).await.unwrap();
        let token = staff_sign_in(&t, "exporter", PASSWORD).await.unwrap();
        let began = d.caller(token.expose(), desk::testing::origin()).await.unwrap();
        let open =
            |purpose: Option<&str>| ExportUsers { filter: UserFilter::default(), purpose: purpose.map(str::to_owned) };
        let full = d.ask(&began, open(Some("a report"))).await.unwrap();
        let plain = d.ask(&began, open(None)).await.unwrap();
        let page = async |export: &Export| {
            let caller = d.caller_now(&began).await?;
            d.ask(&caller, ExportPage { export: export.clone(), after: 0 }).await
        };
        let address = |users: Vec<SeenUser>| users[0].profile.email.clone().unwrap();
        assert_eq!(address(page(&full).await.unwrap()), "marta@mail.example");
        assert_eq!(address(page(&plain).await.unwrap()), "marta@mail.example");
        // She may reveal no more, nor see contacts: what is left is masked, what was in full ends.
        d.perform(&house, define(vec![P::UsersExport])).await.unwrap();
        assert!(matches!(page(&full).await, Err(Error::Forbidden("users.reveal"))));
        assert_eq!(address(page(&plain).await.unwrap()), "m***@mail.example");
        // Nothing comes to her who is not of the staff any more, and what she is given later does not count for it.
        d.perform(&house, DisableStaff(id)).await.unwrap();
        assert!(matches!(page(&plain).await, Err(Error::Forbidden("users.export"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manual_has_the_table_of_columns() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/import.md")).unwrap();
    assert!(page.contains(&columns_page()), "docs/import.md needs this table:\n{}", columns_page());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_import_does_not_exist() {
    for t in TestDesk::all().await {
        let import = csv(&t, "last_name\nReyes\n").await;
        let other = t.other_tenant().await;
        let stranger = desk::Caller::house(other, desk::Door::Cli);
        assert!(matches!(t.desk.ask(&stranger, ShowImport(import.id)).await, Err(Error::NotFound("import"))));
        assert!(matches!(t.desk.perform(&stranger, CancelImport(import.id)).await, Err(Error::NotFound("import"))));
        let rows = RejectedRows { import: import.id, after: 0, limit: 10 };
        assert!(matches!(t.desk.ask(&stranger, rows).await, Err(Error::NotFound("import"))));
        assert!(t.desk.ask(&stranger, ListImports { before: None, limit: 10 }).await.unwrap().is_empty());
    }
}

/// `cargo test --release -- --ignored --nocapture how_fast`: rows a second, and what the last tenth costs by the first.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn how_fast_users_are_brought_in() {
    const ROWS: usize = 100_000;
    for t in TestDesk::all().await {
        let names = ["Adaeze", "Tunde", "Marta", "Ngozi", "Kemi", "Chidi", "Ines", "Sade", "Femi", "Lucia", "Bola"];
        let mut file =
            "external_id,first_name,last_name,email,phone,username,date_of_birth,bvn,city,country\n".to_owned();
        for n in 0..ROWS {
            let (first, last) = (names[n % 11], names[n / 11 % 11]);
            file.push_str(&format!(
                "crm-{n},{first},{last}son{},{first}.{n}@mail.example,+1202{:07},{first}.{n},1988-04-17,{:011},Springfield,US\n",
                n % 977,
                5_550_000 + n % 9999,
                22_000_000_000_usize + n
            ));
        }
        let id = start(&t, Format::Csv, false, file.as_bytes()).await.unwrap();
        let begun = std::time::Instant::now();
        let mut marks = Vec::new();
        let running = t.desk.run_import(t.tenant, id, ToTheEnd);
        tokio::pin!(running);
        loop {
            tokio::select! {
                done = &mut running => { done.unwrap(); break }
                () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {
                    marks.push((begun.elapsed().as_secs_f64(), show(&t, id).await.rows_read() as f64));
                }
            }
        }
        let whole = begun.elapsed().as_secs_f64();
        marks.push((whole, ROWS as f64));
        let at = |rows: f64| marks.iter().find(|(_, done)| *done >= rows).map_or(whole, |(seconds, _)| *seconds);
        let (first, last) = (at(ROWS as f64 / 10.0), whole - at(ROWS as f64 * 0.9));
        println!(
            "{:?}: {ROWS} rows in {whole:.1} s, {:.0}/s; the first tenth {first:.2} s, the last {last:.2} s ({:.2})",
            t.engine,
            ROWS as f64 / whole,
            last / first
        );
    }
}
