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
    // Who copies a token out of a mail may bring hyphens of a line end along, so that it has none of its own. That costs less
    // than one of its 256 bits.
    let token = Secret(text);
    Secret(token.0.replace('-', "A"))
}

/// A code, a token or a link as it was meant by whoever pasted it: without blanks, line ends, hyphens, quotation marks and
/// what cannot be seen. Of a link, what stands at its end.
pub fn pasted(text: &str) -> Secret {
    let is_noise = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(
                c,
                '-' | '\u{ad}' | '\u{34f}' | '\u{2010}'
                    ..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
            )
            || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            || matches!(c, '<' | '>' | '"' | '\'' | '\u{2018}'..='\u{201f}' | '\u{ab}' | '\u{bb}')
    };
    let whole = Secret(text.chars().filter(|c| !is_noise(*c)).collect());
    let Some((_, link)) = whole.0.split_once("://") else { return whole };
    let path = link.split(['?', '#']).next().unwrap_or_default();
    Secret(path.trim_end_matches(['/', '.', ',']).rsplit('/').next().unwrap_or_default().to_owned())
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
    fn what_is_pasted_is_what_was_meant() {
        let table = [
            ("123456", "123456"),
            (" 123 456\r\n", "123456"),
            ("123-456", "123456"),
            ("\u{feff}123\u{a0}456\u{200b}", "123456"),
            ("123\u{2013}456", "123456"),
            ("bur_1_ab\r\n cd", "bur_1_abcd"),
            ("- bur_1_abcd -", "bur_1_abcd"),
            ("<https://bank.example/reset/bur_1_abcd>", "bur_1_abcd"),
            ("https://bank.example/reset/bur_1_ab\n-cd?x=1", "bur_1_abcd"),
            ("https://", ""),
            ("12345a", "12345a"),
            ("", ""),
        ];
        for (text, meant) in table {
            assert_eq!(pasted(text).expose(), meant, "{text:?}");
        }
        let random = Random::seeded(3);
        for _ in 0..200 {
            let token = new_token("bur_1_", &random);
            let broken = token.expose().replace('_', "_\r\n-");
            assert_eq!(pasted(&broken).expose(), token.expose());
        }
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
