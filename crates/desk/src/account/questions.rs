//! What may be asked about accounts.

use super::model::{Account, Details};
use super::store;
use crate::caller::Caller;
use crate::db::Rd;
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::model::User;
use crate::user::questions::{PAGE_MAX, check_purpose};
use crate::user::store as users;
use crate::value::id::{AccountId, UserId};
use crate::value::mask::Mask;
use crate::verb::{Question, Qx, Subject};

/// An account as somebody may see it: its number masked, except to the partner whose account it is.
#[derive(Debug, Clone)]
pub struct SeenAccount {
    /// The account; details as they may be seen.
    pub account: Account,
}

impl SeenAccount {
    pub(crate) fn of(mut account: Account, partner: Option<&str>) -> SeenAccount {
        let is_theirs = partner.is_some() && account.partner.as_deref() == partner;
        if let Some(details) = account.details.as_mut().filter(|_| !is_theirs) {
            details.number = Mask::Account.apply(&details.number);
        }
        SeenAccount { account }
    }
}

/// The owner, if the caller may know of her: else the account does not exist either, nor whatever of it (`noun`) was asked
/// for.
pub(crate) async fn owner_of(
    rd: &mut Rd,
    tenant: &Tenant,
    caller: &Caller,
    account: &Account,
    noun: &'static str,
) -> Result<User> {
    match users::load(rd, tenant, caller, account.owner).await {
        Err(Error::NotFound(_)) => Err(Error::NotFound(noun)),
        other => other,
    }
}

/// How an account is named.
#[derive(Debug, Clone)]
pub enum AccountRef {
    /// By its id.
    Id(AccountId),
    /// By its number.
    Number(String),
}

impl AccountRef {
    pub(crate) async fn load(&self, rd: &mut Rd, tenant: &Tenant, partner: Option<&str>) -> Result<Account> {
        match self {
            AccountRef::Id(id) => store::load(rd, tenant, *id).await,
            AccountRef::Number(number) => store::by_number(rd, tenant, number, partner).await,
        }
    }
}

/// One account.
pub struct ShowAccount {
    /// Which.
    pub account: AccountRef,
    /// The partner that asks: it sees its own only, and those in full.
    pub partner: Option<String>,
}

impl Question for ShowAccount {
    const NAME: &'static str = "account.show";
    type Output = SeenAccount;

    fn subject(&self) -> Subject {
        match self.account {
            AccountRef::Id(id) => Subject::Account(id),
            AccountRef::Number(_) => Subject::Tenant,
        }
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<SeenAccount> {
        let account = self.account.load(qx.rd, qx.tenant, self.partner.as_deref()).await?;
        owner_of(qx.rd, qx.tenant, qx.caller, &account, AccountId::NOUN).await?;
        Ok(SeenAccount::of(account, self.partner.as_deref()))
    }
}

/// An account's number, name and short code in full; recorded.
pub struct RevealAccount {
    /// Which.
    pub account: AccountId,
    /// What for; required.
    pub purpose: String,
}

impl Question for RevealAccount {
    const NAME: &'static str = "account.reveal";
    const RECORDED: bool = true;
    type Output = Details;

    fn subject(&self) -> Subject {
        Subject::Account(self.account)
    }

    fn purpose(&self) -> Option<&str> {
        Some(&self.purpose)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<Details> {
        check_purpose(&self.purpose)?;
        let account = store::load(qx.rd, qx.tenant, self.account).await?;
        owner_of(qx.rd, qx.tenant, qx.caller, &account, AccountId::NOUN).await?;
        account.details.ok_or(Error::NotFound(AccountId::NOUN))
    }
}

/// A page of accounts.
pub struct AccountPage {
    /// They, the oldest first.
    pub accounts: Vec<SeenAccount>,
    /// The last that was looked at, to go on behind it.
    pub last: Option<AccountId>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// Accounts in the order in which they were opened.
pub struct ListAccounts {
    /// Only this user's.
    pub user: Option<UserId>,
    /// The partner that asks: it sees its own only, and those in full.
    pub partner: Option<String>,
    /// Behind this one.
    pub after: Option<AccountId>,
    /// How many, 1 to 200.
    pub limit: i64,
}

impl Question for ListAccounts {
    const NAME: &'static str = "account.list";
    type Output = AccountPage;

    fn subject(&self) -> Subject {
        self.user.map_or(Subject::Tenant, Subject::User)
    }

    async fn run(&self, qx: &mut Qx<'_>) -> Result<AccountPage> {
        if !(1..=PAGE_MAX).contains(&self.limit) {
            return Err(Error::invalid("limit", "out_of_range", format!("Must be from 1 to {PAGE_MAX}.")));
        }
        let after = self.after.map_or([0; 16], |id| *id.bytes());
        let mut accounts = match self.user {
            Some(user) => {
                users::load(qx.rd, qx.tenant, qx.caller, user).await?;
                store::of_user(qx.rd, qx.tenant, user, after, self.limit + 1).await?
            }
            None => store::page(qx.rd, qx.tenant, after, self.limit + 1).await?,
        };
        let more = accounts.len() as i64 > self.limit;
        accounts.truncate(self.limit as usize);
        let last = accounts.last().map(|it| it.id);
        if self.user.is_none() && users::hides_employees(qx.tenant, qx.caller) {
            let owners = accounts.iter().map(|it| it.owner).collect();
            let seen = users::some(qx.rd, qx.tenant, qx.caller, owners).await?;
            accounts.retain(|it| seen.iter().any(|user| user.id == it.owner));
        }
        if let Some(partner) = &self.partner {
            accounts.retain(|it| it.partner.as_ref() == Some(partner));
        }
        let partner = self.partner.as_deref();
        Ok(AccountPage { accounts: accounts.into_iter().map(|it| SeenAccount::of(it, partner)).collect(), last, more })
    }
}
