//! Makes one person after another from a stream of chance, keeping what must be unique apart.

use std::collections::BTreeSet;

use jiff::civil::Date;
use unicode_normalization::UnicodeNormalization;

use super::super::names::{self, Culture, Model};
use super::dice::Dice;
use super::story::Story;
use super::{Address, DemoDevice, Demographic, Flavour, Gender, Person};

/// The year that ages are reckoned from. Fixed, so that a seed gives the same birthdays in every year.
const THIS_YEAR: i16 = 2026;

/// Which part of the world a family came from, and how many of a hundred people did.
type Mix = &'static [(u32, &'static Culture)];

const BANK_MIX: Mix = &[
    (34, &names::ENGLISH),
    (10, &names::FRENCH),
    (9, &names::IRISH),
    (9, &names::SPANISH),
    (6, &names::ITALIAN),
    (6, &names::PORTUGUESE),
    (5, &names::CHINESE),
    (5, &names::INDIAN),
    (3, &names::VIETNAMESE),
    (3, &names::EAST_AFRICAN),
    (2, &names::ARABIC),
    (2, &names::KOREAN),
    (2, &names::POLISH),
    (1, &names::NORDIC),
    (1, &names::GERMAN),
    (1, &names::FILIPINO),
    (1, &names::IGBO),
];
const CREDIT_UNION_MIX: Mix = &[
    (38, &names::ENGLISH),
    (11, &names::GERMAN),
    (10, &names::NORDIC),
    (10, &names::SPANISH),
    (6, &names::POLISH),
    (5, &names::IRISH),
    (5, &names::HMONG),
    (4, &names::EAST_AFRICAN),
    (3, &names::INDIAN),
    (2, &names::VIETNAMESE),
    (2, &names::ITALIAN),
    (2, &names::ARABIC),
    (1, &names::YORUBA),
    (1, &names::FILIPINO),
];
const NIGERIAN_MIX: Mix = &[(45, &names::YORUBA), (35, &names::IGBO), (20, &names::HAUSA)];
const BRITISH_MIX: Mix =
    &[(75, &names::BRITISH), (10, &names::IRISH), (8, &names::INDIAN), (4, &names::POLISH), (3, &names::YORUBA)];

#[cfg(test)]
pub(super) fn every_culture() -> impl Iterator<Item = &'static Culture> {
    [BANK_MIX, CREDIT_UNION_MIX, NIGERIAN_MIX, BRITISH_MIX].into_iter().flatten().map(|(_, culture)| *culture)
}

/// Where somebody lives decides her numbers and papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Country {
    UnitedStates,
    Nigeria,
    Britain,
}

/// The last private person made: some of the next share her roof and family name.
struct Neighbour {
    culture: &'static Culture,
    country: Country,
    family: String,
    address: Address,
    area: &'static str,
}

pub(super) struct Maker {
    dice: Dice,
    institution: Flavour,
    /// Everything that must be unique, with a letter before it for its kind.
    taken: BTreeSet<String>,
    neighbour: Option<Neighbour>,
}

impl Maker {
    pub(super) fn new(dice: Dice, institution: Flavour) -> Maker {
        Maker { dice, institution, taken: BTreeSet::new(), neighbour: None }
    }

