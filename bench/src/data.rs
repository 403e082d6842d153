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

/// So many people as CSV, with a header.
pub fn csv(people: u64) -> String {
    let mut out = String::with_capacity(people as usize * 130);
    out.push_str(
        "external_id,first_name,last_name,email,phone,username,date_of_birth,country,bvn,is_verified,fraud_status\n",
    );
    for number in 0..people {
        let first = FIRST[uneven(number, 1, FIRST.len())];
        let last = uneven(number, 2, LAST_HEADS.len() * LAST_TAILS.len());
        let last = format!("{}{}", LAST_HEADS[last % LAST_HEADS.len()], LAST_TAILS[last / LAST_HEADS.len()]);
        let (first_lower, last_lower) = (first.to_lowercase(), last.to_lowercase());
        let (year, month, day) = (1940 + mixed(number, 3) % 65, 1 + mixed(number, 4) % 12, 1 + mixed(number, 5) % 28);
        let is_verified = !mixed(number, 6).is_multiple_of(4);
        let fraud = match mixed(number, 7) % 100 {
            0 => "fraudulent",
            1..=4 => "suspicious",
            _ => "whitelisted",
        };
        let site = number % 7;
        writeln!(
            out,
            "b{number},{first},{last},{first_lower}.{last_lower}.{number}@mail{site}.example,+234803{number:07},\
             {last_lower}{number},{year}-{month:02}-{day:02},NG,22{number:09},{is_verified},{fraud}"
        )
        .expect("a text takes everything");
    }
    out
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
