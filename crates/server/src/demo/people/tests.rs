use std::collections::BTreeSet;

use super::maker::{every_culture, plain_letters};
use super::story::EVERY_STORY_FROM;
use super::*;

const BOTH: [Flavour; 2] = [Flavour::Bank, Flavour::CreditUnion];

#[test]
fn the_same_seed_gives_the_same_people_and_another_seed_others() {
    for flavour in BOTH {
        assert_eq!(people(7, 120, flavour), people(7, 120, flavour));
        assert_ne!(people(7, 120, flavour), people(8, 120, flavour));
    }
    let usernames = |flavour| people(7, 500, flavour).into_iter().map(|one| one.username).collect::<Vec<_>>();
    assert_ne!(usernames(Flavour::Bank)[..20], usernames(Flavour::CreditUnion)[..20]);
}

#[test]
fn what_must_be_unique_is_unique_even_among_many() {
    for flavour in BOTH {
        let all = people(1, 4000, flavour);
        let unique = |what: &str, field: fn(&Person) -> Option<&String>| {
            let some = all.iter().filter_map(field).collect::<Vec<_>>();
            assert_eq!(some.iter().collect::<BTreeSet<_>>().len(), some.len(), "{what} repeats");
        };
        unique("username", |one| Some(&one.username));
        unique("email", |one| Some(&one.email));
        unique("ssn", |one| one.ssn.as_ref());
        unique("bvn", |one| one.bvn.as_ref());
        unique("nin", |one| one.nin.as_ref());
        unique("net teller id", |one| one.net_teller_id.as_ref());
        unique("customer id", |one| one.customer_id.as_ref());
        unique("member number", |one| one.member_number.as_ref());
    }
}

#[test]
fn nobody_can_be_reached_or_mistaken_for_somebody_real() {
    for one in BOTH.into_iter().flat_map(|flavour| people(3, 3000, flavour)) {
        let domain = one.email.split_once('@').unwrap().1;
        let reserved = ["example.com", "example.org", "example.net"];
        assert!(
            reserved.iter().any(|name| domain == *name || domain.ends_with(&format!(".{name}")))
                || domain.ends_with(".example")
        );
        let digits = |text: &str, from: usize| text[from..].bytes().all(|byte| byte.is_ascii_digit());
        match one.address.country {
            "US" => {
                assert!(
                    one.phone.len() == 12 && &one.phone[5..10] == "55501" && digits(&one.phone, 1),
                    "{}",
                    one.phone
                );
                let ssn = one.ssn.as_deref().unwrap();
                assert!(ssn.len() == 9 && ssn.starts_with('9') && ssn[3..5] < *"50" && digits(ssn, 0), "{ssn}");
                assert!(one.bvn.is_none() && one.nin.is_none());
            }
            "GB" => {
                assert!(one.phone.len() == 13 && one.phone.starts_with("+447700900"), "{}", one.phone);
                assert!(one.ssn.is_none() && one.bvn.is_none() && one.nin.is_none());
            }
            "NG" => {
                assert!(one.phone.len() == 14 && one.phone.starts_with("+23492000"), "{}", one.phone);
                let (bvn, nin) = (one.bvn.unwrap(), one.nin.unwrap());
                assert!(bvn.len() == 11 && digits(&bvn, 0) && nin.len() == 11 && digits(&nin, 0));
                assert!(one.ssn.is_none());
            }
            other => panic!("{other} has no numbers"),
        }
    }
}