    pub(super) fn person(&mut self, story: Story) -> Person {
        let business = self.dice.percent(6);
        let (culture, country, family, address, area) = self.home(business);
        let age = self.age(business);
        let gender = if self.dice.percent(51) { Gender::Female } else { Gender::Male };
        let first_name = self.first_name(culture, gender, age, &family);
        let middle_name = self.dice.percent(45).then(|| self.middle_name(culture, gender, age, &first_name));
        let preferred_name = self.preferred_name(&first_name, middle_name.as_deref());
        let business_name = business.then(|| self.business_name(country, &family));
        let at_home = country == Country::UnitedStates && !business;
        let employee = at_home && story == Story::Plain && self.dice.percent(4);
        let date_of_birth = self.birthday(age);

        let username =
            self.username(&first_name, &family, preferred_name.as_deref(), business_name.as_deref(), date_of_birth);
        let email =
            self.email(&first_name, &family, preferred_name.as_deref(), business_name.as_deref(), date_of_birth);
        let phone = self.phone(country, area);
        let (language, locale) = self.locale(culture, country);
        let created_days_ago = self.created_days_ago(age, story);
        let last_seen_days_ago = self.last_seen_days_ago(story, created_days_ago);

        let american = country == Country::UnitedStates;
        let nigerian = country == Country::Nigeria;
        let bank = self.institution == Flavour::Bank;
        Person {
            ssn: american.then(|| self.ssn()),
            bvn: nigerian.then(|| self.unique('b', |dice| format!("220000{:05}", dice.below(100_000)))),
            nin: nigerian.then(|| self.unique('n', |dice| format!("000000{:05}", dice.below(100_000)))),
            net_teller_id: bank.then(|| self.unique('t', |dice| format!("{}", dice.between(100_200_000, 989_999_999)))),
            customer_id: bank.then(|| self.customer_id(&family)),
            member_number: (!bank).then(|| self.member_number(created_days_ago)),
            demographic: self.demographic(country, age, business, employee),
            devices: self.devices(country, last_seen_days_ago),
            notes: story.notes(&self.dice, created_days_ago),
            standing: story.standing(&self.dice),
            gender: (!self.dice.percent(4)).then_some(gender),
            first_name,
            middle_name,
            last_name: family,
            preferred_name,
            business_name,
            username,
            email,
            phone,
            date_of_birth,
            address,
            language,
            locale,
            employee,
            created_days_ago,
            last_seen_days_ago,
        }
    }

    /// Family and roof: now and then those of the person before.
    fn home(&mut self, business: bool) -> (&'static Culture, Country, String, Address, &'static str) {
        if !business
            && self.dice.percent(9)
            && let Some(near) = self.neighbour.take()
        {
            return (near.culture, near.country, near.family, near.address, near.area);
        }
        let country = match (self.institution, self.dice.below(100)) {
            (Flavour::Bank, 0..13) => Country::Nigeria,
            (Flavour::Bank, 13..19) => Country::Britain,
            _ => Country::UnitedStates,
        };
        let culture = self.dice.weighted(match (country, self.institution) {
            (Country::Nigeria, _) => NIGERIAN_MIX,
            (Country::Britain, _) => BRITISH_MIX,
            (Country::UnitedStates, Flavour::Bank) => BANK_MIX,
            (Country::UnitedStates, Flavour::CreditUnion) => CREDIT_UNION_MIX,
        });
        let family = self.family(culture);
        let (address, area) = self.address(country, business);
        if !business {
            let (family, address) = (family.clone(), address.clone());
            self.neighbour = Some(Neighbour { culture, country, family, address, area });
        }
        (culture, country, family, address, area)
    }

    fn family(&self, culture: &'static Culture) -> String {
        let name = self.dice.common(culture.families);
        let double = self.dice.percent(if culture.language == Some("es") { 14 } else { 4 });
        if !double || name.contains([' ', '-']) {
            return name.to_owned();
        }
        let other = self.dice.pick(culture.families);
        match other {
            _ if other == name || other.contains([' ', '-']) => name.to_owned(),
            // Spanish custom puts the mother's name after the father's; elsewhere two names are joined.
            _ if culture.language == Some("es") => format!("{name} {other}"),
            _ => format!("{name}-{other}"),
        }
    }

    fn first_name(&self, culture: &'static Culture, gender: Gender, age: i16, family: &str) -> String {
        loop {
            let name = self.dice.pick(given(culture, gender, age));
            if !names::FAMOUS.contains(&format!("{name} {family}").as_str()) && name != family {
                return name.to_owned();
            }
        }
    }

    fn middle_name(&self, culture: &'static Culture, gender: Gender, age: i16, first: &str) -> String {
        if self.dice.percent(45) {
            return char::from(b"ABCDEFGHJKLMNPRSTVW"[self.dice.below(19)]).to_string();
        }
        let list = given(culture, gender, age);
        loop {
            let name = self.dice.pick(list);
            if name != first {
                return name.to_owned();
            }
        }
    }

    fn preferred_name(&self, first: &str, middle: Option<&str>) -> Option<String> {
        let called = names::CALLED.iter().find(|(name, _)| *name == first).map(|(_, called)| *called);
        match called {
            Some(called) if self.dice.percent(40) => Some(called.to_owned()),
            // Some go by the middle name.
            None if self.dice.percent(4) => {
                middle.filter(|name| name.chars().count() > 1 && *name != first).map(str::to_owned)
            }
            _ => None,
        }
    }

