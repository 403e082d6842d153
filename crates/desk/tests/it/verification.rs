//! Verification: asked for, looked at, decided; documents that are what they say they are, lie sealed, leave only with a
//! watermark and on record, and go when the person goes.

use std::sync::Arc;

use desk::audit::{AuditFilter, ListAudit};
use desk::job::JobKind;
use desk::message::TellOfVerification;
use desk::testing::{TestDesk, test_dbs};
use desk::user::standing::*;
use desk::user::verification::*;
use desk::user::*;
use desk::value::clock::{HOUR, MINUTE, SECOND};
use desk::value::id::{DocumentId, UserId, VerificationId};
use desk::{Caller, Error, Permission as P, Refusal, Result};
use image::GenericImageView;

use crate::papers::{self, show, show_as};
use crate::support::*;

fn ask_more(user: UserId, text: &str) -> AskForMore {
    AskForMore { user, text: text.to_owned(), reason: Some("blurred".to_owned()) }
}

fn decline(user: UserId) -> DeclineVerification {
    let text = Some("The paper has expired.".to_owned());
    DeclineVerification { user, reason: "expired in spring".to_owned(), text }
}

fn open(user: UserId, document: DocumentId) -> OpenDocument {
    OpenDocument { user, document, purpose: "deciding on her request".to_owned() }
}

async fn file(t: &TestDesk, user: UserId) -> VerificationFile {
    t.desk.ask(&t.house(), ShowVerification(user)).await.unwrap()
}

/// The states of the newest request, step by step.
async fn steps(t: &TestDesk, user: UserId) -> Vec<&'static str> {
    file(t, user).await.requests[0].steps.iter().map(|step| step.state.word()).collect()
}

