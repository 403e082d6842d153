//! E-mail addresses, phone numbers and usernames. Parsed once at the edge and trusted from there on; the constructors are the
//! only way in. They print masked, because a contact in a log is a leak, and serialise as their text.

use email_address::{EmailAddress, Options};
use phonenumber::metadata::{DATABASE, Descriptors};
use phonenumber::{Mode, Type, country};

use unicode_normalization::UnicodeNormalization;

use super::mask::Mask;
use super::normal::{self, is_invisible};
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
/// The most digits of a number in E.164.
const E164_DIGITS_MAX: usize = 15;
/// The shortest username, in characters.
pub const USERNAME_MIN: usize = 3;
/// The longest username, in characters.
pub const USERNAME_MAX: usize = 64;

/// An e-mail address. The domain is in lower case and in its Unicode form; the local part stays as it was written.
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
        let (local, domain) = text.rsplit_once('@').ok_or(MALFORMED)?;
        let domain = unicode_domain(domain).ok_or(MALFORMED)?;
        let local: String = local.nfc().collect();
        let email = format!("{local}@{domain}");
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        EmailAddress::parse_with_options(&email, options).map_err(|_| MALFORMED)?;
        // Legal but never meant: a quoted local part (`"a b"@example.com`) can hold anything, also what breaks other programs.
        // What nobody sees, or what no version of Unicode that we know has assigned, would make a twin of another address.
        let strange = |c: char| {
            c == '"'
                || c.is_control()
                || c.is_whitespace()
                || !c.is_ascii() && !is_letter_or_digit(c)
                || is_invisible(c)
        };
        if local.contains(strange) || email.len() > EMAIL_MAX {
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

/// A domain in its one form: lower case, in Unicode, with nothing in it that its ASCII form has no place for.
fn unicode_domain(domain: &str) -> Option<String> {
    // Underscores and other ASCII that IDNA has no opinion on are left to the parser of addresses.
    if domain.is_ascii() && !domain.to_ascii_lowercase().split('.').any(|label| label.starts_with("xn--")) {
        return Some(domain.to_ascii_lowercase());
    }
    let ascii = idna::domain_to_ascii(domain).ok()?;
    let (unicode, valid) = idna::domain_to_unicode(&ascii);
    valid.ok()?;
    Some(unicode)
}

/// An address as every mail server takes it as far as that can be: the domain in its ASCII form (`xn--…`). A local part beyond
/// ASCII has no other form.
pub fn deliverable(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match idna::domain_to_ascii(domain) {
            Ok(ascii) => format!("{local}@{ascii}"),
            Err(_) => address.to_owned(),
        },
        _ => address.to_owned(),
    }
}

/// The form in which two addresses are the same one: whatever case, and whichever form of the domain. Text that is no
/// address comes out as `normal::lower` has it.
pub(crate) fn address_form(text: &str) -> String {
    let lower = normal::lower(text);
    if lower.is_ascii() && !lower.contains("xn--") {
        return lower;
    }
    match lower.rsplit_once('@') {
        Some((local, domain)) => match unicode_domain(domain) {
            Some(domain) => format!("{local}@{domain}"),
            None => lower,
        },
        None => lower,
    }
}

