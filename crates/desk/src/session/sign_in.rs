//! The road into the house. Hashing a password takes tens of milliseconds and happens outside any transaction; the action
//! then checks that nothing has changed meanwhile. An unknown name, a wrong password and a barred user cost the same
//! hashing and the same write.

use serde::{Deserialize, Serialize};

use super::actions::{SignIn, SignInAnswer};
use crate::caller::Caller;
use crate::db::{Rd, Read};
use crate::door::Desk;
use crate::error::{Busy, Error, Result};
use crate::tries::CHECKS_MAX;
use crate::user;
use crate::user::Checked;
use crate::user::unique::Unique;
use crate::value::clock::Time;
use crate::value::id::UserId;
use crate::value::password::{PasswordFault, Strength};
use crate::value::secret::Secret;

/// What an app tells of the phone or browser it runs on. All of it is bounded when it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields say what they are")]
pub struct NewDevice {
    /// The app's own lasting name for the device; it makes the device the same one the next time.
    pub fingerprint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
}

impl NewDevice {
    /// Says which field cannot be accepted.
    pub fn check(&self) -> Result<()> {
        let texts = [&self.name, &self.brand, &self.model, &self.os, &self.os_version, &self.app_version];
        let fits = |text: &str| text.chars().count() <= 120 && !text.chars().any(char::is_control);
        if self.fingerprint.is_empty() || !fits(&self.fingerprint) {
            return Err(Error::invalid(
                "device.fingerprint",
                "invalid",
                "1 to 120 characters, always the same for a device.",
            ));
        }
        if texts.into_iter().flatten().any(|text| !fits(text)) {
            return Err(Error::invalid("device", "too_long", "At most 120 characters in each field."));
        }
        Ok(())
    }
}

/// Somebody wants to sign in.
pub struct SignInRequest {
    /// Username or e-mail.
    pub identifier: String,
    /// The password.
    pub password: Secret,
    /// From which device.
    pub device: Option<NewDevice>,
    /// How long the session lasts, where a voice says so; never longer than the institution's setting.
    pub lives_seconds: Option<i64>,
}

/// The user an identifier names, with the hash to check.
struct Credential {
    identifier: String,
    tenant: std::sync::Arc<crate::tenant::Tenant>,
    caller: Caller,
    now: Time,
}

/// Whom an identifier names.
struct Named {
    user: UserId,
    hash: Option<String>,
    /// Too many wrong passwords came.
    is_shut: bool,
}

impl Read for Credential {
    type Output = Option<Named>;

    async fn run(&self, rd: &mut Rd) -> Result<Self::Output> {
        let lookup = self.tenant.keys.lookup();
        // Both are always looked for, so that neither kind of name is told by time.
        let by_username = lookup.unique(Unique::Username.domain(), &self.identifier);
        let by_email = lookup.unique(Unique::Email.domain(), &self.identifier);
        let username = user::unique::store::id_of(rd, self.tenant.id, &by_username).await?;
        let email = user::unique::store::id_of(rd, self.tenant.id, &by_email).await?;
        // In data from before names were one space, what looks like an address is the one of whom it reaches.
        let named = if self.identifier.contains('@') { email.or(username) } else { username.or(email) };
        let Some(id) = named else { return Ok(None) };
        // Nobody is signed in yet, so nobody's view is limited: the house looks.
        let house = Caller::house(self.tenant.id, self.caller.origin.door);
        let user = user::store::load(rd, &self.tenant, &house, id).await?;
        let is_shut = user::tries::is_shut(&user, &self.tenant.settings, self.now);
        Ok(Some(Named { user: id, hash: user.password_hash, is_shut }))
    }
}

