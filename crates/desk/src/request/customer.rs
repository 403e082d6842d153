//! What a customer has to confirm before it is done to her: the challenge that is opened with the request, where its codes go,
//! and what her word brings about. The codes themselves are the challenge's.

use super::actions::{as_changed, people_behind};
use super::model::{Contacts, Customer, CustomerState};
use super::store::{self, Stored};
use crate::caller::{Caller, Who};
use crate::challenge;
use crate::credential;
use crate::error::{Error, Refusal, Result};
use crate::message::{self, Addressee, Channel};
use crate::permission::{ACTIONS, need_of};
use crate::user::cooling::Reached;
use crate::user::{self, User};
use crate::value::clock::Time;
use crate::value::id::{ChallengeId, RequestId, SessionId, Uuid};
use crate::verb::{Cx, Eyes, Qx, Step};

/// Opens what she has to confirm, and writes down where she can be reached now.
pub(super) async fn asked(
    cx: &mut Cx<'_>,
    request: RequestId,
    user: &User,
    until: Time,
) -> Result<(Contacts, Customer)> {
    let profile = user.profile()?;
    // The code goes to a contact that did not change lately: else whoever changed it would confirm it themselves.
    let is_old = |reached| !user.is_fresh(reached, &cx.tenant.settings, cx.now);
    let email = profile.email.filter(|_| is_old(Reached::Email));
    let contacts = Contacts { email, phone: profile.phone.filter(|_| is_old(Reached::Phone)) };
    if contacts.email.is_none() && contacts.phone.is_none() {
        return Err(Refusal::NoDeliveryAddress.into());
    }
    let challenge = challenge::open_for_request(cx, request, user.id, until).await?;
    Ok((contacts, Customer { challenge, state: CustomerState::Waiting }))
}

/// Whether the caller may know of what waits: not if it is about somebody of whom she may not know.
pub(crate) async fn may_know_of(qx: &mut Qx<'_>, request: RequestId) -> Result<()> {
    let request = store::load(qx.rd, qx.tenant, request).await?;
    let user = request.user.ok_or(Error::NotFound(ChallengeId::NOUN))?;
    match user::store::load(qx.rd, qx.tenant, qx.caller, user).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(ChallengeId::NOUN)),
        other => other.map(drop),
    }
}

/// A request that waits for the customer, and she.
pub(crate) struct Confirming {
    stored: Stored,
    user: User,
}

/// Loads a request for change, then whom it is about: the order of all who decide one.
pub(crate) async fn load(cx: &mut Cx<'_>, request: RequestId) -> Result<Confirming> {
    let stored = store::load_for_change(cx.tx, cx.tenant, request).await?;
    let user = stored.request.user.ok_or(Error::NotFound(ChallengeId::NOUN))?;
    match user::store::load_for_change(cx.tx, cx.tenant, cx.caller, user).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(ChallengeId::NOUN)),
        other => Ok(Confirming { stored, user: other? }),
    }
}

impl Confirming {
    fn contacts(&self) -> Result<&Contacts> {
        let kept = self.stored.request.kept.as_ref().ok_or(Refusal::UserErased)?;
        kept.contacts.as_ref().ok_or_else(|| Error::internal("a request of nobody's confirming"))
    }

    /// She, with the address that she had when it was proposed.
    pub(crate) fn addressee(&self, channel: Channel) -> Result<Addressee<'_>> {
        let (profile, contacts) = (self.user.profile()?, self.contacts()?);
        let to = match channel {
            Channel::Sms => &contacts.phone,
            Channel::Email => &contacts.email,
        };
        Ok(Addressee {
            person: self.user.id.0,
            key: self.user.key()?,
            template: message::CUSTOMER_CODE,
            name: profile.full_name(),
            locale: profile.locale,
            to: to.clone().ok_or(Refusal::NoDeliveryAddress)?,
            channel,
        })
    }

    /// By text message, if she has a number.
    pub(crate) fn usual_channel(&self) -> Channel {
        match self.contacts() {
            Ok(Contacts { phone: None, .. }) => Channel::Email,
            _ => Channel::Sms,
        }
    }

    /// Whether she may have a say: also while she is locked or disabled, since that may be what she wants to end.
    pub(crate) fn check_recipient(&self) -> Result<()> {
        self.user.key().map(drop)
    }

    /// She has confirmed: it is done, in the name of who proposed it and if that person may still do it; or it waits for the
    /// second person, if one is wanted, too.
    pub(crate) async fn confirmed(self, cx: &mut Cx<'_>, challenge: ChallengeId) -> Result<()> {
        let Confirming { mut stored, user } = self;
        if stored.request.customer.map(|it| it.challenge) != Some(challenge) {
            return Err(Refusal::ChallengeOver.into());
        }
        let proposal = stored.request.proposal()?;
        let shown = stored.request.kept.clone().ok_or(Refusal::UserErased)?;
        let wants_decider = cx.tenant.settings.needs_second_person(proposal.action.word());
        let fact = stored.request.confirm(wants_decider, cx.now)?;
        // Before the action: one that ends what is proposed about her shall not end this.
        store::save(cx.tx, cx.tenant, cx.random, &stored, Some(&user), cx.now).await?;
        cx.note(fact);
        if stored.request.needs_decider {
            return Ok(());
        }
        let step = proposal.step(Some(&shown.reason))?;
        let proposer = proposer_now(cx, &stored, &*step).await?;
        let eyes = Eyes { customer: true, ..Eyes::ONE };
        let proposers = people_behind(cx, stored.request.proposer).await?;
        let (plan, _) = as_changed(cx.perform_decided(&proposer, &*step, eyes, proposers).await)?;
        match plan.hash == stored.request.plan_hash {
            true => Ok(()),
            false => Err(Refusal::PlanChanged.into()),
        }
    }
}

/// Who proposed it, with what she may do now; the way is that of whoever brings the code.
async fn proposer_now(cx: &mut Cx<'_>, stored: &Stored, step: &dyn Step) -> Result<Caller> {
    let hand = stored.request.proposer;
    let who = match hand.key {
        Some(id) => Who::Key { id, staff: hand.staff },
        // Her session of then is not kept, and may have ended: her rights of now count, not that it lasts.
        None => Who::Staff { id: hand.staff, session: SessionId(Uuid::nil()) },
    };
    let may = credential::permissions_now(cx.tx, cx.tenant.id, who, cx.now).await?;
    let proposer = Caller { who, tenant: cx.tenant.id, may, origin: cx.caller.origin.clone() };
    let need = need_of(ACTIONS, step.name()).ok_or_else(|| Error::internal("a proposal of nothing"))?;
    match proposer.lacks(need, step.subject()) {
        Some(_) => Err(Refusal::ProposerMayNot.into()),
        None => Ok(proposer),
    }
}
