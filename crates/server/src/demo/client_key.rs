//! The demo's OAuth clients' keys: EC P-256, drawn from the seed, so that the same seed gives the same key. Never do this
//! for a client that matters.

use aws_lc_rs::agreement::{ECDH_P256, PrivateKey};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use desk::value::random::Random;

/// Both halves, in PEM.
pub struct ClientKey {
    /// PKCS#8.
    pub private: String,
    /// SubjectPublicKeyInfo.
    pub public: String,
}

impl ClientKey {
    /// The next key of this stream.
    pub fn draw(random: &Random) -> ClientKey {
        // Nearly every 32 bytes are a scalar of the curve; those that are not are drawn again.
        let private = loop {
            if let Ok(key) = PrivateKey::from_private_key(&ECDH_P256, &random.bytes::<32>()) {
                break key;
            }
        };
        let public = private.compute_public_key().expect("a private key has a public half");
        let private: Pkcs8V1Der = private.as_der().expect("an EC key can be written as PKCS#8");
        let public: PublicKeyX509Der = public.as_der().expect("an EC key can be written as X.509");
        ClientKey { private: pem("PRIVATE KEY", private.as_ref()), public: pem("PUBLIC KEY", public.as_ref()) }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let mut lines = String::new();
    for line in text.as_bytes().chunks(64) {
        lines.push_str(&String::from_utf8_lossy(line));
        lines.push('\n');
    }
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};

    #[test]
    fn the_same_seed_gives_the_same_key_and_both_halves_fit() {
        let (one, same, other) = (1, 1, 2);
        let draw = |seed| ClientKey::draw(&Random::seeded(seed));
        assert_eq!(draw(one).private, draw(same).private);
        assert_ne!(draw(one).private, draw(other).private);
        let key = draw(one);
        let signing = EncodingKey::from_ec_pem(key.private.as_bytes()).unwrap();
        let claims = serde_json::json!({ "exp": 4_000_000_000_u64 });
        let token = jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &signing).unwrap();
        let checking = DecodingKey::from_ec_pem(key.public.as_bytes()).unwrap();
        let checked = jsonwebtoken::decode::<serde_json::Value>(&token, &checking, &Validation::new(Algorithm::ES256));
        assert_eq!(checked.unwrap().claims, claims);
    }
}
