//! Making an account for oneself, where the institution lets strangers do so. What a stranger may say is a type of its own:
//! no door can pass more than it has. Nobody is a user before the link that was mailed to the address came back together
//! with the password that was registered, so that neither the answer nor a later sign-in says whose address is known here,
//! and so that nobody makes an account with somebody else's address and waits for them to confirm it.

use serde::{Deserialize, Serialize};

use super::{personal_words, store};
use crate::caller::{Caller, Origin};
use crate::db::{Rd, Read, params};
use crate::door::Desk;
use crate::error::{Busy, Error, Field, Refusal, Result};
use crate::fact::Fact;
use crate::message::{self, Draft};
use crate::tenant::{RegistrationField, Settings, Tenant};
use crate::user::unique::names::{self, PhoneNames};
use crate::user::unique::{self, Unique, unique_tokens};
use crate::user::{self, Address, CreateUser, Demographic, Identifiers, Profile, User};
use crate::value::clock::{DAY, HOUR, Time};
use crate::value::id::{RegistrationId, TenantId, UserId};
use crate::value::seal::{PersonKey, Place, Sealing};
use crate::value::secret::{Secret, fingerprint, new_token, pasted};
use crate::verb::{Action, Cx, Subject};

/// How long the link works.
const LINK_AGE: i64 = DAY;
/// Wrong passwords that a link takes.
const TRIES: i64 = 5;
/// Mails that one address is sent in an hour, however often somebody registers with it.
const MAILS_AN_HOUR: i64 = 3;

/// What a stranger may say of themselves. What the institution has to allow stands in `RegistrationField`.
#[derive(Default)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Registration {
    pub first_name: String,
    pub middle_name: Option<String>,
    pub last_name: String,
    pub preferred_name: Option<String>,
    pub business_name: Option<String>,
    pub username: Option<String>,
    pub email: String,
    pub phone: Option<String>,
    pub date_of_birth: Option<String>,
    pub locale: Option<String>,
    /// Where they live: ISO 3166, two letters.
    pub country: Option<String>,
    /// Whether that is abroad, where a voice knows.
    pub is_diaspora: Option<bool>,
    /// If allowed.
    pub bvn: Option<String>,
    /// If allowed.
    pub nin: Option<String>,
    /// If allowed.
    pub gender: Option<String>,
    /// If allowed; its country is the one above.
    pub address: Option<Address>,
    /// If allowed.
    pub sales_agent_code: Option<String>,
}

impl Registration {
    /// The profile it makes, checked.
    fn profile(self, settings: &Settings) -> Result<Profile> {
        let given = [
            (RegistrationField::Bvn, self.bvn.is_some()),
            (RegistrationField::Nin, self.nin.is_some()),
            (RegistrationField::Gender, self.gender.is_some()),
            (RegistrationField::Address, self.address.is_some()),
            (RegistrationField::SalesAgentCode, self.sales_agent_code.is_some()),
        ];
        let refused =
            given.iter().filter(|(field, is_given)| *is_given && !settings.registration_fields.contains(field));
        let mut faults: Vec<Field> = refused
            .map(|(field, _)| Field::new(field.word(), "not_accepted", "The institution does not take this here."))
            .collect();
        if self.email.trim().is_empty() {
            faults.push(Field::new("email", "required", "An e-mail address is needed."));
        }
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let address = Address { country: self.country, ..self.address.unwrap_or_default() };
        let profile = Profile {
            first_name: self.first_name,
            middle_name: self.middle_name,
            last_name: self.last_name,
            preferred_name: self.preferred_name,
            business_name: self.business_name,
            username: self.username,
            email: Some(self.email),
            phone: self.phone,
            date_of_birth: self.date_of_birth,
            locale: self.locale,
            is_diaspora: self.is_diaspora,
            address,
            identifiers: Identifiers { bvn: self.bvn, nin: self.nin, ..Identifiers::default() },
            demographic: Demographic { gender: self.gender, ..Demographic::default() },
            sales_agent_code: self.sales_agent_code,
            ..Profile::default()
        };
        profile.checked_in("", settings.country.as_deref())
    }
}

