//! Invented people for the demo: who they are, how to reach them, what they carry and in which standing they are.
//! Pure and deterministic: the same seed, count and institution give the same people. Nobody here exists: e-mail
//! addresses lie in reserved domains, telephone numbers in ranges kept for fiction, identifiers were never issued.

mod dice;
mod maker;
mod standing;
mod story;
#[cfg(test)]
mod tests;

use desk::value::random::Random;
use jiff::civil::Date;

use super::names::{self, Town};
use dice::Dice;
use maker::Maker;
pub use standing::{CoreState, DemoStanding, Flag, Fraud, Hold, LockCause, Presence, SignInLock, Verification};

/// The two institutions of the demo. Both are invented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// A coastal bank with customers in the United States, Nigeria and Britain.
    Bank,
    /// A credit union of the upper Midwest.
    CreditUnion,
}

impl Flavour {
    /// What the institution is called.
    pub fn institution(self) -> &'static str {
        match self {
            Flavour::Bank => "Harbor & Pine Bank",
            Flavour::CreditUnion => "Fieldlark Credit Union",
        }
    }

    fn towns(self) -> &'static [Town] {
        match self {
            Flavour::Bank => names::COAST,
            Flavour::CreditUnion => names::PRAIRIE,
        }
    }
}

/// One customer or member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name she was given.
    pub first_name: String,
    /// A second given name, or its initial.
    pub middle_name: Option<String>,
    /// The family's name.
    pub last_name: String,
    /// What she would rather be called.
    pub preferred_name: Option<String>,
    /// The business, if it is one; the names above are then its owner's.
    pub business_name: Option<String>,
    /// What she signs in with; unique.
    pub username: String,
    /// Unique, and in a domain reserved for examples.
    pub email: String,
    /// E.164, in a range kept for fiction.
    pub phone: String,
    /// When she was born.
    pub date_of_birth: Date,
    /// If she said.
    pub gender: Option<Gender>,
    /// Where she lives, or the business is.
    pub address: Address,
    /// United States: nine digits of a number that was never issued.
    pub ssn: Option<String>,
    /// Nigeria: bank verification number, eleven digits.
    pub bvn: Option<String>,
    /// Nigeria: national identification number, eleven digits.
    pub nin: Option<String>,
    /// Banks: the number for banking by net; unique.
    pub net_teller_id: Option<String>,
    /// Banks: the number in the core's customer file; unique.
    pub customer_id: Option<String>,
    /// Credit unions: ten digits, padded with zeros; unique.
    pub member_number: Option<String>,
    /// The language to write to her in.
    pub language: &'static str,
    /// Language and country, e.g. `es-US`.
    pub locale: String,
    /// Works for the institution.
    pub employee: bool,
    /// What the core's demographic file adds.
    pub demographic: Demographic,
    /// How long she has been a customer.
    pub created_days_ago: u32,
    /// When she was last seen; some never signed in.
    pub last_seen_days_ago: Option<u32>,
    /// Phones bound to her.
    pub devices: Vec<DemoDevice>,
    /// What agents wrote about her.
    pub notes: Vec<DemoNote>,
    /// Where she stands on each axis.
    pub standing: DemoStanding,
}

/// If somebody said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gender {
    /// A woman.
    Female,
    /// A man.
    Male,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// House and street.
    pub line_one: String,
    /// Flat, suite or district.
    pub line_two: Option<String>,
    /// Town.
    pub city: String,
    /// State, county or the like.
    pub state: String,
    /// Postal code.
    pub zip: String,
    /// Four more digits, in the United States.
    pub zip_plus_four: Option<String>,
    /// `US`, `NG` or `GB`.
    pub country: &'static str,
}

/// What the core's demographic file adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demographic {
    /// E.g. `AssocDegree`.
    pub education_level: Option<&'static str>,
    /// Where she works.
    pub employer_name: Option<&'static str>,
    /// As what.
    pub employee_title: Option<&'static str>,
    /// Her branch, e.g. `0004`.
    pub home_branch_id: String,
    /// Whether the institution counts her among its important customers.
    pub customer_importance: bool,
}

/// A phone or tablet with the institution's app on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoDevice {
    /// E.g. `Pixel 8`.
    pub model: &'static str,
    /// E.g. `Google`.
    pub brand: &'static str,
    /// E.g. `Android`.
    pub os: &'static str,
    /// E.g. `14`.
    pub os_version: &'static str,
    /// The institution's app.
    pub app_version: &'static str,
    /// When it was last used.
    pub last_seen_days_ago: u32,
}

/// What an agent wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoNote {
    /// A sentence or two.
    pub text: &'static str,
    /// When it was written.
    pub written_days_ago: u32,
}
/// The people of an institution.
pub fn people(seed: u64, count: usize, institution: Flavour) -> Vec<Person> {
    // The two institutions share a seed, and must not share their people.
    let stream = seed.wrapping_mul(2).wrapping_add(match institution {
        Flavour::Bank => 0,
        Flavour::CreditUnion => 1,
    });
    let dice = Dice(Random::seeded(stream));
    let stories = story::stories(&dice, count);
    let mut maker = Maker::new(dice, institution);
    stories.into_iter().map(|story| maker.person(story)).collect()
}
