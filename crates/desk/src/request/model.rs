//! What a request is, and how it comes to its end. Pure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::proposal::{Proposal, Told};
use crate::bulk::BulkCounts;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::permission::Proposable;
use crate::value::clock::Time;
use crate::value::id::{ChallengeId, KeyId, RequestId, StaffId, UserId};
use crate::value::words;
use crate::verb::Subject;

words! {
    /// Where a request is.
    pub enum RequestState {
        /// It waits for a second person.
        Pending = "pending",
        /// She has said yes, or the customer, where only she had to; and it was done.
        Approved = "approved",
        /// She has said no.
        Declined = "declined",
        /// Who proposed it took it back.
        Withdrawn = "withdrawn",
        /// Nobody decided it in time, or whom it is about is gone.
        Expired = "expired",
    }
}

words! {
    /// Why a request expired.
    pub enum EndCause {
        /// It waited too long.
        Time = "time",
        /// Whom it is about was removed.
        Removed = "removed",
        /// Whom it is about was erased.
        Erased = "erased",
    }
}

words! {
    /// Whether the customer has confirmed.
    pub enum CustomerState {
        /// She has not yet.
        Waiting = "waiting",
        /// She has.
        Confirmed = "confirmed",
        /// She was not asked any more, or it was called off: it can only be proposed anew.
        Cancelled = "cancelled",
    }
}

/// What waits for the customer's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Customer {
    /// What waits.
    pub challenge: ChallengeId,
    /// Where that is.
    pub state: CustomerState,
}

/// Where a customer could be reached when something was proposed about her: whoever changes her address afterwards is not
/// sent the code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct Contacts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// A person, and the key she came with, if she came with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hand {
    /// Who.
    pub staff: StaffId,
    /// Through which key.
    pub key: Option<KeyId>,
}

/// What of a request may say who somebody is; sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// Why it was proposed, in the proposer's words.
    pub reason: String,
    /// What the action is told.
    pub told: Told,
    /// The facts of the plan.
    pub facts: Vec<Value>,
    /// What a bulk action would come to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<BulkCounts>,
    /// Where the customer could be reached, if she has to confirm it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contacts: Option<Contacts>,
    /// What who decided had to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// The dense number in the tenant, from 1.
    pub number: i64,
    /// What was proposed.
    pub action: Proposable,
    /// What it is about.
    pub about: Subject,
    /// Whom it concerns: the user it is about, or the owner of the account it is about.
    pub user: Option<UserId>,
    /// Where it was left; `state_at` says where it is.
    pub(crate) state: RequestState,
    /// Why it expired.
    pub(crate) end_cause: Option<EndCause>,
    /// The hash of the plan.
    pub plan_hash: String,
    /// Reason, parameters, plan and comment; gone with the person it is about.
    pub kept: Option<Kept>,
    /// Whether a second person decides it; else the customer's word is enough.
    pub needs_decider: bool,
    /// The customer, if she has to confirm it.
    pub customer: Option<Customer>,
    /// Who proposed it.
    pub proposer: Hand,
    /// Who decided it.
    pub decider: Option<Hand>,
    /// When it was proposed.
    pub created_at: Time,
    /// Until when it can be decided.
    pub expires_at: Time,
    /// When it came to its end.
    pub(crate) ended_at: Option<Time>,
}

impl Request {
    /// Where it is now: one that nobody has decided in time has expired, whether or not that was noted already.
    pub fn state_at(&self, now: Time) -> RequestState {
        match self.state {
            RequestState::Pending if self.expires_at <= now => RequestState::Expired,
            state => state,
        }
    }

    /// Why it has expired by now.
    pub fn end_cause_at(&self, now: Time) -> Option<EndCause> {
        match self.state_at(now) {
            RequestState::Expired => Some(self.end_cause.unwrap_or(EndCause::Time)),
            RequestState::Pending | RequestState::Approved | RequestState::Declined | RequestState::Withdrawn => None,
        }
    }

    /// When it came to its end, as far as it has by now.
    pub fn ended_at(&self, now: Time) -> Option<Time> {
        match self.state_at(now) {
            RequestState::Pending => None,
            RequestState::Expired => Some(self.ended_at.unwrap_or(self.expires_at)),
            RequestState::Approved | RequestState::Declined | RequestState::Withdrawn => self.ended_at,
        }
    }

    /// What was proposed, as long as it is known.
    pub(crate) fn proposal(&self) -> Result<Proposal> {
        let kept = self.kept.as_ref().ok_or(Error::Refused(Refusal::UserErased))?;
        Ok(Proposal { action: self.action, about: self.about, told: kept.told.clone() })
    }

    fn about_text(&self) -> Option<String> {
        Subject::text(self.about.kind(), self.about.id())
    }

    fn open(&self, now: Time) -> Result<()> {
        match self.state_at(now) {
            RequestState::Pending => Ok(()),
            RequestState::Expired => Err(Refusal::RequestExpired.into()),
            RequestState::Approved | RequestState::Declined | RequestState::Withdrawn => {
                Err(Refusal::RequestDecided.into())
            }
        }
    }

