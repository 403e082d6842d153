//! Accounts, who may act on them, and what waits for a code.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use desk::account::{
    AccountChange, AccountKind, AccountRef, ChangeAccount, Details, ListAccounts, OpenAccount, RevealAccount,
    SeenAccount, ShowAccount,
};
use desk::administrator::{
    AddAdministrator, Contact, IdType, ListAdministrators, Opened, Person, RemoveAdministrator, Rights,
    SeenAdministrator, Selector, SetAdministratorRights, ShowAdministrator, VerifyAdministrator,
};
use desk::challenge::{
    Answered, CancelChallenge, Challenge, ConfirmChallenge, ListChallenges, SendCode, Sending, ShowChallenge, Waits,
};
use desk::message::Channel;
use desk::value::id::{AccountId, AdministratorId, ChallengeId, UserId};
use desk::value::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::act::{Call, Reply};
use super::around::{ListOf, list_of};
use super::standing::{ReasonIn, needed};
use super::wire::{chosen, time};
use super::{House, Native, Problems};
use crate::kit::{Fault, Json, Query, SignedBy, Text};

type Answer = Result<Response, Fault<Native>>;

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountWire {
    pub id: String,
    pub owner_id: String,
    /// Masked; revealed with a purpose. Absent once the owner was erased.
    pub number: Option<String>,
    pub name: Option<String>,
    pub short_code: Option<String>,
    /// `sme`, `current`, `wallet`, `loan` or `fixed_deposit`.
    pub kind: String,
    /// ISO 4217.
    pub currency: String,
    /// In minor units of the currency, which has the decimals of ISO 4217: 150 is 1.50 in KES, 150 in UGX, 0.150 in KWD.
    pub balance: i64,
    /// `normal`, `locked` or `closed`.
    pub status: String,
    pub dormant: bool,
    pub frozen: bool,
    /// The sender id of the partner through which it was opened.
    pub partner: Option<String>,
    pub created_at: String,
    pub version: i64,
}

impl From<SeenAccount> for AccountWire {
    fn from(seen: SeenAccount) -> Self {
        let it = seen.account;
        let (number, name, short_code) = match it.details {
            Some(Details { number, name, short_code }) => (Some(number), Some(name), short_code),
            None => (None, None, None),
        };
        AccountWire {
            id: it.id.to_string(),
            owner_id: it.owner.to_string(),
            number,
            name,
            short_code,
            kind: it.kind.word().to_owned(),
            currency: it.currency.code().to_owned(),
            balance: it.balance,
            status: it.status.word().to_owned(),
            dormant: it.dormant,
            frozen: it.frozen,
            partner: it.partner,
            created_at: time(it.created_at),
            version: it.version,
        }
    }
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountList {
    /// The accounts, the oldest first.
    pub data: Vec<AccountWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The id that the page before gave as `next`.
    pub after: Option<String>,
    /// How many, 1 to 200; default 50.
    pub limit: Option<i64>,
}

fn after<T>(text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> desk::Result<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| desk::Error::invalid("after", "invalid", "Not a cursor of this list."))
}

async fn page(house: &House, caller: &desk::Caller, user: Option<UserId>, query: PageQuery) -> desk::Result<Response> {
    let after = after(query.after.as_deref(), AccountId::parse)?;
    let question = ListAccounts { user, partner: None, after, limit: query.limit.unwrap_or(50) };
    let page = house.desk.ask(caller, question).await?;
    let last = page.last.map(|id| id.to_string());
    let data = page.accounts.into_iter().map(AccountWire::from).collect();
    Ok(Json(AccountList { data, next: last.filter(|_| page.more) }).into_response())
}

/// List accounts, the oldest first.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", params(PageQuery),
    responses((status = 200, description = "A page.", body = AccountList), Problems))]
pub async fn list(State(house): State<House>, caller: SignedBy<Native>, query: Query<Native, PageQuery>) -> Answer {
    Ok(page(&house, &caller, None, query.0).await?)
}

/// List a user's accounts, the oldest first.
#[utoipa::path(get, path = "/v1/users/{user_id}/accounts", tag = "accounts",
    params(("user_id" = String, Path), PageQuery),
    responses((status = 200, description = "A page.", body = AccountList), Problems))]
