//! Finding users by what is typed, and listing them by their standing.

use desk::db::{Engine, Rd, Read, Weight};
use desk::permission::Permission as P;
use desk::testing::TestDesk;
use desk::user::profile::Identifiers;
use desk::user::standing::*;
use desk::user::*;
use desk::value::id::UserId;
use desk::{Error, Question, Result};
use proptest::prelude::*;

use crate::support::*;

async fn person(t: &TestDesk, first: &str, last: &str, change: impl FnOnce(&mut Profile)) -> UserId {
    let mut profile = Profile { first_name: first.to_owned(), last_name: last.to_owned(), ..Profile::default() };
    change(&mut profile);
    t.desk.perform(&t.house(), CreateUser::of(profile)).await.unwrap().id
}

fn asked(query: &str) -> FindUsers {
    FindUsers { limit: 50, ..FindUsers::of(query) }
}

async fn found(t: &TestDesk, query: &str) -> Vec<UserId> {
    let found = t.desk.ask(&t.admin(), asked(query)).await.unwrap();
    assert_eq!((found.total, found.next), (Some(found.users.len() as i64), None));
    found.users.into_iter().map(|user| user.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_whatever_a_caller_says_of_herself() {
    for t in TestDesk::all().await {
        let some = |text: &str| Some(text.to_owned());
        let sinead = person(&t, "Sinéad", "O'Neil-Okonkwo", |it| {
            it.preferred_name = some("Shin");
            it.email = some("sinead.oneil@harbor.example");
            it.username = some("sinead88");
            it.phone = some("+12025550143");
            it.identifiers = Identifiers {
                ssn: some("731-55-2048"),
                member_number: some("0048817263"),
                external_id: some("CRM-77/a"),
                ..Default::default()
            };
        })
        .await;
        let neil = person(&t, "Neil", "Armitage", |it| {
            it.email = some("neil@harbor.example");
            it.phone = some("+2348035550143");
        })
        .await;
        let shop = person(&t, "", "", |it| it.business_name = some("Sinclair & Daughters")).await;
        let li = person(&t, "李", "明", |_| {}).await;

        for (query, whom) in [
            // prefixes, accents, case, apostrophes, several words in any order
            ("sinead", vec![sinead]),
            ("SINÉ", vec![sinead]),
            ("sin", vec![sinead, shop]),
            ("okonkwo sinead", vec![sinead]),
            ("o'neil", vec![sinead]),
            ("oneil", vec![sinead]),
            ("neil", vec![neil, sinead]),
            ("neil armi", vec![neil]),
            ("armi NEIL", vec![neil]),
            ("shin okon", vec![sinead]),
            ("sinead armitage", vec![]),
            ("daughters", vec![shop]),
            ("李", vec![li]),
            ("x", vec![]),
            // mail: whole, beginning, somebody else's domain
            ("sinead.oneil@harbor.example", vec![sinead]),
            ("SINEAD.ONEIL@HARBOR.EXAMPLE", vec![sinead]),
            ("sinead.o", vec![sinead]),
            ("neil@", vec![neil]),
            ("neil@harbor", vec![neil]),
            ("neil@elsewhere.example", vec![]),
            ("harbor.example", vec![]),
            ("sinead88", vec![sinead]),
            // phones: whole, with and without marks, last seven, last four
            ("+12025550143", vec![sinead]),
            ("+1 (202) 555-0143", vec![sinead]),
            ("2025550143", vec![sinead]),
            ("555 0143", vec![neil, sinead]),
            ("0143", vec![neil, sinead]),
            ("08035550143", vec![neil]),
            ("9143", vec![]),
            // identifiers whole, however punctuated; never a part
            ("731-55-2048", vec![sinead]),
            ("731552048", vec![sinead]),
            ("2048", vec![]),
            ("0048817263", vec![sinead]),
            ("crm-77/a", vec![sinead]),
        ] {
            let (mut ids, mut whom) = (found(&t, query).await, whom);
            ids.sort_unstable();
            whom.sort_unstable();
            assert_eq!(ids, whom, "{query} on {:?}", t.engine);
        }
        assert_eq!(found(&t, &sinead.to_string()).await, [sinead]);
        assert_eq!(found(&t, &sinead.0.to_string()).await, [sinead]);
        assert_eq!(found(&t, "").await.len(), 4);
        assert_eq!(code(t.desk.ask(&t.admin(), asked(&"x".repeat(201))).await), "invalid");

        // The index follows an edit, and what was true before no longer is.
        let patch = serde_json::json!({ "last_name": "Brannigan", "phone": null }).as_object().unwrap().clone();
        let edit = EditUser { user: sinead, if_version: None, patch, kind: None, employee: None, reason: None };
        t.desk.perform(&t.admin(), edit).await.unwrap();
        assert_eq!(found(&t, "okonkwo").await, []);
        assert_eq!(found(&t, "0143").await, [neil]);
        assert_eq!(found(&t, "brannigan sinead").await, [sinead]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_match_comes_first_or_the_first_by_name() {
    for t in TestDesk::all().await {
        let some = |text: &str| Some(text.to_owned());
        let begins = person(&t, "Annabel", "Aaron", |_| {}).await;
        let whole = person(&t, "Anna", "Zucker", |_| {}).await;
        let login = person(&t, "Berta", "Miller", |it| it.username = some("anna")).await;
        assert_eq!(found(&t, "anna").await, [login, whole, begins]);
        let by_name = FindUsers { sort: UserSort::Name, ..asked("anna") };
        let ids = async |find| {
            let found: Found = t.desk.ask(&t.admin(), find).await.unwrap();
            (found.total.unwrap(), found.users.into_iter().map(|user| user.id).collect::<Vec<_>>())
        };
        assert_eq!(ids(by_name).await, (3, vec![begins, login, whole]));
        let page = FindUsers { sort: UserSort::Name, offset: 1, limit: 1, ..asked("anna") };
        assert_eq!(ids(page).await, (3, vec![login]));
        let all = FindUsers { sort: UserSort::Name, offset: 1, limit: 5, ..asked(" ") };
        assert_eq!(ids(all).await, (3, vec![whole, login]), "everybody is in the order of their numbers");
    }
}

/// All pages of a search, and what the first told of the total.
async fn search_pages(t: &TestDesk, caller: &desk::Caller, find: &FindUsers) -> (Vec<UserId>, Option<i64>) {
    let (mut ids, mut total, mut after) = (Vec::new(), None, None);
    loop {
        let page = t.desk.ask(caller, FindUsers { after: after.clone(), ..find.clone() }).await.unwrap();
        assert!(page.users.len() <= find.limit);
        assert_eq!(page.total.is_some(), find.count && after.is_none(), "the first page tells it");
        total = total.or(page.total);
        ids.extend(page.users.into_iter().map(|user| user.id));
        after = page.next;
        if after.is_none() {
            return (ids, total);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_goes_on_page_by_page_through_its_tiers() {
    for t in TestDesk::all().await {
        let some = |text: &str| Some(text.to_owned());
        let (mut exact, mut whole, mut begins) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..18 {
            match index % 3 {
                0 => begins.push(person(&t, "Annabel", "Garcia-Lopez", |it| it.preferred_name = some("Annie")).await),
                1 => whole.push(person(&t, "Anna", "García", |_| {}).await),
                _ => begins.push(person(&t, "Berta", "Annan", |it| it.username = Some(format!("garci{index}"))).await),
            }
        }
        exact.push(person(&t, "Berta", "Annan", |it| it.username = some("anna")).await);
        let hidden =
            CreateUser { employee: true, ..CreateUser::of(Profile { first_name: "Anna".into(), ..profile("e") }) };
        let hidden = t.desk.perform(&t.house(), hidden).await.unwrap().id;
        let locked = LockUser { user: whole[2], until: None, reason: None };
        t.desk.perform(&t.admin(), locked).await.unwrap();

        let patch = serde_json::json!({ "hide_employees": true }).as_object().unwrap().clone();
        t.desk.perform(&t.admin(), desk::tenant::ChangeSettings { patch }).await.unwrap();
        let agent = t.holder(&[P::UsersRead, P::UsersContacts]);
        for (query, tiers) in [
            ("anna", vec![exact.clone(), whole.clone(), begins.clone()]),
            ("garcia anna", vec![whole.clone(), begins.iter().copied().step_by(2).collect()]),
            ("ANNA GARCI", vec![[&*begins, &*whole].concat()]),
            ("anna garcia berta", vec![]),
        ] {
            let mut expected = Vec::new();
            for mut tier in tiers {
                let mut numbers = Vec::new();
                for user in tier.drain(..) {
                    numbers.push((t.desk.ask(&t.admin(), ShowUser(user)).await.unwrap().number, user));
                }
                numbers.sort_unstable();
                expected.extend(numbers.into_iter().map(|(_, user)| user));
            }
            for limit in [1, 2, 5, 50] {
                for count in [true, false] {
                    let find = FindUsers { limit, count, ..FindUsers::of(query) };
                    let (ids, total) = search_pages(&t, &agent, &find).await;
                    assert_eq!(ids, expected, "{query} by {limit} on {:?}", t.engine);
                    assert_eq!(total, count.then_some(expected.len() as i64));
                }
            }
            let (ids, total) = search_pages(&t, &t.admin(), &FindUsers { limit: 3, ..FindUsers::of(query) }).await;
            let seen = ids.iter().filter(|id| **id == hidden).count();
            assert_eq!((seen, total), (usize::from(query == "anna"), Some((expected.len() + seen) as i64)), "{query}");
            let filter = UserFilter { locked: Some(true), ..UserFilter::default() };
            let (ids, _) = search_pages(&t, &agent, &FindUsers { filter, ..FindUsers::of(query) }).await;
            assert_eq!(ids, expected.iter().copied().filter(|id| *id == whole[2]).collect::<Vec<_>>(), "{query}");
        }

        // A cursor serves its own search only.
        let first = FindUsers { limit: 2, count: false, ..FindUsers::of("anna") };
        let cursor = t.desk.ask(&t.admin(), first.clone()).await.unwrap().next.unwrap();
        let locked = UserFilter { locked: Some(true), ..UserFilter::default() };
        let list = t.desk.ask(&t.admin(), list(UserFilter::default(), None, 2)).await.unwrap().next.unwrap();
        for find in [
            FindUsers { after: Some(cursor.replacen('.', "0.", 1)), ..first.clone() },
            FindUsers { after: Some(cursor.clone()), query: "annan".to_owned(), ..first.clone() },
            FindUsers { after: Some(cursor.clone()), filter: locked, ..first.clone() },
            FindUsers { after: Some(cursor.clone()), term: Term::NamesAndLogins, ..first.clone() },
            FindUsers { after: Some(list), ..first.clone() },
            FindUsers { after: Some(String::new()), ..first.clone() },
        ] {
            assert_eq!(faults(t.desk.ask(&t.admin(), find).await), [("after".to_owned(), "invalid")]);
        }
        let there = desk::Caller { tenant: t.other_tenant().await, ..t.admin() };
        let elsewhere = FindUsers { after: Some(cursor), ..first };
        assert_eq!(faults(t.desk.ask(&there, elsewhere).await), [("after".to_owned(), "invalid")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_of_names_and_logins_looks_nowhere_else() {
    for t in TestDesk::all().await {
        let some = |text: &str| Some(text.to_owned());
        let ada = person(&t, "Ada", "Okafor", |it| {
            it.middle_name = some("Chidinma");
            it.phone = some("+12025550143");
            it.email = some("ada@harbor.example");
            it.username = some("ada.harbor");
            it.identifiers.net_teller_id = some("NT4471");
            it.identifiers.customer_id = some("CU99812");
        })
        .await;
        for (query, fits) in [
            ("ada", true),
            ("NT4471", true),
            ("ada.harbor", true),
            ("ada@harbor.example", true),
            ("ada@", true),
            ("chidinma", false),
            ("CU99812", false),
            ("2025550143", false),
            (&*ada.to_string(), false),
        ] {
            let find = FindUsers { term: Term::NamesAndLogins, sort: UserSort::Name, ..asked(query) };
            assert_eq!(t.desk.ask(&t.admin(), find).await.unwrap().total == Some(1), fits, "{query}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_unique_is_refused_by_field_and_free_again_after_a_change() {
    for t in TestDesk::all().await {
        let ada = user(&t, "ada").await;
        for (twin, field) in [
            (Profile { username: Some("ADAEZE.ada".to_owned()), email: None, ..profile("x") }, "username"),
            (Profile { email: Some("Adaeze.Ada@mail.example".to_owned()), ..profile("y") }, "email"),
        ] {
            let told = faults(t.desk.perform(&t.house(), CreateUser::of(twin)).await);
            assert_eq!(told, [(field.to_owned(), "taken")]);
        }
        assert_eq!(found(&t, "").await, [ada], "nothing of the refused ones is left");
        let numbers: Vec<_> = {
            user(&t, "eve").await;
            let list = ListUsers { filter: UserFilter::default(), after: None, limit: 9, count: false };
            t.desk.ask(&t.admin(), list).await.unwrap().users.into_iter().map(|user| user.number).collect()
        };
        assert_eq!(numbers, [1, 2], "numbers are dense");
        let patch = serde_json::json!({ "username": "new.name" }).as_object().unwrap().clone();
        let edit =
            |patch, if_version| EditUser { user: ada, if_version, patch, kind: None, employee: None, reason: None };
        assert_eq!(code(t.desk.perform(&t.admin(), edit(patch.clone(), Some(7))).await), "version_conflict");
        t.desk.perform(&t.admin(), edit(patch.clone(), Some(1))).await.unwrap();
        assert!(!t.desk.perform(&t.admin(), edit(patch, Some(2))).await.unwrap().changed);
        let freed = Profile { username: Some("adaeze.ada".to_owned()), ..profile("z") };
        t.desk.perform(&t.house(), CreateUser::of(freed)).await.unwrap();
    }
}

fn list(filter: UserFilter, after: Option<String>, limit: i64) -> ListUsers {
    ListUsers { filter, after, limit, count: true }
}

/// All pages of a list; the total that each page told.
async fn pages(t: &TestDesk, filter: &UserFilter, limit: i64) -> (Vec<UserId>, Vec<i64>) {
    let (mut ids, mut totals, mut after) = (Vec::new(), Vec::new(), None);
    loop {
        let page = t.desk.ask(&t.admin(), list(filter.clone(), after, limit)).await.unwrap();
        assert!(page.users.len() as i64 <= limit);
        ids.extend(page.users.into_iter().map(|user| user.id));
        totals.push(page.total.unwrap());
        after = page.next;
        if after.is_none() {
            return (ids, totals);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_axis_filters() {
    for t in TestDesk::all().await {
        let mut all = Vec::new();
        for (index, (name, standing)) in matrix_states().into_iter().enumerate() {
            let create = CreateUser { standing, ..CreateUser::of(profile(&format!("s{index}"))) };
            all.push((name, t.desk.perform(&t.house(), create).await.unwrap()));
        }
        let business = CreateUser { kind: UserKind::Business, employee: true, ..CreateUser::of(profile("biz")) };
        all.push(("business", t.desk.perform(&t.house(), business).await.unwrap()));
        let none = UserFilter::default;
        let mut filters = vec![none()];
        let both = [true, false];
        filters.extend(both.map(|it| UserFilter { locked: Some(it), ..none() }));
        filters.extend(both.map(|it| UserFilter { employee: Some(it), ..none() }));
        filters.extend(Admission::ALL.iter().map(|it| UserFilter { admission: Some(*it), ..none() }));
        filters.extend(CoreState::ALL.iter().map(|it| UserFilter { core_state: Some(*it), ..none() }));
        filters.extend(Suspension::ALL.iter().map(|it| UserFilter { suspension: Some(*it), ..none() }));
        filters.extend(FlagReach::ALL.iter().map(|it| UserFilter { flag: Some(*it), ..none() }));
        filters.extend(Blacklist::ALL.iter().map(|it| UserFilter { blacklist: Some(*it), ..none() }));
        filters.extend(FraudStatus::ALL.iter().map(|it| UserFilter { fraud: Some(*it), ..none() }));
        filters.extend(Verification::ALL.iter().map(|it| UserFilter { verification: Some(*it), ..none() }));
        filters.extend(Hold::ALL.iter().map(|it| UserFilter { hold: Some(*it), ..none() }));
        filters.extend(Presence::ALL.iter().map(|it| UserFilter { presence: Some(*it), ..none() }));
        filters.extend(UserKind::ALL.iter().map(|it| UserFilter { kind: Some(*it), ..none() }));
        let locked_and_held = UserFilter { locked: Some(true), hold: Some(Hold::Held), ..none() };
        filters.push(locked_and_held);
        for filter in filters {
            let expected: Vec<UserId> =
                all.iter().filter(|(_, user)| fits(&filter, user)).map(|(_, user)| user.id).collect();
            let (ids, totals) = pages(&t, &filter, 4).await;
            assert_eq!(ids, expected, "{filter:?} on {:?}", t.engine);
            assert!(totals.iter().all(|total| *total == expected.len() as i64), "{filter:?}");
        }
    }
}

/// The filter, told once more in plain words.
fn fits(filter: &UserFilter, user: &User) -> bool {
    fn is<T: PartialEq>(asked: &Option<T>, is: T) -> bool {
        asked.as_ref().is_none_or(|asked| *asked == is)
    }
    let standing = &user.standing;
    is(&filter.locked, standing.lock.word() == "locked")
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

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_stays_true_while_users_come_and_serves_its_own_list_only() {
    for t in TestDesk::all().await {
        let mut ids = Vec::new();
        for index in 0..5 {
            ids.push(user(&t, &format!("u{index}")).await);
        }
        let none = UserFilter::default;
        let first = t.desk.ask(&t.admin(), list(none(), None, 2)).await.unwrap();
        assert_eq!(first.users.iter().map(|user| user.id).collect::<Vec<_>>(), ids[..2]);
        let cursor = first.next.unwrap();
        ids.push(user(&t, "late").await);
        let rest = t.desk.ask(&t.admin(), list(none(), Some(cursor.clone()), 10)).await.unwrap();
        assert_eq!(rest.users.iter().map(|user| user.id).collect::<Vec<_>>(), ids[2..]);
        assert_eq!((rest.total, rest.next), (Some(6), None));

        let locked = UserFilter { locked: Some(true), ..none() };
        let tampered = cursor.replacen('2', "4", 1);
        for (filter, cursor) in [
            (locked, cursor.clone()),
            (none(), tampered),
            (none(), "2.".to_owned()),
            (none(), String::new()),
            (none(), "-1.0".to_owned()),
        ] {
            let told = faults(t.desk.ask(&t.admin(), list(filter, Some(cursor.clone()), 2)).await);
            assert_eq!(told, [("after".to_owned(), "invalid")], "{cursor}");
        }
        let there = desk::Caller { tenant: t.other_tenant().await, ..t.admin() };
        assert!(matches!(t.desk.ask(&there, list(none(), Some(cursor), 2)).await, Err(Error::Invalid(_))));
        for limit in [0, -1, 201] {
            assert_eq!(faults(t.desk.ask(&t.admin(), list(none(), None, limit)).await)[0].0, "limit");
        }
    }
}

/// Runs a question on a connection of our own and counts its statements.
struct Counting<Q>(TestTenant, Q);

struct TestTenant {
    tenant: std::sync::Arc<desk::tenant::Tenant>,
    caller: desk::Caller,
    now: desk::value::clock::Time,
}

impl<Q: Question> Read for Counting<Q> {
    type Output = u64;

    fn weight(&self) -> Weight {
        Weight::Scan
    }

    async fn run(&self, rd: &mut Rd) -> Result<u64> {
        let before = rd.statements();
        let TestTenant { tenant, caller, now } = &self.0;
        self.1.run(&mut desk::verb::Qx { rd, caller, tenant, now: *now }).await?;
        Ok(rd.statements() - before)
    }
}

async fn statements<Q: Question>(t: &TestDesk, question: Q) -> u64 {
    let tenant = t.desk.tenant(t.tenant).await.unwrap();
    let within = TestTenant { tenant, caller: t.admin(), now: t.desk.now() };
    t.desk.db().read(Counting(within, question)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_one_statement_or_two_never_one_for_each_row() {
    for t in TestDesk::all().await {
        for index in 0..20 {
            user(&t, &format!("u{index}")).await;
        }
        let count_not = ListUsers { filter: UserFilter::default(), after: None, limit: 20, count: false };
        assert_eq!(statements(&t, count_not).await, 5);
        assert_eq!(statements(&t, list(UserFilter::default(), None, 20)).await, 5, "a total costs none");
        assert_eq!(statements(&t, list(UserFilter { locked: Some(true), ..UserFilter::default() }, None, 20)).await, 2);
        assert_eq!(statements(&t, asked("adaeze")).await, 2);
        assert_eq!(statements(&t, asked("adaeze okafor")).await, 2);
        assert_eq!(statements(&t, asked("")).await, 5);
        let ada = found(&t, "adaeze.u1").await[0];
        assert_eq!(statements(&t, ShowUser(ada)).await, 1);
        assert_eq!(statements(&t, desk::staff::ListStaff).await, 1);
        assert_eq!(statements(&t, desk::team::ListTeams).await, 2);
        let audit = desk::audit::AuditFilter { limit: 20, ..Default::default() };
        assert_eq!(statements(&t, desk::audit::ListAudit(audit)).await, 1);
        assert_eq!(statements(&t, desk::event::ListEvents { after: None, limit: 20 }).await, 1);
    }
}

/// One step of a random history.
#[derive(Debug, Clone)]
enum Step {
    Create(u8),
    Lock(u8),
    Unlock(u8),
    Disable(u8),
    Flag(u8),
    Remove(u8),
    Erase(u8),
    Rename(u8, u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = prop_oneof![
        4 => any::<u8>().prop_map(Step::Create),
        2 => any::<u8>().prop_map(Step::Lock),
        1 => any::<u8>().prop_map(Step::Unlock),
        2 => any::<u8>().prop_map(Step::Disable),
        1 => any::<u8>().prop_map(Step::Flag),
        1 => any::<u8>().prop_map(Step::Remove),
        1 => any::<u8>().prop_map(Step::Erase),
        2 => any::<(u8, u8)>().prop_map(|(whom, name)| Step::Rename(whom, name)),
    ];
    prop::collection::vec(one, 1..30)
}

const NAMES: [&str; 6] = ["Ann", "Anna", "Annabel", "Bertöld", "Bert", "O'Bert"];

/// What the desk should hold, told naively.
#[derive(Clone)]
struct Told {
    id: UserId,
    name: &'static str,
    locked: bool,
    disabled: bool,
    flagged: bool,
    removed: bool,
    erased: bool,
}

async fn live_through(t: &TestDesk, steps: &[Step]) -> Vec<Told> {
    let mut people: Vec<Told> = Vec::new();
    let (admin, reason) = (t.admin(), || None::<String>);
    for step in steps {
        let pick = |whom: &u8, people: &[Told]| (!people.is_empty()).then(|| usize::from(*whom) % people.len());
        match step {
            Step::Create(name) => {
                let name = NAMES[usize::from(*name) % NAMES.len()];
                let id = person(t, name, "Zed", |_| {}).await;
                let fresh =
                    Told { id, name, locked: false, disabled: false, flagged: false, removed: false, erased: false };
                people.push(fresh);
            }
            Step::Lock(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                let done =
                    t.desk.perform(&admin, LockUser { user: people[at].id, until: None, reason: reason() }).await;
                people[at].locked |= done.is_ok();
            }
            Step::Unlock(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                let done = t.desk.perform(&admin, UnlockUser { user: people[at].id, reason: reason() }).await;
                people[at].locked &= done.is_err();
            }
            Step::Disable(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                let done = t.desk.perform(&admin, DisableUser { user: people[at].id, reason: reason() }).await;
                people[at].disabled |= done.is_ok();
            }
            Step::Flag(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                let done = t.desk.perform(&admin, FlagUser { user: people[at].id, bank: None, reason: reason() }).await;
                people[at].flagged |= done.is_ok();
            }
            Step::Remove(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                let done = t.desk.perform(&admin, RemoveUser { user: people[at].id, reason: reason() }).await;
                people[at].removed |= done.is_ok();
            }
            Step::Erase(whom) => {
                let Some(at) = pick(whom, &people) else { continue };
                t.desk.perform(&admin, EraseUser { user: people[at].id, reason: reason() }).await.unwrap();
                people[at].erased = true;
            }
            Step::Rename(whom, name) => {
                let Some(at) = pick(whom, &people) else { continue };
                let name = NAMES[usize::from(*name) % NAMES.len()];
                let patch = serde_json::json!({ "first_name": name }).as_object().unwrap().clone();
                let user = people[at].id;
                let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason: None };
                if t.desk.perform(&admin, edit).await.is_ok() {
                    people[at].name = name;
                }
            }
        }
    }
    people
}

async fn lists_agree(t: &TestDesk, steps: &[Step], limit: i64) {
    let people = live_through(t, steps).await;
    let none = UserFilter::default;
    type Fits = fn(&Told) -> bool;
    let filters: [(UserFilter, Fits); 6] = [
        (none(), |it| !it.erased),
        (UserFilter { locked: Some(true), ..none() }, |it| it.locked && !it.erased),
        (UserFilter { admission: Some(Admission::Disabled), ..none() }, |it| it.disabled && !it.erased),
        (UserFilter { flag: Some(FlagReach::Whole), locked: Some(false), ..none() }, |it| {
            it.flagged && !it.locked && !it.erased
        }),
        (UserFilter { presence: Some(Presence::Removed), ..none() }, |it| it.removed && !it.erased),
        (UserFilter { presence: Some(Presence::Erased), ..none() }, |it| it.erased),
    ];
    for (filter, fits) in filters {
        let expected: Vec<UserId> = people.iter().filter(|it| fits(it)).map(|it| it.id).collect();
        let (ids, totals) = pages(t, &filter, limit).await;
        assert_eq!(ids, expected, "{filter:?} after {steps:?}");
        assert!(totals.iter().all(|total| *total == expected.len() as i64));
    }
    for (query, beginning) in [
        ("ann", "Ann"),
        ("anna", "Anna"),
        ("ANNABE", "Annabe"),
        ("zed annáb", "Annab"),
        ("bert", "Bert"),
        ("ber ze", "Ber"),
    ] {
        let folded = |name: &str| name.replace('ö', "o").replace("O'", "");
        let mut expected: Vec<UserId> =
            people.iter().filter(|it| !it.erased && folded(it.name).starts_with(beginning)).map(|it| it.id).collect();
        let mut ids = found(t, query).await;
        let by_page = FindUsers { limit: limit as usize, count: false, ..FindUsers::of(query) };
        assert_eq!(search_pages(t, &t.admin(), &by_page).await.0, ids, "{query} page by page after {steps:?}");
        expected.sort_unstable();
        ids.sort_unstable();
        assert_eq!(ids, expected, "{query} after {steps:?}");
    }
}

#[test]
fn lists_and_searches_agree_with_a_naive_book_after_any_history() {
    // Each case opens databases of its own: few cases, long histories.
    let cases =
        ProptestConfig { cases: 12, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    proptest!(cases, |(steps in steps(), limit in 1_i64..6)| {
        runtime.block_on(async {
            for t in TestDesk::all().await {
                assert!(matches!(t.engine, Engine::Sqlite | Engine::Postgres));
                lists_agree(&t, &steps, limit).await;
            }
        });
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_searches_without_seeing_contacts() {
    for t in TestDesk::all().await {
        user(&t, "ada").await;
        let reader = t.holder(&[P::UsersRead]);
        assert!(t.desk.ask(&reader, asked("adaeze.ada@mail.example")).await.unwrap().users.is_empty());
        // By a question that is on record (`masked.rs`).
        let found = t.desk.find_users(&reader, asked("adaeze.ada@mail.example")).await.unwrap();
        assert_eq!(found.users[0].profile.email.as_deref(), Some("a***@mail.example"));
    }
}
