//! Sending codes, and taking them back.

use super::model::{Challenge, ChallengeState, Purpose, Waits};
use super::store;
use crate::account::{self, Account};
use crate::administrator::callback::{self, CallbackEvent};
use crate::administrator::{self, AdministratorState, Contact};
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::message::{self, Addressee, Channel};
use crate::request::customer::{self, Confirming};
use crate::tenant::Tenant;
use crate::user::Attempt;
use crate::user::actions::check_reason;
use crate::user::model::User;
use crate::value::clock::{DAY, SECOND, Time};
use crate::value::id::{AdministratorId, ChallengeId, RequestId, UserId, Uuid};
use crate::value::secret::{Secret, numeric_code, pasted, same};
use crate::verb::{Action, Cx, Subject};

/// What is kept of a code: a keyed fingerprint that counts for this challenge only.
fn code_print(tenant: &Tenant, challenge: ChallengeId, code: &str) -> [u8; 32] {
    tenant.keys.lookup().of_person(&["challenge code", &challenge.to_string(), code])
}

/// Opens a challenge; no code is sent yet.
pub(crate) async fn open(
    cx: &mut Cx<'_>,
    purpose: Purpose,
    account: &Account,
    subject: AdministratorId,
    recipient: Uuid,
) -> Result<Challenge> {
    let waits = Waits::Administrator { account: account.id, administrator: subject };
    let until = cx.now.plus(cx.tenant.settings.challenge_seconds * SECOND);
    insert(cx, purpose, waits, recipient, account.partner.clone(), until).await
}

/// Opens what a customer has to confirm; it lives as long as the request.
pub(crate) async fn open_for_request(
    cx: &mut Cx<'_>,
    request: RequestId,
    user: UserId,
    until: Time,
) -> Result<ChallengeId> {
    Ok(insert(cx, Purpose::Request, Waits::Request(request), user.0, None, until).await?.id)
}

async fn insert(
    cx: &mut Cx<'_>,
    purpose: Purpose,
    waits: Waits,
    recipient: Uuid,
    partner: Option<String>,
    expires_at: Time,
) -> Result<Challenge> {
    let challenge = Challenge {
        id: ChallengeId::new(cx.id_time(), cx.random),
        purpose,
        waits,
        recipient,
        partner,
        state: ChallengeState::Open,
        code: None,
        code_sent_at: None,
        code_expires_at: None,
        channel: None,
        sends: 0,
        tries: 0,
        created_at: cx.now,
        expires_at,
        ended_at: None,
        end_cause: None,
    };
    store::insert(cx.tx, cx.tenant.id, &challenge).await?;
    Ok(challenge)
}

/// Ends a challenge that nobody has confirmed, if it waits still.
pub(crate) async fn cancel_one(cx: &mut Cx<'_>, id: ChallengeId, cause: &'static str) -> Result<()> {
    let it = store::load_for_change(cx.tx, cx.tenant.id, id).await?;
    if it.state == ChallengeState::Open {
        cancel(cx, it, cause).await?;
    }
    Ok(())
}

/// Ends what waits because of an administrator; of one purpose, or of any.
pub(crate) async fn cancel_of(
    cx: &mut Cx<'_>,
    subject: AdministratorId,
    purpose: Option<Purpose>,
    cause: &'static str,
) -> Result<()> {
    for it in store::open_of(cx.tx, cx.tenant.id, subject, purpose).await? {
        cancel(cx, it, cause).await?;
    }
    Ok(())
}

async fn cancel(cx: &mut Cx<'_>, mut it: Challenge, cause: &'static str) -> Result<Challenge> {
    (it.state, it.code) = (ChallengeState::Cancelled, None);
    (it.ended_at, it.end_cause) = (Some(cx.now), Some(cause.to_owned()));
    store::save(cx.tx, cx.tenant.id, &it).await?;
    cx.note(Fact::ChallengeCancelled { challenge: it.id, cause });
    Ok(it)
}

/// Everything a challenge hangs on, loaded for change: who confirms holds it against whoever removes.
struct Around {
    challenge: Challenge,
    on: On,
}

