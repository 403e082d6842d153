//! `bursar token`: what a client of the Banno API does to get an access token, so that a guide's curl lines can be pasted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use desk::value::clock::Clock;
use desk::value::random::Random;
use desk::value::secret::new_token;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::cli::{RsaAlgorithm, Token};
use crate::demo;
use crate::trouble::{Done, Trouble};

/// Where tokens are given.
const TOKEN_PATH: &str = "/a/oidc-provider/api/v0/token";
/// How long an assertion is good for, in seconds; the API takes at most five minutes.
const ASSERTION: i64 = 240;
/// How long the server may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who asks, and whom.
struct Client {
    id: String,
    key: PathBuf,
    url: String,
}

pub async fn run(token: Token) -> Done {
    let client = match (&token.demo, token.client_id, token.key, token.url) {
        (Some(folder), ..) => of_demo(folder, token.other)?,
        (None, Some(id), Some(key), Some(url)) => Client { id, key, url },
        _ => {
            return Err(Trouble::usage(
                "--client-id, --key and --url are needed",
                "Or --demo DIR, with the folder of a demo.",
            ));
        }
    };
    let url = format!("{}{TOKEN_PATH}", client.url.trim_end_matches('/'));
    let assertion = assertion(&client, &url, token.algorithm)?;
    let form = format!(
        "grant_type=client_credentials&scope={}&client_assertion={assertion}\
         &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        form_text(&token.scope)
    );
    let away = |fault: reqwest::Error| {
        Trouble::new(
            format!("no answer from {url}: {}", fault.without_url()),
            "Is the server running there? Start it with `bursar serve` or `bursar demo`.",
        )
    };
    let http = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(away)?;
    let request = http.post(&url).header("content-type", "application/x-www-form-urlencoded").body(form);
    let answer = request.send().await.map_err(away)?;
    let status = answer.status();
    let body: Value = serde_json::from_slice(&answer.bytes().await.map_err(away)?).unwrap_or_default();
    match body["access_token"].as_str() {
        Some(token) => {
            println!("{token}");
            Ok(())
        }
        None => {
            let (error, why) = (body["error"].as_str(), body["error_description"].as_str());
            Err(Trouble::new(
                format!("no token: {} {} {}", status.as_u16(), error.unwrap_or("-"), why.unwrap_or("")),
                "Check the client id, that this is its key, and that both clocks are right.",
            ))
        }
    }
}

fn of_demo(folder: &Path, other: bool) -> Done<Client> {
    let demo = demo::read(folder)?;
    let institution = if other { &demo["other"] } else { &demo };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let client = (|| {
        Some(Client {
            id: text(&institution["banno"]["client_id"])?,
            key: PathBuf::from(text(&institution["banno"]["private_key_pem"])?),
            url: text(&demo["base_url"])?,
        })
    })();
    client.ok_or_else(|| {
        Trouble::new(format!("{}/demo.json is not whole", folder.display()), "Start `bursar demo` again.")
    })
}

fn assertion(client: &Client, url: &str, rsa: RsaAlgorithm) -> Done<String> {
    let shown = client.key.display();
    let pem = std::fs::read(&client.key).map_err(|fault| {
        Trouble::usage(format!("cannot read {shown}: {fault}"), "Name the client's private key with --key.")
    })?;
    let (algorithm, key) = match EncodingKey::from_ec_pem(&pem) {
        Ok(key) => (Algorithm::ES256, key),
        Err(_) => {
            let algorithm = match rsa {
                RsaAlgorithm::Ps256 => Algorithm::PS256,
                RsaAlgorithm::Rs256 => Algorithm::RS256,
            };
            let key = EncodingKey::from_rsa_pem(&pem).map_err(|_| {
                Trouble::usage(
                    format!("{shown} holds no private key that can be used"),
                    "EC P-256 or RSA, PEM (PKCS#8), without a passphrase.",
                )
            })?;
            (algorithm, key)
        }
    };
    let claims = json!({
        "iss": client.id,
        "sub": client.id,
        "aud": url,
        "jti": new_token("", &Random::System).expose(),
        "exp": Clock::System.now().unix_seconds() + ASSERTION,
    });
    jsonwebtoken::encode(&Header::new(algorithm), &claims, &key).map_err(|fault| {
        Trouble::usage(
            format!("cannot sign with {shown}: {fault}"),
            "EC keys must be P-256, RSA keys at least 2048 bits.",
        )
    })
}

/// Scopes as a form's value: words of URLs and letters.
fn form_text(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_value_carries_every_byte() {
        assert_eq!(form_text("openid https://a/b-c"), "openid+https%3A%2F%2Fa%2Fb-c");
        assert_eq!(form_text("é"), "%C3%A9");
    }
}