/// What is kept of a registration until it is confirmed, sealed with a key of its own.
#[derive(Serialize, Deserialize)]
struct Kept {
    profile: Profile,
    hash: String,
}

fn place(tenant: TenantId, id: &RegistrationId) -> Place<'_> {
    Place { tenant, table: "registration", column: "sealed", row: id.bytes() }
}

/// Somebody wants to make an account. Made by `Desk::register`; whether the address is known here is never answered.
pub struct RegisterUser {
    profile: Profile,
    hash: String,
}

impl Action for RegisterUser {
    const NAME: &'static str = "user.register";
    type Output = ();

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<()> {
        if !cx.tenant.settings.self_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let (tenant, now, since) = (cx.tenant.id, cx.now, cx.now.plus(-HOUR));
        let lookup = cx.tenant.keys.lookup();
        let asked_from = lookup.of_person(&["asked from", &place_of(&cx.caller.origin)]);
        let limit = cx.tenant.settings.registrations_an_hour;
        let asked: i64 = cx.tx.one(store::COUNT_FROM, params![tenant, asked_from, since]).await?.take()?;
        if asked >= limit && cx.caller.origin.address.is_some() {
            return Err(Error::Busy(Busy::RateLimited));
        }
        let Some(email) = &self.profile.email else { return Err(Error::internal("a registration without an address")) };
        let address = lookup.unique(Unique::Email.domain(), email);
        let of_address = params![tenant, address, since, MAILS_AN_HOUR];
        let mails = cx.tx.all(store::OF_ADDRESS, of_address).await?.len() as i64;
        let mut owners = Vec::new();
        let owner = unique::store::id_of(cx.tx, tenant, &address).await?;
        owners.extend(owner);
        if let Some(username) = &self.profile.username {
            let token = lookup.unique(Unique::Username.domain(), username);
            owners.extend(unique::store::id_of(cx.tx, tenant, &token).await?.filter(|it| Some(*it) != owner));
        }
        // Whoever is asked for gets to know of it, and nobody else does.
        for owner in owners {
            tell_owner(cx, owner).await?;
        }
        let id = RegistrationId::new(cx.id_time(), cx.random);
        let token = new_token(&format!("brg_{}_", tenant.0), cx.random);
        let print = fingerprint(token.expose());
        let key = PersonKey::create(cx.random);
        let kept = Kept { profile: self.profile.clone(), hash: self.hash.clone() };
        let plain = serde_json::to_vec(&kept).map_err(Error::internal)?;
        let sealed = key.seal(&place(tenant, &id), &plain, cx.random);
        let wrapped = key.wrap(&cx.tenant.keys, tenant, id.bytes());
        let waits = owner.is_none() && mails < MAILS_AN_HOUR;
        let (wrapped, sealed) = if waits { (Some(wrapped), Some(sealed)) } else { (None, None) };
        let until = now.plus(LINK_AGE);
        let row = params![tenant, id, address, asked_from, print, wrapped, sealed, TRIES, now, until];
        cx.tx.put(store::INSERT, row).await?;
        if waits {
            let minutes = LINK_AGE / crate::value::clock::MINUTE;
            let message = message::queue_registration(cx, id, &key, &self.profile, &token, minutes).await?;
            cx.note(Fact::RegistrationAsked { tenant, registration: id, message });
        }
        Ok(())
    }
}

/// Where somebody asks from: an address, or the network of one of version 6, of which everybody has very many.
fn place_of(origin: &Origin) -> String {
    match origin.address.map(|address| address.to_canonical()) {
        None => String::new(),
        Some(std::net::IpAddr::V4(address)) => address.to_string(),
        Some(std::net::IpAddr::V6(address)) => format!("{:x?}", &address.segments()[..4]),
    }
}