pub async fn of_user(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, UserId>,
    query: Query<Native, PageQuery>,
) -> Answer {
    Ok(page(&house, &caller, Some(id.0), query.0).await?)
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Whose: a user's id.
    pub owner_id: String,
    /// The institution's own number: 4 to 34 letters, digits and hyphens; once in a tenant.
    pub number: String,
    pub name: String,
    pub short_code: Option<String>,
    /// `sme`, `current`, `wallet`, `loan` or `fixed_deposit`.
    pub kind: String,
    /// ISO 4217, e.g. `KES`.
    pub currency: String,
    /// In minor units; default 0.
    #[serde(default)]
    pub balance: i64,
    /// The sender id of the partner it is opened for.
    pub partner: Option<String>,
}

/// Open an account for a user.
#[utoipa::path(post, path = "/v1/accounts", tag = "accounts", request_body = NewAccount,
    responses((status = 201, description = "Opened.", body = AccountWire), Problems))]
pub async fn open(State(house): State<House>, call: Call<NewAccount>) -> Answer {
    let new = &call.body;
    let owner = UserId::parse(&new.owner_id)
        .ok_or_else(|| desk::Error::invalid("owner_id", "invalid", "The id of a user, usr_…."))?;
    let kind = needed(chosen("kind", Some(&new.kind), AccountKind::parse, AccountKind::WORDS), "kind")?;
    let (number, name) = (new.number.clone(), new.name.clone());
    let details = Details { number, name, short_code: new.short_code.clone() };
    let (currency, partner) = (new.currency.clone(), new.partner.clone());
    let action = OpenAccount { owner, kind, currency, balance: new.balance, details, partner };
    call.act(&house, action, |seen, _| {
        let location = format!("/v1/accounts/{}", seen.account.id);
        Ok(Reply::new(StatusCode::CREATED, &AccountWire::from(seen))?.location(location))
    })
    .await
}

/// See an account.
#[utoipa::path(get, path = "/v1/accounts/{account_id}", tag = "accounts", params(("account_id" = String, Path)),
    responses((status = 200, description = "The account.", body = AccountWire), Problems))]
pub async fn get(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, AccountId>) -> Answer {
    let question = ShowAccount { account: AccountRef::Id(id.0), partner: None };
    Ok(Json(AccountWire::from(house.desk.ask(&caller, question).await?)).into_response())
}

/// Why something is to be seen in full.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PurposeIn {
    /// Recorded.
    pub purpose: String,
}

/// An account's number, name and short code in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountInFull {
    pub number: String,
    pub name: String,
    pub short_code: Option<String>,
}

/// See an account's number in full; recorded with its purpose.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/reveal", tag = "accounts", params(("account_id" = String, Path)),
    request_body = PurposeIn,
    responses((status = 200, description = "In full.", body = AccountInFull), Problems))]
pub async fn reveal(State(house): State<House>, id: Text<Native, AccountId>, call: Call<PurposeIn>) -> Answer {
    let question = RevealAccount { account: id.0, purpose: call.body.purpose.clone() };
    let Details { number, name, short_code } = house.desk.ask(&call.caller, question).await?;
    Ok(Json(AccountInFull { number, name, short_code }).into_response())
}

/// How an account shall move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountMove {
    /// `freeze`, `unfreeze`, `lock`, `unlock`, `make_dormant`, `wake` or `close`.
    pub change: String,
    pub reason: Option<String>,
}

/// Freeze, lock or close an account, or the opposite. What it is already is no error; a closed one stays closed, and one
/// that is frozen or not empty is not closed.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/changes", tag = "accounts",
    params(("account_id" = String, Path)), request_body = AccountMove,
    responses((status = 200, description = "As it is now.", body = AccountWire), Problems))]
pub async fn change(State(house): State<House>, id: Text<Native, AccountId>, call: Call<AccountMove>) -> Answer {
    let word = chosen("change", Some(&call.body.change), AccountChange::parse, AccountChange::WORDS);
    let action = ChangeAccount { account: id.0, change: needed(word, "change")?, reason: call.body.reason.clone() };
    call.act(&house, action, |seen, _| Reply::ok(&AccountWire::from(seen))).await
}

/// An administrator of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdministratorWire {
    pub id: String,
    pub account_id: String,
    /// `pending`, `active`, `removed` or `ended`.
    pub state: String,
    /// `101` national id, `102` alien id, `103` passport. What says who she is is absent once it was erased.
    pub id_type: Option<String>,
    /// Masked.
    pub id_number: Option<String>,
    pub full_name: Option<String>,
    pub country_code: Option<String>,
    /// In full for holders of `users.contacts`.
    pub mobile: Option<String>,
    /// In full for holders of `users.contacts`.
    pub email: Option<String>,
    pub mobile_verified_at: Option<String>,
    pub email_verified_at: Option<String>,
    pub rights: RightsWire,
    pub created_at: String,
    pub ended_at: Option<String>,
    pub end_cause: Option<String>,
    pub version: i64,
}

