//! From an invented person to what the desk takes: a profile, and the deeds that bring her into her standing.

use desk::user::standing as axis;
use desk::user::verification::{AskForMore, DocumentKind};
use desk::user::{
    Address, AskVerification, BlacklistUser, DecideVerification, Demographic, DisableUser, EraseUser, FlagUser,
    HoldUser, HomeContact, Identifiers, LockUser, NextOfKin, Profile, RemoveUser, SetCoreState, SetFraudStatus,
    Standing, SuspendUser, Wallet,
};
use desk::value::clock::{HOUR, Time};
use desk::value::id::UserId;
use desk::{Caller, Desk};

use super::people::{
    CoreState, DemoStanding, Flag, Fraud, Gender, Hold, LockCause, Person, Presence, SignInLock, Verification,
};
use super::specimen;

/// Whether the person of this index lives abroad, as the customers of a wallet for the diaspora do: about half of those
/// whom no Nigerian address rules out.
pub fn is_abroad(index: usize, person: &Person) -> bool {
    person.address.country != "NG" && (index.is_multiple_of(2) || index % 5 == 1)
}

/// An amount of a wallet, as a plain decimal.
fn amount(index: usize, factor: usize) -> Option<String> {
    let minor = index * factor % 2_500_000;
    Some(format!("{}.{:02}", minor / 100, minor % 100))
}

/// Who she is.
pub fn profile(index: usize, person: &Person) -> Profile {
    let abroad = is_abroad(index, person);
    let has_wallet = !index.is_multiple_of(7);
    let relation = ["sister", "brother", "mother", "uncle"][index % 4];
    let text = |text: &str| Some(text.to_owned());
    let home = &person.address;
    let life = &person.demographic;
    Profile {
        first_name: person.first_name.clone(),
        middle_name: person.middle_name.clone(),
        last_name: person.last_name.clone(),
        preferred_name: person.preferred_name.clone(),
        business_name: person.business_name.clone(),
        username: text(&person.username),
        email: text(&person.email),
        phone: text(&person.phone),
        date_of_birth: Some(person.date_of_birth.to_string()),
        locale: text(&person.locale),
        address: Address {
            line_one: text(&home.line_one),
            line_two: home.line_two.clone(),
            city: text(&home.city),
            state: text(&home.state),
            zip: text(&home.zip),
            zip_plus_four: home.zip_plus_four.clone(),
            country: text(home.country),
            ..Address::default()
        },
        identifiers: Identifiers {
            ssn: person.ssn.clone(),
            bvn: person.bvn.clone(),
            nin: person.nin.clone(),
            net_teller_id: person.net_teller_id.clone(),
            customer_id: person.customer_id.clone(),
            member_number: person.member_number.clone(),
            ..Identifiers::default()
        },
        demographic: Demographic {
            customer_importance: text(if life.customer_importance { "Yes" } else { "No" }),
            gender: person.gender.map(|gender| match gender {
                Gender::Female => "Female".to_owned(),
                Gender::Male => "Male".to_owned(),
            }),
            home_branch_id: text(&life.home_branch_id),
            education_level: life.education_level.and_then(text),
            employer_name: life.employer_name.and_then(text),
            employee_title: life.employee_title.and_then(text),
            ..Demographic::default()
        },
        is_diaspora: Some(abroad),
        home_contact: match abroad {
            true => HomeContact {
                name: Some(format!("{} {}", ["Amaka", "Sade", "Musa", "Ife"][index % 4], person.last_name)),
                phone: Some(format!("+23492000{:05}", index % 100_000)),
                address: Some(format!("{} Marina Road, Lagos", 1 + index % 90)),
                relationship: text(relation),
            },
            false => HomeContact::default(),
        },
        next_of_kin: match index % 3 {
            0 => NextOfKin {
                name: Some(format!("{} {}", ["Kemi", "Tola", "Ngozi"][index / 3 % 3], person.last_name)),
                relationship: text(relation),
                ..NextOfKin::default()
            },
            _ => NextOfKin::default(),
        },
        wallet: match has_wallet {
            true => Wallet { balance: amount(index, 7_919), soft_balance: amount(index, 8_117) },
            false => Wallet::default(),
        },
        payment_slug: index.is_multiple_of(5).then(|| person.username.clone()),
        sales_agent_code: index.is_multiple_of(4).then(|| format!("AGENT{}", index / 4 % 3 + 1)),
        email_confirmed: Some(!index.is_multiple_of(11)),
        phone_verified: Some(!index.is_multiple_of(6)),
        security_questions: Some((index % 4).to_string()),
        ..Profile::default()
    }
}

/// What she comes with: what no deed of ours can bring about. `tries` says that wrong passwords are really typed later;
/// `now` is the moment that hours of a lock are counted from.
pub fn first_standing(at: &DemoStanding, tries: bool, now: Time) -> Standing {
    let locked = |cause, hours: Option<u32>| axis::SignInLock::Locked {
        cause,
        until: hours.map(|hours| now.plus(i64::from(hours) * HOUR)),
    };
    let lock = match at.sign_in_lock {
        SignInLock::Locked { cause: LockCause::FailedSignIns, hours } if !tries => {
            locked(axis::LockCause::FailedSignIns, hours)
        }
        SignInLock::Locked { cause: LockCause::Core, hours } => locked(axis::LockCause::Core, hours),
        SignInLock::Locked { .. } | SignInLock::Open => axis::SignInLock::Open,
    };
    let verification = match at.verification {
        Verification::Verified => axis::Verification::Verified,
        Verification::None | Verification::Requested | Verification::Declined(_) => axis::Verification::None,
    };
    Standing { lock, verification, ..Standing::default() }
}

