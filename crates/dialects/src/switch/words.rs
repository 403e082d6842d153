//! The vendor's words for what is ours: roles, second factors, times, where somebody lives.

use desk::user::SeenUser;
use desk::user::standing::{Admission, Axis, Presence, Verification};
use desk::value::clock::Time;

/// What the vendor adds to an id to make a switch id (contract 4).
const SWITCH_ID: i64 = 100_100;

/// A user's switch id.
pub(super) fn switch_id(number: i64) -> i64 {
    number + SWITCH_ID
}

/// The vendor's word for what an admin may do, from the names of her roles; the one that may most counts. Roles that the
/// vendor does not know are its nearest: whoever may do everything is a super-admin, whoever only reads is of operations.
pub(super) fn role(names: &[String]) -> &'static str {
    let has = |known: &[&str]| names.iter().any(|name| known.contains(&name.as_str()));
    if has(DECIDERS) {
        "super_admin"
    } else if has(ADMIN) {
        "admin"
    } else if has(CUSTOMER_SUCCESS) {
        "customer_success"
    } else {
        "banking_operations"
    }
}

/// Whether she may do everything, by the names of her roles.
pub(super) fn is_super_admin(names: &[String]) -> bool {
    names.iter().any(|name| SUPER_ADMIN.contains(&name.as_str()))
}

const SUPER_ADMIN: &[&str] = &["super_admin", "admin"];
/// Who disables and decides is a super-admin to the vendor, whose other roles do neither.
const DECIDERS: &[&str] = &["super_admin", "admin", "compliance"];
/// The vendor's `admin` is our `user_admin`: ours of that name may do everything (docs/decisions/0019).
const ADMIN: &[&str] = &["user_admin"];
const CUSTOMER_SUCCESS: &[&str] = &["customer_success", "support"];

/// The name of our role for the vendor's word.
pub(super) fn our_role(word: &str) -> Option<&'static str> {
    match word {
        "super_admin" => Some("super_admin"),
        "admin" => Some("user_admin"),
        "customer_success" => Some("customer_success"),
        "banking_operations" => Some("banking_operations"),
        _ => None,
    }
}

/// The vendor's word for the second factor somebody has chosen (contract 4).
pub(super) fn second_factor(user: &SeenUser) -> &'static str {
    match user.profile.second_factor_choice.as_deref() {
        Some("pin") => "pin",
        Some("phone") => "phone",
        Some("totp") => "google_authenticator",
        _ if user.has_second_factor => "google_authenticator",
        _ => "none",
    }
}

/// Our word for the vendor's.
pub(super) fn our_second_factor(word: &str) -> Option<&'static str> {
    match word {
        "pin" => Some("pin"),
        "phone" => Some("phone"),
        "google_authenticator" => Some("totp"),
        _ => None,
    }
}

/// Whether somebody is shut out, in the one word that the vendor has for it.
pub(super) fn is_disabled(user: &SeenUser) -> bool {
    user.standing.admission == Admission::Disabled || user.standing.presence != Presence::Present
}

/// Whether somebody is verified.
pub(super) fn is_verified(user: &SeenUser) -> bool {
    user.standing.verification == Verification::Verified
}

/// When she was.
pub(super) fn verified_at(user: &SeenUser) -> Option<String> {
    let mark = user.marks.get(&Axis::Verification).filter(|_| is_verified(user))?;
    Some(time(mark.at))
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
pub(super) fn time(at: Time) -> String {
    at.rfc3339_millis()
}

/// The first line of an address as the vendor has it: all our lines in one.
pub(super) fn address(user: &SeenUser) -> Option<String> {
    let it = &user.profile.address;
    let lines: Vec<&str> =
        [&it.line_one, &it.line_two, &it.line_three, &it.line_four].into_iter().flatten().map(String::as_str).collect();
    if lines.is_empty() { None } else { Some(lines.join(", ")) }
}

/// Address, state, city and zip code, in this order (contract 4).
pub(super) fn full_address(user: &SeenUser) -> Option<String> {
    let it = &user.profile.address;
    let parts: Vec<String> =
        [address(user), it.state.clone(), it.city.clone(), it.zip.clone()].into_iter().flatten().collect();
    if parts.is_empty() { None } else { Some(parts.join(" ")) }
}

/// First and last name; a business has its name for both.
pub(super) fn names(user: &SeenUser) -> (String, String) {
    let it = &user.profile;
    match &it.business_name {
        Some(name) if it.first_name.is_empty() && it.last_name.is_empty() => (name.clone(), String::new()),
        _ => (it.first_name.clone(), it.last_name.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_role_that_may_most_is_told() {
        let told = |names: &[&str]| role(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(told(&["customer_success", "super_admin"]), "super_admin");
        assert_eq!(told(&["customer_success"]), "customer_success");
        assert_eq!(told(&["banking_operations"]), "banking_operations");
        assert_eq!(told(&[]), "banking_operations");
        assert_eq!(told(&["compliance"]), "super_admin", "she disables and decides");
        assert!(!is_super_admin(&["compliance".to_owned()]), "and that is all");
        for word in ["super_admin", "admin", "customer_success", "banking_operations"] {
            assert_eq!(our_role(word).map(|name| told(&[name])), Some(word));
        }
    }
}
