//! What is left of a personal value when somebody may know that it is there but not what it is. Masks are decided by policy
//! where values leave, not in here; in here is only what each mask looks like. Values too short to hide anything in are
//! hidden entirely, and nothing a value can contain makes a mask fail.

use super::normal;
use super::words;

/// The longest run of hiding characters, so that a mask cannot be made to fill a page.
const RUN_MAX: usize = 32;

words! {
    /// How a personal value is shown to those who may not see it.
    pub enum Mask {
        /// BVN, NIN and other official numbers: `22xxxxxx144`.
        NationalId = "national_id",
        /// A US social security number: `***-**-1234`.
        Ssn = "ssn",
        /// An account or card number: `******1234`.
        Account = "account",
        /// `m***@example.com`.
        Email = "email",
        /// Country code and last four digits: `+1******0101`.
        Phone = "phone",
        /// `****-**-**`.
        BirthDate = "birth_date",
        /// The initial of each word: `A*** O***`.
        Name = "name",
        /// Nothing at all: `***`.
        Hidden = "hidden",
    }
}

impl Mask {
    /// The masked value. An empty value stays empty: that there is none is no secret, and a mask would claim otherwise.
    pub fn apply(self, value: &str) -> String {
        let value = value.trim();
        if value.is_empty() {
            return String::new();
        }
        match self {
            Mask::NationalId => national_id(value),
            Mask::Ssn => ssn(value),
            Mask::Account => account(value),
            Mask::Email => email(value),
            Mask::Phone => phone(value),
            Mask::BirthDate => "****-**-**".to_owned(),
            Mask::Name => name(value),
            Mask::Hidden => "***".to_owned(),
        }
    }
}

impl Mask {
    /// Whether this mask may have made a text: who was shown a masked value may send it back, and it is no value.
    pub fn may_have_made(self, text: &str) -> bool {
        let text = text.trim();
        match self {
            Mask::NationalId => {
                let characters: Vec<char> = text.chars().collect();
                let hidden = match characters.len() {
                    0 => return false,
                    count @ 1..10 => &characters[..count],
                    count => &characters[2..count - 3],
                };
                hidden.iter().all(|it| *it == 'x')
            }
            // The others hide behind three stars at least.
            Mask::Ssn | Mask::Account | Mask::Email | Mask::Phone | Mask::BirthDate | Mask::Name | Mask::Hidden => {
                text.contains("***")
            }
        }
    }
}

/// First two, last three; at least five hidden between them.
fn national_id(value: &str) -> String {
    let characters: Vec<char> = value.chars().collect();
    let count = characters.len();
    if count < 10 {
        return "x".repeat(count);
    }
    let hidden = (count - 5).min(RUN_MAX);
    let mut out: String = characters[..2].iter().collect();
    out.extend(std::iter::repeat_n('x', hidden));
    out.extend(&characters[count - 3..]);
    out
}

fn ssn(value: &str) -> String {
    let digits = normal::digits(value);
    if digits.len() == 9 { format!("***-**-{}", &digits[5..]) } else { "***-**-****".to_owned() }
}

/// Six stars whatever the length, which is nobody's business either; at least four characters are hidden.
fn account(value: &str) -> String {
    let characters: Vec<char> = value.chars().filter(|c| c.is_alphanumeric()).collect();
    let count = characters.len();
    let mut out = "******".to_owned();
    if count >= 8 {
        out.extend(&characters[count - 4..]);
    }
    out
}

fn email(value: &str) -> String {
    let Some((local, domain)) = value.rsplit_once('@') else { return "***".to_owned() };
    let mut characters = local.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(_)) => format!("{first}***@{domain}"),
        _ => format!("***@{domain}"),
    }
}

/// At least three digits stay hidden; a number too short for that keeps only its country.
fn phone(value: &str) -> String {
    let digits = normal::digits(value);
    let country = if value.starts_with('+') { calling_code(&digits) } else { "" };
    let plus = if country.is_empty() { "" } else { "+" };
    let last = if digits.len() >= country.len() + 7 { &digits[digits.len() - 4..] } else { "" };
    format!("{plus}{country}******{last}")
}

fn name(value: &str) -> String {
    let masked: Vec<String> = value.split_whitespace().take(4).map(initial).collect();
    masked.join(" ")
}

/// A name of one character would be shown whole by its initial.
fn initial(word: &str) -> String {
    let mut characters = word.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(_)) if first.is_alphanumeric() => format!("{first}***"),
        _ => "***".to_owned(),
    }
}

