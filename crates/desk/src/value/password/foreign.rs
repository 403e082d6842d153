//! Hashes that other systems made: bcrypt (`$2b$`), PBKDF2 and scrypt. They are only checked, at a bounded cost, and
//! replaced by one of ours at the next sign-in. Argon2 is ours already.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::value::secret::{Secret, same};

/// The bytes of a password that bcrypt looks at; with one less the zero byte behind it is among them.
pub(super) const BCRYPT_BYTES: usize = 72;
/// The most rounds of bcrypt, as the power of two it says: some two seconds.
const BCRYPT_COST_MAX: u32 = 15;
/// The most rounds of PBKDF2: twice what is recommended for the dearest kind (SHA-1).
const PBKDF2_ROUNDS_MAX: u32 = 3_000_000;
/// The most memory of scrypt, in bytes.
const SCRYPT_MEMORY_MAX: u64 = 128 * 1024 * 1024;
/// The most work of scrypt: memory times lanes.
const SCRYPT_WORK_MAX: u64 = 4 * SCRYPT_MEMORY_MAX;
/// Bytes of a salt, and of an output.
const BYTES: std::ops::RangeInclusive<usize> = 8..=64;

/// What is said of a hash that asks for too much.
pub(super) const TOO_DEAR: &str = "The hash asks for more time or memory than is spent on one sign-in.";
const MALFORMED: &str = "The hash is not of the form its beginning promises.";

/// A hash that can be checked.
pub(super) enum Foreign {
    Bcrypt(String),
    Pbkdf2 { algorithm: pbkdf2::Algorithm, rounds: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
}

/// Reads a hash by its beginning; nothing if it is of none of these kinds.
pub(super) fn read(text: &str) -> Option<Result<Foreign, &'static str>> {
    let parts: Vec<&str> = text.split('$').collect();
    match parts.get(1).copied().unwrap_or_default() {
        "2a" | "2b" | "2x" | "2y" if text.starts_with('$') => Some(bcrypt(text, &parts)),
        "pbkdf2" | "pbkdf2-sha1" => Some(pbkdf2(pbkdf2::PBKDF2_HMAC_SHA1, &parts)),
        "pbkdf2-sha256" => Some(pbkdf2(pbkdf2::PBKDF2_HMAC_SHA256, &parts)),
        "pbkdf2-sha512" => Some(pbkdf2(pbkdf2::PBKDF2_HMAC_SHA512, &parts)),
        "scrypt" => Some(scrypt(&parts)),
        _ => None,
    }
}

fn bcrypt(text: &str, parts: &[&str]) -> Result<Foreign, &'static str> {
    // `2x` marks hashes of a broken implementation: no other would find their passwords right.
    let [_, kind, cost, rest] = parts else { return Err(MALFORMED) };
    let alphabet = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'/';
    let cost: u32 = if cost.len() == 2 { cost.parse().map_err(|_| MALFORMED)? } else { return Err(MALFORMED) };
    if *kind == "2x" || rest.len() != 53 || !rest.bytes().all(alphabet) || !(4..=31).contains(&cost) {
        return Err(MALFORMED);
    }
    if cost > BCRYPT_COST_MAX {
        return Err(TOO_DEAR);
    }
    Ok(Foreign::Bcrypt(text.to_owned()))
}

/// `$pbkdf2-sha256$i=600000,l=32$salt$hash` (PHC) and `$pbkdf2-sha256$29000$salt$hash` (crypt, as Passlib writes it).
fn pbkdf2(algorithm: pbkdf2::Algorithm, parts: &[&str]) -> Result<Foreign, &'static str> {
    let [_, _, params, salt, output] = parts else { return Err(MALFORMED) };
    let rounds = match params.contains('=') {
        true => number(params, "i")?,
        false => params.parse().map_err(|_| MALFORMED)?,
    };
    let rounds = NonZeroU32::new(rounds).ok_or(MALFORMED)?;
    if rounds.get() > PBKDF2_ROUNDS_MAX {
        return Err(TOO_DEAR);
    }
    let (salt, output) = (bytes(salt)?, bytes(output)?);
    if params.contains("l=") && number(params, "l")? as usize != output.len() {
        return Err(MALFORMED);
    }
    Ok(Foreign::Pbkdf2 { algorithm, rounds, salt, output })
}