    fn business_name(&self, country: Country, family: &str) -> String {
        let list = if country == Country::Nigeria { names::NIGERIAN_BUSINESSES } else { names::BUSINESSES };
        self.dice.pick(list).replace('*', family)
    }

    fn age(&self, business: bool) -> i16 {
        let youngest = if business { 27 } else { 18 };
        // The sum of two throws: most are in the middle of life, few very old.
        let spread = self.dice.below(38) + self.dice.below(34);
        youngest + i16::try_from(spread).unwrap_or(0)
    }

    fn birthday(&self, age: i16) -> Date {
        let month = i8::try_from(self.dice.between(1, 12)).unwrap_or(1);
        let day = i8::try_from(self.dice.between(1, 28)).unwrap_or(1);
        // One year more, so that nobody is younger than said, whatever the month.
        Date::new(THIS_YEAR - age - 1, month, day).expect("every month has 28 days")
    }

    fn address(&self, country: Country, business: bool) -> (Address, &'static str) {
        let dice = &self.dice;
        match country {
            Country::UnitedStates => {
                let town = dice.pick(&self.institution.towns().iter().collect::<Vec<_>>());
                let street = format!("{} {}", dice.pick(names::STREETS), dice.pick(names::STREET_ENDS));
                let unit = |word: &str| Some(format!("{word} {}", dice.between(1, 40)));
                let line_two = match (business, dice.below(100)) {
                    (true, 0..45) => unit("Suite"),
                    (false, 0..18) => unit("Apt"),
                    (false, 18..23) => unit("Unit"),
                    _ => None,
                };
                let address = Address {
                    line_one: format!("{} {street}", 2 + dice.below(1 + dice.below(1800))),
                    line_two,
                    city: town.name.to_owned(),
                    state: town.state.to_owned(),
                    zip: dice.pick(town.zips).to_owned(),
                    zip_plus_four: dice.percent(70).then(|| format!("{:04}", dice.between(1000, 9799))),
                    country: "US",
                };
                (address, town.area)
            }
            Country::Nigeria => {
                let (district, city, state, zip) = dice.pick(names::NIGERIAN_TOWNS);
                let address = Address {
                    line_one: format!("{} {}", dice.between(1, 98), dice.pick(names::NIGERIAN_STREETS)),
                    line_two: Some(district.to_owned()),
                    city: city.to_owned(),
                    state: state.to_owned(),
                    zip: zip.to_owned(),
                    zip_plus_four: None,
                    country: "NG",
                };
                (address, "")
            }
            Country::Britain => {
                let (city, county, district) = dice.pick(names::BRITISH_TOWNS);
                // The letters C I K M O V never stand in the last part of a postcode: nobody lives at these.
                let letter = |dice: &Dice| char::from(b"CIKMOV"[dice.below(6)]);
                let address = Address {
                    line_one: format!("{} {}", dice.between(1, 140), dice.pick(names::BRITISH_STREETS)),
                    line_two: dice.percent(25).then(|| format!("Flat {}", dice.between(1, 12))),
                    city: city.to_owned(),
                    state: county.to_owned(),
                    zip: format!("{district} {}{}{}", dice.between(1, 9), letter(dice), letter(dice)),
                    zip_plus_four: None,
                    country: "GB",
                };
                (address, "")
            }
        }
    }

    fn username(
        &mut self,
        first: &str,
        family: &str,
        called: Option<&str>,
        business: Option<&str>,
        born: Date,
    ) -> String {
        let (first, family) = (plain_letters(called.unwrap_or(first)), plain_letters(family));
        let year = born.year().rem_euclid(100);
        let wish = match (business, self.dice.below(100)) {
            (Some(business), _) => plain_letters(business).chars().take(18).collect(),
            (None, 0..30) => format!("{}{family}", &first[..1]),
            (None, 30..52) => format!("{first}.{family}"),
            (None, 52..66) => format!("{first}{year:02}"),
            (None, 66..80) => format!("{}{family}{year:02}", &first[..1]),
            (None, 80..90) => format!("{first}_{}", &family[..family.len().min(3)]),
            (None, _) => format!("{family}{}", &first[..first.len().min(2)]),
        };
        // Nobody may choose fewer than five characters.
        let wish = if wish.len() < 5 { format!("{wish}{:03}", self.dice.below(1000)) } else { wish };
        self.numbered('u', &wish, "")
    }

