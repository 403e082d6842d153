//! Passwords: how they are hashed (Argon2id, PHC text with its own parameters) and which ones are refused. Hashing takes tens
//! of milliseconds and tens of megabytes by design: call it on the bounded pool for such work, never on an async thread.
//! Who may set a password, and when it expires, is decided by the nouns.

mod foreign;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use unicode_normalization::{UnicodeNormalization, is_nfc};
use zxcvbn::Score;
use zxcvbn::feedback::Warning;

use super::normal;
use super::random::Random;
use super::secret::{Secret, same};
use super::words;
use crate::error::Field;
use crate::{Error, Result};

/// Bytes of a salt.
const SALT: usize = 16;
/// Bytes of a hash.
const OUTPUT: usize = 32;
/// The most a stored hash may ask of us: an imported row must not be able to exhaust the machine.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// As above, for passes over the memory.
const PASSES_MAX: u32 = 16;
/// As above, for lanes.
const LANES_MAX: u32 = 16;
/// The longest stored hash, in bytes.
const STORED_MAX: usize = 512;
/// The longest password that is hashed or judged, in characters.
pub const CHARS_MAX: usize = 128;
/// The fewest characters a password has, unless the institution asks for more.
pub const CHARS_MIN: usize = 10;
/// The estimator's work grows faster than its input; a hundred characters are what it looks at anyway.
const JUDGED_MAX: usize = 100;
/// Personal words shorter than this stand in too many innocent words to be refused.
const PERSONAL_MIN: usize = 4;

/// The cost of hashing. The default is OWASP's first choice for Argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hashing {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Hashing {
    fn default() -> Hashing {
        Hashing { memory_kib: 19_456, passes: 2, lanes: 1 }
    }
}

impl Hashing {
    /// As cheap as the algorithm permits: for tests, and for nothing else.
    pub fn cheap() -> Hashing {
        Hashing { memory_kib: 8, passes: 1, lanes: 1 }
    }

    /// Hashes a password in NFC: PHC text with parameters and salt in it.
    pub fn hash(&self, password: &Secret, random: &Random) -> Result<String> {
        let password = composed(password);
        let salt = random.bytes::<SALT>();
        let hash: PasswordHash = self
            .argon2()?
            .hash_password_with_salt(password.expose().as_bytes(), &salt)
            .map_err(|error| Error::internal(format!("cannot hash a password: {error}")))?;
        Ok(hash.to_string())
    }

    /// Whether this is the password, by the parameters in the hash, also of a hash that was brought in from elsewhere. A
    /// malformed or extravagant hash matches nothing.
    pub fn verify(&self, password: &Secret, phc: &str) -> bool {
        // Nobody signs in with nothing, whatever was hashed elsewhere. To bcrypt and to HMAC zeros are nothing, too.
        if password.expose().bytes().all(|byte| byte == 0) {
            return false;
        }
        // As it was typed, since another system may have hashed it so, and in NFC. Both are always tried: how long it takes
        // depends on what was typed, not on whether it is right.
        let typed = verify_bytes(password, phc);
        match is_nfc(password.expose()) {
            true => typed,
            false => verify_bytes(&composed(password), phc) | typed,
        }
    }

    /// Whether a password that fits this hash is known to be the whole password, so that it may be hashed anew. Of bcrypt's
    /// passwords nothing counts behind the 72nd byte, and a zero byte at the end counts for none of the foreign kinds.
    pub fn proves(&self, password: &Secret, phc: &str) -> bool {
        let text = password.expose();
        match foreign::read(phc) {
            None => true,
            Some(_) if text.contains('\0') => false,
            Some(Ok(foreign::Foreign::Bcrypt(_))) => {
                text.len().max(composed(password).expose().len()) < foreign::BCRYPT_BYTES
            }
            Some(_) => true,
        }
    }

    /// Whether a hash was made in another way than this one would: hash again at the next successful sign-in.
    pub fn needs_rehash(&self, phc: &str) -> bool {
        let Some((hash, params)) = read(phc) else { return true };
        let current = hash.algorithm.as_str() == "argon2id"
            && hash.version == Some(Version::V0x13.into())
            && params.m_cost() == self.memory_kib
            && params.t_cost() == self.passes
            && params.p_cost() == self.lanes;
        !current
    }

