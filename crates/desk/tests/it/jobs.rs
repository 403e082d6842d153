//! Work outside a request: each job is one worker's at a time, comes again when it failed, and is given up in the end.

use desk::job::queue::LEASE_SECONDS;
use desk::job::{JobKind, LeasedJob, MAX_TRIES};
use desk::message::Channel;
use desk::password::StartPasswordReset;
use desk::testing::TestDesk;
use desk::user::{EraseUser, LockUser, UnlockWhenDue};
use desk::value::clock::{DAY, MINUTE, SECOND};
use desk::{Once, value::id::UserId};

use crate::support::*;

/// A user with a mail on its way: one job.
async fn one_job(t: &TestDesk) -> UserId {
    let ada = user(t, "ada").await;
    let start = StartPasswordReset { user: ada, method: Channel::Email, reason: None };
    t.desk.perform(&t.admin(), start).await.unwrap();
    ada
}

async fn lease(t: &TestDesk) -> Vec<LeasedJob> {
    t.desk.lease_jobs(10).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_leased_once_and_finished() {
    for t in TestDesk::all().await {
        assert_eq!(t.desk.next_job_due().await.unwrap(), None);
        assert!(lease(&t).await.is_empty());
        one_job(&t).await;
        assert_eq!(t.desk.next_job_due().await.unwrap(), Some(t.desk.now()));
        let mut jobs = lease(&t).await;
        assert_eq!(jobs.len(), 1);
        let job = jobs.remove(0);
        assert_eq!((job.kind, job.tries, job.tenant), (JobKind::DeliverMessage, 1, t.tenant));
        assert!(job.payload["message"].as_str().unwrap().starts_with("msg_"), "ids only");
        assert!(lease(&t).await.is_empty(), "it is somebody's");
        t.desk.finish_job(job).await.unwrap();
        t.clock.advance(DAY);
        assert!(lease(&t).await.is_empty());
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_later_waits_for_its_time() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let until = t.desk.now().plus(MINUTE);
        t.desk.perform(&t.admin(), LockUser { user: ada, until: Some(until), reason: None }).await.unwrap();
        assert_eq!(t.desk.next_job_due().await.unwrap(), Some(until));
        t.clock.advance(MINUTE - 1);
        assert!(lease(&t).await.is_empty());
        t.clock.advance(1);
        assert_eq!(lease(&t).await[0].kind, JobKind::UnlockWhenDue);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_comes_again_after_longer_pauses_and_is_given_up() {
    for t in TestDesk::all().await {
        one_job(&t).await;
        for tries in 1..=MAX_TRIES {
            let job = lease(&t).await.pop().unwrap();
            assert_eq!(job.tries, tries);
            t.desk.put_off_job(job, "451 try later").await.unwrap();
            if tries == MAX_TRIES {
                break;
            }
            let pause = (1_i64 << tries).min(3_600) * SECOND;
            assert_eq!(t.desk.next_job_due().await.unwrap(), Some(t.desk.now().plus(pause)));
            t.clock.advance(pause - 1);
            assert!(lease(&t).await.is_empty());
            t.clock.advance(1);
        }
        t.clock.advance(30 * DAY);
        assert!(lease(&t).await.is_empty());
        assert_eq!(
            count(&t, "SELECT COUNT(*) FROM job WHERE state = 'dead' AND last_error = '451 try later'").await,
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_workers_job_is_taken_by_another_and_the_lost_one_changes_nothing_more() {
    for t in TestDesk::all().await {
        one_job(&t).await;
        let lost = lease(&t).await.pop().unwrap();
        t.clock.advance(LEASE_SECONDS * SECOND - 1);
        assert!(lease(&t).await.is_empty());
        t.clock.advance(1);
        let taken = lease(&t).await.pop().unwrap();
        assert_eq!((taken.id, taken.tries), (lost.id, 2));
        t.desk.finish_job(lost.clone()).await.unwrap();
        t.desk.put_off_job(lost, "too late").await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job WHERE last_error IS NULL").await, 1, "it is the other's now");
        t.desk.finish_job(taken).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_no_worker_survives_is_given_up() {
    for t in TestDesk::all().await {
        one_job(&t).await;
        for tries in 1..=MAX_TRIES {
            assert_eq!(lease(&t).await.pop().unwrap().tries, tries);
            t.clock.advance(LEASE_SECONDS * SECOND);
        }
        assert!(lease(&t).await.is_empty());
        assert_eq!(t.desk.next_job_due().await.unwrap(), None);
        assert_eq!(count(&t, "SELECT COUNT(*) FROM job WHERE state = 'dead' AND last_error LIKE 'begun%'").await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timer_finds_nothing_to_open_where_the_person_was_erased_or_staff_have_locked_for_good() {
    for t in TestDesk::all().await {
        let (ada, ben) = (user(&t, "ada").await, user(&t, "ben").await);
        let until = t.desk.now().plus(MINUTE);
        let lock = |user, until| LockUser { user, until, reason: None };
        t.desk.perform(&t.admin(), lock(ada, Some(until))).await.unwrap();
        t.desk.perform(&t.admin(), lock(ben, Some(until))).await.unwrap();
        t.desk.perform(&t.admin(), EraseUser { user: ada, reason: None }).await.unwrap();
        assert!(t.desk.perform(&t.admin(), lock(ben, None)).await.unwrap().changed, "the longer lock counts");
        assert!(!t.desk.perform(&t.admin(), lock(ben, Some(until))).await.unwrap().changed, "the shorter does not");
        t.clock.advance(MINUTE);
        // Besides the two timers: what she had stored is to be deleted.
        let mut due: Vec<_> = lease(&t).await.iter().map(|job| job.kind.word()).collect();
        due.sort_unstable();
        assert_eq!(due, ["drop_objects", "unlock_when_due", "unlock_when_due"]);
        let open = |user| UnlockWhenDue { user, reason: None };
        assert_eq!(refusal(t.desk.perform(&t.house(), open(ada)).await), desk::Refusal::UserErased);
        assert!(!t.desk.perform(&t.house(), open(ben)).await.unwrap().changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_get_the_same_job() {
    for t in TestDesk::all().await {
        for index in 0..20 {
            let user = user(&t, &format!("u{index}")).await;
            let start = StartPasswordReset { user, method: Channel::Email, reason: None };
            t.desk.perform(&t.admin(), start).await.unwrap();
        }
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let desk = t.desk.clone();
            all.spawn(async move {
                let mut ids = Vec::new();
                for _ in 0..6 {
                    ids.extend(desk.lease_jobs(3).await.unwrap().into_iter().map(|job| job.id));
                }
                ids
            });
        }
        let mut ids: Vec<_> = all.join_all().await.concat();
        ids.extend(t.desk.lease_jobs(100).await.unwrap().into_iter().map(|job| job.id));
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((count, ids.len()), (20, 20));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_elects_one_and_passes_on_when_it_runs_out() {
    for t in TestDesk::all().await {
        let take = async |who: &str| t.desk.take_lease("seal", who, MINUTE).await.unwrap();
        assert!(take("a").await && !take("b").await && take("a").await);
        t.clock.advance(MINUTE);
        assert!(take("a").await, "who asks again keeps it");
        t.clock.advance(MINUTE + 1);
        assert!(take("b").await && !take("a").await);
        assert_eq!(count(&t, "SELECT fence FROM lease").await, 2, "each new holder has a new fence");
        assert!(t.desk.take_lease("other", "a", MINUTE).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_outlived_its_use_is_swept() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        let once = || Some(Once { key: "k".to_owned(), request_hash: [1; 32] });
        let note = || desk::note::WriteNote { user: ada, text: "x".to_owned() };
        t.desk.perform_once(&t.admin(), note(), once(), |_| Ok(Vec::<u8>::new())).await.unwrap();
        let used = desk::key::RememberAssertion {
            key: desk::value::id::KeyId(ada.0),
            jti: "one".to_owned(),
            expires_at: t.desk.now().plus(MINUTE),
        };
        assert!(t.desk.perform(&t.nobody(), used).await.unwrap());
        assert_eq!(t.desk.sweep().await.unwrap(), 0);
        t.clock.advance(2 * MINUTE);
        assert_eq!(t.desk.sweep().await.unwrap(), 1);
        t.clock.advance(DAY);
        assert_eq!(t.desk.sweep().await.unwrap(), 1);
        t.desk.perform_once(&t.admin(), note(), once(), |_| Ok(Vec::<u8>::new())).await.unwrap();
        assert_eq!(count(&t, "SELECT COUNT(*) FROM note").await, 2, "after a day the key is free again");
    }
}