/// Mails the user whose address or username somebody wanted to register with, once in an hour.
async fn tell_owner(cx: &mut Cx<'_>, owner: UserId) -> Result<()> {
    let system = Caller::house(cx.tenant.id, cx.caller.origin.door);
    let user = user::store::load(cx.tx, cx.tenant, &system, owner).await?;
    let has_address = user.person.is_some() && user.profile()?.email.is_some();
    let since = cx.now.plus(-HOUR);
    if has_address && !message::was_queued(cx, owner, message::REGISTRATION_TAKEN, since).await? {
        message::queue(cx, &user, Draft::RegistrationTaken).await?;
    }
    Ok(())
}

/// What becomes of a link that came back with a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationAnswer {
    /// They are a user now.
    Registered(UserId),
    /// Not the password that was registered.
    WrongPassword,
    /// The link no longer works.
    Refused(Refusal),
}

/// The link came back. Made by `Desk::confirm_registration`. A wrong password costs a try, so it is no error of the action.
pub struct ConfirmRegistration {
    registration: RegistrationId,
    right: bool,
}

impl Action for ConfirmRegistration {
    const NAME: &'static str = "user.confirm_registration";
    const PREVIEWABLE: bool = false;
    type Output = RegistrationAnswer;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<RegistrationAnswer> {
        let tenant = cx.tenant.id;
        if !cx.tenant.settings.self_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let Some(mut row) = cx.tx.find(store::FOR_CHANGE, params![tenant, self.registration]).await? else {
            return Ok(RegistrationAnswer::Refused(Refusal::LinkInvalid));
        };
        let waiting = Waiting::read(cx.tenant, &mut row)?;
        let address: Vec<u8> = row.take()?;
        if let Some(refusal) = waiting.refused(cx.now) {
            return Ok(RegistrationAnswer::Refused(refusal));
        }
        if !self.right {
            cx.tx.put(store::SPEND_TRY, params![tenant, self.registration]).await?;
            return Ok(RegistrationAnswer::WrongPassword);
        }
        let Kept { mut profile, hash } = waiting.kept;
        profile.email_confirmed = Some(true);
        if !give_up_taken(cx, &mut profile).await? {
            return Ok(RegistrationAnswer::Refused(Refusal::LinkInvalid));
        }
        let create = CreateUser { password_hash: Some(hash), ..CreateUser::of(profile) };
        // Nobody has given strangers the right to create users: this very action is the right to create oneself.
        let user: User = create.run(cx).await?;
        cx.tx.put(store::DELETE_OF_ADDRESS, params![tenant, address]).await?;
        cx.note(Fact::RegistrationConfirmed { user: user.id, registration: self.registration });
        Ok(RegistrationAnswer::Registered(user.id))
    }
}

/// Leaves out a username or telephone number that has become another user's name meanwhile, or was all the time. Answers
/// whether the address is still free: without it nobody is made.
async fn give_up_taken(cx: &mut Cx<'_>, profile: &mut Profile) -> Result<bool> {
    let tokens = unique_tokens(cx.tenant.keys.lookup(), profile);
    let all: Vec<_> = tokens.iter().map(|(_, token)| *token).collect();
    let holders = unique::store::holders(cx.tx, cx.tenant.id, &all).await?;
    let is_taken = |field: Unique| tokens.iter().any(|(of, token)| *of == field && holders.contains_key(token));
    if is_taken(Unique::Email) {
        return Ok(false);
    }
    if is_taken(Unique::Username) {
        profile.username = None;
    }
    let nobody = UserId(crate::value::id::NIL);
    for _ in 0..2 {
        match names::check(cx.tx, cx.tenant, nobody, &PhoneNames::of(profile)).await {
            Err(Error::Invalid(faults)) if faults.iter().any(|fault| fault.path == "phone") => profile.phone = None,
            Err(Error::Invalid(_)) => profile.username = None,
            other => return other.map(|()| true),
        }
    }
    Ok(true)
}

/// A registration that waits.
struct Waiting {
    id: RegistrationId,
    kept: Kept,
    tries_left: i64,
    expires_at: Time,
}