    /// A hash that no password has. Verify against it when there is no such user, so that both answers take the same time.
    pub fn decoy(&self) -> String {
        format!(
            "$argon2id$v=19$m={},t={},p={}${}${}",
            self.memory_kib,
            self.passes,
            self.lanes,
            STANDARD_NO_PAD.encode([0x5a; SALT]),
            STANDARD_NO_PAD.encode([0u8; OUTPUT])
        )
    }

    fn argon2(&self) -> Result<Argon2<'static>> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(OUTPUT))
            .map_err(|error| Error::internal(format!("the password hashing settings cannot be used: {error}")))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

/// Whether a hash that was made elsewhere can be checked here, at a bearable cost; else why not. The sentence never
/// repeats the hash.
pub fn check_stored(text: &str) -> Result<(), &'static str> {
    if text.len() > STORED_MAX {
        return Err("A password hash has at most 512 characters.");
    }
    if let Some(foreign) = foreign::read(text) {
        return foreign.map(drop);
    }
    let Some((hash, params)) = read(text) else {
        return Err("Not a hash of Argon2, bcrypt, PBKDF2 or scrypt in PHC or crypt form.");
    };
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err("The hash has no salt or no output.");
    }
    match params.m_cost() <= MEMORY_KIB_MAX && params.t_cost() <= PASSES_MAX && params.p_cost() <= LANES_MAX {
        true => Ok(()),
        false => Err(foreign::TOO_DEAR),
    }
}

/// A password in NFC, which keyboards and systems write in several ways.
fn composed(password: &Secret) -> Secret {
    match is_nfc(password.expose()) {
        true => password.clone(),
        false => Secret::new(password.expose().nfc().collect::<String>()),
    }
}

fn verify_bytes(password: &Secret, phc: &str) -> bool {
    if let Some(foreign) = foreign::read(phc) {
        return foreign.is_ok_and(|hash| hash.verify(password));
    }
    let Some((hash, params)) = read(phc) else { return false };
    if params.m_cost() > MEMORY_KIB_MAX || params.t_cost() > PASSES_MAX || params.p_cost() > LANES_MAX {
        return false;
    }
    let Ok(algorithm) = Algorithm::try_from(hash.algorithm.as_str()) else { return false };
    // A text without a version is of the time before there were two: version 16.
    let Ok(version) = hash.version.map_or(Ok(Version::V0x10), Version::try_from) else { return false };
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else { return false };
    let expected: &[u8] = expected.as_ref();
    let mut output = zeroize::Zeroizing::new(vec![0; expected.len()]);
    let argon2 = Argon2::new(algorithm, version, params);
    argon2.hash_password_into(password.expose().as_bytes(), salt, &mut output).is_ok() && same(&output, expected)
}

fn read(phc: &str) -> Option<(PasswordHash, Params)> {
    let hash = PasswordHash::new(phc).ok()?;
    // An Argon2 prefix is checked here, because parameters are read from any PHC text alike.
    let params = hash.algorithm.as_str().starts_with("argon2").then(|| Params::try_from(&hash).ok()).flatten()?;
    Some((hash, params))
}

words! {
    /// Why a password is refused.
    pub enum PasswordFault {
        /// Fewer characters than the minimum.
        TooShort = "too_short",
        /// More characters than the maximum.
        TooLong = "too_long",
        /// It stands on the lists of passwords found in breaches.
        TooCommon = "too_common",
        /// It would be guessed too soon.
        TooGuessable = "too_guessable",
        /// It contains a name, an address or the institution.
        ContainsPersonal = "contains_personal",
    }
}

impl PasswordFault {
    /// One English sentence for people.
    pub fn sentence(self) -> &'static str {
        match self {
            PasswordFault::TooShort => "The password is too short.",
            PasswordFault::TooLong => "The password is too long; use at most 128 characters.",
            PasswordFault::TooCommon => {
                "The password is on lists of common passwords; choose one that nobody else uses."
            }
            PasswordFault::TooGuessable => {
                "The password is too easy to guess; several unrelated words make a good one."
            }
            PasswordFault::ContainsPersonal => "The password must not contain names, addresses or the institution.",
        }
    }

    /// The fault as a field of a request.
    pub fn field(self, path: impl Into<String>) -> Field {
        Field::new(path, self.word(), self.sentence())
    }
}

