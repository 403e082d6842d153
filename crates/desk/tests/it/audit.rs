//! The chain over the audit: it verifies as long as nobody touches it, and tells when somebody did.

use std::time::Duration;

use desk::activity::{Activity, ActivityFilter, AllActivity, StaffActivity, UserActivity};
use desk::audit::{AuditFilter, ExportAudit, Heads, ListAudit, Verified, verify_export, verify_export_against};
use desk::db::Engine;
use desk::staff::{DisableStaff, StaffCards};
use desk::testing::TestDesk;
use desk::user::{FlagUser, UnflagUser};
use desk::value::clock::MINUTE;
use desk::value::id::{SessionId, UserId};
use desk::{Caller, Who};

use crate::support::*;

async fn seal_all(t: &TestDesk) -> i64 {
    let mut sealed = 0;
    loop {
        match t.desk.seal_audit(t.tenant).await.unwrap() {
            0 => return sealed,
            more => sealed += more,
        }
    }
}

/// The whole export, piece by piece.
async fn export(t: &TestDesk) -> Vec<String> {
    let (mut lines, mut after) = (Vec::new(), 0);
    loop {
        let piece = t.desk.ask(&t.house(), ExportAudit { after }).await.unwrap();
        lines.extend(piece.lines);
        match piece.next {
            Some(next) => after = next,
            None => return lines,
        }
    }
}

fn verify(lines: &[String]) -> Result<Verified, String> {
    verify_export(lines.iter().map(|line| Ok(line.clone())))
}

