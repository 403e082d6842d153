//! What a visitor is handed: demo.json, and the card on the screen with who can sign in and the guide's steps as lines
//! to paste.

use std::path::Path;

use desk::device::ListDevices;
use desk::key::{CreateKey, KeyKind, PublicKeys};
use desk::permission::Proposable;
use desk::request::{Proposal, ProposeAction};
use desk::value::clock::Clock;
use desk::value::random::Random;
use desk::value::secret::Secret;
use desk::{Desk, Permission};
use serde_json::{Value, json};

use super::bridge;
use super::client_key::ClientKey;
use super::folder;
use super::seed::{ADMIN, CUSTOMER_SUCCESS, SERVICE, SUPER_ADMIN, Town, stream, today};
use crate::trouble::{Done, Trouble};

impl Town {
    /// Makes the keys, signs the named device owner in once more (so that she has an open session today), and writes down
    /// what a visitor needs.
    pub async fn paper(&self, pem: &Path) -> Done<Value> {
        let random = stream(self.seed, self.place * 10 + 3);
        let client = ClientKey::draw(&random);
        let keys = self.desk(Clock::fixed(today()), random)?;
        let house = self.house();
        let admin = self.staff[ADMIN].0;
        let native = keys.perform(&house, CreateKey::native("Demo", admin)).await?;
        let narrow = CreateKey {
            permissions: Some(vec![Permission::UsersRead, Permission::UsersContacts]),
            ..CreateKey::native("Demo, reading only", admin)
        };
        let narrow = keys.perform(&house, narrow).await?;
        let banno = CreateKey {
            kind: KeyKind::Banno,
            public_keys: Some(PublicKeys::Pem(client.public)),
            ..CreateKey::native("Support tool", self.staff[SERVICE].0)
        };
        let banno = keys.perform(&house, banno).await?;
        let switch = self.switch(&keys).await?;
        let choice = self.choice(&keys).await?;
        folder::write(pem, &client.private)?;
        let named = self.history.named;
        let now = self.desk(Clock::System, Random::System)?;
        self.sign_in(&now, named.with_devices, Some(0)).await?;
        let devices = match self.users[named.with_devices] {
            Some((owner, _)) => now.ask(&house, ListDevices(owner)).await?,
            None => Vec::new(),
        };
        if devices.is_empty() {
            return Err(Trouble::new("the devices of the demo could not be made", "This is a bug."));
        }
        let secret = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let staff: Vec<Value> = self.staff[..SERVICE]
            .iter()
            .map(|(_, role, email)| json!({ "email": email, "password": self.flavour.staff_password(), "role": role }))
            .collect();
        Ok(json!({
            "tenant_id": self.tenant,
            "native": { "secret_key": secret(&native.secret), "read_only_key": secret(&narrow.secret) },
            "staff": staff,
            "users": {
                "locked": self.user(named.locked),
                "active": self.user(named.active),
                "dormant": self.user(named.dormant),
                "disabled": self.user(named.disabled),
                "with_devices": self.user(named.with_devices),
            },
            "banno": {
                "client_id": banno.key.client_id,
                "private_key_pem": pem,
                "institution_id": self.institution.0.to_string(),
            },
            "switch": switch,
            "choice": choice,
        }))
    }

    /// What a visitor needs for the Switch voice: a client, two admins, four customers; and a request that waits.
    async fn switch(&self, desk: &Desk) -> Done<Value> {
        let create =
            CreateKey { kind: KeyKind::SwitchClient, ..CreateKey::native("Switch app", self.staff[SUPER_ADMIN].0) };
        let made = desk.perform(&self.house(), create).await?;
        // Ordinary people who can sign in, and whom the card does not introduce otherwise.
        let named = self.history.named.all();
        let has_email = |index: &usize| self.users[*index].is_some() && !named.contains(index);
        let ordinary = |index: &usize| self.people[*index].standing.is_plain() && has_email(index);
        let with_password =
            || (0..self.people.len()).filter(ordinary).filter(|index| self.history.with_password[*index]);
        let is_abroad = |index: &usize| bridge::is_abroad(*index, &self.people[*index]);
        let missing = || Trouble::new("among so few people somebody is missing", "Use more: --users 200.");
        let abroad = with_password().find(is_abroad).ok_or_else(missing)?;
        let local = with_password().find(|index| !is_abroad(index)).ok_or_else(missing)?;
        let reset = with_password().find(|index| ![abroad, local].contains(index)).ok_or_else(missing)?;
        let doubtful = with_password().find(|index| ![abroad, local, reset].contains(index)).ok_or_else(missing)?;
        let random = stream(self.seed, self.place * 10 + 4);
        if let Some((user, _)) = self.users[doubtful] {
            let propose = ProposeAction {
                proposal: Proposal::plain(Proposable::Disable, user),
                reason: "Card testing pattern, three cards in an hour".to_owned(),
            };
            // By the clock on the wall, by which it will be decided: it waits only days.
            let now = self.desk(Clock::System, Random::System)?;
            now.perform(&self.at_work(CUSTOMER_SUCCESS, &random), propose).await?;
        }
        let admin = |index: usize| json!({ "email": self.staff[index].2, "password": self.flavour.staff_password() });
        let number = |index: usize| self.users[index].map(|(_, number)| number);
        Ok(json!({
            "client_id": made.key.client_id,
            "checksum_secret": made.secret.as_ref().map(|secret| secret.expose().to_owned()),
            "super_admin": admin(SUPER_ADMIN),
            "customer_success": admin(CUSTOMER_SUCCESS),
            "diaspora_user_id": number(abroad),
            "local_user_id": number(local),
            "device_user_id": number(self.history.named.with_devices),
            "reset_user_id": number(reset),
        }))
    }