/// What an administrator may do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightsWire {
    pub view: bool,
    pub initiate: bool,
    pub approve: bool,
    /// Up to how much, in minor units; absent: without a limit.
    pub limit: Option<i64>,
}

impl From<RightsWire> for Rights {
    fn from(it: RightsWire) -> Self {
        let RightsWire { view, initiate, approve, limit } = it;
        Rights { view, initiate, approve, limit }
    }
}

impl From<SeenAdministrator> for AdministratorWire {
    fn from(seen: SeenAdministrator) -> Self {
        let it = seen.administrator;
        let person = it.person.as_ref();
        let Rights { view, initiate, approve, limit } = it.rights;
        AdministratorWire {
            id: it.id.to_string(),
            account_id: it.account.to_string(),
            state: it.state.word().to_owned(),
            id_type: person.map(|it| it.id_type.word().to_owned()),
            id_number: person.map(|it| it.id_number.clone()),
            full_name: person.map(|it| it.full_name.clone()),
            country_code: person.map(|it| it.country_code.clone()),
            mobile: person.map(|it| it.mobile.clone()),
            email: person.map(|it| it.email.clone()),
            mobile_verified_at: it.mobile_verified_at.map(time),
            email_verified_at: it.email_verified_at.map(time),
            rights: RightsWire { view, initiate, approve, limit },
            created_at: time(it.created_at),
            ended_at: it.ended_at.map(time),
            end_cause: it.end_cause,
            version: it.version,
        }
    }
}

/// A page of administrators.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdministratorList {
    /// The administrators, the oldest first, ended ones too.
    pub data: Vec<AdministratorWire>,
    /// Where to go on, if there is more: pass it as `after`.
    pub next: Option<String>,
}

/// List the administrators of an account, ended ones too.
#[utoipa::path(get, path = "/v1/accounts/{account_id}/administrators", tag = "accounts",
    params(("account_id" = String, Path), PageQuery),
    responses((status = 200, description = "A page.", body = AdministratorList), Problems))]
pub async fn administrators(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, AccountId>,
    query: Query<Native, PageQuery>,
) -> Answer {
    let query = query.0;
    let after = after(query.after.as_deref(), AdministratorId::parse)?;
    let (account, limit) = (id.0, query.limit.unwrap_or(50));
    let page = house.desk.ask(&caller, ListAdministrators { account, after, limit }).await?;
    let last = page.administrators.last().map(|it| it.administrator.id.to_string());
    let data = page.administrators.into_iter().map(AdministratorWire::from).collect();
    Ok(Json(AdministratorList { data, next: last.filter(|_| page.more) }).into_response())
}

/// Somebody who is to become an administrator.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAdministrator {
    /// `101` national id, `102` alien id, `103` passport.
    pub id_type: String,
    /// 3 to 32 letters, digits, slashes and hyphens.
    pub id_number: String,
    pub full_name: String,
    /// Digits without a plus, e.g. `254`.
    pub country_code: String,
    /// National digits without a zero before them.
    pub mobile: String,
    pub email: String,
}

impl NewAdministrator {
    /// Who it is.
    pub fn person(&self) -> desk::Result<Person> {
        Ok(Person {
            id_type: needed(chosen("id_type", Some(&self.id_type), IdType::parse, IdType::WORDS), "id_type")?,
            id_number: self.id_number.clone(),
            full_name: self.full_name.clone(),
            country_code: self.country_code.clone(),
            mobile: self.mobile.clone(),
            email: self.email.clone(),
        })
    }
}

/// Somebody who waits for a code, and what waits.
#[derive(Debug, Serialize, ToSchema)]
pub struct OpenedWire {
    pub administrator: AdministratorWire,
    /// What is to be confirmed: `/v1/challenges/{challenge_id}`.
    pub challenge_id: String,
}

impl From<Opened> for OpenedWire {
    fn from(it: Opened) -> Self {
        OpenedWire { administrator: it.administrator.into(), challenge_id: it.challenge.to_string() }
    }
}

/// Propose an administrator. The account's owner confirms her by a code, which has still to be sent.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/administrators", tag = "accounts",
    params(("account_id" = String, Path)), request_body = NewAdministrator,
    responses((status = 201, description = "It waits for the owner.", body = OpenedWire), Problems))]
pub async fn add_administrator(
    State(house): State<House>,
    id: Text<Native, AccountId>,
    call: Call<NewAdministrator>,
) -> Answer {
    let action = AddAdministrator { account: id.0, person: call.body.person()? };
    call.act(&house, action, |opened, _| Reply::new(StatusCode::CREATED, &OpenedWire::from(opened))).await
}

