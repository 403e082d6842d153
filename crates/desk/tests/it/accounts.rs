//! Accounts, their administrators, and the codes that confirm: the rules one by one, and a walk through all of them beside
//! a model that is small enough to be believed.

use std::collections::BTreeMap;

use desk::account::*;
use desk::administrator::*;
use desk::challenge::*;
use desk::message::Outbox;
use desk::testing::TestDesk;
use desk::user::*;
use desk::value::clock::SECOND;
use desk::value::id::*;
use desk::value::secret::Secret;
use desk::{Error, Permission as P, Refusal};

use crate::support::*;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn account(t: &TestDesk, owner: UserId, number: &str) -> AccountId {
    let details = Details { number: number.to_owned(), name: "Adaeze Traders".to_owned(), short_code: None };
    let (kind, currency) = (AccountKind::Sme, "KES".to_owned());
    let open = OpenAccount { owner, kind, currency, balance: 0, details, partner: None };
    t.desk.perform(&t.admin(), open).await.unwrap().account.id
}

fn person(number: u32) -> Person {
    Person {
        id_type: IdType::NationalId,
        id_number: format!("3011{number:04}"),
        full_name: "Wanjiru Otieno".to_owned(),
        country_code: "254".to_owned(),
        mobile: format!("71200{number:04}"),
        email: format!("w{number}@mail.example"),
    }
}

async fn change(t: &TestDesk, account: AccountId, change: AccountChange) -> desk::Result<SeenAccount> {
    t.desk.perform(&t.admin(), ChangeAccount { account, change, reason: some("case 17") }).await
}

async fn send(t: &TestDesk, challenge: ChallengeId) -> desk::Result<Challenge> {
    t.clock.advance(61 * SECOND);
    let send = SendCode { challenge, channel: None, sending: Sending::Any, partner: None };
    t.desk.perform(&t.admin(), send).await
}

/// The newest code that anybody was sent.
async fn newest_code(t: &TestDesk) -> Secret {
    let newest = t.desk.ask(&t.house(), Outbox::Before(None)).await.unwrap().into_iter().next().unwrap();
    Secret::new(newest.letter.unwrap().code.unwrap())
}

async fn confirm(t: &TestDesk, challenge: ChallengeId, code: &Secret) -> desk::Result<Answered> {
    let code = Secret::new(code.expose());
    t.desk.perform(&t.admin(), ConfirmChallenge { challenge, code, partner: None }).await
}