impl Waiting {
    fn read(tenant: &Tenant, row: &mut crate::db::Row) -> Result<Waiting> {
        let id: RegistrationId = row.take()?;
        let (wrapped, sealed): (Vec<u8>, Vec<u8>) = (row.take()?, row.take()?);
        let key = PersonKey::unwrap(&tenant.keys, tenant.id, id.bytes(), &wrapped)?;
        let kept = serde_json::from_slice(&key.open(&place(tenant.id, &id), &sealed)?).map_err(Error::internal)?;
        Ok(Waiting { id, kept, tries_left: row.take()?, expires_at: row.take()? })
    }

    fn refused(&self, now: Time) -> Option<Refusal> {
        match self {
            _ if now >= self.expires_at => Some(Refusal::LinkExpired),
            _ if self.tries_left < 1 => Some(Refusal::TooManyTries),
            _ => None,
        }
    }
}

struct FindWaiting {
    tenant: std::sync::Arc<Tenant>,
    print: [u8; 32],
}

impl Read for FindWaiting {
    type Output = Option<Waiting>;

    async fn run(&self, rd: &mut Rd) -> Result<Option<Waiting>> {
        let row = rd.find(store::BY_FINGERPRINT, params![self.tenant.id, self.print]).await?;
        row.map(|mut row| Waiting::read(&self.tenant, &mut row)).transpose()
    }
}

/// Whose language the page behind a link speaks, and in whose name.
pub struct RegistrationCard {
    /// The institution's name.
    pub institution: String,
    /// The language that was registered.
    pub locale: Option<String>,
}

/// The tenant that a registration's link belongs to.
pub fn tenant_of_registration(token: &str) -> Option<TenantId> {
    let token = pasted(token);
    let (tenant, _) = token.expose().strip_prefix("brg_")?.split_once('_')?;
    tenant.parse().ok().map(TenantId)
}

impl Desk {
    /// Somebody wants to make an account, where the institution lets strangers do so. The caller is anonymous. Answers the
    /// same whoever has the address or the username; the mails say more.
    pub async fn register(&self, caller: &Caller, registration: Registration, password: Secret) -> Result<()> {
        let tenant = self.tenant(caller.tenant).await?;
        if !tenant.settings.self_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let profile = registration.profile(&tenant.settings)?;
        let personal = personal_words(&profile, &tenant.institution.name);
        let hash = self.hash_new_password(password, tenant.settings.password_min_length, personal).await?;
        self.perform(caller, RegisterUser { profile, hash }).await
    }

    /// What a page says before the password is asked for; refused if the link no longer works.
    pub async fn registration_link(&self, caller: &Caller, token: &Secret) -> Result<RegistrationCard> {
        let tenant = self.tenant(caller.tenant).await?;
        let waiting = self.waiting(&tenant, token).await?;
        if let Some(refusal) = waiting.refused(self.now()) {
            return Err(refusal.into());
        }
        let institution = tenant.institution.name.clone();
        Ok(RegistrationCard { institution, locale: waiting.kept.profile.locale })
    }

    /// The link came back, with the password that was registered: now there is a user.
    pub async fn confirm_registration(
        &self,
        caller: &Caller,
        token: &Secret,
        password: Secret,
    ) -> Result<RegistrationAnswer> {
        if password.expose().len() > 1024 {
            return Err(Error::invalid("password", "too_long", "At most 1024 bytes."));
        }
        let tenant = self.tenant(caller.tenant).await?;
        let waiting = self.waiting(&tenant, token).await?;
        if let Some(refusal) = waiting.refused(self.now()) {
            return Ok(RegistrationAnswer::Refused(refusal));
        }
        let right = self.verify_password(password, Some(waiting.kept.hash)).await?;
        self.perform(caller, ConfirmRegistration { registration: waiting.id, right }).await
    }

    async fn waiting(&self, tenant: &std::sync::Arc<Tenant>, token: &Secret) -> Result<Waiting> {
        let print = fingerprint(pasted(token.expose()).expose());
        let found = self.inner.db.read(FindWaiting { tenant: tenant.clone(), print }).await?;
        found.ok_or_else(|| Refusal::LinkInvalid.into())
    }
}
