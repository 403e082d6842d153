//! What a partner is called back with (contract 9): the vendor's envelope, signed as everything else, with types of our own,
//! since the vendor has none about administrators.

use desk::administrator::callback::{CallbackEvent, Errand};
use desk::value::clock::Time;
use desk::value::id::{self, Uuid};
use serde_json::json;

use super::PLATFORM;
use super::message::{Malformed, Value, signature};

/// The type of a notification, and the event's name in it.
fn named(event: CallbackEvent) -> (&'static str, &'static str) {
    match event {
        CallbackEvent::Added => ("9101", "ADDED"),
        CallbackEvent::MobileVerified => ("9102", "MOBILE_VERIFIED"),
        CallbackEvent::EmailVerified => ("9102", "EMAIL_VERIFIED"),
        CallbackEvent::Removed => ("9103", "REMOVED"),
    }
}

/// The message for one try. Its id and what it says are the same at each try; moment, salt and signature are its own: a
/// partner may refuse what was signed long ago, as we do.
pub fn message(errand: &Errand, now: Time, salt: Uuid) -> Result<String, Malformed> {
    let (kind, event) = named(errand.event);
    let mut message = json!({
        "requestId": errand.callback.to_string(),
        "sender": PLATFORM,
        "notificationType": kind,
        "locale": "en_KE",
        "timestamp": now.0.div_euclid(1000),
        "salt": id::encode(salt),
        "params": {
            "accountId": errand.account_number,
            "idType": errand.id_type.word(),
            "idNumber": errand.id_number,
            "event": event,
            "time": errand.happened_at.0.div_euclid(1000),
        },
    });
    let said = Value::read(&message.to_string())?;
    message["signature"] = signature(&said, errand.signing_key.expose())?.into();
    Ok(message.to_string())
}

/// Whether a partner's answer says that it knows now: `ok`, as such or as a JSON string.
pub fn is_ok(answer: &[u8]) -> bool {
    let text = std::str::from_utf8(answer).unwrap_or_default().trim();
    let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    text.trim().eq_ignore_ascii_case("ok")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ok_is_ok_in_some_shapes_and_nothing_else_is() {
        for ok in ["ok", "OK", " Ok\r\n", "\"ok\"", "\" OK \"\n"] {
            assert!(is_ok(ok.as_bytes()), "{ok}");
        }
        for other in ["", "\"", "\"ok", "okay", "not ok", r#"{"ok":true}"#, r#"{"code":"00000"}"#, "true", r#"["ok"]"#]
        {
            assert!(!is_ok(other.as_bytes()), "{other}");
        }
        assert!(!is_ok(&[0xff, 0xfe]));
    }
}
