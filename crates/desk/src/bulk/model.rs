//! What a bulk action is: what is done, to whom, how far it has come; and how what it did is turned back. Pure.

use serde::{Deserialize, Serialize};

use crate::caller::Who;
use crate::error::{Error, Field, Refusal, Result};
use crate::fact::Fact;
use crate::session::EndSessions;
use crate::user::standing::*;
use crate::user::*;
use crate::value::clock::Time;
use crate::value::id::{BulkId, UserId};
use crate::value::words;
use crate::verb::Action;

/// The most ids one bulk action may list; for more there are filters.
pub const IDS_MAX: usize = 10_000;

words! {
    /// What can be done to many. Erasing cannot: it is for ever, and asked for one by one.
    pub enum BulkVerb {
        /// Lock sign-in.
        Lock = "lock",
        /// Unlock sign-in.
        Unlock = "unlock",
        /// Withdraw admission.
        Disable = "disable",
        /// Give admission back.
        Enable = "enable",
        /// Suspend.
        Suspend = "suspend",
        /// End a suspension.
        Reinstate = "reinstate",
        /// Flag, as a whole or for one bank.
        Flag = "flag",
        /// Remove a flag.
        Unflag = "unflag",
        /// Put on the blacklist.
        Blacklist = "blacklist",
        /// Take off the blacklist.
        Unblacklist = "unblacklist",
        /// Set the fraud status.
        FraudStatus = "fraud_status",
        /// Put on hold.
        Hold = "hold",
        /// Release from hold.
        Release = "release",
        /// Set what the core says.
        CoreState = "core_state",
        /// Ask for verification.
        AskVerification = "ask_verification",
        /// Decide a verification.
        DecideVerification = "decide_verification",
        /// End every session, reset link and pending code.
        EndSessions = "end_sessions",
        /// Withdraw access for good.
        Remove = "remove",
    }
}

impl BulkVerb {
    /// The single action's name.
    pub fn action(self) -> &'static str {
        match self {
            BulkVerb::Lock => LockUser::NAME,
            BulkVerb::Unlock => UnlockUser::NAME,
            BulkVerb::Disable => DisableUser::NAME,
            BulkVerb::Enable => EnableUser::NAME,
            BulkVerb::Suspend => SuspendUser::NAME,
            BulkVerb::Reinstate => ReinstateUser::NAME,
            BulkVerb::Flag => FlagUser::NAME,
            BulkVerb::Unflag => UnflagUser::NAME,
            BulkVerb::Blacklist => BlacklistUser::NAME,
            BulkVerb::Unblacklist => UnblacklistUser::NAME,
            BulkVerb::FraudStatus => SetFraudStatus::NAME,
            BulkVerb::Hold => HoldUser::NAME,
            BulkVerb::Release => ReleaseUser::NAME,
            BulkVerb::CoreState => SetCoreState::NAME,
            BulkVerb::AskVerification => AskVerification::NAME,
            BulkVerb::DecideVerification => DecideVerification::NAME,
            BulkVerb::EndSessions => EndSessions::NAME,
            BulkVerb::Remove => RemoveUser::NAME,
        }
    }

    /// The verb that turns it back, if there is one.
    pub fn inverse(self) -> Option<BulkVerb> {
        match self {
            BulkVerb::Lock => Some(BulkVerb::Unlock),
            BulkVerb::Unlock => Some(BulkVerb::Lock),
            BulkVerb::Disable => Some(BulkVerb::Enable),
            BulkVerb::Enable => Some(BulkVerb::Disable),
            BulkVerb::Suspend => Some(BulkVerb::Reinstate),
            BulkVerb::Reinstate => Some(BulkVerb::Suspend),
            BulkVerb::Flag => Some(BulkVerb::Unflag),
            BulkVerb::Unflag => Some(BulkVerb::Flag),
            BulkVerb::Blacklist => Some(BulkVerb::Unblacklist),
            BulkVerb::Unblacklist => Some(BulkVerb::Blacklist),
            BulkVerb::FraudStatus => Some(BulkVerb::FraudStatus),
            BulkVerb::Hold => Some(BulkVerb::Release),
            BulkVerb::Release => Some(BulkVerb::Hold),
            BulkVerb::CoreState => Some(BulkVerb::CoreState),
            BulkVerb::AskVerification | BulkVerb::DecideVerification | BulkVerb::EndSessions | BulkVerb::Remove => None,
        }
    }

    /// The axis it moves; ending sessions moves none.
    fn axis(self) -> Option<Axis> {
        match self {
            BulkVerb::Lock | BulkVerb::Unlock => Some(Axis::SignInLock),
            BulkVerb::Disable | BulkVerb::Enable => Some(Axis::Admission),
            BulkVerb::Suspend | BulkVerb::Reinstate => Some(Axis::Suspension),
            BulkVerb::Flag | BulkVerb::Unflag => Some(Axis::Flag),
            BulkVerb::Blacklist | BulkVerb::Unblacklist => Some(Axis::Blacklist),
            BulkVerb::FraudStatus => Some(Axis::Fraud),
            BulkVerb::Hold | BulkVerb::Release => Some(Axis::Hold),
            BulkVerb::CoreState => Some(Axis::CoreState),
            BulkVerb::AskVerification | BulkVerb::DecideVerification => Some(Axis::Verification),
            BulkVerb::Remove => Some(Axis::Presence),
            BulkVerb::EndSessions => None,
        }
    }
}

