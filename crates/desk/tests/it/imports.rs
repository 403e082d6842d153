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
    let mut staging = t.desk.stage_import(caller, format, dry_run, Naming::default()).await?;
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
            (Format::Csv, b"\xff\xfee\0x\0", "UTF-8"),
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
        assert_eq!(counts(&csv(&t, &full).await), (0, 0, 1, 0));
        let mut json = String::new();
        page.iter().for_each(|user| ndjson_line(user, &mut json));
        assert_eq!(json.lines().count(), 1);
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
