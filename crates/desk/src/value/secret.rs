//! Text that must not be seen, and the small things made of it: bearer tokens, codes, fingerprints.
//! A secret prints as `***`, cannot be serialised and is wiped when dropped. What is stored of a token is its
//! fingerprint; passwords have a module of their own.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::{Zeroize, Zeroizing};

use super::random::Random;

/// Text that must not be seen. It can be read from a request, but never written to an answer or a log.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Takes the text over. Give away the only copy, so that wiping it means something.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself. The name is long on purpose: each use should be easy to find and to question.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Secret {
        Secret(text)
    }
}

impl<'de> serde::Deserialize<'de> for Secret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Secret)
    }
}

/// A new bearer token: the prefix (e.g. `bsk_live_`) and 32 random bytes as base64url without padding.
/// The prefix lets scanners recognise a leaked key; it carries no meaning for us.
pub fn new_token(prefix: &str, random: &Random) -> Secret {
    let bytes = Zeroizing::new(random.bytes::<32>());
    // One allocation of the right size, so that no half-written copy is left behind by growing.
    let mut text = String::with_capacity(prefix.len() + 43);
    text.push_str(prefix);
    URL_SAFE_NO_PAD.encode_string(*bytes, &mut text);
    Secret(text)
}

/// SHA-256 of a token: what is stored and looked up. Good enough without salt or stretching because tokens have
/// 256 bits of chance; for anything a person chose, see `password`.
pub fn fingerprint(text: &str) -> [u8; 32] {
    digest(text.as_bytes())
}

/// Bytes as lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let mut out = [0u8; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

/// Whether two byte strings are the same, in a time that does not depend on where they differ (it may depend on their lengths).
pub fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// A code of so many decimal digits, leading zeros included, every code equally likely.
pub fn numeric_code(random: &Random, digits: usize) -> Secret {
    let mut text = String::with_capacity(digits);
    while text.len() < digits {
        let [byte] = random.bytes::<1>();
        // 250 is the largest multiple of ten in a byte; above it, small digits would be favoured.
        if byte < 250 {
            text.push(char::from(b'0' + byte % 10));
        }
    }
    Secret(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("correct horse");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "correct horse");
    }

    #[test]
    fn a_secret_is_read_from_json() {
        let secret: Secret = serde_json::from_str("\"s3cret\"").unwrap();
        assert_eq!(secret.expose(), "s3cret");
    }

    #[test]
    fn a_token_has_its_prefix_and_43_url_safe_characters() {
        let random = Random::seeded(1);
        let token = new_token("bsk_live_", &random);
        let rest = token.expose().strip_prefix("bsk_live_").unwrap();
        assert_eq!(rest.len(), 43);
        assert!(rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        assert_ne!(token.expose(), new_token("bsk_live_", &random).expose());
    }

    #[test]
    fn a_fingerprint_is_plain_sha_256() {
        let expected = [
            0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03,
            0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad,
        ];
        assert_eq!(fingerprint("abc"), expected);
    }

    #[test]
    fn sameness_is_about_content_and_length() {
        assert!(same(b"abc", b"abc"));
        assert!(!same(b"abc", b"abd"));
        assert!(!same(b"abc", b"ab"));
        assert!(same(b"", b""));
    }

    #[test]
    fn codes_have_the_asked_length_and_use_all_digits_alike() {
        let random = Random::seeded(7);
        let mut counts = [0u32; 10];
        for _ in 0..2_000 {
            let code = numeric_code(&random, 6);
            assert_eq!(code.expose().len(), 6);
            for digit in code.expose().bytes() {
                counts[usize::from(digit - b'0')] += 1;
            }
        }
        assert!(counts.iter().all(|count| (1_050..1_350).contains(count)), "{counts:?}");
    }
}
