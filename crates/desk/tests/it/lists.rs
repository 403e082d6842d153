//! Lists, totals and pages by row: after any history they say what the users' own rows say, folded or not.

use desk::permission::Permission as P;
use desk::tenant::ChangeSettings;
use desk::testing::TestDesk;
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::UserId;
use proptest::prelude::*;

use crate::support::*;

/// One step of a random history; the first number says whom.
#[derive(Debug, Clone)]
enum Step {
    Create(bool, bool),
    Act(u8, u8),
    Preview(u8, u8),
    Refused(u8, u8),
    Kind(u8, bool),
    Employee(u8, bool),
    Diaspora(u8, bool),
    Fold,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        4 => any::<(bool, bool)>().prop_map(|(business, employee)| Step::Create(business, employee)),
        12 => (any::<u8>(), 0..ACTS).prop_map(|(whom, act)| Step::Act(whom, act)),
        1 => (any::<u8>(), 0..ACTS).prop_map(|(whom, act)| Step::Preview(whom, act)),
        1 => (any::<u8>(), 0..ACTS).prop_map(|(whom, act)| Step::Refused(whom, act)),
        1 => any::<(u8, bool)>().prop_map(|(whom, business)| Step::Kind(whom, business)),
        1 => any::<(u8, bool)>().prop_map(|(whom, employee)| Step::Employee(whom, employee)),
        2 => any::<(u8, bool)>().prop_map(|(whom, abroad)| Step::Diaspora(whom, abroad)),
        2 => Just(Step::Fold),
    ];
    prop::collection::vec(one, 1..60)
}

/// How an action is tried.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Done,
    Previewed,
    Refused,
}

async fn attempt<A: desk::Action>(t: &TestDesk, how: How, action: A) {
    // Whether it is allowed is not the question here: whatever happens is to be counted.
    match how {
        How::Done => drop(t.desk.perform(&t.admin(), action).await),
        How::Previewed => drop(t.desk.preview(&t.admin(), action).await),
        How::Refused => assert!(t.desk.perform(&t.holder(&[P::UsersRead]), action).await.is_err()),
    }
}

const ACTS: u8 = 24;

async fn act(t: &TestDesk, how: How, user: UserId, act: u8) {
    let reason = None;
    let bank = Some("bank-7".to_owned());
    match act {
        0 => attempt(t, how, LockUser { user, until: None, reason }).await,
        1 => attempt(t, how, LockUser { user, until: Some(t.desk.now().plus(1_000_000)), reason }).await,
        2 => attempt(t, how, UnlockUser { user, reason }).await,
        3 => attempt(t, how, DisableUser { user, reason }).await,
        4 => attempt(t, how, EnableUser { user, reason }).await,
        5 => attempt(t, how, SuspendUser { user, reason }).await,
        6 => attempt(t, how, ReinstateUser { user, reason }).await,
        7 => attempt(t, how, FlagUser { user, bank: None, reason }).await,
        8 => attempt(t, how, FlagUser { user, bank, reason }).await,
        9 => attempt(t, how, UnflagUser { user, bank: None, reason }).await,
        10 => attempt(t, how, UnflagUser { user, bank, reason }).await,
        11 => attempt(t, how, BlacklistUser { user, reason }).await,
        12 => attempt(t, how, UnblacklistUser { user, reason }).await,
        13 => attempt(t, how, SetFraudStatus { user, status: FraudStatus::Suspicious, reason }).await,
        14 => attempt(t, how, SetFraudStatus { user, status: FraudStatus::Whitelisted, reason }).await,
        15 => attempt(t, how, HoldUser { user, legal: false, reason }).await,
        16 => attempt(t, how, HoldUser { user, legal: true, reason }).await,
        17 => attempt(t, how, ReleaseUser { user, reason }).await,
        18 => attempt(t, how, SetCoreState { user, state: CoreState::Dormant, reason }).await,
        19 => attempt(t, how, SetCoreState { user, state: CoreState::Normal, reason }).await,
        20 => attempt(t, how, AskVerification { user, reason }).await,
        21 => attempt(t, how, DecideVerification { user, verified: true, reason }).await,
        22 => attempt(t, how, RemoveUser { user, reason }).await,
        _ => attempt(t, how, EraseUser { user, reason }).await,
    }
}