impl Desk {
    /// Signs a user in, or answers why not. The caller is anonymous.
    pub async fn sign_in(&self, caller: &Caller, request: SignInRequest) -> Result<SignInAnswer> {
        if request.identifier.len() > 254 || request.password.expose().len() > 1024 {
            return Err(Error::invalid(
                "identifier",
                "too_long",
                "At most 254 characters; passwords at most 1024 bytes.",
            ));
        }
        if let Some(device) = &request.device {
            device.check()?;
        }
        for _ in 0..CHECKS_MAX {
            let found = self.named(caller, &request.identifier).await?;
            let (user, hash, is_shut) = match found {
                Some(Named { user, hash, is_shut }) => (Some(user), hash, is_shut),
                None => (None, None, false),
            };
            let right = self.verify_password(request.password.clone(), hash.clone()).await? && hash.is_some();
            // A hash that was brought in from elsewhere, or made with older settings, is replaced while the password is
            // known. Not while the answer must not say, by its time either, whether the password is right.
            let hashing = self.inner.hashing;
            let is_due = |hash: &String| hashing.needs_rehash(hash) && hashing.proves(&request.password, hash);
            let upgraded = match &hash {
                Some(hash) if right && !is_shut && is_due(hash) => {
                    Some(self.hash_again(request.password.clone()).await?)
                }
                _ => None,
            };
            let action = SignIn {
                user,
                password: Checked { right, hash },
                upgraded,
                identifier: request.identifier.clone(),
                device: request.device.clone(),
                lives_seconds: request.lives_seconds,
            };
            if let Some(answer) = self.perform(caller, action).await? {
                return Ok(answer);
            }
        }
        Ok(SignInAnswer::Wrong)
    }

    async fn named(&self, caller: &Caller, identifier: &str) -> Result<Option<Named>> {
        let tenant = self.tenant(caller.tenant).await?;
        let (identifier, now) = (identifier.to_owned(), self.now());
        self.inner.db.read(Credential { identifier, tenant, caller: caller.clone(), now }).await
    }

    /// The user an identifier names, for doors where somebody asks for a reset link.
    pub(crate) async fn user_named(&self, caller: &Caller, identifier: &str) -> Result<Option<UserId>> {
        Ok(self.named(caller, identifier).await?.map(|found| found.user))
    }

    /// Whether a password fits a hash; without a hash the same time is spent. On the bounded pool.
    pub(crate) async fn verify_password(&self, password: Secret, hash: Option<String>) -> Result<bool> {
        let hashing = self.inner.hashing;
        self.on_hashing_pool(move || {
            let hash = hash.unwrap_or_else(|| hashing.decoy());
            hashing.verify(&password, &hash)
        })
        .await
    }

    /// Checks a password against nobody's: whoever is told that a sign-in failed because there is no such institution waits as
    /// long as others do.
    pub async fn check_for_nobody(&self, password: Secret) -> Result<()> {
        self.verify_password(password, None).await.map(drop)
    }

    /// Hashes a password that is hers already, as new ones are hashed.
    pub(crate) async fn hash_again(&self, password: Secret) -> Result<String> {
        let (hashing, random) = (self.inner.hashing, self.inner.random.clone());
        self.on_hashing_pool(move || hashing.hash(&password, &random)).await?
    }

    /// Checks a new password and hashes it. `personal` must not stand in it.
    pub async fn hash_new_password(&self, password: Secret, chars_min: i64, personal: Vec<String>) -> Result<String> {
        let hashing = self.inner.hashing;
        let random = self.inner.random.clone();
        self.on_hashing_pool(move || {
            let personal: Vec<&str> = personal.iter().map(String::as_str).collect();
            let strength = Strength { chars_min: usize::try_from(chars_min).unwrap_or(usize::MAX) };
            strength.check(&password, &personal).map_err(|fault: PasswordFault| {
                let field = match fault {
                    PasswordFault::TooShort => crate::error::Field::new(
                        "password",
                        fault.word(),
                        format!("Use at least {chars_min} characters."),
                    ),
                    _ => fault.field("password"),
                };
                Error::Invalid(vec![field])
            })?;
            hashing.hash(&password, &random)
        })
        .await?
    }

    /// Runs something slow on the bounded pool: memory for `hashing_at_once` hashes and no more, in the order in which
    /// callers came. Whoever finds too many before her is told to come again.
    async fn on_hashing_pool<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let (places, pool) = (self.inner.hashing_places.clone(), self.inner.hashing_pool.clone());
        let place = places.try_acquire_owned().map_err(|_| Error::Busy(Busy::Queue))?;
        let turn = pool.acquire_owned().await.map_err(|_| Error::Busy(Busy::Stopping))?;
        let work = move || {
            let done = work();
            // Not before the memory is free: whoever waited for the answer may be gone by now.
            drop((turn, place));
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}
