//! The vendor's own examples, key for key: what its page shows of each answer, with other people in it.

use serde_json::{Value, json};

use super::world::*;

/// Key and kind: `s` text, `i` whole number, `b` truth, `o` object, and `?` where null was seen or may stand.
fn shape(value: &Value) -> Vec<(String, char)> {
    let kind = |value: &Value| match value {
        Value::Null => 'n',
        Value::Bool(_) => 'b',
        Value::Number(number) if number.is_i64() => 'i',
        Value::Number(_) => 'f',
        Value::String(_) => 's',
        Value::Array(_) => 'a',
        Value::Object(_) => 'o',
    };
    value.as_object().unwrap().iter().map(|(name, value)| (name.clone(), kind(value))).collect()
}

/// Compares with a line such as `id:i email:s bvn:s?`: the same keys in the same order, each of its kind.
fn is_shaped(value: &Value, expected: &str) {
    let actual = shape(value);
    let expected: Vec<(&str, char, bool)> = expected
        .split_whitespace()
        .map(|it| {
            let (name, kind) = it.split_once(':').unwrap();
            (name, kind.chars().next().unwrap(), kind.ends_with('?'))
        })
        .collect();
    let names: Vec<&str> = actual.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, expected.iter().map(|(name, ..)| *name).collect::<Vec<_>>());
    for ((name, kind), (_, wanted, nullable)) in actual.iter().zip(&expected) {
        assert!(kind == wanted || (*nullable && *kind == 'n'), "{name} is {kind}, not {wanted}");
    }
}

const BEGINNING: &str = "id:i email:s first_name:s last_name:s phone:s date_of_birth:s? gender:s? country:s is_verified:b \
    blacklisted:b pin_set:b phone_verified:b two_factor_authentication_enabled:b bvn:s? address:s? photo_id_url:s? \
    image_selfie_url:s? signature_url:s? switch_id:i payment_link_slug:s? google_auth_set_up:b city:s? state:s? \
    full_address:s? zipcode:s? last_sign_in:s? photo_id_expiry:s? photo_id_issuer:s? photo_id_number:s?";
const BANK: &str = "switch_bank_account_name:s? switch_bank_account_number:s? switch_bank_customer_id:s? full_name:s";
const PENDING: &str = "has_pending_disable_request:b has_pending_enable_request:b";
const NIGERIAN: &str = "nigerian_contact_address:s? nigerian_contact_name:s? nigerian_contact_phone:s? \
    nigerian_contact_relationship:s?";
const END: &str = "verification_requested:b wallet:o authenticator_uri:s? two_factor_authentication_type:s \
    security_question_set:b is_diaspora:b";

