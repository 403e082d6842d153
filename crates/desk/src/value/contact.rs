//! E-mail addresses, phone numbers and usernames. Parsed once at the edge and trusted from there on; the constructors are the
//! only way in. They print masked, because a contact in a log is a leak, and serialise as their text.

use email_address::{EmailAddress, Options};
use phonenumber::metadata::DATABASE;
use phonenumber::{Mode, country};

use super::mask::Mask;
use crate::error::Field;

/// Why a text is not what it should be: a stable word and a sentence, still without the name of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// A stable word, e.g. `required`, `too_long`, `malformed`.
    pub code: &'static str,
    /// One English sentence for people. Never repeats the value.
    pub message: &'static str,
}

impl Fault {
    const fn new(code: &'static str, message: &'static str) -> Fault {
        Fault { code, message }
    }

    /// The fault of a field.
    pub fn field(self, path: impl Into<String>) -> Field {
        Field::new(path, self.code, self.message)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message)
    }
}

/// The longest e-mail address that can be delivered to (RFC 3696, erratum 1690).
pub const EMAIL_MAX: usize = 254;
/// The longest phone number that is looked at.
pub const PHONE_MAX: usize = 32;
/// The shortest username, in characters.
pub const USERNAME_MIN: usize = 3;
/// The longest username, in characters.
pub const USERNAME_MAX: usize = 64;

/// An e-mail address. The domain is in lower case; the local part stays as it was written.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Email(String);

impl Email {
    /// Reads an address; blanks around it are ignored.
    pub fn parse(text: &str) -> Result<Email, Fault> {
        const MALFORMED: Fault = Fault::new("malformed", "This is not an e-mail address.");
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new("required", "An e-mail address is needed."));
        }
        if text.len() > EMAIL_MAX {
            return Err(Fault::new("too_long", "An e-mail address has at most 254 characters."));
        }
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let address = EmailAddress::parse_with_options(text, options).map_err(|_| MALFORMED)?;
        // Legal but never meant: a quoted local part (`"a b"@example.com`) can hold anything, also what breaks other programs.
        let quoted = address.local_part().contains(|c: char| c == '"' || c.is_control() || c.is_whitespace());
        let email = format!("{}@{}", address.local_part(), address.domain().to_lowercase());
        if quoted || email.len() > EMAIL_MAX {
            return Err(MALFORMED);
        }
        Ok(Email(email))
    }

    /// What stands before the `@`.
    pub fn local(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }

    /// What stands after the `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// A phone number in E.164: `+` and digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

impl Phone {
    /// Reads a number, written internationally or, if the country is given (ISO 3166, two letters), as it is dialled at home.
    /// It must be possible (the country exists, the length fits); whether it is assigned is not asked, because the tables
    /// age and customers of new ranges are customers too.
    pub fn parse(text: &str, default_country: Option<&str>) -> Result<Phone, Fault> {
        const MALFORMED: Fault = Fault::new("malformed", "This is not a phone number.");
        let text = text.trim();
        if text.is_empty() {
            return Err(Fault::new("required", "A phone number is needed."));
        }
        if text.len() > PHONE_MAX {
            return Err(Fault::new("too_long", "A phone number has at most 32 characters."));
        }
        let bare = bare_number(text).ok_or(MALFORMED)?;
        let country = default_country.and_then(|code| code.to_ascii_uppercase().parse::<country::Id>().ok());
        if country.is_none() && !bare.starts_with('+') {
            return Err(Fault::new("country_missing", "The phone number needs its country code, e.g. +234."));
        }
        let number = phonenumber::parse(country, &bare).map_err(|_| MALFORMED)?;
        let national = u16::try_from(number.national().to_string().len()).unwrap_or(u16::MAX);
        let possible = DATABASE.by_code(&number.code().value()).is_some_and(|places| {
            places.iter().any(|place| place.descriptors().general().possible_length().contains(&national))
        });
        let e164 = number.format().mode(Mode::E164).to_string();
        // The recommendation permits fifteen digits; the library sometimes more.
        if !possible || e164.len() > 16 {
            return Err(MALFORMED);
        }
        Ok(Phone(e164))
    }

    /// The digits without the plus.
    pub fn digits(&self) -> &str {
        self.0.strip_prefix('+').unwrap_or(&self.0)
    }
}

/// What people sign in with. Keeps its case; two that differ only in case are the same (see `token::Lookup::unique`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(String);

impl Username {
    /// Reads a username: letters and digits of any script, and `.`, `_`, `-`, `@`.
    pub fn parse(text: &str) -> Result<Username, Fault> {
        use unicode_normalization::UnicodeNormalization;
        // No character has more than four bytes; the exact count comes after composing.
        if text.len() > 4 * USERNAME_MAX {
            return Err(Username::TOO_LONG);
        }
        // Composed, so that what looks the same is the same.
        let name: String = text.trim().nfc().collect();
        let count = name.chars().count();
        if count == 0 {
            return Err(Fault::new("required", "A username is needed."));
        }
        if count < USERNAME_MIN {
            return Err(Fault::new("too_short", "A username has at least 3 characters."));
        }
        if count > USERNAME_MAX {
            return Err(Username::TOO_LONG);
        }
        let fits = |c: char| {
            c.is_alphanumeric()
                || unicode_normalization::char::is_combining_mark(c)
                || matches!(c, '.' | '_' | '-' | '@')
        };
        if !name.chars().all(fits) {
            return Err(Fault::new(
                "malformed",
                "A username consists of letters, digits, dots, hyphens, underscores and @.",
            ));
        }
        Ok(Username(name))
    }

    const TOO_LONG: Fault = Fault::new("too_long", "A username has at most 64 characters.");
}

/// Reduces a number to its digits and a leading plus, or nothing if anything else than the usual punctuation is in it.
/// The parser takes much more (letters, extensions, full-width digits, RFC 3966) by way of slices and unwraps that we need
/// not trust with what strangers send.
fn bare_number(text: &str) -> Option<String> {
    // `+44 (0)20 …`: the zero is for those who dial at home.
    let text = if text.starts_with('+') { text.replacen("(0)", "", 1) } else { text.to_owned() };
    let mut bare = String::with_capacity(text.len());
    for (index, c) in text.chars().enumerate() {
        match c {
            '0'..='9' => bare.push(c),
            '+' if index == 0 => bare.push(c),
            ' ' | '\u{a0}' | '-' | '.' | '(' | ')' | '/' => {}
            _ => return None,
        }
    }
    Some(bare)
}

/// What all three have in common.
macro_rules! contacts {
    ($($name:ident, $mask:expr, $parse:expr;)+) => {$(
        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), $mask.apply(&self.0))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                let parse: fn(&str) -> Result<$name, Fault> = $parse;
                parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )+};
}
contacts! {
    Email, Mask::Email, Email::parse;
    // Without a country: what we serialise is international, and so is what we read back.
    Phone, Mask::Phone, |text| Phone::parse(text, None);
    Username, Mask::Name, Username::parse;
}