/// A book with so many rows about one user.
async fn written(t: &TestDesk, rows: usize) -> UserId {
    let ada = user(t, "ada").await;
    for index in 0..rows {
        t.clock.advance(1_000);
        let reason = Some(format!("reason {index}"));
        if index % 2 == 0 {
            t.desk.perform(&t.admin(), FlagUser { user: ada, bank: None, reason }).await.unwrap();
        } else {
            t.desk.perform(&t.admin(), UnflagUser { user: ada, bank: None, reason }).await.unwrap();
        }
    }
    ada
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_sealed_in_batches_and_the_export_verifies() {
    for t in TestDesk::all().await {
        written(&t, 450).await;
        // Besides: the tenant and the user.
        assert_eq!(t.desk.seal_audit(t.tenant).await.unwrap(), 200);
        assert_eq!(seal_all(&t).await, 252);
        assert_eq!(t.desk.seal_audit(t.tenant).await.unwrap(), 0);
        let found = verify(&export(&t).await).unwrap();
        assert_eq!((found.rows, found.checkpoints), (452, 3));
        assert_eq!((found.tenant.as_str(), found.institution.as_str()), ("ten_1", "Harbor & Pine Bank"));

        // The look itself is on record, and sealed with the rest.
        assert_eq!(seal_all(&t).await, 1);
        let again = verify(&export(&t).await).unwrap();
        assert_eq!((again.rows, again.public_key), (453, found.public_key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_many_pieces_is_one_chain() {
    for t in TestDesk::all().await {
        written(&t, 1_100).await;
        assert_eq!(seal_all(&t).await, 1_102);
        let piece = t.desk.ask(&t.house(), ExportAudit { after: 0 }).await.unwrap();
        assert_eq!(piece.next, Some(1_000));
        assert_eq!(verify(&export(&t).await).unwrap().rows, 1_102);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_touched_does_not_verify() {
    for t in TestDesk::all().await {
        written(&t, 20).await;
        seal_all(&t).await;
        written_more(&t).await;
        seal_all(&t).await;
        let good = export(&t).await;
        verify(&good).unwrap();

        // In the file.
        let mut changed = good.clone();
        changed[5] = changed[5].replace("user.flag", "user.find");
        changed[5] = changed[5].replace("user.unflag", "user.unfind");
        assert!(verify(&changed).unwrap_err().contains("it was changed"));
        let mut dropped = good.clone();
        dropped.remove(7);
        assert!(verify(&dropped).unwrap_err().contains("missing"));
        let mut twice = good.clone();
        twice.insert(8, good[7].clone());
        assert!(verify(&twice).unwrap_err().contains("repeated"));
        let mut swapped = good.clone();
        swapped.swap(4, 5);
        assert!(verify(&swapped).is_err());
        for lines in 1..good.len() {
            assert!(verify(&good[..lines]).unwrap_err().contains("cut"), "after {lines} lines");
        }
        let mut shortened = good[..good.len() - 3].to_vec();
        shortened.push(good[good.len() - 1].clone());
        assert!(verify(&shortened).unwrap_err().contains("missing"));
        let unsigned: Vec<String> = good.iter().filter(|line| !line.contains("\"signature\"")).cloned().collect();
        assert!(verify(&unsigned).unwrap_err().contains("cut"));
        assert!(verify(&[]).is_err());
        assert!(verify(&good[1..]).is_err(), "without its head");
    }
}

async fn written_more(t: &TestDesk) {
    let eve = user(t, "eve").await;
    t.desk.perform(&t.admin(), FlagUser { user: eve, bank: None, reason: None }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_touched_in_the_database_breaks_the_chain() {
    for (what, which) in [
        ("UPDATE audit SET outcome = 'refused'", 6),
        ("UPDATE audit SET facts = '[]'", 7),
        ("UPDATE audit SET actor_kind = 'house'", 8),
        ("UPDATE audit SET subject_id = NULL", 8),
        ("UPDATE audit SET sealed = NULL", 9),
        ("UPDATE audit SET request_id = 'x'", 9),
        ("DELETE FROM audit", 11),
        ("DELETE FROM audit", 14),
        ("DELETE FROM audit_checkpoint", 0),
        ("UPDATE audit_checkpoint SET at = at + 1", 0),
        ("UPDATE audit_checkpoint SET audit_ids = substr(audit_ids, 17)", 0),
    ] {
        for t in TestDesk::all().await {
            written(&t, 12).await;
            seal_all(&t).await;
            let sql = &match which {
                0 => format!("{what} WHERE seq = (SELECT MAX(seq) FROM audit_checkpoint)"),
                row => format!("{what} WHERE id = (SELECT id FROM audit ORDER BY id LIMIT 1 OFFSET {})", row - 1),
            };
            assert_eq!(tamper(&t, sql).await, 1, "{sql}");
            assert!(verify(&export(&t).await).is_err(), "{sql} on {:?}", t.engine);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sealers_at_once_do_not_fork_the_chain() {
    for t in TestDesk::all().await {
        written(&t, 500).await;
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let (desk, tenant) = (t.desk.clone(), t.tenant);
            all.spawn(async move {
                for _ in 0..4 {
                    // One of two that meet is told off; the rows are sealed all the same.
                    let _ = desk.seal_audit(tenant).await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            });
        }
        all.join_all().await;
        seal_all(&t).await;
        assert_eq!(verify(&export(&t).await).unwrap().rows, 502);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_written_while_others_are_sealed_are_sealed_later() {
    for t in TestDesk::all().await {
        written(&t, 5).await;
        seal_all(&t).await;
        let (desk, tenant) = (t.desk.clone(), t.tenant);
        let sealer = tokio::spawn(async move {
            for _ in 0..50 {
                desk.seal_audit(tenant).await.unwrap();
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        for index in 0..60 {
            user(&t, &format!("u{index}")).await;
        }
        sealer.await.unwrap();
        seal_all(&t).await;
        assert_eq!(count(&t, "SELECT COUNT(*) FROM audit_unsealed").await, 0);
        assert_eq!(verify(&export(&t).await).unwrap().rows, 67);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_book_is_read_by_subject_actor_and_time_page_by_page() {
    for t in TestDesk::all().await {
        let began = t.desk.now();
        let ada = written(&t, 9).await;
        for _ in 0..12 {
            t.clock.advance(1_000);
            sign_in(&t, "ada", PASSWORD).await;
        }
        later(&t);
        let eve = user(&t, "eve").await;
        let list = async |filter: AuditFilter| {
            let page = t.desk.ask(&t.admin(), ListAudit(filter)).await.unwrap();
            (page.records, page.next)
        };
        let of = |kind| AuditFilter { subject: Some(ada.0), actor_kind: kind, limit: 4, ..AuditFilter::default() };
        // Many of one kind do not hide the other.
        let (first, next) = list(of(Some("key"))).await;
        assert_eq!(first.len(), 4);
        assert!(first.iter().all(|record| record.actor_kind == "key"));
        let (second, next) = list(AuditFilter { before: next, ..of(Some("key")) }).await;
        let (last, end) = list(AuditFilter { before: next, ..of(Some("key")) }).await;
        assert_eq!((second.len(), last.len(), end), (4, 1, None));
        let reasons: Vec<_> =
            first.iter().chain(&second).chain(&last).filter_map(|record| record.reason.clone()).collect();
        assert_eq!(reasons, (0..9).rev().map(|index| format!("reason {index}")).collect::<Vec<_>>());

        let by_staff = StaffActivity(ActivityFilter { about: Some(ada.0), ..ActivityFilter::page(20) });
        assert_eq!(t.desk.ask(&t.admin(), by_staff).await.unwrap().len(), 9);
        let own = UserActivity(ActivityFilter { about: Some(ada.0), ..ActivityFilter::page(20) });
        assert_eq!(t.desk.ask(&t.admin(), own).await.unwrap().len(), 12);
        let everybody = StaffActivity(ActivityFilter::page(5));
        assert_eq!(t.desk.ask(&t.admin(), everybody).await.unwrap().len(), 5);

        let (house, _) = list(AuditFilter { actor_kind: Some("house"), limit: 10, ..Default::default() }).await;
        assert_eq!(house.len(), 3, "the tenant and two users");
        let (early, _) = list(AuditFilter { to: Some(began.plus(1_000)), limit: 10, ..Default::default() }).await;
        assert_eq!(early.len(), 2);
        let (late, _) =
            list(AuditFilter { from: Some(t.desk.now().plus(-MINUTE / 2)), limit: 10, ..Default::default() }).await;
        assert_eq!(late[0].subject_kind, "tenant", "a creation is about the tenant");
        assert_eq!(late[0].facts[0]["user"], serde_json::json!(eve));
        for limit in [0, 501] {
            let filter = AuditFilter { limit, ..Default::default() };
            assert_eq!(code(t.desk.ask(&t.admin(), ListAudit(filter)).await), "invalid");
        }
        // Of a staff member, what she did and what was done to her.
        let maker = staff(&t, "maker").await;
        let session = SessionId(maker.0);
        let as_maker = Caller { who: Who::Staff { id: maker, session }, ..t.admin() };
        t.desk.perform(&as_maker, FlagUser { user: ada, bank: None, reason: None }).await.unwrap();
        t.clock.advance(1_000);
        t.desk.perform(&t.admin(), DisableStaff(maker)).await.unwrap();
        let hers = StaffActivity(ActivityFilter { about: Some(maker.0), ..ActivityFilter::page(20) });
        let hers = t.desk.ask(&t.admin(), hers).await.unwrap();
        let hers: Vec<_> = hers.iter().map(|it| it.record.action.as_str()).collect();
        assert_eq!(hers, ["staff.disable", "user.flag"], "{:?}", t.engine);
    }
}

#[tokio::test]
async fn staff_who_sign_in_are_staff_though_they_are_nobody_yet() {
    for t in TestDesk::all().await {
        let maker = staff(&t, "maker").await;
        user(&t, "ada").await;
        later(&t);
        assert!(staff_sign_in(&t, "maker", WRONG).await.is_none());
        sign_in(&t, "ada", PASSWORD).await;
        let told = |activities: Vec<Activity>| -> Vec<(String, Option<i64>)> {
            let of_sign_ins = activities.into_iter().filter(|it| it.record.action.ends_with(".sign_in"));
            of_sign_ins.map(|it| (it.record.action, it.number)).collect()
        };
        let number = t.desk.ask(&t.house(), StaffCards).await.unwrap();
        let number = number.iter().find(|card| card.staff.id == maker).map(|card| card.staff.number);
        let of_staff = t.desk.ask(&t.admin(), StaffActivity(ActivityFilter::page(50))).await.unwrap();
        assert_eq!(told(of_staff), [("staff.sign_in".to_owned(), number)], "{:?}", t.engine);
        let of_users = t.desk.ask(&t.admin(), UserActivity(ActivityFilter::page(50))).await.unwrap();
        assert_eq!(told(of_users), [("session.sign_in".to_owned(), Some(1))]);
        let of_all = t.desk.ask(&t.admin(), AllActivity(ActivityFilter::page(50))).await.unwrap();
        assert_eq!(told(of_all).len(), 2);
    }
}

fn against(lines: &[String], heads: &Heads) -> Result<Verified, String> {
    verify_export_against(lines.iter().map(|line| Ok(line.clone())), heads)
}

fn heads(lines: &[String]) -> Heads {
    let mut heads = Heads::default();
    heads.read(lines.iter().map(|line| Ok(line.clone()))).unwrap();
    heads
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_deleted_at_the_end_are_missed_by_a_witness_and_by_an_earlier_export() {
    for t in TestDesk::all().await {
        written(&t, 12).await;
        seal_all(&t).await;
        let first = t.desk.audit_head(t.tenant).await.unwrap().unwrap();
        assert_eq!(first.0, 14);
        t.clock.advance(1_000_000);
        written_more(&t).await;
        seal_all(&t).await;
        let earlier = export(&t).await;
        let (seq, line) = t.desk.audit_head(t.tenant).await.unwrap().unwrap();
        let witness = heads(&[first.1.clone(), line.clone()]);
        assert_eq!(witness.of("ten_1"), 2);
        against(&earlier, &witness).unwrap();
        against(&export(&t).await, &heads(&earlier)).unwrap();

        // The last rows with their checkpoint, and the end of the chain set back: an honest chain of before.
        let last = format!("SELECT MAX(seq) FROM audit_checkpoint WHERE seq < {seq}");
        seal_all(&t).await;
        tamper(&t, format!("DELETE FROM audit_checkpoint WHERE seq > ({last})")).await;
        tamper(
            &t,
            "UPDATE audit_chain SET seq = (SELECT MAX(seq) FROM audit_checkpoint),
             hash = (SELECT hash FROM audit_checkpoint ORDER BY seq DESC LIMIT 1)",
        )
        .await;
        tamper(&t, "DELETE FROM audit WHERE id > (SELECT id FROM audit ORDER BY id LIMIT 1 OFFSET 13)").await;
        tamper(&t, "DELETE FROM audit_unsealed").await;
        let cut = export(&t).await;
        verify(&cut).unwrap();
        let why = against(&cut, &witness).unwrap_err();
        assert!(why.contains("rows are missing"), "{why}");
        assert!(against(&cut, &heads(&earlier)).unwrap_err().contains("rows are missing"));

        // And grown again past where it was: other rows have the numbers.
        for index in 0..4 {
            user(&t, &format!("later{index}")).await;
        }
        seal_all(&t).await;
        let grown = export(&t).await;
        verify(&grown).unwrap();
        assert!(against(&grown, &witness).unwrap_err().contains("another row"), "on {:?}", t.engine);

        // A witness of another institution, of another key, or that was touched, is none.
        let forged = line.replace("\"end\":", "\"end\":1");
        assert!(Heads::default().read([Ok(forged)].into_iter()).unwrap_err().contains("does not hold"));
        let cut_line = line[..line.len() / 2].to_owned();
        assert_eq!(heads(&[line.clone(), cut_line]).of("ten_1"), 1, "a last line that was cut is left out");
        let of_other = TestDesk::all().await.remove(0);
        written(&of_other, 1).await;
        seal_all(&of_other).await;
        assert!(against(&export(&of_other).await, &Heads::default()).is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_put_into_the_audit_by_something_else_are_noticed() {
    const COLUMNS: &str = "tenant_id, id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id, \
                           outcome, code, facts, request_id, sealed";
    for place in ["outside", "between", "waiting", "sealed"] {
        for t in TestDesk::all().await {
            // Between two pieces of an export, or in the only one.
            written(&t, if place == "between" { 1_200 } else { 30 }).await;
            seal_all(&t).await;
            verify(&export(&t).await).unwrap();
            // A copy of the last row or of one in the middle, with an id of its own.
            let offset = if place == "between" { 500 } else { 0 };
            let copy = match t.engine {
                Engine::Sqlite => "CAST(substr(id, 1, 6) || x'ffffffffffffffffffff' AS BLOB)",
                Engine::Postgres => "substr(id, 1, 6) || '\\xffffffffffffffffffff'::bytea",
            };
            let from = COLUMNS.replacen(" id,", &format!(" {copy},"), 1);
            let of = format!("FROM audit WHERE id = (SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET {offset})");
            assert_eq!(tamper(&t, format!("INSERT INTO audit ({COLUMNS}) SELECT {from} {of}")).await, 1);
            if place == "waiting" || place == "sealed" {
                let newest = "SELECT tenant_id, id FROM audit ORDER BY id DESC LIMIT 1";
                tamper(&t, format!("INSERT INTO audit_unsealed (tenant_id, audit_id) {newest}")).await;
            }
            if place == "sealed" {
                seal_all(&t).await;
            }
            let found = verify(&export(&t).await);
            let why = found.expect_err(&format!("{place} on {:?}", t.engine));
            assert!(why.contains("not written by the server"), "{place}: {why}");
        }
    }
}