fn is_letter_or_digit(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
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
        if text.chars().filter(|c| !is_invisible(*c)).count() > PHONE_MAX || text.len() > 8 * PHONE_MAX {
            return Err(Fault::new("too_long", "A phone number has at most 32 characters."));
        }
        let bare = bare_number(text).ok_or(MALFORMED)?;
        if let Some(e164) = as_international(&bare) {
            return Ok(Phone(e164));
        }
        // With a plus, the default country must stay out of it: the library would cut that country's trunk prefix off
        // numbers of another.
        let country = default_country
            .filter(|_| !bare.starts_with('+'))
            .and_then(|code| code.to_ascii_uppercase().parse::<country::Id>().ok());
        // `00` stands for the plus nearly everywhere, and no country's own numbers begin so.
        if let Some(e164) = bare.strip_prefix("00").and_then(|rest| as_international(&format!("+{rest}"))) {
            return Ok(Phone(e164));
        }
        if country.is_none() && !bare.starts_with('+') {
            return Err(Fault::new("country_missing", "The phone number needs its country code, e.g. +234."));
        }
        // The country's own code without the plus, as spreadsheets leave it.
        let code = country.and_then(|country| DATABASE.by_id(country.as_ref())).map(|place| place.country_code());
        if code.is_some_and(|code| bare.starts_with(&code.to_string()))
            && let Some(e164) = as_international(&format!("+{bare}"))
        {
            return Ok(Phone(e164));
        }
        let number = phonenumber::parse(country, &bare).map_err(|_| MALFORMED)?;
        // The same question as above, of what the library made of it.
        let e164 = as_international(&number.format().mode(Mode::E164).to_string()).ok_or(MALFORMED)?;
        Ok(Phone(e164))
    }

    /// Whether this is a country that telephone numbers are known of: ISO 3166, two letters.
    pub fn is_country(code: &str) -> bool {
        code.len() == 2 && code.to_ascii_uppercase().parse::<country::Id>().is_ok()
    }

    /// The ways in which people write this number as digits only: with the country's code, with `00` before it, as it is
    /// dialled at home, and without the zero of that.
    pub fn written(&self) -> Vec<String> {
        let digits = self.digits();
        let mut ways = vec![digits.to_owned(), format!("00{digits}")];
        let code = (1..=3).find(|length| {
            let code = digits.get(..*length).and_then(|code| code.parse::<u16>().ok());
            code.is_some_and(|code| DATABASE.by_code(&code).is_some())
        });
        if let Some(national) = code.and_then(|length| digits.get(length..)) {
            ways.extend([format!("0{national}"), national.to_owned()]);
        }
        ways
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
        if !name.chars().all(fits) || name.contains(is_invisible) {
            return Err(Fault::new(
                "malformed",
                "A username consists of letters, digits, dots, hyphens, underscores and @.",
            ));
        }
        Ok(Username(name))
    }

    const TOO_LONG: Fault = Fault::new("too_long", "A username has at most 64 characters.");
}

/// A number in E.164 that is possible just as it stands. The library is not asked to read these: it cuts a trunk prefix off
/// international numbers too, and so turns +7 812 … (Saint Petersburg) into another number.
fn as_international(bare: &str) -> Option<String> {
    let digits = bare.strip_prefix('+').filter(|digits| digits.len() <= E164_DIGITS_MAX)?;
    // No country code begins another, so the first that is known is the one.
    (1..=3)
        .find_map(|length| {
            let (code, national) = digits.split_at_checked(length)?;
            let places = DATABASE.by_code(&code.parse::<u16>().ok()?)?;
            Some(places.iter().any(|place| possible(place.descriptors(), national)))
        })?
        .then(|| bare.to_owned())
}

/// Whether numbers of this length are given to subscribers somewhere. Asked of each kind of number, because the library's
/// general description has no lengths.
fn possible(kinds: &Descriptors, national: &str) -> bool {
    const KINDS: [Type; 4] = [Type::Mobile, Type::FixedLine, Type::Voip, Type::PersonalNumber];
    let length = u16::try_from(national.len()).unwrap_or(u16::MAX);
    KINDS.iter().filter_map(|kind| kinds.get(*kind)).any(|kind| kind.possible_length().contains(&length))
}

