//! The operations (contract 7): fields are read, the desk is asked, the result is printed.

use api::kit::House;
use desk::account::{Account, AccountKind, AccountRef, AccountStatus, ListAccounts, ShowAccount};
use desk::administrator::{
    AddAdministrator, Contact, IdType, Person, RemoveAdministrator, Selector, VerifyAdministrator,
};
use desk::challenge::{Answered, ConfirmChallenge, SendCode, Sending};
use desk::message::Channel;
use desk::user::{Unique, UserByName};
use desk::value::id::{AccountId, ChallengeId, UserId};
use desk::value::secret::Secret;
use desk::{Caller, Error, Refusal};
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::fault::Wrong;
use super::message::Value;
use super::{Operation, Told};

/// The parameters of a call.
struct Params<'a>(&'a Value);

impl Params<'_> {
    /// A string, trimmed; absent or blank is none, another type is wrong.
    fn optional(&self, name: &str) -> Result<Option<String>, Wrong> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Text(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.trim().to_owned())),
            Some(_) => Err(Wrong::new("12001", format!("invalid {name}"))),
        }
    }

    fn needed(&self, name: &str) -> Result<String, Wrong> {
        self.optional(name)?.ok_or_else(|| Wrong::input(name))
    }

    /// A string, or a number as it was written.
    fn text_or_number(&self, name: &str) -> Result<Option<String>, Wrong> {
        match self.0.get(name) {
            Some(Value::Number(text)) => Ok(Some(text.clone())),
            _ => self.optional(name),
        }
    }

    fn id_type(&self) -> Result<Option<IdType>, Wrong> {
        let Some(word) = self.text_or_number("idType")? else { return Ok(None) };
        IdType::parse(&word).map(Some).ok_or_else(|| Wrong::new("12001", "invalid idType"))
    }

    fn challenge(&self) -> Result<ChallengeId, Wrong> {
        // What is none of our ids is nobody's operation.
        ChallengeId::parse(&self.needed("businessId")?).ok_or_else(|| Error::NotFound(ChallengeId::NOUN).into())
    }

    fn channel(&self) -> Result<Option<Channel>, Wrong> {
        let Some(word) = self.optional("otpType")? else { return Ok(None) };
        match word.to_ascii_uppercase().as_str() {
            "SMS" => Ok(Some(Channel::Sms)),
            "EMAIL" => Ok(Some(Channel::Email)),
            _ => Err(Wrong::new("12001", "invalid otpType")),
        }
    }
}

fn result(data: &impl Serialize) -> Told {
    to_raw_value(data).map(Some).map_err(|fault| Error::internal(fault).into())
}

/// The id of an operation that waits for a code.
#[derive(Serialize)]
struct Waits {
    #[serde(rename = "accAdminRequestId")]
    id: String,
}

pub(super) async fn carry_out(
    house: &House,
    caller: &Caller,
    sender: &str,
    operation: Operation,
    params: &Value,
) -> Told {
    let call = Call { house, caller, sender, params: Params(params) };
    match operation {
        Operation::Add => call.add().await,
        Operation::Send => call.send(Sending::Any).await,
        Operation::Resend => call.send(Sending::Again).await,
        Operation::Confirm => call.confirm().await,
        Operation::Verify => call.verify().await,
        Operation::Remove => call.remove().await,
        Operation::Details => call.details().await,
        Operation::Accounts => call.accounts().await,
    }
}

struct Call<'a> {
    house: &'a House,
    caller: &'a Caller,
    sender: &'a str,
    params: Params<'a>,
}