async fn live_through(t: &TestDesk, steps: &[Step]) -> Vec<UserId> {
    let mut people: Vec<UserId> = Vec::new();
    for step in steps {
        let pick = |whom: u8, people: &[UserId]| people.get(usize::from(whom) % people.len().max(1)).copied();
        match *step {
            Step::Create(business, employee) => {
                let kind = if business { UserKind::Business } else { UserKind::Individual };
                let profile = profile(&format!("p{}", people.len()));
                let create = CreateUser { kind, employee, ..CreateUser::of(profile) };
                people.push(t.desk.perform(&t.house(), create).await.unwrap().id);
            }
            Step::Act(whom, what) | Step::Preview(whom, what) | Step::Refused(whom, what) => {
                let Some(user) = pick(whom, &people) else { continue };
                let how = match step {
                    Step::Preview(..) => How::Previewed,
                    Step::Refused(..) => How::Refused,
                    _ => How::Done,
                };
                act(t, how, user, what).await;
            }
            Step::Kind(whom, business) => {
                let Some(user) = pick(whom, &people) else { continue };
                let kind = Some(if business { UserKind::Business } else { UserKind::Individual });
                let patch = Default::default();
                attempt(t, How::Done, EditUser { user, if_version: None, patch, kind, employee: None, reason: None })
                    .await;
            }
            Step::Employee(whom, employee) => {
                let Some(user) = pick(whom, &people) else { continue };
                let (patch, employee) = (Default::default(), Some(employee));
                attempt(t, How::Done, EditUser { user, if_version: None, patch, kind: None, employee, reason: None })
                    .await;
            }
            Step::Diaspora(whom, abroad) => {
                let Some(user) = pick(whom, &people) else { continue };
                let patch = serde_json::json!({ "is_diaspora": abroad }).as_object().unwrap().clone();
                let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
                attempt(t, How::Done, edit).await;
            }
            Step::Fold => drop(t.desk.fold().await.unwrap()),
        }
    }
    people
}

/// A filter on few axes: on all of them nobody would be left.
fn filters() -> impl Strategy<Value = UserFilter> {
    fn some<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = Option<T>> {
        prop_oneof![4 => Just(None), 1 => prop::sample::select(all).prop_map(Some)]
    }
    const BOTH: &[bool] = &[false, true];
    let one = (some(BOTH), some(Admission::ALL), some(CoreState::ALL), some(Suspension::ALL), some(FlagReach::ALL));
    let two = (some(Blacklist::ALL), some(FraudStatus::ALL), some(Verification::ALL), some(Hold::ALL));
    let three = (some(Presence::ALL), some(UserKind::ALL), some(BOTH), some(BOTH), some(BOTH));
    (one, two, three).prop_map(|(one, two, three)| UserFilter {
        locked: one.0,
        admission: one.1,
        core_state: one.2,
        suspension: one.3,
        flag: one.4,
        blacklist: two.0,
        fraud: two.1,
        verification: two.2,
        hold: two.3,
        presence: three.0,
        kind: three.1,
        employee: three.2,
        diaspora: three.3,
        verified: three.4,
    })
}

fn fits(filter: &UserFilter, user: &SeenUser) -> bool {
    fn is<T: PartialEq>(asked: &Option<T>, is: T) -> bool {
        asked.as_ref().is_none_or(|asked| *asked == is)
    }
    let standing = &user.standing;
    is(&filter.locked, standing.lock.word() == "locked")
        && is(&filter.diaspora, user.profile.is_diaspora == Some(true))
        && is(&filter.verified, standing.verification == Verification::Verified)
        && is(&filter.admission, standing.admission)
        && is(&filter.core_state, standing.core)
        && is(&filter.suspension, standing.suspension)
        && is(&filter.flag, standing.flag())
        && is(&filter.blacklist, standing.blacklist)
        && is(&filter.fraud, standing.fraud)
        && is(&filter.verification, standing.verification)
        && is(&filter.hold, standing.hold)
        && is(&filter.presence, standing.presence)
        && is(&filter.kind, user.kind)
        && is(&filter.employee, user.employee)
        && (filter.presence.is_some() || standing.presence != Presence::Erased)
}

fn ids(page: &UserPage) -> Vec<UserId> {
    page.users.iter().map(|user| user.id).collect()
}