/// What it hangs on.
enum On {
    /// An administrator of an account.
    Administrator(Box<OnAdministrator>),
    /// A request about a user.
    Request(Box<Confirming>),
}

struct OnAdministrator {
    account: Account,
    owner: User,
    administrator: administrator::store::Loaded,
}

async fn around(cx: &mut Cx<'_>, id: ChallengeId, partner: Option<&str>) -> Result<Around> {
    // What it hangs on before the challenge, as everybody does it: else two could wait for one another.
    let seen = store::load(cx.tx, cx.tenant.id, id).await?;
    if partner.is_some() && seen.partner.as_deref() != partner {
        return Err(Error::NotFound(ChallengeId::NOUN));
    }
    match seen.waits {
        Waits::Administrator { account, administrator } => {
            let account = account::store::load_for_change(cx.tx, cx.tenant, account).await?;
            let challenge = store::load_for_change(cx.tx, cx.tenant.id, id).await?;
            let owner = account::questions::owner_of(cx.tx, cx.tenant, cx.caller, &account, ChallengeId::NOUN).await?;
            let administrator = administrator::store::load(cx.tx, cx.tenant, administrator).await?;
            let on = On::Administrator(Box::new(OnAdministrator { account, owner, administrator }));
            Ok(Around { challenge, on })
        }
        Waits::Request(request) => {
            let on = On::Request(Box::new(customer::load(cx, request).await?));
            Ok(Around { challenge: store::load_for_change(cx.tx, cx.tenant.id, id).await?, on })
        }
    }
}

impl OnAdministrator {
    /// The recipient with the address that codes go to.
    fn addressee(&self, purpose: Purpose, channel: Channel) -> Result<Addressee<'_>> {
        let no_address = Error::Refused(Refusal::NoDeliveryAddress);
        if purpose == Purpose::AdministratorAdd {
            let profile = self.owner.profile()?;
            let to = match channel {
                Channel::Sms => profile.phone.clone(),
                Channel::Email => profile.email.clone(),
            };
            return Ok(Addressee {
                person: self.owner.id.0,
                key: self.owner.key()?,
                template: message::OWNER_CODE,
                name: profile.full_name(),
                locale: profile.locale,
                to: to.ok_or(no_address)?,
                channel,
            });
        }
        let loaded = &self.administrator;
        let gone = || Error::NotFound(AdministratorId::NOUN);
        let (person, key) = (loaded.it.person.as_ref().ok_or_else(gone)?, loaded.key.as_ref().ok_or_else(gone)?);
        Ok(Addressee {
            person: loaded.it.id.0,
            key,
            template: message::ADMINISTRATOR_CODE,
            name: person.full_name.clone(),
            locale: None,
            to: match channel {
                Channel::Sms => person.phone(),
                Channel::Email => person.email.clone(),
            },
            channel,
        })
    }

    /// Whether its recipient may have a say now.
    fn check_recipient(&self, purpose: Purpose, now: Time) -> Result<()> {
        match (purpose, self.administrator.it.state) {
            (Purpose::AdministratorAdd, _) => self.owner.try_to(Attempt::UseSession, now).map(drop),
            (_, AdministratorState::Active) => Ok(()),
            _ => Err(Error::NotFound(AdministratorId::NOUN)),
        }
    }
}

