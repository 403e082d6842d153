//! The accounts of the demo, for the Choice voice: businesses with owners who have a phone and mail, and one account of each
//! kind that is refused; and the partner that opened them.

use desk::account::{AccountChange, AccountKind, ChangeAccount, Details, OpenAccount};
use desk::key::{CreateKey, KeyKind};
use desk::user::EditUser;
use desk::value::id::{AccountId, UserId};
use desk::{Desk, Permission};
use serde_json::{Value, json};

use super::seed::{ADMIN, Town};
use crate::trouble::{Done, Trouble};

/// What a partner may do.
const PARTNER: [Permission; 4] =
    [Permission::UsersRead, Permission::AccountsRead, Permission::AdministratorsManage, Permission::ChallengesManage];

impl Town {
    /// What a visitor needs for the Choice voice: a partner, and accounts of hers in every state.
    pub(super) async fn choice(&self, desk: &Desk) -> Done<Value> {
        let sender = if self.place == 1 { "acmepay" } else { "larkpay" };
        let create = CreateKey {
            kind: KeyKind::ChoiceSender,
            client_id: Some(sender.to_owned()),
            permissions: Some(PARTNER.to_vec()),
            ..CreateKey::native("Payments partner", self.staff[ADMIN].0)
        };
        let made = desk.perform(&self.house(), create).await?;
        let mut owners = self.owners();
        let mut opened = 0;
        let mut next = || owners.next().ok_or_else(|| Trouble::new("too few people", "Use more: --users 200."));
        let owner = next()?;
        let external_id = self.known_to(desk, sender, owner).await?;
        let first = self.open_account(desk, sender, owner, AccountKind::Sme, &mut opened).await?;
        self.open_account(desk, sender, owner, AccountKind::Current, &mut opened).await?;
        let other = next()?;
        let non_sme = self.open_account(desk, sender, other, AccountKind::Wallet, &mut opened).await?;
        let other = next()?;
        let locked = self.open_account(desk, sender, other, AccountKind::Sme, &mut opened).await?;
        self.change(desk, locked.0, AccountChange::Lock).await?;
        let other = next()?;
        let closed = self.open_account(desk, sender, other, AccountKind::Sme, &mut opened).await?;
        self.change(desk, closed.0, AccountChange::Close).await?;
        let other = next()?;
        let frozen = self.open_account(desk, sender, other, AccountKind::Sme, &mut opened).await?;
        self.change(desk, frozen.0, AccountChange::Freeze).await?;
        let mut more = Vec::new();
        for _ in 0..4 {
            let other = next()?;
            more.push(self.open_account(desk, sender, other, AccountKind::Sme, &mut opened).await?.1);
        }
        Ok(json!({
            "sender": sender,
            "private_key": made.secret.as_ref().map(|secret| secret.expose().to_owned()),
            "account_id": first.1,
            "user_id": external_id,
            "non_sme_account_id": non_sme.1,
            "locked_account_id": locked.1,
            "closed_account_id": closed.1,
            "frozen_account_id": frozen.1,
            "more_account_ids": more,
        }))
    }

    /// Ordinary people with a phone and mail.
    fn owners(&self) -> impl Iterator<Item = UserId> + '_ {
        let named = self.history.named.all();
        (0..self.people.len()).filter_map(move |index| {
            let (user, _) = self.users[index]?;
            let profile = super::bridge::profile(index, &self.people[index]);
            let is_ordinary = self.people[index].standing.is_plain() && !named.contains(&index);
            let has_contacts = profile.phone.is_some() && profile.email.is_some();
            (is_ordinary && has_contacts).then_some(user)
        })
    }

    async fn open_account(
        &self,
        desk: &Desk,
        sender: &str,
        owner: UserId,
        kind: AccountKind,
        opened: &mut u32,
    ) -> Done<(AccountId, String)> {
        *opened += 1;
        let number = format!("460{}7700990{:03}", self.place, *opened);
        let details = Details {
            number: number.clone(),
            name: format!("Harbour Traders {opened}"),
            short_code: (*opened == 1).then(|| "880100".to_owned()),
        };
        // What is closed later must be empty.
        let balance = if *opened == 5 { 0 } else { i64::from(*opened) * 1_230 };
        let (currency, partner) = ("KES".to_owned(), Some(sender.to_owned()));
        let action = OpenAccount { owner, kind, currency, balance, details, partner };
        Ok((desk.perform(&self.house(), action).await?.account.id, number))
    }

    /// The partner knows her by an id of its own.
    async fn known_to(&self, desk: &Desk, sender: &str, user: UserId) -> Done<String> {
        let external_id = format!("{sender}-user-0001");
        let patch = json!({ "identifiers": { "external_id": external_id } });
        let patch = patch.as_object().cloned().unwrap_or_default();
        let reason = Some("As the partner knows her".to_owned());
        let edit = EditUser { user, if_version: None, patch, kind: None, employee: None, reason };
        desk.perform(&self.house(), edit).await?;
        Ok(external_id)
    }

    async fn change(&self, desk: &Desk, account: AccountId, change: AccountChange) -> Done {
        let reason = Some("As the demo shows it".to_owned());
        desk.perform(&self.house(), ChangeAccount { account, change, reason }).await?;
        Ok(())
    }
}
