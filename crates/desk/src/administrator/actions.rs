//! Becoming an administrator, proving a contact, and ceasing to be one.

use super::callback::{self, CallbackEvent};
use super::model::{Administrator, AdministratorState, Contact, IdType, Person, Rights, id_fault, phone_fault};
use super::questions::SeenAdministrator;
use super::store::{self, Loaded};
use crate::account::{self, Account};
use crate::challenge::{self, Purpose};
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user::actions::check_reason;
use crate::user::model::User;
use crate::value::id::{AccountId, AdministratorId, ChallengeId};
use crate::verb::{Action, Cx, Subject};

/// The account, loaded for change, and its owner: whoever changes something about its administrators holds it.
async fn account_and_owner(cx: &mut Cx<'_>, id: AccountId, noun: &'static str) -> Result<(Account, User)> {
    let account = account::store::load_for_change(cx.tx, cx.tenant, id).await?;
    let owner = account::questions::owner_of(cx.tx, cx.tenant, cx.caller, &account, noun).await?;
    Ok((account, owner))
}

/// Whether somebody may become an administrator now; looked at when it is proposed, and again when it is confirmed.
pub(crate) async fn check_new(
    cx: &mut Cx<'_>,
    account: &Account,
    owner: &User,
    person: &Person,
    own: Option<AdministratorId>,
) -> Result<Option<Loaded>> {
    account.may_be_administered()?;
    if person.is(&*owner.profile()?) {
        return Err(Refusal::AdministratorIsOwner.into());
    }
    let identity = store::identity(cx.tenant, account.id, person.id_type, &person.id_number);
    let same = store::by_identity(cx.tx, cx.tenant, account.id, identity).await?.filter(|it| Some(it.it.id) != own);
    if same.as_ref().is_some_and(|it| it.it.state == AdministratorState::Active) {
        return Err(Refusal::AdministratorExists.into());
    }
    let phone = store::phone(cx.tenant, account.id, &person.country_code, &person.mobile);
    if store::by_phone(cx.tx, cx.tenant, account.id, phone).await?.is_some() {
        return Err(Refusal::AdministratorExists.into());
    }
    Ok(same)
}

/// What was opened: it waits for a code.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The administrator.
    pub administrator: SeenAdministrator,
    /// What waits.
    pub challenge: ChallengeId,
}

/// Proposes an administrator. Once the owner has confirmed it by a code, she is one, with no contact verified. No code is
/// sent yet. Proposing the same person again takes the place of the first time.
pub struct AddAdministrator {
    /// Of which account.
    pub account: AccountId,
    /// Who.
    pub person: Person,
}

impl Action for AddAdministrator {
    const NAME: &'static str = "administrator.add";
    type Output = Opened;