/// What a verb may be told besides.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BulkParams {
    /// `lock`: when it opens by itself. In a row's inverse: an unlock that may not come before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// `flag`, `unflag`: for this bank only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bank: Option<String>,
    /// `fraud_status`: the new status; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<FraudStatus>,
    /// `hold`: for legal reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal: Option<bool>,
    /// `core_state`: the new state; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CoreState>,
    /// `decide_verification`: verified, or else declined; needed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// What is done to each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkDeed {
    /// The verb.
    pub verb: BulkVerb,
    /// What it is told besides.
    #[serde(default, flatten)]
    pub params: BulkParams,
}

impl BulkDeed {
    /// A verb that is told nothing besides.
    pub fn plain(verb: BulkVerb) -> BulkDeed {
        BulkDeed { verb, params: BulkParams::default() }
    }

    /// By which names the policy holds it.
    pub(crate) fn held_as(&self) -> Vec<&'static str> {
        match (self.verb, self.params.verified) {
            (BulkVerb::DecideVerification, Some(verified)) => DecideVerification::held_as(verified).to_vec(),
            (verb, _) => vec![verb.action()],
        }
    }

    /// Checks that it is told what it needs, and nothing that means nothing to it.
    pub fn check(&self, now: Time) -> Result<()> {
        let (verb, it) = (self.verb, &self.params);
        let mut faults = Vec::new();
        let mut told = |name: &str, is_there: bool, belongs: bool, is_needed: bool| {
            if is_there && !belongs {
                faults.push(Field::new(name, "unknown", format!("Means nothing to `{verb}`.")));
            } else if is_needed && !is_there {
                faults.push(Field::new(name, "required", format!("`{verb}` needs it.")));
            }
        };
        let (fraud, core, decide) = (BulkVerb::FraudStatus, BulkVerb::CoreState, BulkVerb::DecideVerification);
        told("until", it.until.is_some(), verb == BulkVerb::Lock, false);
        told("bank", it.bank.is_some(), matches!(verb, BulkVerb::Flag | BulkVerb::Unflag), false);
        told("status", it.status.is_some(), verb == fraud, verb == fraud);
        told("legal", it.legal.is_some(), verb == BulkVerb::Hold, false);
        told("state", it.state.is_some(), verb == core, verb == core);
        told("verified", it.verified.is_some(), verb == decide, verb == decide);
        if it.until.is_some_and(|until| until <= now) {
            faults.push(Field::new("until", "out_of_range", "Must be in the future."));
        }
        if let Some(Err(Error::Invalid(fields))) = it.bank.as_deref().map(check_bank) {
            faults.extend(fields);
        }
        if faults.is_empty() { Ok(()) } else { Err(Error::Invalid(faults)) }
    }

    /// What would turn this back for a user who stood like this before it; nothing where one action alone cannot.
    pub(crate) fn inverse(&self, before: &Standing, now: Time) -> Option<BulkDeed> {
        let verb = self.verb.inverse()?;
        let mut params = BulkParams::default();
        match self.verb {
            // She was locked before, for a while that was made longer: opening is right once that while is over.
            BulkVerb::Lock if before.is_locked(now) => params.until = before.lock.until(),
            BulkVerb::Unlock => params.until = before.lock.until(),
            BulkVerb::Flag | BulkVerb::Unflag => params.bank = self.params.bank.clone(),
            BulkVerb::FraudStatus => params.status = Some(before.fraud),
            BulkVerb::CoreState => params.state = Some(before.core),
            // A plain hold that became a legal one.
            BulkVerb::Hold if before.hold != Hold::None => return None,
            BulkVerb::Release if before.hold == Hold::Legal => params.legal = Some(true),
            _ => {}
        }
        Some(BulkDeed { verb, params })
    }

    /// Whether this inverse may be done now to a user whom a bulk action moved at that time.
    pub(crate) fn turns_back(&self, user: &User, changed_at: Time, now: Time) -> Turn {
        let is_as_it_was_left =
            self.verb.axis().and_then(|axis| user.marks.get(&axis)).is_some_and(|mark| mark.at == changed_at);
        if !is_as_it_was_left {
            return Turn::Refuse(Refusal::ChangedSince);
        }
        match (self.verb, self.params.until) {
            (BulkVerb::Unlock, Some(until)) if now < until => Turn::Refuse(Refusal::NotUndoable),
            (BulkVerb::Unlock, _) => Turn::Do(BulkDeed::plain(BulkVerb::Unlock)),
            // The lock that was opened would have opened by itself meanwhile.
            (BulkVerb::Lock, Some(until)) if until <= now => Turn::Leave,
            _ => Turn::Do(self.clone()),
        }
    }
}