impl Around {
    fn addressee(&self, channel: Channel) -> Result<Addressee<'_>> {
        match &self.on {
            On::Administrator(on) => on.addressee(self.challenge.purpose, channel),
            On::Request(on) => on.addressee(channel),
        }
    }

    fn check_recipient(&self, cx: &Cx<'_>) -> Result<()> {
        match &self.on {
            On::Administrator(on) => on.check_recipient(self.challenge.purpose, cx.now),
            On::Request(on) => on.check_recipient(),
        }
    }

    /// The way by which a code goes if nobody says one.
    fn usual_channel(&self) -> Channel {
        match &self.on {
            On::Administrator(_) => Channel::Sms,
            On::Request(on) => on.usual_channel(),
        }
    }

    /// Sends a fresh code, which voids the one before.
    async fn send(mut self, cx: &mut Cx<'_>, channel: Channel) -> Result<Challenge> {
        let tenant = cx.tenant.clone();
        let settings = &tenant.settings;
        self.check_recipient(cx)?;
        let to = self.addressee(channel)?;
        let day = cx.now.0.div_euclid(DAY);
        if store::count_send(cx.tx, tenant.id, to.person, day).await? > settings.challenge_codes_a_day {
            return Err(Refusal::TooManyCodes.into());
        }
        let code = numeric_code(cx.random, 6);
        let (id, seconds) = (self.challenge.id, settings.challenge_code_seconds);
        let message = message::queue_code(cx, to, &code, seconds / 60, id.to_string()).await?;
        let it = &mut self.challenge;
        it.code = Some(code_print(&tenant, id, code.expose()).to_vec());
        (it.code_sent_at, it.code_expires_at) = (Some(cx.now), Some(cx.now.plus(seconds * SECOND)));
        it.channel = Some(channel);
        it.sends += 1;
        store::save(cx.tx, tenant.id, it).await?;
        cx.note(Fact::ChallengeCodeSent { challenge: id, channel: channel.word(), message });
        Ok(self.challenge)
    }
}

/// The first code of a challenge that has just been opened, with what it hangs on.
pub(crate) async fn send_first(
    cx: &mut Cx<'_>,
    challenge: Challenge,
    account: Account,
    owner: User,
    administrator: administrator::store::Loaded,
    channel: Channel,
) -> Result<()> {
    let on = On::Administrator(Box::new(OnAdministrator { account, owner, administrator }));
    Around { challenge, on }.send(cx, channel).await.map(drop)
}

/// Whether a code is the first that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// A code, whether there was one or not.
    Any,
    /// Another one: there must have been one before.
    Again,
}

/// Sends a code to whoever is to confirm; it voids the one before.
pub struct SendCode {
    /// For what.
    pub challenge: ChallengeId,
    /// By which way; absent: where another one is sent, as last time; else by text message, if that can be.
    pub channel: Option<Channel>,
    /// Whether there must have been one.
    pub sending: Sending,
    /// The partner that asks, if it is one: it sees its own only.
    pub partner: Option<String>,
}

impl Action for SendCode {
    const NAME: &'static str = "challenge.send";
    type Output = Challenge;

    fn subject(&self) -> Subject {
        Subject::Challenge(self.challenge)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Challenge> {
        let around = around(cx, self.challenge, self.partner.as_deref()).await?;
        let it = &around.challenge;
        it.check_open(&cx.tenant.settings, cx.now)?;
        if self.sending == Sending::Again && it.sends == 0 {
            return Err(Error::invalid("challenge", "never_sent", "No code was sent yet."));
        }
        let only = it.purpose.channel();
        if only.is_some() && self.channel.is_some() && self.channel != only {
            return Err(Error::invalid("channel", "invalid", "Its codes go to the contact that is being verified."));
        }
        it.check_pause(&cx.tenant.settings, cx.now)?;
        let last = it.channel.filter(|_| self.sending == Sending::Again);
        let channel = self.channel.or(only).or(last).unwrap_or_else(|| around.usual_channel());
        around.send(cx, channel).await
    }
}

/// What became of a code that came.
#[derive(Debug, Clone)]
pub enum Answered {
    /// It was right, and what waited for it is done.
    Confirmed(Box<Challenge>),
    /// It was not. A wrong one is counted, so it is no error of the action.
    Refused(Refusal),
}

/// Tells the code that came back. If it is right, what waited for it is done.
pub struct ConfirmChallenge {
    /// Which.
    pub challenge: ChallengeId,
    /// The code.
    pub code: Secret,
    /// The partner that asks, if it is one: it sees its own only.
    pub partner: Option<String>,
}

impl Action for ConfirmChallenge {
    const NAME: &'static str = "challenge.confirm";
    const PREVIEWABLE: bool = false;
    type Output = Answered;