    fn subject(&self) -> Subject {
        Subject::Account(self.account)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Opened> {
        let person = self.person.clone().checked()?;
        let (account, owner) = account_and_owner(cx, self.account, AccountId::NOUN).await?;
        if let Some(earlier) = check_new(cx, &account, &owner, &person, None).await? {
            end(cx, &account, earlier.it, AdministratorState::Ended, "superseded").await?;
        }
        let administrator = Administrator {
            id: AdministratorId::new(cx.id_time(), cx.random),
            account: account.id,
            state: AdministratorState::Pending,
            person: Some(person.clone()),
            mobile_verified_at: None,
            email_verified_at: None,
            rights: Rights::default(),
            created_at: cx.now,
            ended_at: None,
            end_cause: None,
            version: 1,
        };
        store::insert(cx.tx, cx.tenant, &administrator, &person, cx.random).await?;
        let (id, purpose) = (administrator.id, Purpose::AdministratorAdd);
        let challenge = challenge::open(cx, purpose, &account, id, account.owner.0).await?.id;
        cx.note(Fact::AdministratorProposed { administrator: id, account: account.id, challenge });
        Ok(Opened { administrator: SeenAdministrator::of(administrator, cx.caller), challenge })
    }
}

/// Ends one, with all that waits for a code because of her.
async fn end(
    cx: &mut Cx<'_>,
    account: &Account,
    mut it: Administrator,
    state: AdministratorState,
    cause: &'static str,
) -> Result<Administrator> {
    challenge::cancel_of(cx, it.id, None, cause).await?;
    it.state = state;
    (it.ended_at, it.end_cause) = (Some(cx.now), Some(cause.to_owned()));
    store::save(cx.tx, cx.tenant.id, &mut it).await?;
    if state == AdministratorState::Removed {
        cx.note(Fact::AdministratorRemoved { administrator: it.id, account: it.account });
        callback::queue(cx, account.known_to(), it.id, CallbackEvent::Removed).await?;
    } else {
        cx.note(Fact::AdministratorEnded { administrator: it.id, cause });
    }
    Ok(it)
}

/// How an administrator of an account is named.
#[derive(Debug, Clone)]
pub enum Selector {
    /// By her id.
    Id(AdministratorId),
    /// By what she can be recognised by; of two, both must name her.
    Known {
        /// By a paper: its kind and number.
        identity: Option<(IdType, String)>,
        /// By her phone: country code and national digits.
        phone: Option<(String, String)>,
    },
}

impl Selector {
    /// What an action on whom it names is about.
    fn subject(&self, account: AccountId) -> Subject {
        match self {
            Selector::Id(id) => Subject::Administrator(*id),
            Selector::Known { .. } => Subject::Account(account),
        }
    }

    async fn load(&self, cx: &mut Cx<'_>, account: &Account, owner: &User) -> Result<Loaded> {
        let absent = Error::NotFound(AdministratorId::NOUN);
        let (identity, phone) = match self {
            Selector::Id(id) => {
                let loaded = store::load(cx.tx, cx.tenant, *id).await?;
                let is_it = loaded.it.account == account.id && loaded.it.is_live();
                return if is_it { Ok(loaded) } else { Err(absent) };
            }
            Selector::Known { identity, phone } => (identity, phone),
        };
        let profile = owner.profile()?;
        let mut found = Vec::new();
        if let Some((id_type, number)) = identity {
            let number = number.trim().to_ascii_uppercase();
            if let Some(fault) = id_fault(&number) {
                return Err(Error::Invalid(vec![fault]));
            }
            let token = store::identity(cx.tenant, account.id, *id_type, &number);
            let one = store::by_identity(cx.tx, cx.tenant, account.id, token).await?;
            let is_owners = profile.identifiers.all().chain(&profile.photo_id.number).any(|it| *it == number);
            found.push((one, is_owners));
        }
        if let Some((country_code, mobile)) = phone {
            let (country_code, mobile) = (country_code.trim(), mobile.trim());
            if let Some(fault) = phone_fault(country_code, mobile) {
                return Err(Error::Invalid(vec![fault]));
            }
            let token = store::phone(cx.tenant, account.id, country_code, mobile);
            let one = store::by_phone(cx.tx, cx.tenant, account.id, token).await?;
            let is_owners = profile.phone.as_ref().is_some_and(|it| *it == format!("+{country_code}{mobile}"));
            found.push((one, is_owners));
        }
        let mut found = found.into_iter();
        let (first, first_is_owners) = found
            .next()
            .ok_or_else(|| Error::invalid("id_number", "required", "Name her by identity, by phone, or by both."))?;
        let second = found.next();
        if first.is_none() && first_is_owners || second.as_ref().is_some_and(|(one, owners)| one.is_none() && *owners) {
            return Err(Refusal::AdministratorIsOwner.into());
        }
        match (first, second) {
            (Some(one), None) => Ok(one),
            (Some(one), Some((Some(other), _))) if one.it.id == other.it.id => Ok(one),
            (None, None | Some((None, _))) => Err(absent),
            (_, Some(_)) => Err(Refusal::SelectorsDiffer.into()),
        }
    }
}

/// Has a contact verified: a code is sent there at once, and what waits for it is opened.
pub struct VerifyAdministrator {
    /// Of which account.
    pub account: AccountId,
    /// Who.
    pub who: Selector,
    /// Which contact.
    pub contact: Contact,
}

impl Action for VerifyAdministrator {
    const NAME: &'static str = "administrator.verify";
    type Output = Opened;