    /// The rule of the second person: it is another one.
    fn decide(&mut self, decider: Hand, to: RequestState, now: Time) -> Result<()> {
        self.open(now)?;
        if decider.staff == self.proposer.staff {
            return Err(Refusal::OwnRequest.into());
        }
        // Nor does anybody decide what is to be done to herself.
        if self.proposal().ok().and_then(|proposal| proposal.staff()) == Some(decider.staff) {
            return Err(Refusal::NotToOneself.into());
        }
        (self.state, self.decider, self.ended_at) = (to, Some(decider), Some(now));
        self.forget();
        Ok(())
    }

    /// Who somebody is, is kept with her own key or not at all: whoever was to be created has none, or has one of her own now.
    fn forget(&mut self) {
        if let Some(kept) = &mut self.kept
            && self.user.is_none()
        {
            kept.told.profile = None;
        }
    }

    /// What a new one tells.
    pub(crate) fn proposed(&self) -> Fact {
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        let (proposer, expires_at) = (self.proposer.staff, self.expires_at);
        Fact::RequestProposed { request, number, action, about, proposer, expires_at }
    }

    /// Notes that the customer has confirmed. Where a second person is wanted, too, it waits for her; else it is as good as
    /// approved. `wants_decider`: the policy wants one now.
    pub(crate) fn confirm(&mut self, wants_decider: bool, now: Time) -> Result<Fact> {
        self.open(now)?;
        let customer = self.customer.as_mut().ok_or(Refusal::ChallengeOver)?;
        (customer.state, self.needs_decider) = (CustomerState::Confirmed, self.needs_decider || wants_decider);
        let challenge = customer.challenge;
        if !self.needs_decider {
            (self.state, self.ended_at) = (RequestState::Approved, Some(now));
        }
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        let (proposer, done) = (self.proposer.staff, !self.needs_decider);
        Ok(Fact::RequestConfirmed { request, number, action, about, proposer, challenge, done })
    }

    /// Waits for the customer no longer, since it has come to its end; what waited, if she has not spoken.
    pub(crate) fn call_off(&mut self) -> Option<ChallengeId> {
        let customer = self.customer.as_mut().filter(|it| it.state == CustomerState::Waiting)?;
        customer.state = CustomerState::Cancelled;
        Some(customer.challenge)
    }

    /// Says yes.
    pub(crate) fn approve(&mut self, decider: Hand, now: Time) -> Result<Fact> {
        self.open(now)?;
        if self.customer.is_some_and(|it| it.state != CustomerState::Confirmed) {
            return Err(Refusal::NeedsCustomer.into());
        }
        self.decide(decider, RequestState::Approved, now)?;
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        let (proposer, decider) = (self.proposer.staff, decider.staff);
        Ok(Fact::RequestApproved { request, number, action, about, proposer, decider })
    }

    /// Says no.
    pub(crate) fn decline(&mut self, decider: Hand, now: Time) -> Result<Fact> {
        self.decide(decider, RequestState::Declined, now)?;
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        let (proposer, decider) = (self.proposer.staff, decider.staff);
        Ok(Fact::RequestDeclined { request, number, action, about, proposer, decider })
    }

    /// Takes it back.
    pub(crate) fn withdraw(&mut self, hand: Hand, now: Time) -> Result<Fact> {
        if hand.staff != self.proposer.staff {
            return Err(Refusal::NotTheProposer.into());
        }
        self.open(now)?;
        (self.state, self.ended_at) = (RequestState::Withdrawn, Some(now));
        self.forget();
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        Ok(Fact::RequestWithdrawn { request, number, action, about, proposer: self.proposer.staff })
    }