/// What an undo does about one user.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This.
    Do(BulkDeed),
    /// Nothing: it is as it would be.
    Leave,
    /// It may not be.
    Refuse(Refusal),
}

/// Who is to be acted on.
#[derive(Debug, Clone, PartialEq)]
pub enum Selection {
    /// Whoever fits when her number's turn comes, up to the highest number at the start.
    Filter(UserFilter),
    /// These.
    Ids(Vec<UserId>),
}

/// Who is selected, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub enum Chosen {
    /// By a filter.
    Filter(UserFilter),
    /// By a list of ids.
    Ids,
    /// The users whom another bulk action changed.
    Undo(BulkId),
}

words! {
    /// How far a bulk action is.
    pub enum BulkState {
        /// It goes on.
        Running = "running",
        /// It rests until it is resumed.
        Paused = "paused",
        /// Everybody had her turn.
        Completed = "completed",
        /// Somebody ended it.
        Cancelled = "cancelled",
        /// It could not go on.
        Failed = "failed",
    }
}

impl BulkState {
    /// Whether nothing more comes of it.
    pub fn is_over(self) -> bool {
        match self {
            BulkState::Running | BulkState::Paused => false,
            BulkState::Completed | BulkState::Cancelled | BulkState::Failed => true,
        }
    }
}

words! {
    /// What became of one user.
    pub enum RowOutcome {
        /// She was changed.
        Done = "done",
        /// It was so already.
        Unchanged = "unchanged",
        /// It was refused.
        Refused = "refused",
    }
}

/// A bulk action.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// Its id.
    pub id: BulkId,
    /// What is done.
    pub deed: BulkDeed,
    /// Who is selected.
    pub chosen: Chosen,
    /// How far it is.
    pub state: BulkState,
    /// Why it failed.
    pub code: Option<String>,
    /// The permission that was missing when it failed.
    pub permission: Option<String>,
    /// How many were selected when it was started.
    pub selected: i64,
    /// How many were changed.
    pub changed: i64,
    /// For how many there was nothing to do.
    pub unchanged: i64,
    /// For how many it was refused.
    pub refused: i64,
    /// Who started it.
    pub starter: Who,
    /// A second person has looked at it: what needs one is done to each, in her name.
    pub approved: bool,
    /// Why, in the starter's words.
    pub reason: Option<String>,
    /// When it was started.
    pub created_at: Time,
    /// When it last came on.
    pub updated_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Address and agent of the starter, for the records of what is done in her name.
    pub(crate) address: Option<String>,
    pub(crate) on_behalf: Option<String>,
    /// How far: the last number (filter), the count (ids) or the last row (undo) that is done with.
    pub(crate) position: i64,
    /// Where it ends.
    pub(crate) last_position: i64,
}

impl Bulk {
    /// How many had their turn.
    pub fn handled(&self) -> i64 {
        self.changed + self.unchanged + self.refused
    }

    /// Whether an undo can be asked for.
    pub fn is_undoable(&self) -> bool {
        self.state.is_over() && self.changed > 0 && self.deed.verb.inverse().is_some()
    }

    /// Lets it rest.
    pub(crate) fn pause(&mut self) -> Result<Option<Fact>> {
        match self.state {
            BulkState::Paused => Ok(None),
            BulkState::Running => {
                self.state = BulkState::Paused;
                Ok(Some(Fact::BulkPaused { bulk: self.id }))
            }
            BulkState::Completed | BulkState::Cancelled | BulkState::Failed => Err(Refusal::BulkEnded.into()),
        }
    }

    /// Lets it go on; from here on approved, if a second person has looked at that.
    pub(crate) fn resume(&mut self, approved: bool) -> Result<Option<Fact>> {
        match self.state {
            BulkState::Running => Ok(None),
            BulkState::Paused => {
                self.state = BulkState::Running;
                self.approved |= approved;
                Ok(Some(Fact::BulkResumed { bulk: self.id }))
            }
            BulkState::Completed | BulkState::Cancelled | BulkState::Failed => Err(Refusal::BulkEnded.into()),
        }
    }

