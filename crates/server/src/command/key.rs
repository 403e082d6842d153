//! `bursar key`.

use desk::Permission;
use desk::key::{CreateKey, KeyKind, PublicKeys};

use super::house;
use crate::cli::KeyCreate;
use crate::config::Settings;
use crate::trouble::{Done, Trouble};

pub async fn create(create: KeyCreate, settings: &Settings) -> Done {
    let permissions = create.permissions.iter().map(|word| permission(word)).collect::<Done<Vec<_>>>()?;
    let public_keys = match &create.public_key {
        Some(path) => Some(public_keys(path)?),
        None if create.kind == KeyKind::Banno => {
            return Err(Trouble::usage(
                "a Banno client needs a public key",
                "openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out client.pem; \
                 openssl pkey -in client.pem -pubout -out client.pub.pem; then --public-key client.pub.pem",
            ));
        }
        None => None,
    };
    let house = house::open(settings, &create.at).await?;
    let staff = house.staff_member(&create.staff).await?;
    let callback_url = create.callback_url.as_deref().map(|url| house.desk.callback_url("callback_url", url));
    let action = CreateKey {
        kind: create.kind,
        permissions: (!permissions.is_empty()).then_some(permissions),
        client_id: create.client_id,
        public_keys,
        callback_url: callback_url.transpose()?,
        ..CreateKey::native(&create.name, staff.id)
    };
    let made = house.desk.perform(&house.caller, action).await?;
    match (&made.secret, &made.key.client_id) {
        (Some(secret), Some(client)) => {
            let (id, what) = match made.key.kind {
                KeyKind::ChoiceSender => ("sender", "signing key"),
                _ => ("client id", "checksum secret"),
            };
            println!("{id} {client}\n{what} {}", secret.expose());
        }
        (Some(secret), None) => println!("{}", secret.expose()),
        (None, Some(client)) => println!("{client}"),
        (None, None) => println!("{}", made.key.id),
    }
    house.close().await;
    Ok(())
}

fn permission(word: &str) -> Done<Permission> {
    Permission::parse(word).ok_or_else(|| {
        let words = Permission::ALL.iter().map(|permission| permission.word());
        let nearest =
            words.max_by(|one, other| strsim::jaro_winkler(one, word).total_cmp(&strsim::jaro_winkler(other, word)));
        Trouble::usage(
            format!("there is no permission {word}"),
            nearest.map(|nearest| format!("Did you mean {nearest}?")).unwrap_or_default(),
        )
    })
}

fn public_keys(path: &std::path::Path) -> Done<PublicKeys> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|fault| Trouble::usage(format!("cannot read {shown}: {fault}"), "Name a file with a public key."))?;
    if text.contains("PRIVATE KEY") {
        return Err(Trouble::usage(
            format!("{shown} holds a private key"),
            "Only the public half belongs here: openssl pkey -in FILE -pubout",
        ));
    }
    match serde_json::from_str(&text) {
        Ok(jwks) => Ok(PublicKeys::Jwks(jwks)),
        Err(_) if text.contains("BEGIN PUBLIC KEY") => Ok(PublicKeys::Pem(text)),
        Err(_) => Err(Trouble::usage(format!("{shown} is neither a public key in PEM nor a key set in JSON"), "")),
    }
}
