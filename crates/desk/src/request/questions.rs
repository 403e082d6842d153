//! What may be asked about requests: which there are, what one is about and would do, and what waits about a user.

use super::model::{Hand, Request, RequestState};
use super::store::{self, Begin};
use crate::caller::Caller;
use crate::db::{Rd, Weight};
use crate::error::{Error, Result};
use crate::permission::{Permission, Proposable};
use crate::staff::{self, Staff};
use crate::tenant::Tenant;
use crate::user::questions::{make_cursor, read_cursor};
use crate::user::store::hides_employees;
use crate::user::verification::Document;
use crate::user::{self, SeenUser};
use crate::value::clock::Time;
use crate::value::id::{KeyId, RequestId, StaffId, UserId};
use crate::value::secret::Secret;
use crate::verb::{Question, Qx, Subject};

/// The most requests one page holds.
pub const PAGE_MAX: i64 = 200;
/// The most requests a page by its row may pass by.
pub const SKIP_MAX: i64 = 1_000_000;

/// A person who proposed or decided.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct SeenStaff {
    pub id: StaffId,
    pub number: i64,
    pub name: String,
    pub email: String,
    /// The key she came with.
    pub key: Option<KeyId>,
}

impl SeenStaff {
    fn of(hand: Hand, all: &[Staff]) -> SeenStaff {
        let staff = all.iter().find(|staff| staff.id == hand.staff);
        let profile = staff.map(|staff| &staff.profile);
        SeenStaff {
            id: hand.staff,
            number: staff.map_or(0, |staff| staff.number),
            name: profile.map(|it| it.name.clone()).unwrap_or_default(),
            email: profile.map(|it| it.email.clone()).unwrap_or_default(),
            key: hand.key,
        }
    }
}

/// A request with the people in it.
#[derive(Debug, Clone)]
pub struct SeenRequest {
    /// The request.
    pub request: Request,
    /// Where it is now.
    pub state: RequestState,
    /// Whom it concerns, as the caller may see her; nobody where it concerns no user, or the caller may see none.
    pub user: Option<SeenUser>,
    /// The name of the selfie of hers that counts now.
    pub selfie: Option<String>,
    /// Who proposed it.
    pub proposer: SeenStaff,
    /// Who decided it.
    pub decider: Option<SeenStaff>,
    /// Why it expired: `time`, `removed` or `erased`.
    pub end_cause: Option<&'static str>,
    /// When it came to its end.
    pub ended_at: Option<Time>,
    /// What came of it; only in the answer to its approval.
    pub outcome: Option<Outcome>,
}

/// What an approval has caused.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The facts, with the ids of what was made.
    pub facts: Vec<serde_json::Value>,
    /// The secret of a key that was made; shown this once.
    pub secret: Option<Secret>,
}

impl SeenRequest {
    /// Why it was proposed; gone with the person it is about.
    pub fn reason(&self) -> Option<&str> {
        self.request.kept.as_ref().map(|kept| kept.reason.as_str())
    }

    /// What who decided had to say.
    pub fn comment(&self) -> Option<&str> {
        self.request.kept.as_ref().and_then(|kept| kept.comment.as_deref())
    }
}

/// Requests with the people in them, in four statements at most.
pub(super) async fn see(
    rd: &mut Rd,
    tenant: &Tenant,
    caller: &Caller,
    requests: Vec<Request>,
    now: Time,
) -> Result<Vec<SeenRequest>> {
    let (mut users, mut selfies) = (Vec::new(), Vec::new());
    if caller.may(Permission::UsersRead) {
        let ids: Vec<UserId> = requests.iter().filter_map(|request| request.user).collect();
        users = user::store::some(rd, tenant, caller, ids).await?;
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        selfies = user::verification::store::selfies(rd, tenant.id, &ids).await?;
    }
    let hands = |it: &Request| [Some(it.proposer.staff), it.decider.map(|decider| decider.staff)];
    let ids: Vec<StaffId> = requests.iter().flat_map(hands).flatten().collect();
    let people = staff::store::some(rd, tenant, ids).await?;
    let seen = |mut request: Request| {
        if let Some(kept) = &mut request.kept {
            kept.told = kept.told.seen_by(caller)?;
            kept.contacts = None;
        }
        let user = users.iter().find(|user| request.user == Some(user.id));
        Ok(SeenRequest {
            selfie: selfies.iter().find(|it| user.is_some_and(|user| user.id == it.user)).map(Document::file_name),
            user: user.map(|user| user.seen_by(caller)).transpose()?,
            proposer: SeenStaff::of(request.proposer, &people),
            decider: request.decider.map(|decider| SeenStaff::of(decider, &people)),
            state: request.state_at(now),
            end_cause: request.end_cause_at(now).map(|cause| cause.word()),
            ended_at: request.ended_at(now),
            outcome: None,
            request,
        })
    };
    requests.into_iter().map(seen).collect()
}

