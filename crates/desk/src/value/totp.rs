//! Codes from authenticator apps (RFC 6238): SHA-1, six digits, thirty seconds, which is what every app understands.
//! A code is accepted one step early or late, and each step only once; the caller stores the step that was accepted in the
//! same transaction as the sign-in.

use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

use super::clock::Time;
use super::random::Random;
use super::secret::Secret;
use crate::{Error, Result};

/// Seconds in a step.
const STEP_SECONDS: u64 = 30;
/// Steps a clock may be off.
const SKEW: u64 = 1;
/// Digits of a code.
const DIGITS: u8 = 6;
/// Bytes of a secret, as RFC 4226 recommends.
const SECRET: usize = 20;

/// What an authenticator app and we both know. Stored sealed.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET]>);

impl TotpSecret {
    /// A new secret.
    pub fn create(random: &Random) -> TotpSecret {
        TotpSecret(Zeroizing::new(random.bytes()))
    }

    /// Reads what was stored.
    pub fn from_bytes(bytes: &[u8]) -> Result<TotpSecret> {
        let bytes =
            bytes.try_into().map_err(|_| Error::internal("a stored one-time-code secret has the wrong length"))?;
        Ok(TotpSecret(Zeroizing::new(bytes)))
    }

    /// The bytes, to be sealed.
    pub fn bytes(&self) -> &[u8; SECRET] {
        &self.0
    }

    /// The secret in base 32, for those who type it.
    pub fn base32(&self) -> Secret {
        Secret::new(totp_rs::Secret::new_stack(*self.0).to_base32())
    }

    /// The `otpauth://` address that an app reads from a QR code. It contains the secret.
    pub fn url(&self, issuer: &str, account: &str) -> Result<Secret> {
        // A colon separates the two in the label, so neither may contain one.
        let plain = |text: &str| text.replace(':', " ").trim().to_owned();
        let totp = builder(self)
            .with_issuer(Some(plain(issuer)))
            .with_account_name(plain(account))
            .build()
            .map_err(|error| Error::internal(format!("cannot describe a one-time-code secret: {error}")))?;
        totp.to_url()
            .map(Secret::new)
            .map_err(|_| Error::internal("cannot write the address of a one-time-code secret"))
    }

    /// The step this code is for, if it is right now and later than the last step that was accepted. The caller stores it.
    pub fn check(&self, code: &str, now: Time, last_step: Option<u64>) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).take(usize::from(DIGITS) + 1).collect();
        let step = u64::try_from(now.unix_seconds()).ok()? / STEP_SECONDS;
        let totp = totp(self);
        // Step by step instead of the library's window: it returns the first step that fits, and when an old step happens to
        // have the same code as a fresh one, the fresh one would be refused as a replay.
        (step.saturating_sub(SKEW)..=step.saturating_add(SKEW))
            .filter(|step| last_step.is_none_or(|last| *step > last))
            .find(|step| totp.check(&code, step.saturating_mul(STEP_SECONDS)).is_some())
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(***)")
    }
}

fn builder(secret: &TotpSecret) -> Builder {
    Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(DIGITS)
        .with_skew(0)
        .with_step_duration(STEP_SECONDS)
        .with_secret(*secret.0)
}

fn totp(secret: &TotpSecret) -> Totp {
    // The checks of `build` are about labels and odd lengths; ours are constants.
    builder(secret).build_noncompliant()
}