/// See an administrator.
#[utoipa::path(get, path = "/v1/administrators/{administrator_id}", tag = "accounts",
    params(("administrator_id" = String, Path)),
    responses((status = 200, description = "She.", body = AdministratorWire), Problems))]
pub async fn administrator(
    State(house): State<House>,
    caller: SignedBy<Native>,
    id: Text<Native, AdministratorId>,
) -> Answer {
    let seen = house.desk.ask(&caller, ShowAdministrator(id.0)).await?;
    Ok(Json(AdministratorWire::from(seen)).into_response())
}

/// What an administrator may do from now on.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RightsIn {
    pub rights: RightsWire,
    pub reason: Option<String>,
}

/// Say what an administrator may do, and up to how much.
#[utoipa::path(post, path = "/v1/administrators/{administrator_id}/rights", tag = "accounts",
    params(("administrator_id" = String, Path)), request_body = RightsIn,
    responses((status = 200, description = "As she is now.", body = AdministratorWire), Problems))]
pub async fn set_rights(State(house): State<House>, id: Text<Native, AdministratorId>, call: Call<RightsIn>) -> Answer {
    let rights = call.body.rights.clone().into();
    let action = SetAdministratorRights { administrator: id.0, rights, reason: call.body.reason.clone() };
    call.act(&house, action, |seen, _| Reply::ok(&AdministratorWire::from(seen))).await
}

/// Which contact.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactIn {
    /// `mobile` or `email`.
    pub contact: String,
}

/// Have a contact of an administrator verified: a code is sent there at once.
#[utoipa::path(post, path = "/v1/accounts/{account_id}/administrators/{administrator_id}/verify", tag = "accounts",
    params(("account_id" = String, Path), ("administrator_id" = String, Path)), request_body = ContactIn,
    responses((status = 201, description = "It waits for her code.", body = OpenedWire), Problems))]
pub async fn verify_contact(
    State(house): State<House>,
    id: Text<Native, AccountId, AdministratorId>,
    call: Call<ContactIn>,
) -> Answer {
    let contact = needed(chosen("contact", Some(&call.body.contact), Contact::parse, Contact::WORDS), "contact")?;
    let (account, who) = (id.0, Selector::Id(id.1));
    let action = VerifyAdministrator { account, who, contact };
    call.act(&house, action, |opened, _| Reply::new(StatusCode::CREATED, &OpenedWire::from(opened))).await
}

/// Remove an administrator: she may do nothing on the account any more, at once.
#[utoipa::path(delete, path = "/v1/accounts/{account_id}/administrators/{administrator_id}", tag = "accounts",
    params(("account_id" = String, Path), ("administrator_id" = String, Path)),
    responses((status = 200, description = "As she is now.", body = AdministratorWire), Problems))]
pub async fn remove_administrator(
    State(house): State<House>,
    id: Text<Native, AccountId, AdministratorId>,
    call: Call<ReasonIn>,
) -> Answer {
    let (account, who) = (id.0, Selector::Id(id.1));
    let action = RemoveAdministrator { account, who, reason: call.body.reason.clone() };
    call.act(&house, action, |seen, _| Reply::ok(&AdministratorWire::from(seen))).await
}

/// Something that waits for a person's code, or did.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChallengeWire {
    pub id: String,
    /// `administrator_add`, `administrator_mobile`, `administrator_email`, or `request` when a customer confirms what was proposed
    /// about her.
    pub purpose: String,
    pub account_id: Option<String>,
    pub administrator_id: Option<String>,
    /// What was proposed: `/v1/requests/{request_id}`.
    pub request_id: Option<String>,
    /// `open`, `confirmed` or `cancelled`; an open one whose time is over can only be begun anew.
    pub state: String,
    /// By which way the last code went: `email` or `sms`.
    pub channel: Option<String>,
    /// How many codes were sent, and how many wrong ones came.
    pub sends: i64,
    pub tries: i64,
    pub code_sent_at: Option<String>,
    pub code_expires_at: Option<String>,
    pub created_at: String,
    pub expires_at: String,
    pub ended_at: Option<String>,
    pub end_cause: Option<String>,
}