    /// Ends it where it is.
    pub(crate) fn cancel(&mut self, now: Time) -> Result<Option<Fact>> {
        match self.state {
            BulkState::Cancelled => Ok(None),
            BulkState::Running | BulkState::Paused => {
                (self.state, self.ended_at) = (BulkState::Cancelled, Some(now));
                Ok(Some(Fact::BulkCancelled { bulk: self.id }))
            }
            BulkState::Completed | BulkState::Failed => Err(Refusal::BulkEnded.into()),
        }
    }

    /// Ends it because everybody had her turn.
    pub(crate) fn complete(&mut self, now: Time) -> Fact {
        (self.state, self.ended_at) = (BulkState::Completed, Some(now));
        let (changed, unchanged, refused) = (self.changed, self.unchanged, self.refused);
        Fact::BulkCompleted { bulk: self.id, changed, unchanged, refused }
    }

    /// Ends it because it cannot go on.
    pub(crate) fn fail(&mut self, code: &'static str, permission: Option<&'static str>, now: Time) -> Fact {
        (self.state, self.ended_at) = (BulkState::Failed, Some(now));
        (self.code, self.permission) = (Some(code.to_owned()), permission.map(str::to_owned));
        Fact::BulkFailed { bulk: self.id, code, permission }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_row_keeps_of_its_inverse_reads_back() {
        let deed = BulkDeed {
            verb: BulkVerb::FraudStatus,
            params: BulkParams { status: Some(FraudStatus::Suspicious), ..BulkParams::default() },
        };
        let text = serde_json::to_string(&deed).unwrap();
        assert_eq!(text, r#"{"verb":"fraud_status","status":"suspicious"}"#);
        assert_eq!(serde_json::from_str::<BulkDeed>(&text).unwrap(), deed);
    }

    #[test]
    fn each_inverse_stands_for_the_state_before() {
        let (now, later) = (Time(50), Time(100));
        let ordinary = Standing::default;
        let plain = BulkDeed::plain;
        let locked =
            |until| Standing { lock: SignInLock::Locked { cause: LockCause::FailedSignIns, until }, ..ordinary() };
        let with = |verb, params| Some(BulkDeed { verb, params });
        let none = BulkParams::default;
        for (deed, before, inverse) in [
            (BulkVerb::Lock, ordinary(), Some(plain(BulkVerb::Unlock))),
            (BulkVerb::Lock, locked(Some(Time(1))), Some(plain(BulkVerb::Unlock))),
            (BulkVerb::Lock, locked(Some(later)), with(BulkVerb::Unlock, BulkParams { until: Some(later), ..none() })),
            (BulkVerb::Unlock, locked(None), Some(plain(BulkVerb::Lock))),
            (BulkVerb::Unlock, locked(Some(later)), with(BulkVerb::Lock, BulkParams { until: Some(later), ..none() })),
            (BulkVerb::Disable, ordinary(), Some(plain(BulkVerb::Enable))),
            (BulkVerb::Hold, ordinary(), Some(plain(BulkVerb::Release))),
            (BulkVerb::Hold, Standing { hold: Hold::Held, ..ordinary() }, None),
            (
                BulkVerb::Release,
                Standing { hold: Hold::Legal, ..ordinary() },
                with(BulkVerb::Hold, BulkParams { legal: Some(true), ..none() }),
            ),
            (BulkVerb::Remove, ordinary(), None),
        ] {
            assert_eq!(plain(deed).inverse(&before, now), inverse, "{deed} {before:?}");
        }
    }

    #[test]
    fn a_deed_is_told_what_it_needs_and_nothing_else() {
        let codes = |deed: BulkDeed| match deed.check(Time(50)) {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|it| format!("{} {}", it.path, it.code)).collect(),
            told => vec![format!("{told:?}")],
        };
        let with = |verb, params| BulkDeed { verb, params };
        let none = BulkParams::default;
        assert_eq!(codes(BulkDeed::plain(BulkVerb::Lock)), ["Ok(())"]);
        assert_eq!(codes(BulkDeed::plain(BulkVerb::FraudStatus)), ["status required"]);
        assert_eq!(codes(with(BulkVerb::Unlock, BulkParams { until: Some(Time(100)), ..none() })), ["until unknown"]);
        assert_eq!(codes(with(BulkVerb::Lock, BulkParams { until: Some(Time(50)), ..none() })), ["until out_of_range"]);
        assert_eq!(codes(with(BulkVerb::Flag, BulkParams { bank: Some("a b".into()), ..none() })), ["bank invalid"]);
    }
}
