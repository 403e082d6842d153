//! Making an account for oneself, where the institution lets strangers do so: a file, and a first password.

use super::personal_words;
use crate::caller::Caller;
use crate::door::Desk;
use crate::error::{Refusal, Result};
use crate::user::{CreateUser, Profile, User};
use crate::value::secret::Secret;
use crate::verb::{Action, Cx, Subject};

/// Somebody makes an account for herself. Made by `Desk::register`.
pub struct RegisterUser {
    profile: Profile,
    hash: String,
}

impl Action for RegisterUser {
    const NAME: &'static str = "user.register";
    type Output = User;

    fn subject(&self) -> Subject {
        Subject::Tenant
    }

    async fn run(&self, cx: &mut Cx<'_>) -> Result<User> {
        if !cx.tenant.settings.self_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let create = CreateUser { password_hash: Some(self.hash.clone()), ..CreateUser::of(self.profile.clone()) };
        // Nobody has given her the right to create users: this very action is the right to create herself.
        create.run(cx).await
    }
}

impl Desk {
    /// Somebody makes an account for herself, where the institution lets strangers do so. The caller is anonymous.
    pub async fn register(&self, caller: &Caller, profile: Profile, password: Secret) -> Result<User> {
        let tenant = self.tenant(caller.tenant).await?;
        if !tenant.settings.self_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let profile = profile.checked("")?;
        let personal = personal_words(&profile, &tenant.institution.name);
        let hash = self.hash_new_password(password, tenant.settings.password_min_length, personal).await?;
        self.perform(caller, RegisterUser { profile, hash }).await
    }
}