/// Every page by cursor and from any row says what is expected, and so does every total.
async fn list_is(t: &TestDesk, caller: &desk::Caller, filter: &UserFilter, expected: &[UserId], limit: i64) {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = t.desk.ask(caller, ListUsers { filter: filter.clone(), after, limit, count: true }).await.unwrap();
        assert_eq!(page.total, Some(expected.len() as i64), "{filter:?}");
        all.extend(ids(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(all, expected, "{filter:?}");
    for row in 0..=expected.len() {
        let page = UsersAtRow { filter: filter.clone(), row: row as i64, limit, order: ListOrder::OldestFirst };
        let page = t.desk.ask(caller, page).await.unwrap();
        let end = expected.len().min(row + limit as usize);
        assert_eq!((ids(&page), page.total), (expected[row..end].to_vec(), Some(expected.len() as i64)), "{filter:?}");
        // The same list from its other end.
        let newest = UsersAtRow { filter: filter.clone(), row: row as i64, limit, order: ListOrder::NewestFirst };
        let newest = t.desk.ask(caller, newest).await.unwrap();
        let backwards: Vec<UserId> = expected.iter().rev().skip(row).take(limit as usize).copied().collect();
        assert_eq!((ids(&newest), newest.total), (backwards, Some(expected.len() as i64)), "{filter:?}");
    }
}

async fn lists_agree(t: &TestDesk, steps: &[Step], filters: &[UserFilter], limit: i64) {
    let people = live_through(t, steps).await;
    let admin = t.admin();
    let mut shown = Vec::new();
    for user in &people {
        shown.push(t.desk.ask(&admin, ShowUser(*user)).await.unwrap());
    }
    let patch = serde_json::json!({ "hide_employees": true }).as_object().unwrap().clone();
    t.desk.perform(&admin, ChangeSettings { patch }).await.unwrap();
    let agent = t.holder(&[P::UsersRead]);
    for filter in filters.iter().chain([&UserFilter::default()]) {
        let fitting: Vec<&SeenUser> = shown.iter().filter(|user| fits(filter, user)).collect();
        let expected: Vec<UserId> = fitting.iter().map(|user| user.id).collect();
        list_is(t, &admin, filter, &expected, limit).await;
        let expected: Vec<UserId> = fitting.iter().filter(|user| !user.employee).map(|user| user.id).collect();
        list_is(t, &agent, filter, &expected, limit).await;
    }
    let whole = Recount { users: people.len() as i64, wrong: 0 };
    assert_eq!(t.desk.recount(t.tenant).await.unwrap(), whole);
    t.desk.fold().await.unwrap();
    assert_eq!(t.desk.fold().await.unwrap(), 0);
    assert_eq!(t.desk.recount(t.tenant).await.unwrap(), whole);
}

#[test]
fn totals_pages_and_rows_agree_with_the_users_after_any_history() {
    // Each case opens databases of its own: few cases, long histories.
    let cases =
        ProptestConfig { cases: 10, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    proptest!(cases, |(steps in steps(), filters in prop::collection::vec(filters(), 4), limit in 1_i64..5)| {
        runtime.block_on(async {
            for t in TestDesk::all().await {
                lists_agree(&t, &steps, &filters, limit).await;
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_on_across_blocks_and_regions() {
    for t in TestDesk::all().await {
        // The numbers of a tenant with many users: a block ends at 65,280, a region at 65,536.
        tamper(&t, format!("UPDATE tenant SET last_user_number = 65270 WHERE id = {}", t.tenant.0)).await;
        let mut people = Vec::new();
        for index in 0..600 {
            let business = CreateUser { kind: UserKind::Business, ..CreateUser::of(profile(&format!("b{index}"))) };
            let create = if index % 7 == 3 { business } else { CreateUser::of(profile(&format!("b{index}"))) };
            people.push(t.desk.perform(&t.house(), create).await.unwrap().id);
            if index == 400 {
                t.desk.fold().await.unwrap();
            }
        }
        for (filter, every, first) in [
            (UserFilter::default(), 1, 0),
            (UserFilter { kind: Some(UserKind::Business), ..UserFilter::default() }, 7, 3),
        ] {
            let expected: Vec<UserId> = people.iter().copied().skip(first).step_by(every).collect();
            let total = Some(expected.len() as i64);
            for row in [0, 1, 9, 30, 36, 37, 38, 80, 84, 85, 266, 267, 500, 598, 599, 600, 10_000_000] {
                let page =
                    UsersAtRow { filter: filter.clone(), row: row as i64, limit: 40, order: ListOrder::OldestFirst };
                let page = t.desk.ask(&t.admin(), page).await.unwrap();
                let wanted: Vec<UserId> = expected.iter().copied().skip(row).take(40).collect();
                assert_eq!((ids(&page), page.total), (wanted, total), "row {row} of {filter:?} on {:?}", t.engine);
            }
            let (mut all, mut after) = (Vec::new(), None);
            loop {
                let list = ListUsers { filter: filter.clone(), after, limit: 47, count: true };
                let page = t.desk.ask(&t.admin(), list).await.unwrap();
                assert_eq!(page.total, total);
                all.extend(ids(&page));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(all, expected);
        }
        assert_eq!(t.desk.recount(t.tenant).await.unwrap(), Recount { users: 600, wrong: 0 });
        tamper(&t, "DELETE FROM user_block WHERE block = 255").await;
        assert_ne!(t.desk.recount(t.tenant).await.unwrap().wrong, 0, "a recount sees what is missing");
    }
}

/// Not a test: `cargo test -p desk --release -- --ignored --nocapture what_a_deep_page_costs` prints what lists of a million
/// users cost. They are erased ones: those can be made by SQL, since nobody has their keys.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn what_a_deep_page_costs() {
    const EVERYBODY: i64 = 1_000_000;
    let Some(t) = TestDesk::all().await.into_iter().find(|t| t.engine == desk::db::Engine::Sqlite) else { return };
    let tenant = t.tenant.0;
    let numbers = |what: &str| {
        format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {EVERYBODY}) {what}")
    };
    tamper(
        &t,
        numbers(&format!(
            "INSERT INTO users (seat, tenant_id, id, number, version, kind, employee, risk_locked, failed_sign_ins, sign_in_lock,
                 admission, core_state, suspension, flag, flagged_banks, blacklist, fraud, verification, hold, presence,
                 created_at, updated_at)
             SELECT ({tenant} << 40) + i, {tenant}, randomblob(16), i, 1, 'individual', 0, 0, 0, CASE i % 97 WHEN 5 THEN 'locked' ELSE 'open' END,
                 CASE i % 89 WHEN 3 THEN 'disabled' ELSE 'enabled' END, 'normal', 'no', 'none', '[]', 'no', 'whitelisted',
                 'none', 'none', 'erased', 0, 0 FROM n"
        )),
    )
    .await;
    tamper(
        &t,
        numbers(&format!(
            "INSERT INTO user_move (tenant_id, number, version, was, axes)
             SELECT {tenant}, i, 1, 0, 131073 + 2 * (i % 97 = 5) + 4 * (i % 89 = 3) FROM n"
        )),
    )
    .await;
    let began = std::time::Instant::now();
    assert_eq!(t.desk.fold().await.unwrap() as i64, EVERYBODY);
    println!("folding {EVERYBODY} moves: {:?}", began.elapsed());
    let erased = UserFilter { presence: Some(Presence::Erased), ..UserFilter::default() };
    let locked = UserFilter { locked: Some(true), ..erased.clone() };
    let both = UserFilter { admission: Some(Admission::Disabled), ..locked.clone() };
    for (name, filter, row) in [
        ("all, row 0", &erased, 0),
        ("all, row 900,000", &erased, 900_000),
        ("one in 97, row 0", &locked, 0),
        ("one in 97, row 9,000", &locked, 9_000),
        ("one in 8,633, row 0", &both, 0),
        ("one in 8,633, row 90", &both, 90),
    ] {
        let rounds = 300;
        let began = std::time::Instant::now();
        let mut total = 0;
        for _ in 0..rounds {
            let page = UsersAtRow { filter: filter.clone(), row, limit: 25, order: ListOrder::OldestFirst };
            total = t.desk.ask(&t.admin(), page).await.unwrap().total.unwrap();
        }
        println!("{name} of {total}: {:?}", began.elapsed() / rounds);
    }
}
