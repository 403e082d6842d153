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

    /// Reads the secret in base 32, as it was shown.
    pub fn from_base32(text: &str) -> Result<TotpSecret> {
        let secret = totp_rs::Secret::try_from_base32(text).map_err(|_| Error::internal("not a secret in base 32"))?;
        TotpSecret::from_bytes(secret.as_bytes())
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

#[cfg(test)]
mod tests {
    use super::super::clock::SECOND;
    use super::*;

    /// The secret of RFC 6238, appendix B.
    fn rfc_secret() -> TotpSecret {
        TotpSecret::from_bytes(b"12345678901234567890").unwrap()
    }

    fn at(seconds: i64) -> Time {
        Time(seconds * SECOND)
    }

    #[test]
    fn the_vectors_of_rfc_6238_hold() {
        // The appendix prints eight digits; six-digit codes are their last six.
        let table = [
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
            (20000000000, "353130"),
        ];
        for (seconds, code) in table {
            assert_eq!(rfc_secret().check(code, at(seconds), None), Some(seconds as u64 / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_one_step_early_or_late() {
        let secret = rfc_secret();
        // The code of step 37037036 (1111111080 to 1111111109).
        for (seconds, accepted) in [(1111111049, false), (1111111050, true), (1111111139, true), (1111111140, false)] {
            assert_eq!(secret.check("081804", at(seconds), None).is_some(), accepted, "{seconds}");
        }
    }

    #[test]
    fn a_step_is_accepted_once() {
        let secret = rfc_secret();
        let now = at(1111111109);
        let step = secret.check("081804", now, None).unwrap();
        assert_eq!(secret.check("081804", now, Some(step)), None);
        assert_eq!(secret.check("081804", now, Some(step + 1)), None);
        assert_eq!(secret.check("081804", now, Some(step - 1)), Some(step));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let secret = rfc_secret();
        let now = at(1111111109);
        assert!(secret.check("081 804", now, None).is_some());
        for code in ["", "81804", "0818040", "+81804", "08180a", "٠٨١٨٠٤", &"0".repeat(100_000)] {
            assert_eq!(secret.check(code, now, None), None);
        }
        assert_eq!(secret.check("081804", at(-1), None), None);
        assert_eq!(secret.check("081804", Time(i64::MAX), None), None);
        assert!(secret.check("287082", at(59), Some(u64::MAX)).is_none());
    }

    #[test]
    fn the_address_is_what_apps_read() {
        let secret = rfc_secret();
        let url = secret.url("Harmattan: Bank", "adaeze@example.com").unwrap();
        let url = url.expose();
        assert!(url.starts_with("otpauth://totp/Harmattan"), "{url}");
        assert!(url.contains("secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), "{url}");
        let read = Totp::from_url(url).unwrap();
        assert_eq!(read.account_name(), "adaeze@example.com");
        assert_eq!((read.digits(), read.step()), (6, 30));
        assert_eq!(secret.base32().expose(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }

    #[test]
    fn new_secrets_differ_and_do_not_print() {
        let random = Random::seeded(1);
        let secret = TotpSecret::create(&random);
        assert_ne!(secret.bytes(), TotpSecret::create(&random).bytes());
        assert_eq!(format!("{secret:?}"), "TotpSecret(***)");
        assert!(TotpSecret::from_bytes(&[0; 19]).is_err());
    }
}