/// A request by its id or its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestRef {
    /// By its id.
    Id(RequestId),
    /// By its number in the tenant.
    Number(i64),
}

/// One request, with its plan.
pub struct ShowRequest(pub RequestRef);

impl Question for ShowRequest {
    const NAME: &'static str = "request.show";
    type Output = SeenRequest;

    fn subject(&self) -> Subject {
        match self.0 {
            RequestRef::Id(id) => Subject::Request(id),
            RequestRef::Number(_) => Subject::Tenant,
        }
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<SeenRequest> {
        let request = match self.0 {
            RequestRef::Id(id) => store::load(qx.rd, qx.tenant, id).await?,
            RequestRef::Number(number) => store::load_by_number(qx.rd, qx.tenant, number).await?,
        };
        may_know_of(qx.rd, qx.tenant, qx.caller, &request).await?;
        let seen = see(qx.rd, qx.tenant, qx.caller, vec![request], qx.now).await?;
        seen.into_iter().next().ok_or(Error::NotFound(RequestId::NOUN))
    }
}

/// What is about somebody whom the caller may not know of does not exist.
async fn may_know_of(rd: &mut Rd, tenant: &Tenant, caller: &Caller, request: &Request) -> Result<()> {
    let Some(user) = request.user else { return Ok(()) };
    match user::store::load(rd, tenant, caller, user).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(RequestId::NOUN)),
        other => other.map(drop),
    }
}

/// Which requests a list holds; what is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestFilter {
    /// Where they are.
    pub state: Option<RequestState>,
    /// What was proposed.
    pub action: Option<Proposable>,
    /// About whom.
    pub user: Option<UserId>,
}

impl RequestFilter {
    fn name(&self) -> String {
        let state = self.state.map_or("any", RequestState::word);
        let action = self.action.map_or("any", Proposable::word);
        let user = self.user.map_or_else(|| "any".to_owned(), |user| user.to_string());
        format!("requests {state} {action} {user}")
    }
}

/// A page of requests.
pub struct RequestPage {
    /// The requests, newest first.
    pub requests: Vec<SeenRequest>,
    /// Where to go on, if there is more.
    pub next: Option<String>,
    /// How many fit in all, if that was asked.
    pub total: Option<i64>,
}

/// Requests, newest first.
#[derive(Debug, Clone, Default)]
pub struct ListRequests {
    /// Which.
    pub filter: RequestFilter,
    /// The cursor that the page before gave.
    pub after: Option<String>,
    /// Without a cursor: how many to pass by, for voices that count pages.
    pub skip: i64,
    /// How many, at most `PAGE_MAX`.
    pub limit: i64,
    /// Whether to count all that fit.
    pub count: bool,
}

impl Question for ListRequests {
    const NAME: &'static str = "request.list";
    type Output = RequestPage;

    fn weight(&self) -> Weight {
        if self.count || self.skip > 0 { Weight::Scan } else { Weight::Point }
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<RequestPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        if !(0..=SKIP_MAX).contains(&self.skip) {
            return Err(Error::invalid("skip", "out_of_range", format!("Must be from 0 to {SKIP_MAX}.")));
        }
        let (tenant, name) = (qx.tenant.clone(), self.filter.name());
        let begin = match &self.after {
            Some(cursor) => Begin::Below(read_cursor(&tenant, &name, cursor)?),
            None if self.skip > 0 => Begin::After(self.skip),
            None => Begin::Below(i64::MAX),
        };
        let hides = hides_employees(&tenant, qx.caller);
        let total = match self.count {
            true => Some(store::count(qx.rd, tenant.id, &self.filter, hides, qx.now).await?),
            false => None,
        };
        let mut found = store::page(qx.rd, &tenant, &self.filter, hides, begin, self.limit + 1, qx.now).await?;
        let more = found.len() as i64 > self.limit;
        found.truncate(self.limit as usize);
        let last = found.last().filter(|_| more).map(|request| request.number);
        let requests = see(qx.rd, &tenant, qx.caller, found, qx.now).await?;
        Ok(RequestPage { requests, next: last.map(|number| make_cursor(&tenant, &name, number)), total })
    }
}

/// What is proposed about a user and waits to be decided, in one statement; by the actions' names.
pub struct PendingRequests(pub UserId);

impl Question for PendingRequests {
    const NAME: &'static str = "request.pending";
    type Output = Vec<Proposable>;

    fn subject(&self) -> Subject {
        Subject::User(self.0)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Vec<Proposable>> {
        let hides = hides_employees(qx.tenant, qx.caller);
        store::pending_of(qx.rd, qx.tenant.id, self.0, hides, qx.now).await
    }
}
