//! Ids. Sixteen bytes inside (UUIDv7: sortable by time of creation), a prefixed text at the border (`usr_…`),
//! so that a wrong kind of id fails at the door.

pub use uuid::Uuid;

use super::clock::Time;
use super::random::Random;

/// Crockford's alphabet in lower case: no i, l, o, u.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// The id that nothing has.
pub const NIL: Uuid = Uuid::nil();
/// Characters needed for 128 bits at 5 bits each.
const TEXT_LEN: usize = 26;

/// Makes a UUIDv7 from a moment and chance. The microseconds within the millisecond stand in the next ten bits (RFC 9562,
/// 6.2, method 3): what one action makes in order, a microsecond apart, also sorts in that order.
pub fn uuid_v7(now: Time, random: &Random) -> Uuid {
    let now = u64::try_from(now.0).unwrap_or(0);
    let mut bytes = random.bytes::<10>();
    let fine = ((now % 1000) << 2) as u16 | u16::from(bytes[1] & 3);
    bytes[..2].copy_from_slice(&fine.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(now / 1000, &bytes).into_uuid()
}

/// The moment in an id that `uuid_v7` made.
pub fn made_at(id: Uuid) -> Time {
    let bits = id.as_u128();
    let millis = (bits >> 80) as i64;
    let micros = ((bits >> 66) & 0x3ff) as i64;
    Time(millis * 1000 + micros)
}

/// The moment in the text of an id of any kind; nothing for other text.
pub fn made_at_of_text(text: &str) -> Option<Time> {
    let (prefix, rest) = text.split_once('_')?;
    (prefix.len() == 3).then(|| decode(rest)).flatten().map(made_at)
}

/// 26 characters of Crockford base 32.
pub fn encode(uuid: Uuid) -> String {
    let mut value = uuid.as_u128();
    let mut text = [0u8; TEXT_LEN];
    for slot in text.iter_mut().rev() {
        *slot = ALPHABET[(value & 31) as usize];
        value >>= 5;
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads 26 characters of Crockford base 32 in lower case; nothing else is accepted.
pub fn decode(text: &str) -> Option<Uuid> {
    let bytes = text.as_bytes();
    if bytes.len() != TEXT_LEN || bytes[0] > b'7' {
        return None;
    }
    let mut value: u128 = 0;
    for byte in bytes {
        let digit = ALPHABET.iter().position(|known| known == byte)?;
        value = (value << 5) | digit as u128;
    }
    Some(Uuid::from_u128(value))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal, $noun:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the id in text, e.g. `usr`.
            pub const PREFIX: &'static str = $prefix;
            /// What a caller is told does not exist.
            pub const NOUN: &'static str = $noun;

            /// A new id.
            pub fn new(now: Time, random: &Random) -> Self {
                $name(uuid_v7(now, random))
            }

            /// Reads the text form; nothing but the exact form is accepted.
            pub fn parse(text: &str) -> Option<Self> {
                text.strip_prefix(concat!($prefix, "_")).and_then(decode).map($name)
            }

            /// The sixteen bytes.
            pub fn bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, encode(self.0))
            }
        }

        impl crate::db::ToParam for $name {
            fn to_param(&self) -> crate::db::Param<'_> {
                crate::db::Param::Blob(self.bytes())
            }
        }

        impl crate::db::FromValue for $name {
            fn from_value(value: crate::db::Param<'_>) -> Result<Self, &'static str> {
                <[u8; 16]>::from_value(value).map(|bytes| $name(Uuid::from_bytes(bytes)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(concat!("not an id of the form ", $prefix, "_…")))
            }
        }
    )+};
}

ids! {
    /// An institution: the bank or fintech.
    InstitutionId = "ins", "institution";
    /// An end customer.
    UserId = "usr", "user";
    /// Somebody who works here.
    StaffId = "stf", "staff member";
    /// A team of staff.
    TeamId = "tea", "team";
    /// A role: a named set of permissions.
    RoleId = "rol", "role";
    /// A machine's credential.
    KeyId = "key", "key";
    /// Somebody signed in.
    SessionId = "ses", "session";
    /// A phone or browser bound to a user.
    DeviceId = "dev", "device";
    /// A mail or text message.
    MessageId = "msg", "message";
    /// What an agent wrote about a user.
    NoteId = "nte", "note";
    /// One line of the audit.
    AuditId = "aud", "audit record";
    /// One thing that happened.
    EventId = "evt", "event";
    /// Users brought in from one file.
    ImportId = "imp", "import";
    /// Work to be done outside a request.
    JobId = "job", "job";
    /// A bulk action.
    BulkId = "blk", "bulk action";
    /// An action proposed by one person, to be decided by another.
    RequestId = "rqt", "request";
    /// A request for verification.
    VerificationId = "vrf", "verification";
    /// A document shown for verification.
    DocumentId = "doc", "document";
    /// Money kept here for a user.
    AccountId = "acc", "account";
    /// Somebody who may act on an account that is not hers.
    AdministratorId = "adm", "administrator";
    /// Something that waits for a person's code.
    ChallengeId = "chl", "challenge";
    /// What a partner is told, or is to be told.
    CallbackId = "cbk", "callback";
    /// Somebody who wants to make an account, and has not confirmed it yet.
    RegistrationId = "reg", "registration";
    /// A pending second step: a code or a link that proves somebody.
    ProofId = "prf", "proof";
}

/// A tenant: one institution in one environment. Dense numbers, because every key of every table begins with one;
/// sixteen bytes there would make the search index half as large again (docs/decisions/0002).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(pub i64);

impl TenantId {
    /// Reads the text form.
    pub fn parse(text: &str) -> Option<Self> {
        text.strip_prefix("ten_").and_then(|digits| digits.parse().ok()).map(TenantId)
    }
}

impl std::fmt::Display for TenantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ten_{}", self.0)
    }
}

impl serde::Serialize for TenantId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_microsecond_and_tell_it() {
        let random = Random::seeded(2);
        let begin = Time(1_772_442_000_000_998);
        let ids: Vec<Uuid> = (0..2_000).map(|micros| uuid_v7(begin.plus(micros), &random)).collect();
        assert!(ids.is_sorted());
        for (micros, id) in ids.iter().enumerate() {
            assert_eq!(made_at(*id), begin.plus(micros as i64));
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
        }
        assert_eq!(made_at_of_text(&UserId(ids[5]).to_string()), Some(begin.plus(5)));
        assert_eq!(made_at_of_text("chargeback_after_a_call"), None);
    }

    #[test]
    fn an_id_reads_back_what_it_prints_and_nothing_else() {
        let id = UserId::new(Time(1_714_979_289_120_000), &Random::seeded(1));
        assert_eq!(UserId::parse(&id.to_string()), Some(id));
        assert_eq!(StaffId::parse(&id.to_string()), None);
        assert_eq!(UserId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(UserId::parse("usr_zzzzzzzzzzzzzzzzzzzzzzzzzz"), None);
        assert_eq!(UserId::parse("usr_"), None);
    }
}