#[tokio::test]
async fn the_examples_of_the_vendors_page_are_reproduced_key_for_key() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let list = world.get(&token, "/admin/users").await.json();
        is_shaped(&list, "message:s data:a meta:o");
        is_shaped(&list["meta"], "total:i per_page:i page:i page_count:i");
        let item = "id:i switch_id:i first_name:s last_name:s email:s is_verified:b phone:s";
        for user in list["data"].as_array().unwrap() {
            is_shaped(user, item);
            assert_eq!(user["switch_id"].as_i64(), user["id"].as_i64().map(|id| id + 100_100));
        }
        let ids: Vec<i64> = list["data"].as_array().unwrap().iter().map(|user| user["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted_by(|one, other| one > other), "{ids:?}");

        let abroad = format!("{BEGINNING} {BANK} disabled:b {PENDING} {NIGERIAN} {END}");
        let home = format!("{BEGINNING} {BANK} disabled:b {PENDING} {END}");
        assert_eq!(abroad.split_whitespace().count(), 46);
        let shown = world.get(&token, "/admin/users/1").await.json();
        is_shaped(&shown, "message:s data:o");
        is_shaped(&shown["data"], &abroad);
        is_shaped(&shown["data"]["wallet"], "wallet_balance:s soft_balance:s");
        is_shaped(&world.get(&token, "/admin/users/2").await.json()["data"], &home);
        let reason = json!({ "reason": "asked" });
        for path in ["/admin/users/disable/1", "/admin/users/enable/1"] {
            is_shaped(&world.post(&token, path, reason.clone()).await.json()["data"], &abroad);
        }

        let fraud = json!({ "comment": "seen before", "fraud_status": "fraudulent" });
        let after = |contact: &str| format!("{BEGINNING} disabled:b {BANK} {PENDING} fraud_status:s {contact} {END}");
        assert_eq!(after("").split_whitespace().count(), 44 - 1);
        let told = world.post(&token, "/admin/users/update_fraud_status/2", fraud.clone()).await.json();
        is_shaped(&told["data"], &after(""));
        let told = world.post(&token, "/admin/users/update_fraud_status/1", fraud).await.json();
        is_shaped(&told["data"], &after(NIGERIAN));

        let waiting = world.get(&token, "/admin/users/pending_verification_requests").await.json();
        let item = "id:i switch_id:i first_name:s last_name:s email:s phone:s is_verified:b verification_requested:b";
        is_shaped(&waiting["data"][0], item);
        is_shaped(&waiting["meta"], "total:i per_page:i page:i page_count:i");

        let devices = world.get(&token, "/admin/users/7/devices").await.json();
        is_shaped(&devices, "message:s data:a");
        is_shaped(&devices["data"][0], "device_id:s device_model:s device_os:s created_at:s");
        let device = devices["data"][0]["device_id"].as_str().unwrap();
        let gone = world.call(Some(&token), "POST", &format!("/admin/users/delete/7/devices/{device}"), "").await;
        is_shaped(&gone.json(), "message:s");

        let reset = "id:s email:s phone:s first_name:s last_name:s date_of_birth:s? photo_id_url:s? image_selfie_url:s? \
            signature_url:s? address:s? nearest_landmark:s? next_of_kin_name:s? next_of_kin_relationship:s? \
            next_of_kin_phone_number:s? next_of_kin_email_address:s? is_verified:b gender:s? country:s blacklisted:b \
            switch_id:i two_factor_authentication_enabled:b two_factor_authentication_type:s phone_verified:b pin_set:b \
            payment_link_slug:s? city:s? state:s? zipcode:s? last_sign_in:s? photo_id_issuer:s? photo_id_number:s? \
            photo_id_expiry:s? switch_bank_account_name:s? switch_bank_account_number:s? google_auth_set_up:b \
            nigerian_contact_name:s? nigerian_contact_phone:s? nigerian_contact_address:s? \
            nigerian_contact_relationship:s? switch_bank_customer_id:s? disabled:b has_pending_disable_request:b \
            has_pending_enable_request:b fraud_status:s verified_at:s? email_confirmed:b kaoshi_user_id:s? kaoshi_name:s? \
            verification_requested:b bvn:s? number_of_security_questions_set:i security_question_set:b is_diaspora:b \
            has_wallet:b dom_accounts:s? invite_link:s payment_link:s created_at:s";
        assert_eq!(reset.split_whitespace().count(), 58);
        for user in [1, 2] {
            let told = world.post(&token, &format!("/admin/users/reset_password/{user}"), json!({})).await.json();
            is_shaped(&told, "message:s data:o");
            is_shaped(&told["data"], reset);
            assert_eq!(told["data"]["id"], user.to_string());
        }
    }
}