/// Reduces a number to its digits and a leading plus, or nothing if anything else than the usual punctuation is in it.
/// The parser takes much more (letters, extensions, full-width digits, RFC 3966) by way of slices and unwraps that we need
/// not trust with what strangers send.
fn bare_number(text: &str) -> Option<String> {
    // Spreadsheets and chats bring marks of direction, full-width characters and digits of other scripts along.
    let text: String = text.chars().filter(|c| !is_invisible(*c)).map(western).collect();
    // `+44 (0)20 …`: the zero is for those who dial at home.
    let text = if text.starts_with('+') { text.replacen("(0)", "", 1) } else { text };
    let mut bare = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '0'..='9' => bare.push(c),
            '+' if bare.is_empty() => bare.push(c),
            '-'
            | '.'
            | '('
            | ')'
            | '/'
            | '\u{2010}'..='\u{2015}'
            | '\u{2212}'
            | '\u{fe58}'
            | '\u{fe63}'
            | '\u{ff0d}' => {}
            c if c.is_whitespace() && !c.is_control() || c == '\t' => {}
            _ => return None,
        }
    }
    Some(bare)
}

/// A digit or sign of a telephone number in the form that keyboards here have.
fn western(c: char) -> char {
    const ZEROS: [char; 4] = ['\u{660}', '\u{6f0}', '\u{966}', '\u{ff10}'];
    let digit = ZEROS.iter().find_map(|zero| (c as u32).checked_sub(*zero as u32).filter(|digit| *digit < 10));
    match (c, digit) {
        (_, Some(digit)) => char::from_digit(digit, 10).unwrap_or(c),
        ('\u{ff0b}' | '\u{fe62}', _) => '+',
        ('\u{ff08}', _) => '(',
        ('\u{ff09}', _) => ')',
        ('\u{ff0e}', _) => '.',
        ('\u{ff0f}', _) => '/',
        (other, _) => other,
    }
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> Result<String, &'static str> {
        Email::parse(text).map(|email| email.as_str().to_owned()).map_err(|fault| fault.code)
    }

    fn phone(text: &str, country: Option<&str>) -> Result<String, &'static str> {
        Phone::parse(text, country).map(|phone| phone.as_str().to_owned()).map_err(|fault| fault.code)
    }

    #[test]
    fn addresses_keep_their_local_part_and_lower_their_domain() {
        assert_eq!(email(" Adaeze.Okafor+bank@Example.COM "), Ok("Adaeze.Okafor+bank@example.com".to_owned()));
        assert_eq!(email("zoë@exämple.com"), Ok("zoë@exämple.com".to_owned()));
        let address = Email::parse("ada@example.com").unwrap();
        assert_eq!((address.local(), address.domain()), ("ada", "example.com"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("{}@example.com", "a".repeat(300));
        let table = [
            ("", "required"),
            ("   ", "required"),
            (long.as_str(), "too_long"),
            ("ada", "malformed"),
            ("ada@", "malformed"),
            ("@example.com", "malformed"),
            ("ada@localhost", "malformed"),
            ("ada@[127.0.0.1]", "malformed"),
            ("Ada <ada@example.com>", "malformed"),
            ("\"ada okafor\"@example.com", "malformed"),
            ("ada okafor@example.com", "malformed"),
            ("ada@example.com\r\nBcc: eve@example.com", "malformed"),
            ("ada@exam\u{0}ple.com", "malformed"),
            ("a@b@example.com", "malformed"),
        ];
        for (text, code) in table {
            assert_eq!(email(text), Err(code), "{text}");
        }
    }

    #[test]
    fn numbers_become_e164() {
        let table = [
            ("+1 202-555-0101", None, "+12025550101"),
            ("(202) 555-0101", Some("US"), "+12025550101"),
            ("0803 555 0101", Some("NG"), "+2348035550101"),
            ("0803 555 0101", Some("ng"), "+2348035550101"),
            ("+234 803 555 0101", Some("US"), "+2348035550101"),
            ("+44 (0)20 7946 0958", None, "+442079460958"),
            ("020 7946 0958", Some("GB"), "+442079460958"),
            ("+440 20 7946 0958", None, "+442079460958"),
            ("+39 06 1234 5678", None, "+390612345678"),
            ("+39 06 1234 5678", Some("NG"), "+390612345678"),
            ("+7 812 123-45-67", None, "+78121234567"),
            ("+7 812 123-45-67", Some("NG"), "+78121234567"),
            ("+290 51234", None, "+29051234"),
        ];
        for (text, country, e164) in table {
            assert_eq!(phone(text, country), Ok(e164.to_owned()), "{text} {country:?}");
        }
        assert_eq!(Phone::parse("+12025550101", None).unwrap().digits(), "12025550101");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let table = [
            ("", None, "required"),
            ("+1234567890123456789012345678901234567890", None, "too_long"),
            ("2025550101", None, "country_missing"),
            ("2025550101", Some("XX"), "country_missing"),
            ("+1 202 555", None, "malformed"),
            ("+999 123 456 789", None, "malformed"),
            ("+1 800 FLOWERS", None, "malformed"),
            ("+1 202 555 0101 ext. 7", None, "malformed"),
            ("tel:+12025550101", None, "malformed"),
            ("++12025550101", None, "malformed"),
            ("+", None, "malformed"),
            ("+0", None, "malformed"),
            ("1", Some("US"), "malformed"),
            // A good number, but the library takes the trunk prefix 8 off twice. Better refused than turned into another.
            ("8 (812) 123-45-67", Some("RU"), "malformed"),
        ];
        for (text, country, code) in table {
            assert_eq!(phone(text, country), Err(code), "{text} {country:?}");
        }
    }

    #[test]
    fn usernames_are_letters_digits_and_a_few_marks() {
        for text in ["ada", "ada.okafor_77-x", "ada@home", "Ñandú", "李小龙"] {
            assert_eq!(Username::parse(text).unwrap().as_str(), text);
        }
        assert_eq!(Username::parse("jose\u{301}").unwrap().as_str(), "josé");
        let long = "a".repeat(65);
        for (text, code) in [
            ("", "required"),
            ("ad", "too_short"),
            (&long, "too_long"),
            ("ada okafor", "malformed"),
            ("ada\u{200b}x", "malformed"),
            ("ada\nx", "malformed"),
            ("<ada>", "malformed"),
        ] {
            assert_eq!(Username::parse(text).unwrap_err().code, code, "{text:?}");
        }
    }

    #[test]
    fn contacts_are_texts_on_the_wire_and_masked_in_logs() {
        let address: Email = serde_json::from_str("\"ada@Example.com\"").unwrap();
        assert_eq!(serde_json::to_string(&address).unwrap(), "\"ada@example.com\"");
        let number: Phone = serde_json::from_str("\"+12025550101\"").unwrap();
        let name: Username = serde_json::from_str("\"ada.okafor\"").unwrap();
        assert_eq!(
            format!("{address:?} {number:?} {name:?}"),
            "Email(a***@example.com) Phone(+1******0101) Username(a***)"
        );
        let error = serde_json::from_str::<Email>("\"secret-typo\"").unwrap_err().to_string();
        assert!(error.contains("not an e-mail address") && !error.contains("secret-typo"), "{error}");
    }

    #[test]
    fn a_fault_becomes_a_field() {
        let field = Email::parse("x").unwrap_err().field("email");
        assert_eq!((field.path.as_str(), field.code), ("email", "malformed"));
    }

    proptest! {
        #[test]
        fn no_text_breaks_a_parser(text in any::<String>()) {
            let _ = (Email::parse(&text), Phone::parse(&text, Some("NG")), Phone::parse(&text, None), Username::parse(&text));
        }

        #[test]
        fn no_number_breaks_the_phone_parser(text in "\\+?[0-9() .-]{0,32}", country in prop::sample::select(vec!["NG", "US", "GB", "BR", "AR", "IT", "MX", "RU", "KE", "CO"])) {
            for country in [Some(country), None] {
                if let Ok(phone) = Phone::parse(&text, country) {
                    prop_assert!(phone.as_str().len() <= 16 && phone.digits().bytes().all(|b| b.is_ascii_digit()));
                    // What we wrote we can read.
                    prop_assert_eq!(Phone::parse(phone.as_str(), None), Ok(phone));
                }
            }
        }
    }
}