/// What an institution asks of a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strength {
    /// The fewest characters.
    pub chars_min: usize,
}

impl Default for Strength {
    fn default() -> Strength {
        Strength { chars_min: CHARS_MIN }
    }
}

impl Strength {
    /// Whether a password may be chosen. `personal` are texts that must not stand in it: names, the e-mail address, the
    /// institution. Takes a millisecond, for long repetitive texts up to thirty: belongs next to hashing.
    pub fn check(&self, password: &Secret, personal: &[&str]) -> Result<(), PasswordFault> {
        // No character has more than four bytes, so this bounds the count below for texts of any length.
        if password.expose().len() > 4 * CHARS_MAX {
            return Err(PasswordFault::TooLong);
        }
        let password = composed(password);
        let text = password.expose();
        let count = text.chars().count();
        if count > CHARS_MAX {
            return Err(PasswordFault::TooLong);
        }
        if count < self.chars_min {
            return Err(PasswordFault::TooShort);
        }
        let personal = personal_words(personal);
        if contains_any(text, &personal) {
            return Err(PasswordFault::ContainsPersonal);
        }
        let judged: zeroize::Zeroizing<String> = zeroize::Zeroizing::new(text.chars().take(JUDGED_MAX).collect());
        let inputs: Vec<&str> = personal.iter().map(String::as_str).collect();
        let entropy = zxcvbn::zxcvbn(&judged, &inputs);
        if entropy.score() >= Score::Three {
            return Ok(());
        }
        Err(match entropy.feedback().and_then(|feedback| feedback.warning()) {
            Some(
                Warning::ThisIsATop10Password
                | Warning::ThisIsATop100Password
                | Warning::ThisIsACommonPassword
                | Warning::ThisIsSimilarToACommonlyUsedPassword,
            ) => PasswordFault::TooCommon,
            _ => PasswordFault::TooGuessable,
        })
    }
}

/// Whether a password may be chosen, by the default rules. See `Strength::check`.
pub fn check_strength(password: &Secret, personal: &[&str]) -> Result<(), PasswordFault> {
    Strength::default().check(password, personal)
}

/// The words of personal texts. Of an e-mail address only the local part: refusing `example` or `com` helps nobody.
fn personal_words(personal: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = personal
        .iter()
        .map(|text| text.rsplit_once('@').map_or(*text, |(local, _)| local))
        .flat_map(normal::words)
        .filter(|word| word.chars().count() >= PERSONAL_MIN)
        .collect();
    words.sort_unstable();
    words.dedup();
    words
}