#[tokio::test]
async fn what_the_vendor_masks_and_what_must_never_leave_does_not_leave() {
    for world in World::all().await {
        let token = world.admin("super_admin").await;
        let mut all = String::new();
        for path in ["/admin/users", "/admin/users/1", "/admin/users/1/devices", "/admin/audits?per_page=100"] {
            all.push_str(&world.get(&token, path).await.text);
        }
        all.push_str(&world.post(&token, "/admin/users/reset_password/1", json!({})).await.text);
        all.push_str(&world.get(&token, "/admin/audits?per_page=100").await.text);
        let link = world.letter("ada", "password_reset").await;
        assert!(all.contains("22xxxxxx144") && !all.contains("22000000144"));
        for secret in [PASSWORD, "$argon2", &link, "0123451234", &world.secret] {
            assert!(!all.contains(secret), "{secret} has left");
        }
    }
}

#[tokio::test]
async fn an_authenticators_secret_is_shown_only_where_the_institution_wants_that_and_then_on_record() {
    for world in World::all().await {
        let (desk, user) = (&world.test.desk, world.user("ada").await);
        let SignedIn { caller } = SignedIn::of(&world, "ada").await;
        let prepared = desk.perform(&caller, desk::second_factor::PrepareSecondFactor { user }).await.unwrap();
        let secret = desk::value::totp::TotpSecret::from_base32(prepared.secret.expose()).unwrap();
        let code = (0..1_000_000)
            .map(|code| format!("{code:06}"))
            .find(|code| secret.check(code, desk.now(), None).is_some())
            .unwrap();
        let (shown, code) = (prepared.secret, desk::value::secret::Secret::new(code));
        let confirm = desk::second_factor::ConfirmSecondFactor { user, secret: shown.clone(), code };
        desk.perform(&caller, confirm).await.unwrap();
        let (high, low) = (world.admin("super_admin").await, world.admin("customer_success").await);
        let uri =
            async |token: &str| world.get(token, "/admin/users/1").await.json()["data"]["authenticator_uri"].clone();
        assert_eq!(uri(&high).await, Value::Null, "off unless it is switched on");
        world.settings(json!({ "switch_expose_totp_uri": true })).await;
        let secret = shown.expose().to_lowercase();
        let expected = format!("otpauth://totp/SWITCH:ada@mail.example?secret={secret}&issuer=SWITCH");
        assert_eq!(uri(&high).await, expected);
        assert_eq!(uri(&low).await, Value::Null, "only for whoever may reveal");
        // Compliance may reveal, and is no super-admin here.
        let house = world.house();
        let hash = desk.hash_new_password(desk::value::secret::Secret::new(PASSWORD), 10, Vec::new()).await.unwrap();
        let (name, email) = ("compliance".to_owned(), "compliance@bank.example".to_owned());
        let add = desk::staff::AddStaff { id: None, name, email, password_hash: Some(hash) };
        let staff = desk.perform(&house, add).await.unwrap().id;
        let team = desk.perform(&house, desk::team::CreateTeam { name: "Compliance".to_owned() }).await.unwrap().id;
        let roles = desk.ask(&house, desk::role::ListRoles).await.unwrap();
        let role = roles.into_iter().find(|role| role.name == "compliance").expect("a built-in role").id;
        desk.perform(&house, desk::team::AddMember { team, staff, role }).await.unwrap();
        let other = world.admin("compliance").await;
        assert_eq!(uri(&other).await, Value::Null, "only for super-admins");
        let filter = desk::audit::AuditFilter { subject: Some(user.0), limit: 5, ..Default::default() };
        let page = desk.ask(&world.house(), desk::audit::ListAudit(filter)).await.unwrap();
        let looks = page.records.iter().filter(|record| record.action == "user.reveal_second_factor");
        assert_eq!(looks.count(), 1, "who looked is on record");
    }
}

struct SignedIn {
    caller: desk::Caller,
}

impl SignedIn {
    async fn of(world: &World, name: &str) -> SignedIn {
        let desk::session::SignInAnswer::SignedIn { token, .. } = world.sign_in(name, None).await else {
            panic!("{name} does not get in");
        };
        let caller = world.test.desk.caller(token.expose(), desk::testing::origin()).await.unwrap();
        SignedIn { caller }
    }
}