    fn subject(&self) -> Subject {
        Subject::Challenge(self.challenge)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Answered> {
        let mut around = around(cx, self.challenge, self.partner.as_deref()).await?;
        let tenant = cx.tenant.clone();
        let it = &mut around.challenge;
        it.check_open(&tenant.settings, cx.now)?;
        let Some(print) = &it.code else { return Err(Refusal::CodeWrong.into()) };
        if !same(print, &code_print(&tenant, it.id, pasted(self.code.expose()).expose())) {
            it.tries += 1;
            store::save(cx.tx, tenant.id, it).await?;
            cx.note(Fact::ChallengeCodeWrong { challenge: it.id, tries: it.tries });
            // A request that can no longer be confirmed says so; the others wait to be begun anew.
            if it.purpose == Purpose::Request && it.tries >= tenant.settings.challenge_tries {
                cancel(cx, around.challenge, "too_many_tries").await?;
            }
            return Ok(Answered::Refused(Refusal::CodeWrong));
        }
        if it.code_expires_at.is_none_or(|at| cx.now >= at) {
            return Err(Refusal::CodeExpired.into());
        }
        around.check_recipient(cx)?;
        let Around { challenge: mut it, on } = around;
        (it.state, it.code, it.ended_at) = (ChallengeState::Confirmed, None, Some(cx.now));
        // Before what it waited for, which may end all that waits for a code of hers.
        store::save(cx.tx, tenant.id, &it).await?;
        match on {
            On::Administrator(mut on) => on.carry_out(cx, it.purpose).await?,
            On::Request(on) => on.confirmed(cx, it.id).await?,
        }
        cx.note(Fact::ChallengeConfirmed { challenge: it.id, purpose: it.purpose.word() });
        Ok(Answered::Confirmed(Box::new(it)))
    }
}

impl OnAdministrator {
    /// Does what was waited for, if it may still be done.
    async fn carry_out(&mut self, cx: &mut Cx<'_>, purpose: Purpose) -> Result<()> {
        let contact = match purpose {
            Purpose::AdministratorAdd => return self.activate(cx).await,
            Purpose::Request => return Err(Error::internal("a request is no administrator")),
            Purpose::AdministratorMobile => Contact::Mobile,
            Purpose::AdministratorEmail => Contact::Email,
        };
        self.account.may_be_administered()?;
        let it = &mut self.administrator.it;
        match contact {
            Contact::Mobile => it.mobile_verified_at = Some(cx.now),
            Contact::Email => it.email_verified_at = Some(cx.now),
        }
        administrator::store::save(cx.tx, cx.tenant.id, it).await?;
        let (administrator, account) = (it.id, it.account);
        cx.note(Fact::AdministratorVerified { administrator, account, contact: contact.word() });
        let event = match contact {
            Contact::Mobile => CallbackEvent::MobileVerified,
            Contact::Email => CallbackEvent::EmailVerified,
        };
        callback::queue(cx, self.account.known_to(), administrator, event).await
    }

    async fn activate(&mut self, cx: &mut Cx<'_>) -> Result<()> {
        let it = &mut self.administrator.it;
        let gone = || Error::NotFound(AdministratorId::NOUN);
        let person = it.person.clone().filter(|_| it.state == AdministratorState::Pending).ok_or_else(gone)?;
        administrator::actions::check_new(cx, &self.account, &self.owner, &person, Some(it.id)).await?;
        it.state = AdministratorState::Active;
        administrator::store::save(cx.tx, cx.tenant.id, it).await?;
        let administrator = it.id;
        cx.note(Fact::AdministratorAdded { administrator, account: it.account });
        callback::queue(cx, self.account.known_to(), administrator, CallbackEvent::Added).await
    }
}

/// Ends a challenge before anybody has confirmed it.
pub struct CancelChallenge {
    /// Which.
    pub challenge: ChallengeId,
    /// Why.
    pub reason: Option<String>,
}

impl Action for CancelChallenge {
    const NAME: &'static str = "challenge.cancel";
    type Output = Challenge;

    fn subject(&self) -> Subject {
        Subject::Challenge(self.challenge)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<Challenge> {
        check_reason(self.reason.as_deref())?;
        let around = around(cx, self.challenge, None).await?;
        match around.challenge.state {
            ChallengeState::Open => cancel(cx, around.challenge, "cancelled").await,
            ChallengeState::Cancelled => Ok(around.challenge),
            ChallengeState::Confirmed => Err(Refusal::ChallengeOver.into()),
        }
    }
}