/// Does what the worker would do with the jobs that are due, and says of which kinds they were.
async fn work(t: &TestDesk) -> Vec<&'static str> {
    let mut done = Vec::new();
    for job in t.desk.lease_jobs(50).await.unwrap() {
        match job.kind {
            JobKind::TellOfVerification => {
                let verification = job.payload["verification"].as_str().and_then(VerificationId::parse).unwrap();
                let tell = TellOfVerification { verification, step: job.payload["step"].as_i64().unwrap() };
                t.desk.perform(&t.house(), tell).await.unwrap();
            }
            JobKind::DropObjects => drop(t.desk.drop_objects().await.unwrap()),
            _ => {}
        }
        done.push(job.kind.word());
        t.desk.finish_job(job).await.unwrap();
    }
    done.sort_unstable();
    done
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_asks_is_asked_for_more_answers_and_is_approved() {
    for t in TestDesk::all().await {
        let user = user(&t, "one").await;
        let (her, staff) = (herself(&t, "one").await, t.holder(&[P::VerificationsDecide, P::UsersRead]));
        let added = show(&t, &her, user, DocumentKind::PhotoId, &papers::jpeg(80, 60)).await.unwrap();
        assert!(added.changed);
        assert_eq!((added.document.width, added.document.height), (Some(80), Some(60)));
        later(&t);
        let asked = t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        assert!(asked.changed && asked.user.standing.verification == Verification::Requested);
        let record = last_audit(&t).await;
        assert_eq!(facts_of(&record), ["user.verification_changed", "verification.opened"]);
        later(&t);
        assert!(
            !t.desk.perform(&her, SubmitVerification { user }).await.unwrap().changed,
            "asking twice is asking once"
        );
        let again = t.desk.perform(&t.house(), AskVerification { user, reason: None }).await.unwrap();
        assert!(!again.changed);

        later(&t);
        t.desk.perform(&staff, ask_more(user, "A sharper picture,\nplease.")).await.unwrap();
        assert_eq!(file(&t, user).await.verification, Verification::Requested, "nothing is decided yet");
        assert!(work(&t).await.contains(&"tell_of_verification"));
        let told = letter(&t, user, "verification_more_needed").await.unwrap();
        assert_eq!(told.text.as_deref(), Some("A sharper picture,\nplease."));
        later(&t);
        show(&t, &her, user, DocumentKind::PhotoId, &papers::png(90, 60)).await.unwrap();
        later(&t);
        let answered = t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        assert_eq!(answered.request.unwrap().state, RequestState::Requested);
        assert_eq!(facts_of(&last_audit(&t).await), ["verification.answered"]);

        later(&t);
        let approve = ApproveVerification { user, reason: Some("all is well".to_owned()) };
        let approved = t.desk.perform(&staff, approve).await.unwrap();
        assert_eq!(approved.user.standing.verification, Verification::Verified);
        assert_eq!(facts_of(&last_audit(&t).await), ["user.verification_changed", "verification.closed"]);
        work(&t).await;
        assert!(letter(&t, user, "verification_approved").await.unwrap().text.is_none());
        assert_eq!(steps(&t, user).await, ["requested", "more_needed", "requested", "approved"]);

        // What she is shown of it names nobody of the staff, and none of what they said among themselves.
        let file = t.desk.ask(&her, ShowVerification(user)).await.unwrap();
        let request = &file.requests[0];
        assert_eq!(request.decided_by.as_deref(), Some("institution"));
        assert!(request.steps.iter().all(|step| step.said.as_ref().is_none_or(|said| said.reason.is_none())));
        assert_eq!(request.last_text(), Some("A sharper picture,\nplease."));
        assert_eq!(file.documents.len(), 1, "what was replaced is no affair of hers any more");
        // Staff see both papers: both were there while it was open.
        let file = t.desk.ask(&staff, ShowVerification(user)).await.unwrap();
        assert_eq!(file.documents.iter().filter(|it| file.requests[0].saw(it, file.now)).count(), 2);
        assert_eq!(file.requests[0].steps[1].said.as_ref().unwrap().reason.as_deref(), Some("blurred"));

        // Who is verified has nothing more to show, to ask or to have decided.
        let more = show(&t, &her, user, DocumentKind::Selfie, &papers::png(8, 8)).await;
        assert_eq!(refusal(more), Refusal::VerificationState);
        assert!(!t.desk.perform(&her, SubmitVerification { user }).await.unwrap().changed);
        assert_eq!(refusal(t.desk.perform(&staff, decline(user)).await), Refusal::VerificationState);
        assert_eq!(refusal(t.desk.perform(&staff, ask_more(user, "more")).await), Refusal::VerificationState);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_decline_a_new_request_begins_and_the_old_one_is_kept() {
    for t in TestDesk::all().await {
        let user = user(&t, "one").await;
        let her = herself(&t, "one").await;
        t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        later(&t);
        let nameless = DeclineVerification { user, reason: "  ".to_owned(), text: None };
        assert_eq!(faults(t.desk.perform(&t.house(), nameless).await), [("reason".to_owned(), "required")]);
        let silent = AskForMore { user, text: " \n".to_owned(), reason: None };
        assert_eq!(faults(t.desk.perform(&t.house(), silent).await), [("text".to_owned(), "required")]);
        let long = ask_more(user, &"x".repeat(TEXT_MAX + 1));
        assert_eq!(faults(t.desk.perform(&t.house(), long).await), [("text".to_owned(), "too_long")]);
        later(&t);
        t.desk.perform(&t.house(), decline(user)).await.unwrap();
        assert_eq!(last_audit(&t).await.reason.as_deref(), Some("expired in spring"));
        work(&t).await;
        assert_eq!(letter(&t, user, "verification_declined").await.unwrap().text.unwrap(), "The paper has expired.");
        later(&t);
        t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        let file = file(&t, user).await;
        let states: Vec<_> = file.requests.iter().map(|it| it.state).collect();
        assert_eq!(states, [RequestState::Requested, RequestState::Declined]);
        assert_eq!(file.requests[1].steps[1].said.as_ref().unwrap().reason.as_deref(), Some("expired in spring"));
        let open = "SELECT COUNT(*) FROM verification WHERE state IN ('requested', 'more_needed')";
        assert_eq!(count(&t, open).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_decisions_at_once_one_counts_and_the_other_is_refused() {
    for t in TestDesk::all().await {
        let user = user_in(&t, "one", Standing { verification: Verification::Requested, ..Standing::default() }).await;
        let (one, other) = (t.desk.clone(), t.desk.clone());
        let (house, staff) = (t.house(), t.admin());
        let approve = ApproveVerification { user, reason: None };
        let (yes, no) = tokio::join!(one.perform(&house, approve), other.perform(&staff, decline(user)));
        assert!(yes.is_ok() != no.is_ok());
        let lost = yes.err().or(no.err()).unwrap();
        assert!(matches!(lost, Error::Refused(Refusal::VerificationState)), "{lost:?}");
        // She was brought in waiting: her request began when she did, and has its end.
        assert_eq!(steps(&t, user).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_may_not_show_and_nobody_shows_for_others() {
    for t in TestDesk::all().await {
        let bad = Standing { blacklist: Blacklist::Blacklisted, ..Standing::default() };
        let blacklisted = user_in(&t, "black", bad).await;
        let (one, two) = (user(&t, "one").await, user(&t, "two").await);
        let (paper, kind) = (papers::png(8, 8), DocumentKind::Signature);
        let told = show(&t, &t.house(), blacklisted, kind, &paper).await;
        assert_eq!(refusal(told), Refusal::UserBlacklisted);
        let her = herself(&t, "one").await;
        assert_eq!(code(show(&t, &her, two, kind, &paper).await), "forbidden");
        assert_eq!(code(show(&t, &t.holder(&[P::UsersRead]), one, kind, &paper).await), "forbidden");
        assert_eq!(code(show(&t, &t.nobody(), one, kind, &paper).await), "unauthenticated");
        assert_eq!(code(t.desk.ask(&her, ShowVerification(two)).await), "forbidden");
        let forbidden = "SELECT COUNT(*) FROM audit WHERE action = 'verification.add_document' AND outcome = 'refused'";
        assert_eq!(count(&t, forbidden).await, 2, "both attempts are on record");
        let elsewhere = Caller::house(t.other_tenant().await, desk::Door::Cli);
        assert_eq!(code(show(&t, &elsewhere, one, kind, &paper).await), "not_found");
        assert_eq!(code(t.desk.ask(&elsewhere, ShowVerification(one)).await), "not_found");
        let added = show(&t, &her, one, kind, &paper).await.unwrap().document;
        assert_eq!(code(t.desk.show_document(&elsewhere, open(one, added.id)).await), "not_found");
        assert_eq!(code(t.desk.show_document(&t.house(), open(two, added.id)).await), "not_found");
        assert_eq!(code(t.desk.show_document(&her, open(one, added.id)).await), "forbidden");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_not_wholly_one_document_is_refused_by_name() {
    let t = TestDesk::all().await.remove(0);
    let user = user(&t, "one").await;
    let (png, jpeg, pdf) = (papers::png(40, 30), papers::jpeg(40, 30), papers::pdf(2, ""));
    let with = |bytes: &[u8], tail: &[u8]| [bytes, tail].concat();
    let cut = |bytes: &[u8]| bytes[..bytes.len() * 2 / 3].to_vec();
    let mut broken = png.clone();
    broken[60] ^= 1;
    let script = papers::pdf(1, "/OpenAction << /S /JavaScript /JS (app.alert(1)) >>");
    let zip = b"PK\x03\x04....PK\x01\x02....PK\x05\x06\0\0";
    let too_wide = {
        let mut header = png.clone();
        header[16..20].copy_from_slice(&50_000_u32.to_be_bytes());
        let mut sum = flate2::Crc::new();
        sum.update(&header[12..29]);
        header[29..33].copy_from_slice(&sum.sum().to_be_bytes());
        header
    };
    // A PDF that names pages it does not have.
    let hollow = papers::pdf_of(&["<< /Type /Catalog /Pages 2 0 R >>".to_owned()]);
    let table: Vec<(&str, Vec<u8>)> = vec![
        ("required", Vec::new()),
        ("unknown_type", b"<html><script>alert(1)</script>".to_vec()),
        ("unknown_type", b"GIF89a......".to_vec()),
        ("truncated", cut(&png)),
        ("truncated", cut(&jpeg)),
        ("truncated", cut(&pdf)),
        ("damaged", broken),
        ("damaged", hollow),
        ("trailing_data", with(&png, zip)),
        ("trailing_data", with(&jpeg, zip)),
        ("trailing_data", with(&jpeg, b"<script>alert(1)</script>")),
        ("trailing_data", with(&pdf, zip)),
        ("too_many_pixels", too_wide),
        ("active_content", script),
        ("active_content", papers::pdf(1, "/Names << /EmbeddedFiles << >> >>")),
        ("active_content", papers::pdf(1, "/OpenAction << /S /Launch /F (calc.exe) >>")),
        ("too_many_pages", papers::pdf(51, "")),
        ("encrypted", papers::pdf(1, "/Encrypt 4 0 R")),
    ];
    for (expected, bytes) in table {
        let told = show(&t, &t.house(), user, DocumentKind::PhotoId, &bytes).await;
        assert_eq!(faults(told), [("document".to_owned(), expected)], "{:?}", &bytes[..bytes.len().min(20)]);
    }
    let kind = DocumentKind::PhotoId;
    let told = show_as(&t, &t.house(), user, kind, Some(MediaType::Pdf), &png).await;
    assert_eq!(faults(told), [("document".to_owned(), "type_mismatch")]);
    let told = show(&t, &t.house(), user, kind, &vec![0; DOCUMENT_BYTES_MAX + 1]).await;
    assert_eq!(faults(told), [("document".to_owned(), "too_large")]);
    assert!(file(&t, user).await.documents.is_empty(), "nothing of it was kept");
    assert_eq!(count(&t, "SELECT COUNT(*) FROM verification_object").await, 0, "nor written anywhere");
    // And these are taken.
    for (kind, bytes) in [(kind, pdf), (DocumentKind::Selfie, with(&jpeg, &[0; 100])), (DocumentKind::Signature, png)] {
        show(&t, &t.house(), user, kind, &bytes).await.unwrap();
    }
    let kept = file(&t, user).await;
    let of = |kind| kept.documents.iter().find(|it| it.kind == kind).unwrap();
    assert_eq!(of(DocumentKind::PhotoId).pages, Some(2));
    assert_eq!(of(DocumentKind::Selfie).bytes, jpeg.len() as i64, "what a camera added is cut off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_unfolds_is_not_decoded() {
    let t = TestDesk::all().await.remove(0);
    let user = user(&t, "one").await;
    // 11,000 by 11,000 pixels of nothing: a few hundred kilobytes, and 121 million pixels.
    let (mut out, row) = (Vec::new(), vec![0_u8; 11_000]);
    {
        let mut encoder = flate2::write::ZlibEncoder::new(&mut out, flate2::Compression::fast());
        for _ in 0..11_000 {
            std::io::Write::write_all(&mut encoder, &[0]).unwrap();
            std::io::Write::write_all(&mut encoder, &row).unwrap();
        }
    }
    let chunk = |kind: &[u8], data: &[u8]| {
        let mut sum = flate2::Crc::new();
        sum.update(kind);
        sum.update(data);
        [&(data.len() as u32).to_be_bytes()[..], kind, data, &sum.sum().to_be_bytes()].concat()
    };
    let side = 11_000_u32.to_be_bytes();
    let header = [&side[..], &side, &[8, 0, 0, 0, 0]].concat();
    let magic = b"\x89PNG\r\n\x1a\n".to_vec();
    let bomb = [magic, chunk(b"IHDR", &header), chunk(b"IDAT", &out), chunk(b"IEND", b"")].concat();
    assert!(bomb.len() < 1024 * 1024, "{}", bomb.len());
    let told = show(&t, &t.house(), user, DocumentKind::PhotoId, &bomb).await;
    assert_eq!(faults(told), [("document".to_owned(), "too_many_pixels")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_leaves_with_a_watermark_and_on_record_only() {
    for t in TestDesk::all().await {
        let user = user(&t, "one").await;
        let plain = papers::jpeg(700, 500);
        let jpeg = show(&t, &t.house(), user, DocumentKind::PhotoId, &plain).await.unwrap().document.id;
        let png = show(&t, &t.house(), user, DocumentKind::Selfie, &papers::png(400, 300)).await.unwrap().document.id;
        let pdf = show(&t, &t.house(), user, DocumentKind::Signature, &papers::pdf(3, "")).await.unwrap().document.id;
        let staff = t.holder(&[P::DocumentsRead]);
        later(&t);
        let shown = t.desk.show_document(&staff, open(user, jpeg)).await.unwrap();
        let record = last_audit(&t).await;
        assert_eq!(
            (record.action.as_str(), record.reason.as_deref()),
            ("verification.document", Some("deciding on her request"))
        );
        let (before, after) =
            (image::load_from_memory(&plain).unwrap(), image::load_from_memory(&shown.bytes).unwrap());
        assert_eq!(before.dimensions(), after.dimensions());
        let differing = before.pixels().zip(after.pixels()).filter(|(a, b)| a.2.0[0].abs_diff(b.2.0[0]) > 60).count();
        assert!(differing > 700 * 500 / 40, "the watermark is there to be seen: {differing} pixels");
        let shown = t.desk.show_document(&staff, open(user, png)).await.unwrap();
        assert_eq!(image::guess_format(&shown.bytes).unwrap(), image::ImageFormat::Png);
        let shown = t.desk.show_document(&staff, open(user, pdf)).await.unwrap();
        let document = lopdf::Document::load_mem(&shown.bytes).unwrap();
        assert_eq!(document.get_pages().len(), 3);
        let held: Vec<u8> = document
            .objects
            .values()
            .filter_map(|it| it.as_stream().ok())
            .flat_map(|it| it.decompressed_content().unwrap_or_else(|_| it.content.clone()))
            .collect();
        let held = String::from_utf8_lossy(&held).into_owned();
        assert!(held.contains("KEY_") && held.contains("HARBOR & PINE BANK") && held.contains("SPECIMEN"), "{held}");
        for page in document.get_pages().values() {
            let drawing = document.get_page_content(*page);
            assert_eq!(String::from_utf8_lossy(&drawing).trim(), "q /BursarPage Do Q q /BursarMark Do Q");
        }

        let purposeless = OpenDocument { user, document: jpeg, purpose: " ".to_owned() };
        assert_eq!(faults(t.desk.show_document(&staff, purposeless).await), [("purpose".to_owned(), "required")]);
        later(&t);
        let others = t.holder(&[P::VerificationsDecide, P::UsersRead, P::UsersReveal]);
        assert_eq!(code(t.desk.show_document(&others, open(user, jpeg)).await), "forbidden");
        assert_eq!(last_audit(&t).await.code.as_deref(), Some("forbidden"));
    }
}

/// A desk on each engine with documents in a folder.
async fn with_folders() -> Vec<(TestDesk, tempfile::TempDir)> {
    let mut all = Vec::new();
    for (engine, db, guard) in test_dbs().await {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::new(VaultPlace::Folder(folder.path().join("documents")), Arc::new(InThisProcess));
        all.push((TestDesk::over_both(engine, db, guard, vault).await, folder));
    }
    all
}

/// Every file in the store.
fn stored(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(stored(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_is_sealed_and_belongs_to_its_place() {
    for (t, folder) in with_folders().await {
        let user = user(&t, "one").await;
        let plain = papers::png(300, 200);
        let one = show(&t, &t.house(), user, DocumentKind::PhotoId, &plain).await.unwrap().document.id;
        let paper = papers::pdf(1, "");
        let two = show(&t, &t.house(), user, DocumentKind::Selfie, &paper).await.unwrap().document.id;
        let files = stored(folder.path());
        assert_eq!(files.len(), 2);
        for path in &files {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(4).any(|four| four == b"IHDR" || four == b"%PDF"), "{}", path.display());
            assert!(!path.display().to_string().contains("usr_"));
        }
        // Changed places: neither opens any more.
        let (first, second) = (std::fs::read(&files[0]).unwrap(), std::fs::read(&files[1]).unwrap());
        std::fs::write(&files[0], &second).unwrap();
        std::fs::write(&files[1], &first).unwrap();
        for document in [one, two] {
            let told = t.desk.show_document(&t.house(), open(user, document)).await;
            assert_eq!(faults(told), [("document".to_owned(), "damaged")]);
        }
        // One that is gone is a trouble of the store, and no panic.
        std::fs::remove_file(&files[0]).unwrap();
        std::fs::remove_file(&files[1]).unwrap();
        assert_eq!(code(t.desk.show_document(&t.house(), open(user, one)).await), "documents_away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_no_row_names_is_dropped_after_an_hour() {
    for (t, folder) in with_folders().await {
        let user = user(&t, "one").await;
        let mut arriving =
            t.desk.receive_document(&t.house(), user, DocumentKind::PhotoId, Some(MediaType::Png)).await.unwrap();
        arriving.push(&papers::png(20, 20)).await.unwrap();
        // The process dies between the store and the row.
        drop(arriving.finish().await.unwrap());
        assert_eq!(stored(folder.path()).len(), 1);
        assert_eq!(t.desk.drop_objects().await.unwrap(), 0, "it may still be on its way");
        let kept = show(&t, &t.house(), user, DocumentKind::Selfie, &papers::png(21, 20)).await.unwrap().document.id;
        t.clock.advance(HOUR + MINUTE);
        assert_eq!(t.desk.drop_objects().await.unwrap(), 1);
        assert_eq!(stored(folder.path()).len(), 1);
        assert!(t.desk.show_document(&t.house(), open(user, kept)).await.is_ok());
        assert!(file(&t, user).await.documents.iter().all(|it| it.id == kept));
        // One that comes too late is not recorded: it may be dropped at any moment.
        let mut late =
            t.desk.receive_document(&t.house(), user, DocumentKind::PhotoId, Some(MediaType::Png)).await.unwrap();
        late.push(&papers::png(22, 20)).await.unwrap();
        let add = late.finish().await.unwrap();
        t.clock.advance(HOUR - MINUTE);
        assert_eq!(code(t.desk.perform(&t.house(), add).await), "documents_away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_document_takes_the_place_of_the_older() {
    for (t, folder) in with_folders().await {
        let user = user(&t, "one").await;
        let (house, kind) = (t.house(), DocumentKind::PhotoId);
        let first = show(&t, &house, user, kind, &papers::png(20, 20)).await.unwrap();
        later(&t);
        let same = show(&t, &house, user, kind, &papers::png(20, 20)).await.unwrap();
        assert!(!same.changed && same.document.id == first.document.id, "the same file is the same document");
        later(&t);
        show(&t, &house, user, kind, &papers::png(21, 20)).await.unwrap();
        assert_eq!(file(&t, user).await.documents.len(), 1, "what nobody looked at is not kept");
        t.clock.advance(2 * HOUR);
        t.desk.drop_objects().await.unwrap();
        assert_eq!(stored(folder.path()).len(), 1);
        t.desk.perform(&house, SubmitVerification { user }).await.unwrap();
        later(&t);
        show(&t, &house, user, kind, &papers::png(22, 20)).await.unwrap();
        let file = file(&t, user).await;
        assert_eq!(file.documents.len(), 2, "what a request has seen is kept with it");
        assert_eq!(file.current().count(), 1);
        t.clock.advance(2 * HOUR);
        assert_eq!(t.desk.drop_objects().await.unwrap(), 0);
        for size in 23..81 {
            show(&t, &house, user, kind, &papers::png(size, 20)).await.unwrap();
        }
        let told = show(&t, &house, user, kind, &papers::png(99, 20)).await;
        assert_eq!(refusal(told), Refusal::TooManyDocuments);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_again_is_not_even_stored_nor_is_one_too_many() {
    for (t, folder) in with_folders().await {
        let user = user(&t, "one").await;
        let (her, house, kind) = (herself(&t, "one").await, t.house(), DocumentKind::PhotoId);
        let file = papers::png(20, 20);
        assert!(show(&t, &her, user, kind, &file).await.unwrap().changed);
        assert!(!show(&t, &her, user, kind, &file).await.unwrap().changed);
        assert_eq!(stored(folder.path()).len(), 1);
        t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        let mut shown = 1;
        let told = loop {
            later(&t);
            match show(&t, &her, user, kind, &papers::png(20 + shown, 20)).await {
                Ok(_) => shown += 1,
                Err(told) => break told,
            }
        };
        assert_eq!((shown, told.code()), (40, "too_many_documents"));
        assert_eq!(stored(folder.path()).len(), 40);
        // She has used up her part, and not that of whoever decides.
        assert!(show(&t, &house, user, kind, &papers::png(90, 20)).await.unwrap().changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_upload_gives_its_memory_to_whoever_waits_for_some() {
    for t in TestDesk::all().await {
        let user = user(&t, "one").await;
        let house = t.house();
        let mut slow = Vec::new();
        for _ in 0..6 {
            let mut arriving =
                t.desk.receive_document(&house, user, DocumentKind::PhotoId, Some(MediaType::Png)).await.unwrap();
            arriving.expect(DOCUMENT_BYTES_MAX).await.unwrap();
            slow.push(arriving);
        }
        let file = papers::png(20, 20);
        slow[0].push(&vec![0; 3 * 1024 * 1024]).await.unwrap();
        t.clock.advance(10 * SECOND);
        assert!(slow.iter().all(|it| it.keep_pace().is_ok()), "there is time while nobody waits");
        let mut other =
            t.desk.receive_document(&house, user, DocumentKind::Selfie, Some(MediaType::Png)).await.unwrap();
        let waits = tokio::spawn(async move {
            other.expect(DOCUMENT_BYTES_MAX).await.unwrap();
            other.push(&file).await.unwrap();
            other.finish().await.map(drop)
        });
        let begun = std::time::Instant::now();
        while slow[1].keep_pace().is_ok() {
            assert!(begun.elapsed().as_secs() < 5, "somebody waits");
            tokio::task::yield_now().await;
        }
        assert_eq!(code(slow[2].keep_pace()), "busy");
        assert!(slow[0].keep_pace().is_ok(), "this one came fast enough");
        slow.truncate(5);
        waits.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_person_her_documents_go() {
    for (t, folder) in with_folders().await {
        let user = user(&t, "one").await;
        let (her, house) = (herself(&t, "one").await, t.house());
        let document = show(&t, &her, user, DocumentKind::PhotoId, &papers::png(20, 20)).await.unwrap().document.id;
        t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        t.desk.perform(&house, ask_more(user, "Her name is on the back.")).await.unwrap();
        // Whoever had asked before she was erased has no answer afterwards.
        let mut arriving = t.desk.receive_document(&house, user, DocumentKind::Selfie, None).await.unwrap();
        arriving.push(&papers::png(30, 30)).await.unwrap();
        let late = arriving.finish().await.unwrap();
        later(&t);
        t.desk.perform(&house, EraseUser { user, reason: None }).await.unwrap();
        assert_eq!(code(t.desk.show_document(&house, open(user, document)).await), "not_found");
        assert_eq!(refusal(t.desk.perform(&house, late).await), Refusal::UserErased);
        assert!(work(&t).await.contains(&"drop_objects"));
        // One that was announced may still be on its way, and must be known of when it arrives.
        assert_eq!(stored(folder.path()).len(), 1, "what she had shown is gone at once");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM verification_object").await, 1);
        t.clock.advance(5 * MINUTE);
        assert_eq!(t.desk.drop_objects().await.unwrap(), 1);
        assert!(stored(folder.path()).is_empty(), "nothing of hers is left in the store");
        assert_eq!(count(&t, "SELECT COUNT(*) FROM verification_object").await, 0);
        let file = file(&t, user).await;
        assert!(file.documents.is_empty());
        assert_eq!(file.requests[0].state, RequestState::Withdrawn);
        assert!(file.requests[0].steps.iter().all(|step| step.said.is_none()), "what was said cannot be read");
        assert!(letter(&t, user, "verification_more_needed").await.is_none(), "nobody is left to write to");
    }
}

/// The numbers of a page, and how many wait.
async fn page(
    t: &TestDesk,
    caller: &Caller,
    begin: VerificationBegin,
    limit: i64,
) -> Result<(Vec<i64>, i64, Option<String>)> {
    let list = ListVerifications { filter: UserFilter::default(), begin, limit };
    let page = t.desk.ask(caller, list).await?;
    Ok((page.users.iter().map(|it| it.user.number).collect(), page.total, page.next))
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_wait_are_listed_from_both_ends_with_their_exact_number() {
    for t in TestDesk::all().await {
        let house = t.house();
        let mut waiting = Vec::new();
        for word in 0..12 {
            let user = user(&t, &format!("w{word}")).await;
            if word % 2 == 0 {
                t.desk.perform(&house, SubmitVerification { user }).await.unwrap();
                waiting.push(user);
            }
        }
        // The last one's access is withdrawn, and the one before is decided.
        t.desk.perform(&house, RemoveUser { user: waiting[5], reason: None }).await.unwrap();
        t.desk.perform(&house, ApproveVerification { user: waiting[4], reason: None }).await.unwrap();
        let all = [1, 3, 5, 7];
        let reader = t.holder(&[P::UsersRead]);
        let (first, total, next) = page(&t, &reader, VerificationBegin::After(None), 3).await.unwrap();
        assert_eq!((first, total), (all[..3].to_vec(), 4));
        let (rest, _, end) = page(&t, &reader, VerificationBegin::After(next.clone()), 3).await.unwrap();
        assert_eq!((rest, end), (vec![7], None));
        let row = |row| page(&t, &reader, VerificationBegin::Row(row), 3);
        assert_eq!(row(3).await.unwrap().0, [7]);
        assert_eq!((row(90).await.unwrap().0, row(90).await.unwrap().1), (vec![], 4));
        let last = |row| page(&t, &reader, VerificationBegin::RowFromEnd(row), 3);
        assert_eq!(last(0).await.unwrap().0, [7, 5, 3]);
        assert_eq!(last(3).await.unwrap().0, [1]);
        assert_eq!(last(4).await.unwrap().0, [] as [i64; 0]);
        let stolen = next.map(|cursor| cursor.replacen('5', "6", 1));
        let told = page(&t, &reader, VerificationBegin::After(stolen), 3).await;
        assert_eq!(faults(told), [("after".to_owned(), "invalid")]);
        assert!(page(&t, &reader, VerificationBegin::Row(0), 201).await.is_err());
        let list = ListVerifications { filter: UserFilter::default(), begin: VerificationBegin::Row(0), limit: 9 };
        let found = t.desk.ask(&reader, list).await.unwrap();
        assert!(found.users.iter().all(|it| it.request.as_ref().unwrap().state == RequestState::Requested));
        assert!(
            found.users[0].user.profile.email.as_ref().unwrap().contains("***"),
            "contacts are masked as everywhere"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_door_writes_down_names_nobody_and_nothing_that_was_said() {
    for t in TestDesk::all().await {
        let user = user(&t, "one").await;
        let her = herself(&t, "one").await;
        show(&t, &her, user, DocumentKind::PhotoId, &papers::png(20, 20)).await.unwrap();
        t.desk.perform(&her, SubmitVerification { user }).await.unwrap();
        t.desk.perform(&t.house(), ask_more(user, "Mrs Okafor, please")).await.unwrap();
        t.desk.perform(&t.house(), decline(user)).await.unwrap();
        let filter = AuditFilter { limit: 200, ..AuditFilter::default() };
        let audit = t.desk.ask(&t.house(), ListAudit(filter)).await.unwrap().records;
        let facts: String = audit.iter().map(|record| record.facts.to_string()).collect();
        let jobs = look(&t, "SELECT payload FROM job").await;
        let told = format!("{facts}{jobs:?}{:?}", look(&t, "SELECT author, sealed FROM verification_step").await);
        for secret in ["Okafor", "Adaeze", "spring", "blurred", "expired in"] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}