impl From<Challenge> for ChallengeWire {
    fn from(it: Challenge) -> Self {
        let (account, administrator, request) = match it.waits {
            Waits::Administrator { account, administrator } => (Some(account), Some(administrator), None),
            Waits::Request(request) => (None, None, Some(request)),
        };
        ChallengeWire {
            id: it.id.to_string(),
            purpose: it.purpose.word().to_owned(),
            account_id: account.map(|id| id.to_string()),
            administrator_id: administrator.map(|id| id.to_string()),
            request_id: request.map(|id| id.to_string()),
            state: it.state.word().to_owned(),
            channel: it.channel.map(|channel| channel.word().to_owned()),
            sends: it.sends,
            tries: it.tries,
            code_sent_at: it.code_sent_at.map(time),
            code_expires_at: it.code_expires_at.map(time),
            created_at: time(it.created_at),
            expires_at: time(it.expires_at),
            ended_at: it.ended_at.map(time),
            end_cause: it.end_cause,
        }
    }
}

/// The newest challenges of an account, at most 100.
#[utoipa::path(get, path = "/v1/accounts/{account_id}/challenges", tag = "accounts",
    params(("account_id" = String, Path)),
    responses((status = 200, description = "Newest first.", body = ListOf<ChallengeWire>), Problems))]
pub async fn challenges(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, AccountId>) -> Answer {
    let found = house.desk.ask(&caller, ListChallenges { account: id.0 }).await?;
    Ok(list_of(found.into_iter().map(ChallengeWire::from).collect()))
}

/// See a challenge.
#[utoipa::path(get, path = "/v1/challenges/{challenge_id}", tag = "accounts", params(("challenge_id" = String, Path)),
    responses((status = 200, description = "The challenge.", body = ChallengeWire), Problems))]
pub async fn challenge(State(house): State<House>, caller: SignedBy<Native>, id: Text<Native, ChallengeId>) -> Answer {
    Ok(Json(ChallengeWire::from(house.desk.ask(&caller, ShowChallenge(id.0)).await?)).into_response())
}

/// How a code is to be sent.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SendIn {
    /// `sms` or `email`; absent: as last time, else by text message, if that can be.
    pub channel: Option<String>,
    /// Only if there was a code before.
    pub again: bool,
}

/// Send a code to whoever is to confirm; it voids the one before.
#[utoipa::path(post, path = "/v1/challenges/{challenge_id}/send", tag = "accounts",
    params(("challenge_id" = String, Path)), request_body = SendIn,
    responses((status = 200, description = "A code is on its way.", body = ChallengeWire), Problems))]
pub async fn send_code(State(house): State<House>, id: Text<Native, ChallengeId>, call: Call<SendIn>) -> Answer {
    let channel = chosen("channel", call.body.channel.as_deref(), Channel::parse, Channel::WORDS)?;
    let sending = if call.body.again { Sending::Again } else { Sending::Any };
    let action = SendCode { challenge: id.0, channel, sending, partner: None };
    call.act(&house, action, |it, _| Reply::ok(&ChallengeWire::from(it))).await
}

/// A code that came back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeIn {
    pub code: String,
}

/// Tell the code that came back: if it is right, what waited for it is done.
#[utoipa::path(post, path = "/v1/challenges/{challenge_id}/confirm", tag = "accounts",
    params(("challenge_id" = String, Path)), request_body = CodeIn,
    responses((status = 200, description = "Confirmed.", body = ChallengeWire), Problems))]
pub async fn confirm(State(house): State<House>, id: Text<Native, ChallengeId>, call: Call<CodeIn>) -> Answer {
    let code = Secret::new(call.body.code.clone());
    let action = ConfirmChallenge { challenge: id.0, code, partner: None };
    // Which the desk refuses: a guess that nobody counts.
    if call.is_preview() {
        return call.act(&house, action, |_, _| Ok(Reply::nothing())).await;
    }
    // A wrong code is counted, so it is told only once that is done.
    match house.desk.perform(&call.caller, action).await? {
        Answered::Confirmed(it) => Ok(Json(ChallengeWire::from(*it)).into_response()),
        Answered::Refused(refusal) => Err(desk::Error::from(refusal).into()),
    }
}

/// End a challenge before anybody has confirmed it.
#[utoipa::path(post, path = "/v1/challenges/{challenge_id}/cancel", tag = "accounts",
    params(("challenge_id" = String, Path)), request_body = ReasonIn,
    responses((status = 200, description = "As it is now.", body = ChallengeWire), Problems))]
pub async fn cancel(State(house): State<House>, id: Text<Native, ChallengeId>, call: Call<ReasonIn>) -> Answer {
    let action = CancelChallenge { challenge: id.0, reason: call.body.reason.clone() };
    call.act(&house, action, |it, _| Reply::ok(&ChallengeWire::from(it))).await
}