    fn email(&mut self, first: &str, family: &str, called: Option<&str>, business: Option<&str>, born: Date) -> String {
        if let Some(business) = business {
            let place: String = plain_letters(business).chars().take(24).collect();
            let box_name = self.dice.pick(&["office", "hello", "accounts", "info"]);
            return self.numbered('e', box_name, &format!("@{place}.example"));
        }
        let (given, family) = (plain_letters(first), plain_letters(family));
        let called = called.map_or(given.clone(), plain_letters);
        let local = match self.dice.below(100) {
            0..40 => format!("{given}.{family}"),
            40..55 => format!("{}.{family}", &given[..1]),
            55..70 => format!("{called}.{family}"),
            70..80 => format!("{family}.{called}"),
            80..92 => format!("{called}{:02}", born.year().rem_euclid(100)),
            _ => format!("{called}_{family}"),
        };
        // Reserved for examples by RFC 2606: no mail that the demo might send reaches anybody.
        let domain = self.dice.weighted(&[
            (44, "@example.com"),
            (26, "@example.org"),
            (18, "@example.net"),
            (7, "@mail.example.com"),
            (5, "@post.example.net"),
        ]);
        self.numbered('e', &local, domain)
    }

    fn phone(&mut self, country: Country, area: &str) -> String {
        let draw = |dice: &Dice| match country {
            // 555-0100 to 555-0199 is kept for fiction in every area of the North American plan.
            Country::UnitedStates => format!("+1{area}55501{:02}", dice.below(100)),
            // Ofcom keeps 07700 900000 to 900999 for drama.
            Country::Britain => format!("+447700900{:03}", dice.below(1000)),
            // Nigeria keeps no range for fiction; no operator and no area holds 092.
            Country::Nigeria => format!("+23492000{:05}", dice.below(100_000)),
        };
        // The ranges are small, and families share telephones: look for a free one, then take any.
        for _ in 0..40 {
            let phone = draw(&self.dice);
            if self.taken.insert(format!("p{phone}")) {
                return phone;
            }
        }
        draw(&self.dice)
    }

    /// Areas from 900 up are never given to a social security number; these groups are not used for tax numbers either.
    fn ssn(&mut self) -> String {
        self.unique('s', |dice| {
            format!("9{:02}{:02}{:04}", dice.below(100), dice.between(1, 49), dice.between(1, 9999))
        })
    }

    fn customer_id(&mut self, family: &str) -> String {
        let mut letters = plain_letters(family).to_uppercase();
        letters.push_str("XX");
        self.unique('c', |dice| format!("{}{:04}", &letters[..3], dice.below(10_000)))
    }

    /// Members are numbered as they come: the longer a member, the lower the number.
    fn member_number(&mut self, created_days_ago: u32) -> String {
        let day = 20_000 - u64::from(created_days_ago.min(19_999));
        let mut number = day * 40 + self.dice.0.below(40);
        while !self.taken.insert(format!("m{number}")) {
            number += 1;
        }
        format!("{number:010}")
    }

    fn locale(&self, culture: &Culture, country: Country) -> (&'static str, String) {
        let place = match country {
            Country::UnitedStates => "US",
            Country::Nigeria => "NG",
            Country::Britain => "GB",
        };
        let language = culture.language.filter(|_| self.dice.percent(28)).unwrap_or("en");
        (language, format!("{language}-{place}"))
    }

    fn demographic(&self, country: Country, age: i16, business: bool, employee: bool) -> Demographic {
        let dice = &self.dice;
        let list = if country == Country::Nigeria { names::NIGERIAN_EMPLOYERS } else { names::EMPLOYERS };
        let (employer, titles) = dice.pick(list);
        let work = match (employee, age) {
            (true, _) => {
                let titles = ["Teller", "Loan Officer", "Branch Manager", "Card Services Specialist"];
                Some((self.institution.institution(), dice.pick(&titles)))
            }
            (false, 67..) => dice.percent(60).then_some(("Retired", "Retired")),
            (false, _) => (!business && dice.percent(72)).then(|| (employer, dice.pick(titles))),
        };
        Demographic {
            education_level: dice.percent(64).then(|| dice.common(names::EDUCATION)),
            employer_name: work.map(|(employer, _)| employer).filter(|name| *name != "Retired"),
            employee_title: work.map(|(_, title)| title),
            home_branch_id: format!("{:04}", dice.common(&[1, 2, 4, 7, 3, 9, 12, 15])),
            customer_importance: dice.percent(7),
        }
    }

