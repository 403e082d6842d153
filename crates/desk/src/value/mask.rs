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