/// `$scrypt$ln=16,r=8,p=1$salt$hash`.
fn scrypt(parts: &[&str]) -> Result<Foreign, &'static str> {
    let [_, _, params, salt, output] = parts else { return Err(MALFORMED) };
    let (log_n, r, p) = (number(params, "ln")?, number(params, "r")?, number(params, "p")?);
    if !(1..=63).contains(&log_n) || r == 0 || p == 0 {
        return Err(MALFORMED);
    }
    let memory = (128 * u64::from(r)).checked_mul(1 << log_n).ok_or(TOO_DEAR)?;
    if memory > SCRYPT_MEMORY_MAX || memory.checked_mul(u64::from(p)).is_none_or(|work| work > SCRYPT_WORK_MAX) {
        return Err(TOO_DEAR);
    }
    let (salt, output) = (bytes(salt)?, bytes(output)?);
    let params = scrypt::Params::new(log_n as u8, r, p).map_err(|_| MALFORMED)?;
    Ok(Foreign::Scrypt { params, salt, output })
}

/// A parameter such as `i=600000`.
fn number(params: &str, name: &str) -> Result<u32, &'static str> {
    let mut found = params.split(',').filter_map(|pair| pair.split_once('=')).filter(|(known, _)| *known == name);
    found.next().and_then(|(_, value)| value.parse().ok()).ok_or(MALFORMED)
}

/// Base64 without padding; Passlib writes `.` for `+`.
fn bytes(text: &str) -> Result<Vec<u8>, &'static str> {
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&STANDARD, lenient).decode(text.replace('.', "+")).map_err(|_| MALFORMED)?;
    if BYTES.contains(&bytes.len()) { Ok(bytes) } else { Err(MALFORMED) }
}

