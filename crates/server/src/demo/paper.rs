//! The card that a visitor is handed: where everything is, who can sign in, and the guide's steps as lines to paste.

use std::path::Path;

use serde_json::Value;

/// The card of the demo that this paper (demo.json) describes.
pub fn card(paper: &Value, folder: &Path) -> String {
    let base = paper["base_url"].as_str().unwrap_or_default();
    let folder = folder.display();
    let institution = paper["banno"]["institution_id"].as_str().unwrap_or_default();
    let locked = &paper["users"]["locked"];
    let (uuid, email) = (locked["uuid"].as_str().unwrap_or_default(), locked["email"].as_str().unwrap_or_default());
    let key = paper["native"]["secret_key"].as_str().unwrap_or_default();
    let mut logins = String::new();
    for (name, institution) in [("Harbor & Pine Bank", paper), ("Fieldlark Credit Union", &paper["other"])] {
        logins.push_str(&format!("\n  {name} ({})\n", institution["tenant_id"].as_str().unwrap_or_default()));
        for staff in institution["staff"].as_array().into_iter().flatten() {
            let text = |key: &str| staff[key].as_str().unwrap_or_default().to_owned();
            logins.push_str(&format!("    {:<11} {:<36} {}\n", text("role"), text("email"), text("password")));
        }
    }
    format!(
        r#"
Bursar's demo is served at {base}
  console {base}/    API documentation {base}/docs    everything below as JSON {folder}/demo.json
{logins}
A support agent's call, to be pasted into another terminal:

  # a token, and the caller who is locked out, by e-mail
  TOKEN=$(bursar token --demo {folder})
  curl -s -H "Authorization: Bearer $TOKEN" '{base}/a/consumer-user-search/api/v0/institutions/{institution}/users?query={email}'

  # who she is, and what is the matter
  curl -s -H "Authorization: Bearer $TOKEN" {base}/a/mobile/api/v0/institutions/{institution}/users/{uuid}/details
  curl -s -H "Authorization: Bearer $TOKEN" {base}/a/consumer-status/api/v0/users/{uuid}/status

  # unlock
  curl -si -X PUT -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"state":false}}' {base}/a/consumer-status/api/v0/users/{uuid}/status/locked

  # send a link to choose a new password, and look at the mail
  curl -si -X POST -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"method":"email"}}' {base}/a/password-reset/api/v0/institutions/{institution}/users/{uuid}/password/reset
  bursar outbox --data {folder} --to {email}

  # the same people through our own API
  curl -s -H "Authorization: Bearer {key}" -H 'Content-Type: application/json' -d '{{"query":"{email}"}}' {base}/v1/users/search

Stop with Ctrl-C.
"#
    )
}