/// An administrator whom the owner has confirmed.
async fn active(t: &TestDesk, account: AccountId, number: u32) -> AdministratorId {
    let opened = t.desk.perform(&t.admin(), AddAdministrator { account, person: person(number) }).await.unwrap();
    send(t, opened.challenge).await.unwrap();
    assert!(matches!(confirm(t, opened.challenge, &newest_code(t).await).await, Ok(Answered::Confirmed(_))));
    opened.administrator.administrator.id
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_closed_only_when_it_is_empty_and_free_and_then_for_good() {
    for t in TestDesk::all().await {
        let owner = user(&t, "owner").await;
        let details = Details { number: "40017".to_owned(), name: "Adaeze".to_owned(), short_code: None };
        let (kind, currency) = (AccountKind::Current, "KES".to_owned());
        let open = OpenAccount { owner, kind, currency, balance: 12, details, partner: None };
        let full = t.desk.perform(&t.admin(), open).await.unwrap().account.id;
        assert_eq!(refusal(change(&t, full, AccountChange::Close).await), Refusal::AccountNotEmpty);
        let empty = account(&t, owner, "40018").await;
        change(&t, empty, AccountChange::Freeze).await.unwrap();
        assert_eq!(refusal(change(&t, empty, AccountChange::Close).await), Refusal::AccountFrozen);
        change(&t, empty, AccountChange::Unfreeze).await.unwrap();
        change(&t, empty, AccountChange::Close).await.unwrap();
        change(&t, empty, AccountChange::Close).await.unwrap();
        assert_eq!(refusal(change(&t, empty, AccountChange::Unlock).await), Refusal::AccountClosed);
        // A number is taken once and for all.
        let details = Details { number: "40-018".to_owned(), name: "Other".to_owned(), short_code: None };
        let (kind, currency) = (AccountKind::Sme, "KES".to_owned());
        let open = OpenAccount { owner, kind, currency, balance: 0, details, partner: None };
        assert!(matches!(t.desk.perform(&t.admin(), open).await, Err(Error::Conflict(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_kept_in_a_currency_of_iso_4217_with_its_own_decimals() {
    for t in TestDesk::all().await {
        let owner = user(&t, "owner").await;
        let open = async |number: usize, currency: &str| {
            let details = Details { number: format!("5000{number}"), name: "Adaeze".to_owned(), short_code: None };
            let (kind, currency) = (AccountKind::Current, currency.to_owned());
            t.desk
                .perform(&t.admin(), OpenAccount { owner, kind, currency, balance: 1500, details, partner: None })
                .await
        };
        for (number, (code, balance)) in
            [("UGX", "1500"), ("KES", "15.00"), ("KWD", "1.500"), ("CLF", "0.1500")].into_iter().enumerate()
        {
            let id = open(number, code).await.unwrap().account.id;
            let show = ShowAccount { account: AccountRef::Id(id), partner: None };
            let account = t.desk.ask(&t.admin(), show).await.unwrap().account;
            assert_eq!((account.currency.code(), account.currency.decimal(account.balance).as_str()), (code, balance));
        }
        for code in ["ABC", "XAU", "XXX", "kes", "KE", "K S", ""] {
            let error = open(10, code).await.unwrap_err();
            assert!(matches!(&error, Error::Invalid(fields) if fields[0].path == "currency"), "{code}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_contacts_are_masked_and_another_tenants_account_does_not_exist() {
    for t in TestDesk::all().await {
        let owner = user(&t, "owner").await;
        let id = account(&t, owner, "4601770099").await;
        active(&t, id, 1).await;
        let reader = t.holder(&[P::AccountsRead, P::UsersRead]);
        let show = || ShowAccount { account: AccountRef::Id(id), partner: None };
        let seen = t.desk.ask(&reader, show()).await.unwrap().account.details.unwrap();
        assert_eq!(seen.number, "******0099");
        let list = || ListAdministrators { account: id, after: None, limit: 10 };
        let seen = t.desk.ask(&reader, list()).await.unwrap().administrators.remove(0).administrator.person.unwrap();
        assert_eq!((seen.mobile.as_str(), seen.id_number.contains("0001")), ("*****0001", false));
        assert!(!seen.email.starts_with("w1@"), "{}", seen.email);
        let reveal = RevealAccount { account: id, purpose: "a complaint".to_owned() };
        assert_eq!(t.desk.ask(&t.admin(), reveal).await.unwrap().number, "4601770099");
        let other = t.other_tenant().await;
        let stranger = desk::Caller { tenant: other, ..t.admin() };
        assert!(matches!(t.desk.ask(&stranger, show()).await, Err(Error::NotFound("account"))));
        let by_number = ShowAccount { account: AccountRef::Number("4601770099".to_owned()), partner: None };
        assert!(matches!(t.desk.ask(&stranger, by_number).await, Err(Error::NotFound("account"))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_takes_her_accounts_administrators_and_what_waits_with_her() {
    for t in TestDesk::all().await {
        let owner = user(&t, "owner").await;
        let id = account(&t, owner, "40019").await;
        let one = active(&t, id, 1).await;
        let verify = VerifyAdministrator { account: id, who: Selector::Id(one), contact: Contact::Email };
        let waiting = t.desk.perform(&t.admin(), verify).await.unwrap().challenge;
        let code = newest_code(&t).await;
        t.desk.perform(&t.admin(), EraseUser { user: owner, reason: some("she asked for it") }).await.unwrap();
        assert_eq!(refusal(confirm(&t, waiting, &code).await), Refusal::ChallengeOver);
        let seen = t.desk.ask(&t.admin(), ShowAdministrator(one)).await.unwrap().administrator;
        assert_eq!(seen.state, AdministratorState::Ended);
        assert!(seen.person.is_none(), "her own key is destroyed, too");
        let seen = t.desk.ask(&t.admin(), ShowAccount { account: AccountRef::Id(id), partner: None }).await.unwrap();
        assert!(seen.account.details.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_barred_owner_agrees_to_nothing() {
    for t in TestDesk::all().await {
        let owner = user(&t, "owner").await;
        let id = account(&t, owner, "40020").await;
        let opened = t.desk.perform(&t.admin(), AddAdministrator { account: id, person: person(1) }).await.unwrap();
        send(&t, opened.challenge).await.unwrap();
        let code = newest_code(&t).await;
        t.desk.perform(&t.admin(), LockUser { user: owner, until: None, reason: None }).await.unwrap();
        assert_eq!(refusal(confirm(&t, opened.challenge, &code).await), Refusal::ChallengeOver);
        let again = t.desk.perform(&t.admin(), AddAdministrator { account: id, person: person(1) }).await.unwrap();
        assert_eq!(refusal(send(&t, again.challenge).await), Refusal::UserLocked);
    }
}

#[test]
fn codes_go_only_where_a_contact_was_proved() {
    use desk::message::Channel::{Email, Sms};
    let at = Some(desk::value::clock::Time(1));
    for (state, mobile, email, sms_goes, email_goes) in [
        (AdministratorState::Pending, at, at, false, false),
        (AdministratorState::Active, None, None, false, false),
        (AdministratorState::Active, at, None, true, false),
        (AdministratorState::Active, None, at, false, true),
        (AdministratorState::Active, at, at, true, true),
        (AdministratorState::Removed, at, at, false, false),
        (AdministratorState::Ended, at, at, false, false),
    ] {
        let it = Administrator {
            id: AdministratorId(NIL),
            account: AccountId(NIL),
            state,
            person: None,
            mobile_verified_at: mobile,
            email_verified_at: email,
            rights: Rights::default(),
            created_at: desk::value::clock::Time(0),
            ended_at: None,
            end_cause: None,
            version: 1,
        };
        assert_eq!((it.may_be_sent(Sms).is_ok(), it.may_be_sent(Email).is_ok()), (sms_goes, email_goes), "{state}");
    }
}

/// What the model knows of one person on the account.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Known {
    active: bool,
    mobile: bool,
    email: bool,
}

/// Something that waits: for whom, what for, its code if one was sent, and when it and its code end.
struct Waits {
    number: u32,
    contact: Option<Contact>,
    code: Option<String>,
    ends: i64,
    code_ends: i64,
    tries: i64,
    over: bool,
}

struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Random deeds on one account, each answer compared with what the state machine of the contract (section 8) says.
#[tokio::test(flavor = "multi_thread")]
async fn random_walks_stay_beside_the_state_machine() {
    for t in TestDesk::all().await {
        for seed in 0..3 {
            let mut chance = Chance(seed);
            let owner = user(&t, &format!("walker{seed}")).await;
            let id = account(&t, owner, &format!("7000{seed}")).await;
            let mut people: BTreeMap<u32, Known> = BTreeMap::new();
            let mut waiting: BTreeMap<ChallengeId, Waits> = BTreeMap::new();
            let mut frozen = false;
            for _ in 0..120 {
                // A day has room for few codes to one person.
                t.clock.advance((61 + chance.below(4) as i64 * 120) * SECOND);
                if chance.below(12) == 0 {
                    t.clock.advance(desk::value::clock::DAY);
                }
                let now = t.desk.now().0;
                let number = chance.below(3) as u32;
                let known = people.get(&number).copied().unwrap_or_default();
                let pick = |chance: &mut Chance| {
                    waiting.keys().copied().nth(chance.below(waiting.len().max(1) as u64) as usize)
                };
                match chance.below(7) {
                    0 => {
                        let told =
                            t.desk.perform(&t.admin(), AddAdministrator { account: id, person: person(number) }).await;
                        match (told, frozen, known.active) {
                            (Ok(opened), false, false) => {
                                waiting.values_mut().filter(|it| it.number == number).for_each(|it| it.over = true);
                                let ends = now + 1_800 * SECOND;
                                let new = Waits {
                                    number,
                                    contact: None,
                                    code: None,
                                    ends,
                                    code_ends: 0,
                                    tries: 0,
                                    over: false,
                                };
                                waiting.insert(opened.challenge, new);
                            }
                            (Err(Error::Refused(Refusal::AccountFrozen)), true, _) => {}
                            (Err(Error::Refused(Refusal::AdministratorExists)), false, true) => {}
                            (told, ..) => panic!("adding {number} {known:?}: {:?}", told.err()),
                        }
                    }
                    1 => {
                        let contact = if chance.below(2) == 0 { Contact::Mobile } else { Contact::Email };
                        let proved = if contact == Contact::Mobile { known.mobile } else { known.email };
                        let who = Selector::Known {
                            identity: Some((IdType::NationalId, person(number).id_number)),
                            phone: None,
                        };
                        let told = t.desk.perform(&t.admin(), VerifyAdministrator { account: id, who, contact }).await;
                        match (told, frozen, known.active, proved) {
                            (Ok(opened), false, true, false) => {
                                let same = |it: &&mut Waits| it.number == number && it.contact == Some(contact);
                                waiting.values_mut().filter(same).for_each(|it| it.over = true);
                                let (ends, code_ends) = (now + 1_800 * SECOND, now + 300 * SECOND);
                                let code = Some(newest_code(&t).await.expose().to_owned());
                                let new = Waits {
                                    number,
                                    contact: Some(contact),
                                    code,
                                    ends,
                                    code_ends,
                                    tries: 0,
                                    over: false,
                                };
                                waiting.insert(opened.challenge, new);
                            }
                            (Err(Error::Refused(Refusal::AccountFrozen)), true, ..) => {}
                            (Err(Error::NotFound("administrator")), false, false, _) => {}
                            (Err(Error::Refused(Refusal::ContactVerified)), false, true, true) => {}
                            (Err(Error::Refused(Refusal::TooManyCodes)), false, true, false) => {}
                            (told, ..) => panic!("verifying {number} {known:?}: {:?}", told.err()),
                        }
                    }
                    2 => {
                        let who = Selector::Known {
                            identity: Some((IdType::NationalId, person(number).id_number)),
                            phone: None,
                        };
                        let told =
                            t.desk.perform(&t.admin(), RemoveAdministrator { account: id, who, reason: None }).await;
                        // One who waits is there until somebody takes her back, also when her time is over.
                        let waits = waiting.values().any(|it| it.number == number && it.contact.is_none() && !it.over);
                        assert_eq!(
                            told.is_ok(),
                            known.active || waits,
                            "removing {number} {known:?}: {:?}",
                            told.err()
                        );
                        people.remove(&number);
                        waiting.values_mut().filter(|it| it.number == number).for_each(|it| it.over = true);
                    }
                    3 => {
                        frozen = !frozen;
                        let how = if frozen { AccountChange::Freeze } else { AccountChange::Unfreeze };
                        change(&t, id, how).await.unwrap();
                    }
                    4 => {
                        let Some(challenge) = pick(&mut chance) else { continue };
                        let it = waiting.get_mut(&challenge).unwrap();
                        let told = send(&t, challenge).await;
                        let now = t.desk.now().0;
                        match told {
                            Ok(_) => {
                                assert!(!it.over && now < it.ends && it.tries < 5);
                                it.code = Some(newest_code(&t).await.expose().to_owned());
                                it.code_ends = now + 300 * SECOND;
                            }
                            Err(Error::Refused(Refusal::ChallengeOver)) => assert!(it.over),
                            Err(Error::Refused(Refusal::ChallengeExpired)) => assert!(!it.over && now >= it.ends),
                            Err(Error::Refused(Refusal::TooManyTries)) => assert!(it.tries >= 5),
                            Err(Error::Refused(Refusal::TooManyCodes)) => {}
                            Err(other) => panic!("sending: {other}"),
                        }
                    }
                    _ => {
                        let Some(challenge) = pick(&mut chance) else { continue };
                        let it = waiting.get_mut(&challenge).unwrap();
                        let is_right = chance.below(3) > 0 && it.code.is_some();
                        let code = if is_right { it.code.clone().unwrap() } else { "no code".to_owned() };
                        let told = confirm(&t, challenge, &Secret::new(code)).await;
                        let known = people.entry(it.number).or_default();
                        match told {
                            Ok(Answered::Confirmed(_)) => {
                                assert!(
                                    is_right
                                        && !it.over
                                        && now < it.ends
                                        && now < it.code_ends
                                        && it.tries < 5
                                        && !frozen
                                );
                                it.over = true;
                                match it.contact {
                                    None => *known = Known { active: true, ..Known::default() },
                                    Some(Contact::Mobile) => known.mobile = true,
                                    Some(Contact::Email) => known.email = true,
                                }
                                assert!(known.active);
                            }
                            Ok(Answered::Refused(Refusal::CodeWrong)) => {
                                assert!(!is_right && !it.over && now < it.ends);
                                it.tries += 1;
                            }
                            Ok(Answered::Refused(other)) => panic!("confirming: {other}"),
                            Err(Error::Refused(Refusal::ChallengeOver)) => assert!(it.over),
                            Err(Error::Refused(Refusal::ChallengeExpired)) => assert!(!it.over && now >= it.ends),
                            Err(Error::Refused(Refusal::TooManyTries)) => assert!(it.tries >= 5),
                            Err(Error::Refused(Refusal::CodeWrong)) => assert!(it.code.is_none()),
                            Err(Error::Refused(Refusal::CodeExpired)) => assert!(is_right && now >= it.code_ends),
                            Err(Error::Refused(Refusal::AccountFrozen)) => assert!(frozen && is_right),
                            Err(other) => panic!("confirming: {other}"),
                        }
                    }
                }
                let list = ListAdministrators { account: id, after: None, limit: 200 };
                let all = t.desk.ask(&t.admin(), list).await.unwrap().administrators;
                let live: Vec<Known> = all
                    .iter()
                    .map(|it| &it.administrator)
                    .filter(|it| it.state == AdministratorState::Active)
                    .map(|it| Known {
                        active: true,
                        mobile: it.mobile_verified_at.is_some(),
                        email: it.email_verified_at.is_some(),
                    })
                    .collect();
                let mut expected: Vec<Known> = people.values().copied().filter(|it| it.active).collect();
                let order = |it: &Known| (it.mobile, it.email);
                expected.sort_by_key(order);
                let mut live = live;
                live.sort_by_key(order);
                assert_eq!(live, expected, "{:?}", t.engine);
            }
        }
    }
}