/// The country calling code at the beginning of an E.164 number. No code begins another, so the first digits decide
/// (ITU-T E.164, list of assigned codes): zones 1 and 7 have one digit, these have two, all others three.
fn calling_code(digits: &str) -> &str {
    let length = match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    };
    digits.get(..length).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_look_as_promised() {
        let table = [
            (Mask::NationalId, "22123456144", "22xxxxxx144"),
            (Mask::NationalId, "123456789", "xxxxxxxxx"),
            (Mask::NationalId, "1", "x"),
            (Mask::Ssn, "123-45-6789", "***-**-6789"),
            (Mask::Ssn, "123456789", "***-**-6789"),
            (Mask::Ssn, "6789", "***-**-****"),
            (Mask::Account, "0123451234", "******1234"),
            (Mask::Account, "DE89 3704 0044 0532 0130 00", "******3000"),
            (Mask::Account, "1234567", "******"),
            (Mask::Email, "maria@example.com", "m***@example.com"),
            (Mask::Email, "m@example.com", "***@example.com"),
            (Mask::Email, "ñandú@example.com", "ñ***@example.com"),
            (Mask::Email, "@example.com", "***@example.com"),
            (Mask::Email, "not an address", "***"),
            (Mask::Phone, "+12025550101", "+1******0101"),
            (Mask::Phone, "+2348035550101", "+234******0101"),
            (Mask::Phone, "+442079460958", "+44******0958"),
            (Mask::Phone, "2025550101", "******0101"),
            (Mask::Phone, "+29051234", "+290******"),
            (Mask::Phone, "+1", "+1******"),
            (Mask::Phone, "0101", "******"),
            (Mask::BirthDate, "1977-03-12", "****-**-**"),
            (Mask::Name, "Adaeze Okafor", "A*** O***"),
            (Mask::Name, "李", "***"),
            (Mask::Name, "'tis", "***"),
            (Mask::Hidden, "anything", "***"),
        ];
        for (mask, value, expected) in table {
            assert_eq!(mask.apply(value), expected, "{mask} {value}");
        }
    }

    #[test]
    fn nothing_masked_is_nothing() {
        for mask in Mask::ALL {
            assert_eq!(mask.apply("  "), "", "{mask}");
        }
    }

    #[test]
    fn masks_have_words() {
        assert_eq!(Mask::parse("national_id"), Some(Mask::NationalId));
    }

    #[test]
    fn values_are_not_taken_for_masks() {
        for mask in Mask::ALL {
            for value in ["22123456144", "m*a@example.com", "+2348035550101", "Max", "", "4 ** hotel", "AXxxyxxxxx12"] {
                assert!(!mask.may_have_made(value), "{mask} {value}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_a_mask_made_is_known_as_masked(value in any::<String>()) {
            for mask in Mask::ALL {
                let masked = mask.apply(&value);
                prop_assert!(masked.is_empty() || mask.may_have_made(&masked), "{} {}", mask, masked);
            }
        }

        #[test]
        fn no_value_makes_a_mask_fail_or_grow(value in any::<String>()) {
            for mask in Mask::ALL {
                // An e-mail's domain is the one part of a value that is shown whole.
                prop_assert!(mask.apply(&value).chars().count() <= value.chars().count() + 48);
            }
        }

        #[test]
        fn at_most_four_digits_of_an_account_are_shown(value in "[0-9]{1,40}") {
            let shown = Mask::Account.apply(&value).chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown <= 4 && shown + 4 <= value.len().max(4));
            let shown = Mask::Ssn.apply(&value).chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown <= 4);
            let shown = Mask::NationalId.apply(&value).chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown <= 5 && shown * 2 <= value.len());
        }

        #[test]
        fn at_least_three_digits_of_a_phone_stay_hidden(value in "\\+[1-9][0-9]{2,20}") {
            let shown = Mask::Phone.apply(&value).chars().filter(char::is_ascii_digit).count();
            prop_assert!(shown <= 7 && (shown <= 3 || shown + 3 < value.len()));
        }

        #[test]
        fn of_an_address_one_character_is_shown(local in "[a-z]{1,30}") {
            let masked = Mask::Email.apply(&format!("{local}@example.com"));
            let initial = if local.len() > 1 { &local[..1] } else { "" };
            prop_assert_eq!(masked, format!("{initial}***@example.com"));
        }
    }
}
