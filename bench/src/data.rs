//! A file of invented people to be brought in, the same in every run. Names are as unevenly spread as in life: some
//! are far commoner than others.

use std::fmt::Write;

const FIRST: &[&str] = &[
    "Maria", "James", "Anna", "David", "Elena", "Michael", "Sofia", "Daniel", "Laura", "Thomas", "Ines", "Samuel",
    "Clara", "Peter", "Amara", "Victor", "Nadia", "Oscar", "Ruth", "Felix", "Marta", "Hugo", "Irene", "Simon", "Alice",
    "Marcus", "Julia", "Leon", "Teresa", "Adam", "Olga", "Bruno", "Vera", "Emil", "Judith", "Ivan", "Carla", "Noah",
    "Edith", "Omar", "Lucia", "Karim", "Helen", "Anton", "Rosa", "Jonas", "Mira", "Tobias", "Ada", "Kofi", "Ngozi",
    "Emeka", "Yara", "Tunde", "Zainab", "Chidi", "Aisha", "Pavel", "Greta", "Luis", "Petra", "Matteo", "Ebba", "Arne",
];
const LAST_HEADS: &[&str] = &[
    "Ash", "Beck", "Black", "Brand", "Brook", "Burn", "Car", "Clay", "Cold", "Cress", "Dal", "Dun", "East", "Elm",
    "Fair", "Fen", "Ford", "Gold", "Green", "Hall", "Hart", "Haw", "Hazel", "Hill", "Holm", "Kirk", "Lang", "Lin",
    "Mar", "Mill", "Moor", "Nor", "Oak", "Pen", "Ray", "Red", "Row", "Sand", "Shel", "Stan", "Stone", "Sun", "Thorn",
    "Til", "Wal", "Wells", "West", "Whit", "Win", "Wood",
];
const LAST_TAILS: &[&str] = &[
    "ley", "ford", "ton", "wood", "field", "well", "man", "er", "by", "worth", "dale", "brook", "ham", "stead",
    "ridge", "more", "ard", "ing", "burn", "shaw",
];

/// The header of the file.
const HEADER: &str = "external_id,first_name,last_name,email,phone,username,date_of_birth,country,bvn,kind,is_verified,\
                      fraud_status\n";

/// So many people as CSV, with a header.
pub fn csv(people: u64) -> String {
    let mut out = String::with_capacity(people as usize * 140);
    out.push_str(HEADER);
    for number in 0..people {
        let (first, last) = name(number);
        let (year, month, day) = (1940 + mixed(number, 3) % 65, 1 + mixed(number, 4) % 12, 1 + mixed(number, 5) % 28);
        let kind = if is_business(number) { "business" } else { "individual" };
        let is_verified = !mixed(number, 6).is_multiple_of(4);
        let fraud = match mixed(number, 7) % 100 {
            0 => "fraudulent",
            1..=4 => "suspicious",
            _ => "whitelisted",
        };
        writeln!(
            out,
            "b{number},{first},{last},{},+234803{number:07},{}{number},{year}-{month:02}-{day:02},NG,22{number:09},\
             {kind},{is_verified},{fraud}",
            email(number),
            last.to_lowercase(),
        )
        .expect("a text takes everything");
    }
    out
}

/// First and last name of the person in this row, from 0.
pub fn name(number: u64) -> (&'static str, String) {
    let first = FIRST[uneven(number, 1, FIRST.len())];
    let last = uneven(number, 2, LAST_HEADS.len() * LAST_TAILS.len());
    (first, format!("{}{}", LAST_HEADS[last % LAST_HEADS.len()], LAST_TAILS[last / LAST_HEADS.len()]))
}

/// Her e-mail address.
pub fn email(number: u64) -> String {
    let (first, last) = name(number);
    format!("{}.{}.{number}@mail{}.example", first.to_lowercase(), last.to_lowercase(), number % 7)
}

/// Every tenth is a business: a filter that one in ten fits.
pub fn is_business(number: u64) -> bool {
    mixed(number, 8).is_multiple_of(10)
}

/// In no order that a database knows, the same in every run.
pub fn shuffle<T>(all: &mut [T]) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for index in (1..all.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        all.swap(index, (state >> 33) as usize % (index + 1));
    }
}

/// Small numbers are far commoner than large ones, all of them occur.
fn uneven(number: u64, salt: u64, below: usize) -> usize {
    let part = (mixed(number, salt) >> 11) as f64 / (1u64 << 53) as f64;
    ((part * part * below as f64) as usize).min(below - 1)
}

/// SplitMix64 of a number and a salt.
fn mixed(number: u64, salt: u64) -> u64 {
    let mut it = number.wrapping_add(salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