    fn subject(&self) -> Subject {
        self.who.subject(self.account)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Opened> {
        let (account, owner) = account_and_owner(cx, self.account, AccountId::NOUN).await?;
        account.may_be_administered()?;
        let loaded = self.who.load(cx, &account, &owner).await?;
        if loaded.it.state != AdministratorState::Active {
            return Err(Error::NotFound(AdministratorId::NOUN));
        }
        if loaded.it.verified_at(self.contact).is_some() {
            return Err(Refusal::ContactVerified.into());
        }
        let purpose = match self.contact {
            Contact::Mobile => Purpose::AdministratorMobile,
            Contact::Email => Purpose::AdministratorEmail,
        };
        let id = loaded.it.id;
        challenge::cancel_of(cx, id, Some(purpose), "superseded").await?;
        let opened = challenge::open(cx, purpose, &account, id, id.0).await?;
        let challenge = opened.id;
        cx.note(Fact::AdministratorVerifying { administrator: id, contact: self.contact.word(), challenge });
        let administrator = SeenAdministrator::of(loaded.it.clone(), cx.caller);
        challenge::send_first(cx, opened, account, owner, loaded, self.contact.channel()).await?;
        Ok(Opened { administrator, challenge })
    }
}

/// Takes all power over the account from an administrator, at once: also on an account that is locked or frozen.
pub struct RemoveAdministrator {
    /// Of which account.
    pub account: AccountId,
    /// Whom.
    pub who: Selector,
    /// Why.
    pub reason: Option<String>,
}

impl Action for RemoveAdministrator {
    const NAME: &'static str = "administrator.remove";
    type Output = SeenAdministrator;

    fn subject(&self) -> Subject {
        self.who.subject(self.account)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenAdministrator> {
        check_reason(self.reason.as_deref())?;
        let (account, owner) = account_and_owner(cx, self.account, AccountId::NOUN).await?;
        let loaded = self.who.load(cx, &account, &owner).await?;
        let state = match loaded.it.state {
            AdministratorState::Active => AdministratorState::Removed,
            _ => AdministratorState::Ended,
        };
        let ended = end(cx, &account, loaded.it, state, "removed").await?;
        Ok(SeenAdministrator::of(ended, cx.caller))
    }
}

/// Says what an administrator may do, and up to how much.
pub struct SetAdministratorRights {
    /// Whose.
    pub administrator: AdministratorId,
    /// What she may do from now on.
    pub rights: Rights,
    /// Why.
    pub reason: Option<String>,
}

impl Action for SetAdministratorRights {
    const NAME: &'static str = "administrator.set_rights";
    type Output = SeenAdministrator;

    fn subject(&self) -> Subject {
        Subject::Administrator(self.administrator)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenAdministrator> {
        check_reason(self.reason.as_deref())?;
        let limit = self.rights.limit;
        if limit.is_some_and(|limit| limit < 0) {
            return Err(Error::invalid("limit", "out_of_range", "Zero or more, in minor units."));
        }
        let account = store::load(cx.tx, cx.tenant, self.administrator).await?.it.account;
        account_and_owner(cx, account, AdministratorId::NOUN).await?;
        // Anew: nobody changes her from here on.
        let mut it = store::load(cx.tx, cx.tenant, self.administrator).await?.it;
        if !it.is_live() {
            return Err(Error::NotFound(AdministratorId::NOUN));
        }
        if it.rights != self.rights {
            cx.weigh("rights", &it.rights)?;
            it.rights = self.rights;
            store::save(cx.tx, cx.tenant.id, &mut it).await?;
            let Rights { view, initiate, approve, limit } = it.rights;
            cx.note(Fact::AdministratorRightsSet { administrator: it.id, view, initiate, approve, limit });
        }
        Ok(SeenAdministrator::of(it, cx.caller))
    }
}