/// Whether somebody does something about her.
pub fn has_deeds(at: &DemoStanding) -> bool {
    let settled = matches!(at.verification, Verification::None | Verification::Verified);
    let by_staff = matches!(at.sign_in_lock, SignInLock::Locked { cause: LockCause::Staff(_), .. });
    let others = DemoStanding { sign_in_lock: SignInLock::Open, verification: Verification::None, ..at.clone() };
    by_staff || !settled || others != DemoStanding::plain()
}

/// Does what brings her into her standing: the core as the house, everything else as `staff`. `papers_of` is the name on what
/// she shows for verification, if she shows anything.
pub async fn deeds(
    desk: &Desk,
    staff: &Caller,
    house: &Caller,
    (user, papers_of): (UserId, Option<&str>),
    at: &DemoStanding,
    now: Time,
) -> desk::Result<()> {
    let why = |text: &str| Some(text.to_owned());
    if let SignInLock::Locked { cause: LockCause::Staff(reason), hours } = at.sign_in_lock {
        let until = hours.map(|hours| now.plus(i64::from(hours) * HOUR));
        desk.perform(staff, LockUser { user, until, reason: why(reason) }).await?;
    }
    let core = match at.core {
        CoreState::Normal => None,
        CoreState::PasswordExpired => Some(axis::CoreState::PasswordExpired),
        CoreState::PasswordNeedsReset => Some(axis::CoreState::PasswordNeedsReset),
        CoreState::Dormant => Some(axis::CoreState::Dormant),
        CoreState::PermanentlyFrozen => Some(axis::CoreState::PermanentlyFrozen),
    };
    if let Some(state) = core {
        desk.perform(house, SetCoreState { user, state, reason: None }).await?;
    }
    if let Some(reason) = at.disabled {
        desk.perform(staff, DisableUser { user, reason: why(reason) }).await?;
    }
    if let Some(reason) = at.suspended {
        desk.perform(staff, SuspendUser { user, reason: why(reason) }).await?;
    }
    match at.flag {
        Flag::None => {}
        Flag::Whole => drop(desk.perform(staff, FlagUser { user, bank: None, reason: None }).await?),
        Flag::Banks(banks) => {
            for bank in banks {
                desk.perform(staff, FlagUser { user, bank: why(bank), reason: None }).await?;
            }
        }
    }
    if let Some(reason) = at.blacklisted {
        desk.perform(staff, BlacklistUser { user, reason: why(reason) }).await?;
    }
    match at.fraud {
        Fraud::Whitelisted => {}
        Fraud::Suspicious(reason) => {
            let status = axis::FraudStatus::Suspicious;
            desk.perform(staff, SetFraudStatus { user, status, reason: why(reason) }).await?;
        }
        Fraud::Fraudulent(reason) => {
            let status = axis::FraudStatus::Fraudulent;
            desk.perform(staff, SetFraudStatus { user, status, reason: why(reason) }).await?;
        }
    }
    if matches!(at.verification, Verification::Requested | Verification::Declined(_)) {
        // Now and then one kind of paper is missing, and some wait because they were asked for more.
        let pick = (user.0.as_u128() % 97) as usize;
        let kinds = &DocumentKind::ALL[..if pick.is_multiple_of(4) { 2 } else { 3 }];
        for (kind, name) in kinds.iter().zip(papers_of.into_iter().cycle()) {
            let (media_type, bytes) = specimen::paper(*kind, name, pick);
            let mut arriving = desk.receive_document(house, user, *kind, Some(media_type)).await?;
            arriving.push(&bytes).await?;
            desk.perform(house, arriving.finish().await?).await?;
        }
        desk.perform(staff, AskVerification { user, reason: None }).await?;
        if at.verification == Verification::Requested && kinds.len() == 2 {
            let text = "Your signature is missing. Please add it.".to_owned();
            desk.perform(staff, AskForMore { user, text, reason: why("No signature among the papers") }).await?;
        }
    }
    if let Verification::Declined(reason) = at.verification {
        desk.perform(staff, DecideVerification { user, verified: false, reason: why(reason) }).await?;
    }
    match at.hold {
        None => {}
        Some(Hold::Held(reason)) => {
            drop(desk.perform(staff, HoldUser { user, legal: false, reason: why(reason) }).await?)
        }
        Some(Hold::Legal(reason)) => {
            drop(desk.perform(staff, HoldUser { user, legal: true, reason: why(reason) }).await?)
        }
    }
    match at.presence {
        Presence::Present => {}
        Presence::Removed => {
            desk.perform(staff, RemoveUser { user, reason: why("Left, asked for access to be withdrawn") }).await?;
        }
        Presence::Erased => {
            drop(desk.perform(staff, EraseUser { user, reason: why("Asked for erasure, identity proved") }).await?)
        }
    }
    Ok(())
}