    fn created_days_ago(&self, age: i16, story: Story) -> u32 {
        let grown = u32::try_from(age - 17).unwrap_or(1) * 365;
        let days = match (story, self.dice.below(100)) {
            (Story::Dormant | Story::Frozen, _) => self.dice.days(1200, 6000),
            (Story::VerificationRequested, _) => self.dice.days(1, 60),
            (_, 0..8) => self.dice.days(3, 30),
            (_, 8..30) => self.dice.days(31, 365),
            (_, 30..70) => self.dice.days(366, 2000),
            _ => self.dice.days(2001, 6200),
        };
        // Dormancy takes years, whatever the age says.
        if matches!(story, Story::Dormant | Story::Frozen) { days } else { days.min(grown) }
    }

    fn last_seen_days_ago(&self, story: Story, created: u32) -> Option<u32> {
        let dice = &self.dice;
        let days = match story {
            Story::LockedByTries | Story::LockedForHours | Story::LockedAndSuspicious => dice.days(0, 5),
            Story::Dormant => dice.days(500, 1100),
            Story::Frozen => dice.days(300, 1100),
            Story::PasswordExpired => dice.days(95, 400),
            Story::Removed | Story::Erased | Story::Disabled | Story::LockedAndDisabled => dice.days(20, 300),
            Story::VerificationRequested => dice.days(0, 3),
            _ => match dice.below(100) {
                0..52 => dice.days(0, 6),
                52..75 => dice.days(7, 30),
                75..90 => dice.days(31, 365),
                90..94 => dice.days(366, 900),
                _ => return None,
            },
        };
        Some(days.min(created))
    }

    fn devices(&self, country: Country, last_seen: Option<u32>) -> Vec<DemoDevice> {
        let Some(last_seen) = last_seen else { return Vec::new() };
        let dice = &self.dice;
        let how_many = dice.weighted(&[(22, 0), (52, 1), (20, 2), (6, 3)]);
        let models: &[Model] = if country == Country::Nigeria { names::NIGERIAN_PHONES } else { names::PHONES };
        let mut ago = last_seen;
        let mut devices = Vec::with_capacity(how_many);
        for _ in 0..how_many {
            let model = &models[dice.below(models.len())];
            devices.push(DemoDevice {
                model: model.name,
                brand: model.brand,
                os: model.os,
                os_version: dice.pick(model.versions),
                app_version: dice.common(&["5.14.0", "5.13.2", "5.12.1", "5.9.4", "4.27.0"]),
                last_seen_days_ago: ago,
            });
            // The one in use first; the others lie in drawers.
            ago += dice.days(2, 240);
        }
        devices
    }

    /// Draws until it gets something that nobody has.
    fn unique(&mut self, kind: char, draw: impl Fn(&Dice) -> String) -> String {
        loop {
            let text = draw(&self.dice);
            if self.taken.insert(format!("{kind}{text}")) {
                return text;
            }
        }
    }

    /// The wish, or the wish with the first free number.
    fn numbered(&mut self, kind: char, wish: &str, end: &str) -> String {
        let mut text = format!("{wish}{end}");
        let mut number = 2;
        while !self.taken.insert(format!("{kind}{text}")) {
            text = format!("{wish}{number}{end}");
            number += 1;
        }
        text
    }
}
/// The given names of a culture for a gender and generation.
fn given(culture: &'static Culture, gender: Gender, age: i16) -> &'static [&'static str] {
    let lists = match gender {
        Gender::Female => culture.women,
        Gender::Male => culture.men,
    };
    let generation = match age {
        62.. => 0,
        36..62 => 1,
        _ => 2,
    };
    lists[generation.min(lists.len() - 1)]
}

/// The name in lower-case letters of the plain alphabet, as people type it into sign-up forms.
pub(super) fn plain_letters(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for letter in name.nfd().flat_map(char::to_lowercase) {
        match letter {
            'a'..='z' | '0'..='9' => plain.push(letter),
            'ł' => plain.push('l'),
            'ø' => plain.push('o'),
            'đ' | 'ɗ' => plain.push('d'),
            'ß' => plain.push_str("ss"),
            'æ' => plain.push_str("ae"),
            _ => {}
        }
    }
    plain
}