/// Looks with and without what stands between the letters, so that `ada.eze` does not hide `adaeze`.
fn contains_any(password: &str, personal: &[String]) -> bool {
    let folded = zeroize::Zeroizing::new(normal::fold(password));
    let dense: zeroize::Zeroizing<String> =
        zeroize::Zeroizing::new(folded.chars().filter(|c| c.is_alphanumeric()).collect());
    personal.iter().any(|word| folded.contains(word.as_str()) || dense.contains(word.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge(password: &str, personal: &[&str]) -> Result<(), PasswordFault> {
        check_strength(&Secret::new(password), personal)
    }

    #[test]
    fn a_password_matches_its_hash_and_no_other() {
        let (hashing, random) = (Hashing::cheap(), Random::seeded(1));
        let password = Secret::new("violet kettle harbour");
        let hash = hashing.hash(&password, &random).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=8,t=1,p=1$"), "{hash}");
        assert!(hashing.verify(&password, &hash));
        assert!(!hashing.verify(&Secret::new("violet kettle harbor"), &hash));
        assert_ne!(hash, hashing.hash(&password, &random).unwrap());
    }

    #[test]
    fn the_parameters_in_the_hash_count() {
        let random = Random::seeded(1);
        let password = Secret::new("violet kettle harbour");
        let old = Hashing { memory_kib: 16, passes: 2, lanes: 2 };
        let hash = old.hash(&password, &random).unwrap();
        assert!(Hashing::cheap().verify(&password, &hash));
        assert!(Hashing::cheap().needs_rehash(&hash));
        assert!(!old.needs_rehash(&hash));
        assert!(old.needs_rehash("nonsense"));
    }

    #[test]
    fn malformed_and_extravagant_hashes_match_nothing() {
        let hashing = Hashing::cheap();
        let good = hashing.hash(&Secret::new("violet kettle harbour"), &Random::seeded(1)).unwrap();
        let wrong = [
            "".to_owned(),
            "nonsense".to_owned(),
            "$".to_owned(),
            "$argon2id$v=19$m=8,t=1,p=1".to_owned(),
            "$argon2id$v=19$m=0,t=0,p=0$WlpaWlpaWlpaWlpaWlpaWg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            "$2b$12$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            "$pbkdf2-sha256$i=1$WlpaWlpaWlpaWlpaWlpaWg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned(),
            good.replace("m=8", "m=4000000000"),
            good.replace("t=1", "t=4000000000"),
            good[..good.len() - 4].to_owned(),
            "$argon2id$".repeat(1000),
        ];
        for hash in wrong {
            assert!(!hashing.verify(&Secret::new("violet kettle harbour"), &hash), "{hash}");
        }
    }

    #[test]
    fn the_decoy_costs_the_same_and_matches_nothing() {
        let hashing = Hashing::cheap();
        let decoy = hashing.decoy();
        let (_, params) = read(&decoy).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (8, 1, 1));
        assert!(!hashing.needs_rehash(&decoy));
        assert!(!hashing.verify(&Secret::new(""), &decoy));
        assert!(read(&Hashing::default().decoy()).is_some());
    }

    #[test]
    fn impossible_settings_are_an_error_and_not_a_panic() {
        let hashing = Hashing { memory_kib: 0, passes: 0, lanes: 0 };
        assert!(hashing.hash(&Secret::new("x"), &Random::seeded(1)).is_err());
    }

    #[test]
    fn weak_passwords_are_refused_with_a_reason() {
        let long = "violet kettle harbour ".repeat(6);
        let table = [
            ("", Err(PasswordFault::TooShort)),
            ("kT9#vQ2!x", Err(PasswordFault::TooShort)),
            ("ééééééééé", Err(PasswordFault::TooShort)),
            (&long[..129], Err(PasswordFault::TooLong)),
            ("1234567890", Err(PasswordFault::TooCommon)),
            ("qwertyuiop", Err(PasswordFault::TooCommon)),
            ("Basketball", Err(PasswordFault::TooGuessable)),
            ("P@ssw0rd123", Err(PasswordFault::TooCommon)),
            ("abcabcabcabc", Err(PasswordFault::TooGuessable)),
            ("aaaaaaaaaaaaaaaa", Err(PasswordFault::TooGuessable)),
            ("violet kettle harbour", Ok(())),
            ("kT9#vQ2!xMb4", Ok(())),
            (&long[..128], Ok(())),
        ];
        for (password, expected) in table {
            assert_eq!(judge(password, &[]), expected, "{password}");
        }
    }

    #[test]
    fn personal_words_are_refused_however_they_are_written() {
        let personal = ["Adaeze Okafor", "chidi.eze77@example.com", "Harmattan Bank"];
        for password in [
            "violet ADAEZE kettle",
            "violet-A.d.a.e.z.e-kettle",
            "Ökáfor violet kettle",
            "my harmattan kettle",
            "chidieze77 violet kettle",
        ] {
            assert_eq!(judge(password, &personal), Err(PasswordFault::ContainsPersonal), "{password}");
        }
        assert_eq!(judge("violet example kettle", &personal), Ok(()));
        assert_eq!(judge("violet kettle lucky", &["Lu Ck"]), Ok(()));
    }

    #[test]
    fn an_institution_may_ask_for_more() {
        let strict = Strength { chars_min: 14 };
        assert_eq!(strict.check(&Secret::new("kT9#vQ2!xMb4"), &[]), Err(PasswordFault::TooShort));
    }

    #[test]
    fn a_fault_becomes_a_field() {
        let field = PasswordFault::TooShort.field("password");
        assert_eq!((field.path.as_str(), field.code), ("password", "too_short"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_text_breaks_the_judge_or_the_reader(text in any::<String>(), personal in any::<String>()) {
            let _ = judge(&text, &[&personal]);
            let _ = Hashing::cheap().verify(&Secret::new("x"), &text);
        }
    }
}
