//! Opening an account, and moving it.

use super::model::{Account, AccountKind, AccountStatus, Details};
use super::questions::SeenAccount;
use super::store;
use crate::error::{Error, Refusal, Result};
use crate::fact::Fact;
use crate::user::actions::check_reason;
use crate::user::{self, Attempt};
use crate::value::id::{AccountId, UserId};
use crate::value::money::Currency;
use crate::value::words;
use crate::verb::{Action, Cx, Subject};

/// Opens an account for a user.
pub struct OpenAccount {
    /// Its owner.
    pub owner: UserId,
    /// What kind.
    pub kind: AccountKind,
    /// ISO 4217, e.g. `KES`.
    pub currency: String,
    /// What is on it, in minor units.
    pub balance: i64,
    /// Number, name and short code.
    pub details: Details,
    /// The sender id of the partner it is opened for.
    pub partner: Option<String>,
}

impl Action for OpenAccount {
    const NAME: &'static str = "account.open";
    type Output = SeenAccount;

    fn subject(&self) -> Subject {
        Subject::User(self.owner)
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenAccount> {
        let details = self.details.clone().checked()?;
        let currency = Currency::parse(self.currency.trim(), "currency")?;
        if self.partner.as_ref().is_some_and(|partner| partner.is_empty() || partner.len() > 100) {
            return Err(Error::invalid("partner", "invalid", "1 to 100 characters."));
        }
        let owner = user::store::load_for_change(cx.tx, cx.tenant, cx.caller, self.owner).await?;
        owner.try_to(Attempt::Edit, cx.now)?;
        let account = Account {
            id: AccountId::new(cx.id_time(), cx.random),
            owner: owner.id,
            kind: self.kind,
            currency,
            balance: self.balance,
            status: AccountStatus::Normal,
            dormant: false,
            frozen: false,
            partner: self.partner.clone(),
            details: Some(details.clone()),
            created_at: cx.now,
            version: 1,
        };
        store::insert(cx.tx, cx.tenant, &account, &owner, &details, cx.random).await?;
        cx.note(Fact::AccountOpened { account: account.id, owner: owner.id, kind: account.kind.word() });
        Ok(SeenAccount::of(account, None))
    }
}

words! {
    /// How an account can be moved.
    pub enum AccountChange {
        /// Nothing goes out or in.
        Freeze = "freeze",
        /// The opposite.
        Unfreeze = "unfreeze",
        /// It cannot be used.
        Lock = "lock",
        /// The opposite.
        Unlock = "unlock",
        /// Nobody has used it for long.
        MakeDormant = "make_dormant",
        /// The opposite.
        Wake = "wake",
        /// For good.
        Close = "close",
    }
}

impl AccountChange {
    /// Moves it; `false` if it is so already.
    fn apply(self, it: &mut Account) -> Result<bool> {
        if it.status == AccountStatus::Closed {
            return if self == AccountChange::Close { Ok(false) } else { Err(Refusal::AccountClosed.into()) };
        }
        let before = (it.status, it.dormant, it.frozen);
        match self {
            AccountChange::Freeze => it.frozen = true,
            AccountChange::Unfreeze => it.frozen = false,
            AccountChange::Lock => it.status = AccountStatus::Locked,
            AccountChange::Unlock => it.status = AccountStatus::Normal,
            AccountChange::MakeDormant => it.dormant = true,
            AccountChange::Wake => it.dormant = false,
            AccountChange::Close if it.frozen => return Err(Refusal::AccountFrozen.into()),
            AccountChange::Close if it.balance != 0 => return Err(Refusal::AccountNotEmpty.into()),
            AccountChange::Close => it.status = AccountStatus::Closed,
        }
        Ok(before != (it.status, it.dormant, it.frozen))
    }
}

/// Moves an account. What it is already is no error.
pub struct ChangeAccount {
    /// Which.
    pub account: AccountId,
    /// How.
    pub change: AccountChange,
    /// Why.
    pub reason: Option<String>,
}

impl Action for ChangeAccount {
    const NAME: &'static str = "account.change";
    type Output = SeenAccount;

    fn subject(&self) -> Subject {
        Subject::Account(self.account)
    }

    fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<SeenAccount> {
        check_reason(self.reason.as_deref())?;
        let mut account = store::load_for_change(cx.tx, cx.tenant, self.account).await?;
        // An account of somebody whom the caller may not know of does not exist.
        super::questions::owner_of(cx.tx, cx.tenant, cx.caller, &account, AccountId::NOUN).await?;
        cx.weigh("account", &(account.status.word(), account.dormant, account.frozen))?;
        if self.change.apply(&mut account)? {
            store::save(cx.tx, cx.tenant.id, &mut account).await?;
            cx.note(Fact::AccountChanged { account: account.id, change: self.change.word() });
        }
        Ok(SeenAccount::of(account, None))
    }
}