    /// Notes that nobody has decided it in time; nothing if it has ended already, or has time left.
    pub(crate) fn expire(&mut self, now: Time) -> Option<Fact> {
        match (self.state, self.state_at(now)) {
            (RequestState::Pending, RequestState::Expired) => {}
            _ => return None,
        }
        let cause = EndCause::Time;
        (self.state, self.end_cause, self.ended_at) = (RequestState::Expired, Some(cause), Some(now));
        self.forget();
        let (request, number, action, about) = (self.id, self.number, self.action.word(), self.about_text());
        let (proposer, cause) = (self.proposer.staff, cause.word());
        Some(Fact::RequestExpired { request, number, action, about, proposer, cause })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(number: u128) -> Hand {
        Hand { staff: StaffId(uuid::Uuid::from_u128(number)), key: None }
    }

    fn request(state: RequestState) -> Request {
        let (reason, told) = ("case 17".to_owned(), Told::default());
        let kept = Kept { reason, told, facts: Vec::new(), counts: None, contacts: None, comment: None };
        Request {
            id: RequestId(uuid::Uuid::from_u128(1)),
            number: 1,
            action: Proposable::Disable,
            about: Subject::User(UserId(uuid::Uuid::from_u128(2))),
            user: Some(UserId(uuid::Uuid::from_u128(2))),
            state,
            end_cause: None,
            plan_hash: String::new(),
            kept: Some(kept),
            needs_decider: true,
            customer: None,
            proposer: hand(1),
            decider: None,
            created_at: Time(10),
            expires_at: Time(100),
            ended_at: None,
        }
    }

    #[test]
    fn each_step_from_each_state_by_each_person() {
        use RequestState::*;
        type Step = fn(&mut Request, Hand, Time) -> Result<Fact>;
        let steps: [(&str, Step); 3] =
            [("approve", Request::approve), ("decline", Request::decline), ("withdraw", Request::withdraw)];
        // Who (1 has proposed it), when, and what becomes of: approve, decline, withdraw.
        let table = [
            (Pending, 1, 99, ["own_request", "own_request", "withdrawn"]),
            (Pending, 2, 99, ["approved", "declined", "not_the_proposer"]),
            (Pending, 1, 100, ["request_expired", "request_expired", "request_expired"]),
            (Pending, 2, 100, ["request_expired", "request_expired", "not_the_proposer"]),
            (Approved, 1, 99, ["request_decided", "request_decided", "request_decided"]),
            (Approved, 2, 99, ["request_decided", "request_decided", "not_the_proposer"]),
            (Declined, 1, 99, ["request_decided", "request_decided", "request_decided"]),
            (Declined, 2, 99, ["request_decided", "request_decided", "not_the_proposer"]),
            (Withdrawn, 1, 99, ["request_decided", "request_decided", "request_decided"]),
            (Withdrawn, 2, 99, ["request_decided", "request_decided", "not_the_proposer"]),
            (Expired, 1, 99, ["request_expired", "request_expired", "request_expired"]),
            (Expired, 2, 99, ["request_expired", "request_expired", "not_the_proposer"]),
        ];
        for (state, who, now, expected) in table {
            for ((name, step), expected) in steps.iter().zip(expected) {
                let mut it = request(state);
                let became = match step(&mut it, hand(who), Time(now)) {
                    Ok(_) => it.state.word(),
                    Err(error) => {
                        assert_eq!((it.state, it.decider, it.ended_at), (state, None, None), "{name} left a trace");
                        error.code()
                    }
                };
                assert_eq!(became, expected, "{name} of {state} by {who} at {now}");
                let left_by = if became == "withdrawn" { None } else { Some(hand(who)) };
                if it.state != state {
                    assert_eq!((it.decider, it.ended_at(Time(now))), (left_by, Some(Time(now))), "{name}");
                }
            }
        }
    }

    #[test]
    fn only_what_is_pending_and_over_time_expires_once() {
        for state in RequestState::ALL.iter().copied() {
            for now in [99, 100, 101] {
                let mut it = request(state);
                let expires = state == RequestState::Pending && now >= 100;
                assert_eq!(it.expire(Time(now)).is_some(), expires, "{state} at {now}");
                assert_eq!(it.expire(Time(now)), None, "{state} at {now}: again");
            }
        }
        let late = request(RequestState::Pending);
        assert_eq!(late.state_at(Time(100)), RequestState::Expired, "it reads as expired before that is noted");
        assert_eq!((late.end_cause_at(Time(100)), late.ended_at(Time(100))), (Some(EndCause::Time), Some(Time(100))));
    }

    #[test]
    fn what_the_customer_confirms_is_approved_by_her_alone_or_waits_for_the_second_person() {
        let asked = |state, needs_decider| {
            let mut it = request(RequestState::Pending);
            it.customer = Some(Customer { challenge: ChallengeId(uuid::Uuid::from_u128(9)), state });
            it.needs_decider = needs_decider;
            it
        };
        for state in [CustomerState::Waiting, CustomerState::Cancelled] {
            let told = asked(state, true).approve(hand(2), Time(50));
            assert!(matches!(told, Err(Error::Refused(Refusal::NeedsCustomer))), "{state}");
        }
        assert!(asked(CustomerState::Confirmed, true).approve(hand(2), Time(50)).is_ok());
        for (needs_decider, wants_decider, state) in [
            (false, false, RequestState::Approved),
            (false, true, RequestState::Pending),
            (true, false, RequestState::Pending),
        ] {
            let mut it = asked(CustomerState::Waiting, needs_decider);
            it.confirm(wants_decider, Time(50)).unwrap();
            assert_eq!((it.state, it.call_off()), (state, None), "she has spoken");
        }
        let mut off = asked(CustomerState::Waiting, false);
        assert!(off.call_off().is_some() && off.call_off().is_none());
        let told = asked(CustomerState::Waiting, false).confirm(false, Time(100));
        assert!(matches!(told, Err(Error::Refused(Refusal::RequestExpired))));
    }

    #[test]
    fn nobody_decides_what_is_done_to_herself() {
        let mut it = request(RequestState::Pending);
        (it.action, it.about) = (Proposable::DisableStaff, Subject::Staff(hand(2).staff));
        assert!(matches!(it.approve(hand(2), Time(50)), Err(Error::Refused(Refusal::NotToOneself))));
        assert!(it.approve(hand(3), Time(50)).is_ok());
    }
}