#[test]
fn every_standing_occurs_from_sixty_people_on() {
    for (flavour, seed) in BOTH.into_iter().flat_map(|flavour| (0..20).map(move |seed| (flavour, seed))) {
        let all = people(seed, EVERY_STORY_FROM, flavour);
        let some = |what: &str, test: fn(&DemoStanding) -> bool| {
            assert!(all.iter().any(|one| test(&one.standing)), "nobody is {what} (seed {seed}, {flavour:?})");
        };
        some("open", |at| at.sign_in_lock == SignInLock::Open);
        some("locked by tries", |at| {
            matches!(at.sign_in_lock, SignInLock::Locked { cause: LockCause::FailedSignIns, hours: None })
        });
        some("locked for hours", |at| matches!(at.sign_in_lock, SignInLock::Locked { hours: Some(_), .. }));
        some("locked by staff", |at| matches!(at.sign_in_lock, SignInLock::Locked { cause: LockCause::Staff(_), .. }));
        some("locked by core", |at| matches!(at.sign_in_lock, SignInLock::Locked { cause: LockCause::Core, .. }));
        some("disabled", |at| at.disabled.is_some());
        some("suspended", |at| at.suspended.is_some());
        some("blacklisted", |at| at.blacklisted.is_some());
        some("held", |at| matches!(at.hold, Some(Hold::Held(_))));
        some("under legal hold", |at| matches!(at.hold, Some(Hold::Legal(_))));
        some("normal", |at| at.core == CoreState::Normal);
        some("expired", |at| at.core == CoreState::PasswordExpired);
        some("in need of a reset", |at| at.core == CoreState::PasswordNeedsReset);
        some("dormant", |at| at.core == CoreState::Dormant);
        some("frozen", |at| at.core == CoreState::PermanentlyFrozen);
        some("flagged", |at| at.flag == Flag::Whole);
        some("flagged for a bank", |at| matches!(at.flag, Flag::Banks(_)));
        some("suspicious", |at| matches!(at.fraud, Fraud::Suspicious(_)));
        some("fraudulent", |at| matches!(at.fraud, Fraud::Fraudulent(_)));
        some("waiting for verification", |at| at.verification == Verification::Requested);
        some("verified", |at| at.verification == Verification::Verified);
        some("declined", |at| matches!(at.verification, Verification::Declined(_)));
        some("removed", |at| at.presence == Presence::Removed);
        some("erased", |at| at.presence == Presence::Erased);
        assert!(all.iter().any(|one| one.standing.is_plain()));
    }
}

#[test]
fn proportions_are_those_of_an_ordinary_town() {
    for flavour in BOTH {
        let all = people(11, 2000, flavour);
        let percent = |test: fn(&Person) -> bool| all.iter().filter(|one| test(one)).count() as f64 / 20.0;
        let within = |what: &str, value: f64, low: f64, high: f64| {
            assert!((low..=high).contains(&value), "{what}: {value} %, expected {low} to {high} ({flavour:?})");
        };
        within("plain", percent(|one| one.standing.is_plain()), 83.0, 85.0);
        within("business", percent(|one| one.business_name.is_some()), 4.0, 8.0);
        within("employee", percent(|one| one.employee), 2.0, 5.0);
        within("preferred name", percent(|one| one.preferred_name.is_some()), 5.0, 25.0);
        within("never seen", percent(|one| one.last_seen_days_ago.is_none()), 3.0, 8.0);
        within("without device", percent(|one| one.devices.is_empty()), 18.0, 38.0);
        within("with notes", percent(|one| !one.notes.is_empty()), 20.0, 45.0);
        within("accents", percent(|one| !one.first_name.is_ascii() || !one.last_name.is_ascii()), 8.0, 35.0);
        within("another language", percent(|one| one.language != "en"), 3.0, 15.0);
    }
}

#[test]
fn what_is_told_of_one_person_fits_together() {
    for flavour in BOTH {
        for one in people(5, 3000, flavour) {
            assert!(one.username.len() >= 5 && one.username.is_ascii(), "{}", one.username);
            assert!(one.email.is_ascii() && one.email == one.email.to_lowercase(), "{}", one.email);
            assert!(one.last_seen_days_ago.is_none_or(|seen| seen <= one.created_days_ago));
            assert!(one.last_seen_days_ago.is_some() || one.devices.is_empty());
            assert!(one.devices.len() <= 3 && one.notes.len() <= 2);
            assert!(one.notes.iter().all(|note| note.written_days_ago <= one.created_days_ago));
            assert!(one.standing.suspended.is_none_or(|reason| reason.len() <= 50));
            assert!((1925..=2007).contains(&one.date_of_birth.year()), "{}", one.date_of_birth);
            assert_ne!(one.preferred_name.as_ref(), Some(&one.first_name));
            assert_ne!(one.middle_name.as_ref(), Some(&one.first_name));
            assert_eq!(one.member_number.is_some(), flavour == Flavour::CreditUnion);
            assert!(one.member_number.is_none_or(|number| number.len() == 10));
            assert_eq!(one.net_teller_id.is_some(), flavour == Flavour::Bank);
            assert_eq!(one.customer_id.is_some(), flavour == Flavour::Bank);
        }
    }
}

#[test]
fn every_name_leaves_letters_to_type() {
    for culture in every_culture() {
        let lists = culture.women.iter().chain(culture.men).chain([&culture.families]);
        for name in lists.flat_map(|list| list.iter()) {
            let plain = plain_letters(name);
            let letters = name.chars().filter(|letter| letter.is_alphabetic()).count();
            assert!(!plain.is_empty() && plain.len() + 1 >= letters, "{name} became {plain}");
        }
    }
}