impl Call<'_> {
    fn partner(&self) -> Option<String> {
        Some(self.sender.to_owned())
    }

    /// The partner's own account of this number.
    async fn account(&self, number: &str) -> Result<Account, Wrong> {
        let question = ShowAccount { account: AccountRef::Number(number.to_owned()), partner: self.partner() };
        Ok(self.house.desk.ask(self.caller, question).await?.account)
    }

    async fn account_id(&self, number: &str) -> Result<AccountId, Wrong> {
        Ok(self.account(number).await?.id)
    }

    async fn add(&self) -> Told {
        let it = &self.params;
        let number = it.needed("accountId")?;
        let id_type = it.id_type()?.ok_or_else(|| Wrong::input("idType"))?;
        let person = Person {
            id_type,
            id_number: it.needed("idNumber")?,
            full_name: it.needed("fullName")?,
            country_code: it.needed("countryCode")?,
            mobile: it.needed("mobile")?,
            email: it.needed("email")?,
        };
        // Fields before permission and account (contract 3).
        let person = person.checked()?;
        let account = self.account_id(&number).await?;
        let opened = self.house.desk.perform(self.caller, AddAdministrator { account, person }).await?;
        result(&Waits { id: opened.challenge.to_string() })
    }

    async fn send(&self, sending: Sending) -> Told {
        let challenge = self.params.challenge()?;
        let channel = self.params.channel()?;
        let action = SendCode { challenge, channel, sending, partner: self.partner() };
        self.house.desk.perform(self.caller, action).await?;
        Ok(None)
    }

    async fn confirm(&self) -> Told {
        let challenge = self.params.challenge()?;
        let code = self.params.text_or_number("otpCode")?.ok_or_else(|| Wrong::input("otpCode"))?;
        let is_number = matches!(self.params.0.get("otpCode"), Some(Value::Number(_)));
        // A number that lost its leading zeros, or has a point, is no code any more.
        if is_number && (code.len() != 6 || !code.bytes().all(|byte| byte.is_ascii_digit())) || code.len() > 64 {
            return Err(Wrong::new("12001", "invalid otpCode"));
        }
        let action = ConfirmChallenge { challenge, code: Secret::new(code), partner: self.partner() };
        match self.house.desk.perform(self.caller, action).await? {
            Answered::Confirmed(_) => Ok(None),
            Answered::Refused(refusal) => Err(Error::from(refusal).into()),
        }
    }

    async fn verify(&self) -> Told {
        let it = &self.params;
        let number = it.needed("accountId")?;
        let id_type = it.id_type()?.ok_or_else(|| Wrong::input("idType"))?;
        let identity = Some((id_type, it.needed("idNumber")?));
        let contact = match it.needed("verifyType")?.as_str() {
            "EMAIL" => Contact::Email,
            "MOBILE" => Contact::Mobile,
            _ => return Err(Wrong::new("12001", "invalid verifyType")),
        };
        let account = self.account_id(&number).await?;
        let who = Selector::Known { identity, phone: None };
        let opened = self.house.desk.perform(self.caller, VerifyAdministrator { account, who, contact }).await?;
        result(&Waits { id: opened.challenge.to_string() })
    }

    async fn remove(&self) -> Told {
        let it = &self.params;
        let number = it.needed("accountId")?;
        let (country_code, mobile) = (it.optional("countryCode")?, it.optional("mobile")?);
        let (id_type, id_number) = (it.id_type()?, it.optional("idNumber")?);
        let phone = match (country_code, mobile) {
            (Some(country_code), Some(mobile)) => Some((country_code, mobile)),
            (None, None) => None,
            (Some(_), None) => return Err(Wrong::input("mobile")),
            (None, Some(_)) => return Err(Wrong::input("countryCode")),
        };
        let identity = match (id_type, id_number) {
            (Some(id_type), Some(number)) => Some((id_type, number)),
            (None, Some(_)) => return Err(Wrong::input("idType")),
            (Some(_), None) => return Err(Wrong::input("idNumber")),
            (None, None) if phone.is_none() => return Err(Wrong::input("idNumber")),
            (None, None) => None,
        };
        let account = self.account_id(&number).await?;
        let who = Selector::Known { identity, phone };
        let action = RemoveAdministrator { account, who, reason: None };
        match self.house.desk.perform(self.caller, action).await {
            // The owner is no administrator whom one could remove (contract 7.6).
            Err(Error::Refused(Refusal::AdministratorIsOwner)) => Err(Wrong::new("11000", "no permission")),
            Err(other) => Err(other.into()),
            Ok(_) => Ok(None),
        }
    }

    async fn details(&self) -> Told {
        let number = self.params.needed("accountId")?;
        result(&Details::of(self.account(&number).await?))
    }

    async fn accounts(&self) -> Told {
        let text = self.params.needed("userId")?;
        let find = UserByName { by: Unique::ExternalId, text };
        let absent = || Error::NotFound(UserId::NOUN);
        let user = self.house.desk.ask(self.caller, find).await?.ok_or_else(absent)?;
        let (mut accounts, mut after) = (Vec::new(), None);
        loop {
            let question = ListAccounts { user: Some(user), partner: self.partner(), after, limit: 200 };
            let page = self.house.desk.ask(self.caller, question).await?;
            accounts.extend(page.accounts.into_iter().map(|it| it.account));
            match (page.last, page.more) {
                (Some(last), true) => after = Some(last),
                _ => break,
            }
        }
        // A user without an account of this partner's is not its user.
        if accounts.is_empty() {
            return Err(absent().into());
        }
        #[derive(Serialize)]
        struct All {
            accounts: Vec<Details>,
        }
        result(&All { accounts: accounts.into_iter().map(Details::of).collect() })
    }
}

/// An account (contract 7.7).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    account_id: String,
    account_name: String,
    currency: String,
    account_type: &'static str,
    short_code: Option<String>,
    account_status: u8,
    create_time: i64,
    balance: String,
    dormant_status: u8,
    freeze_status: u8,
}

impl Details {
    fn of(it: Account) -> Details {
        let (number, name, short_code) = match it.details {
            Some(details) => (details.number, details.name, details.short_code),
            None => Default::default(),
        };
        Details {
            account_id: number,
            account_name: name,
            currency: it.currency.code().to_owned(),
            account_type: match it.kind {
                AccountKind::Sme => "B001",
                AccountKind::Current => "C001",
                AccountKind::Wallet => "C002",
                AccountKind::Loan => "C004",
                AccountKind::FixedDeposit => "C006",
            },
            short_code,
            account_status: match it.status {
                AccountStatus::Normal => 0,
                AccountStatus::Locked => 1,
                AccountStatus::Closed => 2,
            },
            create_time: it.created_at.0.div_euclid(1000),
            balance: it.currency.decimal(it.balance),
            dormant_status: u8::from(it.dormant),
            freeze_status: u8::from(it.frozen),
        }
    }
}