impl Foreign {
    /// Whether this is the password.
    pub fn verify(&self, password: &Secret) -> bool {
        let password = password.expose().as_bytes();
        match self {
            // What is behind the 72nd byte never counted.
            Foreign::Bcrypt(hash) => bcrypt::verify(password, hash).unwrap_or(false),
            Foreign::Pbkdf2 { algorithm, rounds, salt, output } => {
                pbkdf2::verify(*algorithm, *rounds, salt, password, output).is_ok()
            }
            Foreign::Scrypt { params, salt, output } => {
                let mut derived = vec![0; output.len()];
                scrypt::scrypt(password, salt, params, &mut derived).is_ok() && same(&derived, output)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Hashing, check_stored};
    use super::*;

    fn fits(password: &str, hash: &str) -> bool {
        Hashing::cheap().verify(&Secret::new(password), hash)
    }

    /// Made by other programs: the test vectors of crypt_blowfish, RFC 7914, and Python's hashlib.
    const FOREIGN: &[(&str, &str)] = &[
        // The reference program of Argon2, version 16, which stands in no text.
        ("password", "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY"),
        ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        ("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
        (
            "violet kettle harbour",
            "$pbkdf2-sha256$i=1000,l=32$yMnKy8zNzs/Q0dLT1NXW1w$ykUOOCokZ4mcx4fUzQ0HvEUud+pjKca7n8c2VH/MKGU",
        ),
        (
            "violet kettle harbour",
            "$pbkdf2-sha256$1000$yMnKy8zNzs/Q0dLT1NXW1w$ykUOOCokZ4mcx4fUzQ0HvEUud.pjKca7n8c2VH/MKGU",
        ),
        (
            "violet kettle harbour",
            "$pbkdf2-sha512$i=1000,l=64$yMnKy8zNzs/Q0dLT1NXW1w$LET5YA+1ZbuBMK2P9U8pnXnYdmZm4zCcQ9jJl/7lEMBRKYbqkD1XOsJ2BNmudaFUm8ChU3dB42J9eFtG4Fz28w",
        ),
        (
            "violet kettle harbour",
            "$pbkdf2-sha512$1000$yMnKy8zNzs/Q0dLT1NXW1w$LET5YA.1ZbuBMK2P9U8pnXnYdmZm4zCcQ9jJl/7lEMBRKYbqkD1XOsJ2BNmudaFUm8ChU3dB42J9eFtG4Fz28w",
        ),
        ("violet kettle harbour", "$pbkdf2$1000$yMnKy8zNzs/Q0dLT1NXW1w$46Fc6O7xRCbDQWWga3RR5iDGDIc"),
        (
            "violet kettle harbour",
            "$scrypt$ln=10,r=8,p=1$yMnKy8zNzs/Q0dLT1NXW1w$hpLiBWZzXnA8TBOMac43+nQSpL4k53E1extqF6dkJf8",
        ),
    ];

    #[test]
    fn a_password_fits_the_hash_that_another_program_made_of_it() {
        for (password, hash) in FOREIGN {
            assert_eq!(check_stored(hash), Ok(()), "{hash}");
            assert!(fits(password, hash), "{hash}");
            assert!(!fits("another one", hash), "{hash}");
            assert!(Hashing::cheap().needs_rehash(hash));
        }
    }

    /// Hashes of nothing by every algorithm that is read here, made by other programs.
    const EMPTY: &[&str] = &[
        "$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy",
        "$pbkdf2$1000$yMnKy8zNzs/Q0dLT1NXW1w$3kLmU6+y2RoTwEHk9dhd+ZFVUC0",
        "$pbkdf2-sha256$1000$yMnKy8zNzs/Q0dLT1NXW1w$B2PGyPpDYizh5sIg9YflsLjouJFeFYZqTj798HJI6v0",
        "$pbkdf2-sha512$1000$yMnKy8zNzs/Q0dLT1NXW1w$w23qzhrUxe3wSMOu7DpVc5Ih1oL3YY0CsYxJk21/ilsaiu/E5Na0suDaaEbbxr1mwu4ljTQQnwKjfRvqH7sjew",
        "$scrypt$ln=10,r=8,p=1$yMnKy8zNzs/Q0dLT1NXW1w$WZFMoHo/17jrlps0HohTpcTICt2t8SfvfeJNGid1YZk",
    ];

    #[test]
    fn the_hash_of_an_empty_password_lets_nobody_in() {
        let random = crate::value::random::Random::seeded(1);
        let own = Hashing::cheap().hash(&Secret::new(""), &random).unwrap();
        for hash in EMPTY {
            assert!(read(hash).unwrap().unwrap_or_else(|_| panic!()).verify(&Secret::new("")), "{hash} is of nothing");
        }
        for hash in EMPTY.iter().copied().chain([own.as_str()]) {
            assert_eq!(check_stored(hash), Ok(()), "{hash}");
            // Zeros are nothing to bcrypt and to HMAC.
            for password in ["", "\0", "\0\0\0", " "] {
                assert!(!fits(password, hash), "{hash} {password:?}");
            }
        }
    }

    #[test]
    fn what_is_malformed_or_too_dear_is_told_and_never_checked() {
        let output = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (hash, dear) in [
            ("$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(), true),
            ("$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(), false),
            ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe".to_owned(), false),
            ("$2b$5$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW".to_owned(), false),
            (format!("$pbkdf2-sha256$i=4000000000$c2FsdHNhbHQ${output}"), true),
            (format!("$pbkdf2-sha256$i=0$c2FsdHNhbHQ${output}"), false),
            (format!("$pbkdf2-sha256$i=1000,l=16$c2FsdHNhbHQ${output}"), false),
            (format!("$pbkdf2-md5$i=1000$c2FsdHNhbHQ${output}"), false),
            (format!("$scrypt$ln=30,r=8,p=1$c2FsdHNhbHQ${output}"), true),
            (format!("$scrypt$ln=63,r=4000000000,p=4000000000$c2FsdHNhbHQ${output}"), true),
            (format!("$scrypt$ln=10,r=8,p=1000000$c2FsdHNhbHQ${output}"), true),
            (format!("$scrypt$ln=10,r=0,p=1$c2FsdHNhbHQ${output}"), false),
            (format!("$argon2id$v=19$m=4000000,t=2,p=1$c2FsdHNhbHQ${output}"), true),
            ("$argon2id$v=19$m=8,t=1,p=1".to_owned(), false),
            ("plain text".to_owned(), false),
            ("5f4dcc3b5aa765d61d8327deb882cf99".to_owned(), false),
            ("$".repeat(600), false),
        ] {
            let told = check_stored(&hash);
            assert!(told.is_err(), "{hash}");
            assert_eq!(told == Err(TOO_DEAR), dear, "{hash}: {told:?}");
            assert!(!fits("U*U", &hash), "{hash}");
        }
    }
}