    fn user(&self, index: usize) -> Value {
        let person = &self.people[index];
        let (id, number) = self.users[index].unzip();
        json!({
            "id": id,
            "uuid": id.map(|id| id.0.to_string()),
            "number": number,
            "email": person.email,
            "username": person.username,
            "password": self.flavour.user_password(),
        })
    }
}

/// The card of the demo that this paper (demo.json) describes.
pub fn card(paper: &Value, folder: &Path) -> String {
    let base = paper["base_url"].as_str().unwrap_or_default();
    // The card is pasted elsewhere: paths are whole.
    let folder = quoted(&std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()));
    let institution = paper["banno"]["institution_id"].as_str().unwrap_or_default();
    let locked = &paper["users"]["locked"];
    let (uuid, email) = (locked["uuid"].as_str().unwrap_or_default(), locked["email"].as_str().unwrap_or_default());
    let key = paper["native"]["secret_key"].as_str().unwrap_or_default();
    let mut logins = String::new();
    for (name, institution) in [("Harbor & Pine Bank", paper), ("Fieldlark Credit Union", &paper["other"])] {
        logins.push_str(&format!("\n  {name} ({})\n", institution["tenant_id"].as_str().unwrap_or_default()));
        for staff in institution["staff"].as_array().into_iter().flatten() {
            let text = |key: &str| staff[key].as_str().unwrap_or_default().to_owned();
            logins.push_str(&format!("    {:<11} {:<36} {}\n", text("role"), text("email"), text("password")));
        }
    }
    let bursar = program();
    let curl = r#"curl -sw '\n' -H "Authorization: Bearer $TOKEN""#;
    let json = "-H 'Content-Type: application/json'";
    let institutions = format!("api/v0/institutions/{institution}");
    format!(
        r#"
Bursar's demo is served at {base}
  pages and API documentation {base}/docs    all of this as JSON {folder}/demo.json
{logins}
A support agent's call, to be pasted into another terminal:

  # a token; then the caller who is locked out, by her e-mail address
  TOKEN=$({bursar} token --demo {folder})
  {curl} '{base}/a/consumer-user-search/{institutions}/users?query={email}'

  # who she is, and what is the matter
  {curl} {base}/a/mobile/{institutions}/users/{uuid}/details
  {curl} {base}/a/consumer-status/api/v0/users/{uuid}/status

  # unlock her (204)
  {curl} -i -X PUT {json} -d '{{"state":false}}' {base}/a/consumer-status/api/v0/users/{uuid}/status/locked

  # send her a link to choose a new password, and look at the mail
  {curl} -X POST {json} -d '{{"method":"email"}}' {base}/a/password-reset/{institutions}/users/{uuid}/password/reset
  {bursar} outbox --data {folder} --to {email}

  # the same person through our own API
  curl -sw '\n' -H "Authorization: Bearer {key}" {json} -d '{{"query":"{email}"}}' {base}/v1/users/search

Stop with Ctrl-C.
"#
    )
}

/// How this program is called: by its name where every shell finds it, else by its path.
fn program() -> String {
    match std::env::current_exe() {
        Ok(path) if !["/usr/bin", "/usr/local/bin"].iter().any(|place| path.starts_with(place)) => quoted(&path),
        _ => "bursar".to_owned(),
    }
}

/// A path as a word of the shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@,".contains(&byte));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
