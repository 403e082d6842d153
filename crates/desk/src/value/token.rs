//! Blind search tokens: keyed hashes of word prefixes and whole values, one domain per field, under which a user's row can be
//! found without anything readable in the index. A token narrows, it does not decide: candidates are opened and verified with
//! `QueryWord::matches_name` and its like. Uniqueness has longer tokens of its own.
//!
//! Names have prefixes of 2 to 8 characters and no token for the whole word: words longer than eight characters are found by
//! their first eight and told apart by verification. A word of a single character is stored as it is.

use aws_lc_rs::hmac;

use super::normal;

/// One search token, as stored.
pub type SearchToken = [u8; TOKEN];

/// Bytes of a search token. 96 bits: a million users with forty tokens each collide by chance once in 10^14 times.
const TOKEN: usize = 12;
/// The shortest and the longest prefix, in characters.
const PREFIX: std::ops::RangeInclusive<usize> = 2..=8;
/// The most words of one query that are looked at.
pub const QUERY_WORDS_MAX: usize = 8;
/// The fewest digits that are looked up as the end of a phone number.
const PHONE_DIGITS: usize = 4;
/// In a domain's tag: this hash is for uniqueness and is stored untruncated.
const UNIQUE: u8 = 0x80;

/// The field a token is about. The number is hashed with the text and therefore never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Domain {
    /// Prefixes of the words of a name.
    Name = 1,
    /// Prefixes of the words of a username.
    Username = 2,
    /// A whole e-mail address.
    Email = 3,
    /// Prefixes of what stands before the `@`.
    EmailLocal = 4,
    /// A whole phone number with its country code, digits only.
    Phone = 5,
    /// The last four digits of a phone number.
    PhoneLast4 = 6,
    /// The last seven digits of a phone number.
    PhoneLast7 = 7,
    /// An official identifier or account number, letters and digits only.
    Identifier = 8,
    /// What another system calls this user, exactly as written.
    ExternalId = 9,
    /// A person, recognised again after her data is gone.
    Person = 10,
    /// All that stands before the `@`, alone and with the beginning of the domain: whoever types an `@` has typed all of
    /// the former, and `info` or `accounts` alone would fit too many.
    LocalWhole = 11,
}

/// One word of a query.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryWord {
    /// The word, folded. For a phone number or the like written with blanks, its digits.
    pub word: String,
    /// Under which tokens this word could be stored; a user is a candidate if any of them is hers. Without any, the word is
    /// too short for the index and only narrows what other words found.
    pub alternatives: Vec<(Domain, SearchToken)>,
}

/// Makes a tenant's tokens. Part of `TenantKeys`.
pub struct Lookup {
    key: hmac::Key,
}

impl Lookup {
    /// Prepares the key.
    pub fn new(key: &[u8; 32]) -> Lookup {
        Lookup { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// Under which tokens a name is stored. Without duplicates, in no meaningful order, as all of these.
    pub fn of_name(&self, name: &str) -> Vec<SearchToken> {
        self.of_words(Domain::Name, name)
    }

    /// Under which tokens a username is stored.
    pub fn of_username(&self, username: &str) -> Vec<SearchToken> {
        let mut tokens = self.of_words(Domain::Username, username);
        if let Some((local, _)) = normal::fold(username).rsplit_once('@') {
            tokens.push(self.token(Domain::LocalWhole, local));
        }
        tokens.extend(with_domain(&normal::fold(username)).map(|begin| self.token(Domain::LocalWhole, begin)));
        tokens
    }

    /// Under which tokens an e-mail address is stored: the whole, and prefixes of its local part.
    pub fn of_email(&self, email: &str) -> Vec<SearchToken> {
        let folded = normal::fold(email);
        if folded.is_empty() {
            return Vec::new();
        }
        let mut tokens = vec![self.token(Domain::Email, &folded)];
        let local = folded.rsplit_once('@').map_or(&*folded, |(local, _)| local);
        tokens.extend(prefixes(local).map(|prefix| self.token(Domain::EmailLocal, prefix)));
        tokens.push(self.token(Domain::LocalWhole, local));
        tokens.extend(with_domain(&folded).map(|begin| self.token(Domain::LocalWhole, begin)));
        tokens
    }

    /// Under which tokens a phone number in E.164 is stored: whole, last seven, last four.
    pub fn of_phone(&self, e164: &str) -> Vec<SearchToken> {
        let digits = normal::digits(e164);
        if digits.is_empty() {
            return Vec::new();
        }
        let mut tokens = vec![self.token(Domain::Phone, &digits)];
        tokens.extend(last(&digits, 7).map(|end| self.token(Domain::PhoneLast7, end)));
        tokens.extend(last(&digits, 4).map(|end| self.token(Domain::PhoneLast4, end)));
        tokens
    }

    /// Under which token an identifier is stored: letters and digits in upper case, nothing else counts.
    pub fn of_identifier(&self, identifier: &str) -> Vec<SearchToken> {
        let folded = normal::alphanumeric(identifier);
        if folded.is_empty() { Vec::new() } else { vec![self.token(Domain::Identifier, &folded)] }
    }

    /// The one token under which a whole value is found, for filters that name their field. Words and local parts longer than
    /// the longest prefix are found by that prefix. Nothing for a value that has no token.
    pub fn exact(&self, domain: Domain, text: &str) -> Option<SearchToken> {
        let form = match domain {
            Domain::Name | Domain::Username | Domain::EmailLocal => query_prefix(&normal::fold(text))?.to_owned(),
            Domain::Email => normal::fold(text),
            Domain::Phone => normal::digits(text),
            Domain::PhoneLast7 => last(&normal::digits(text), 7)?.to_owned(),
            Domain::PhoneLast4 => last(&normal::digits(text), 4)?.to_owned(),
            Domain::Identifier => normal::alphanumeric(text),
            Domain::LocalWhole => normal::fold(text),
            Domain::ExternalId | Domain::Person => text.to_owned(),
        };
        (!form.is_empty()).then(|| self.token(domain, &form))
    }

    /// The words of a query, each with the tokens under which it could be stored. All words must match.
    pub fn query_tokens(&self, query: &str) -> Vec<QueryWord> {
        let folded = normal::fold(query);
        if let Some(digits) = spaced_number(&folded) {
            return vec![self.query_word(&digits)];
        }
        let mut words: Vec<QueryWord> = Vec::new();
        for word in folded.split(' ').filter(|word| !normal::parts(word).is_empty()) {
            if words.len() == QUERY_WORDS_MAX {
                break;
            }
            if !words.iter().any(|known| known.word == word) {
                words.push(self.query_word(word));
            }
        }
        words
    }

    /// The whole hash under which a value is unique within its tenant. What counts as the same: e-mail and username whatever
    /// their case (but not whatever their accents), phones by digits, identifiers by letters and digits, external ids exactly.
    pub fn unique(&self, domain: Domain, text: &str) -> [u8; 32] {
        let form = match domain {
            Domain::Username | Domain::Email | Domain::EmailLocal | Domain::LocalWhole => normal::lower(text),
            Domain::Name => normal::fold(text),
            Domain::Phone | Domain::PhoneLast7 | Domain::PhoneLast4 => normal::digits(text),
            Domain::Identifier => normal::alphanumeric(text),
            Domain::ExternalId | Domain::Person => text.to_owned(),
        };
        self.hash(domain as u8 | UNIQUE, form.as_bytes())
    }

    /// A fingerprint by which a person is recognised again when nothing else of her is kept, e.g. of `["bvn", number]` or of
    /// name and date of birth. Parts are folded; their number and borders count.
    pub fn of_person(&self, parts: &[&str]) -> [u8; 32] {
        let mut message = Vec::with_capacity(64);
        for part in parts {
            let part = normal::fold(part);
            // A folded text is at most 1 KiB, so the length always fits.
            message.extend_from_slice(&(part.len() as u32).to_be_bytes());
            message.extend_from_slice(part.as_bytes());
        }
        self.hash(Domain::Person as u8 | UNIQUE, &message)
    }

    fn of_words(&self, domain: Domain, text: &str) -> Vec<SearchToken> {
        let words = normal::words(text);
        let mut all: Vec<&str> = words.iter().flat_map(|word| prefixes(word)).collect();
        // Sorting a few dozen short texts is cheaper than hashing `oneil` and `o'neil` twice.
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|prefix| self.token(domain, prefix)).collect()
    }

    fn query_word(&self, word: &str) -> QueryWord {
        let mut alternatives = Vec::with_capacity(6);
        let mut add = |domain: Domain, text: &str| {
            let alternative = (domain, self.token(domain, text));
            if !alternatives.contains(&alternative) {
                alternatives.push(alternative);
            }
        };
        let parts = normal::parts(word);
        let joined = parts.concat();
        // The joined form finds `oneil`, the longest part finds `anne marie` for `anne-marie`.
        let longest = parts.iter().copied().max_by_key(|part| part.chars().count()).unwrap_or_default();
        if let Some((local, _)) = word.rsplit_once('@') {
            add(Domain::LocalWhole, with_domain(word).unwrap_or(local));
            return QueryWord { word: word.to_owned(), alternatives };
        }
        if let Some(digits) = as_number(word) {
            if digits.len() > 7 {
                add(Domain::Phone, &digits);
            }
            match last(&digits, 7) {
                Some(end) => add(Domain::PhoneLast7, end),
                None => last(&digits, PHONE_DIGITS).into_iter().for_each(|end| add(Domain::PhoneLast4, end)),
            }
        }
        for part in [&*joined, longest] {
            if let Some(prefix) = query_prefix(part) {
                add(Domain::Name, prefix);
                add(Domain::Username, prefix);
            }
        }
        query_prefix(word).into_iter().for_each(|prefix| add(Domain::EmailLocal, prefix));
        if joined.chars().count() >= *PREFIX.start() {
            add(Domain::Identifier, &normal::alphanumeric(&joined));
        }
        QueryWord { word: word.to_owned(), alternatives }
    }

    fn token(&self, domain: Domain, text: &str) -> SearchToken {
        let hash = self.hash(domain as u8, text.as_bytes());
        let mut token = [0u8; TOKEN];
        token.copy_from_slice(&hash[..TOKEN]);
        token
    }

    /// The tag is one byte and comes first, so tag and text cannot be mistaken for another pair.
    fn hash(&self, tag: u8, text: &[u8]) -> [u8; 32] {
        let mut hash = [0u8; 32];
        // Nearly all texts are prefixes of words: one update from the stack spares the second call.
        let mut short = [0u8; 64];
        let signed = if text.len() < short.len() {
            short[0] = tag;
            short[1..=text.len()].copy_from_slice(text);
            hmac::sign(&self.key, &short[..=text.len()])
        } else {
            let mut context = hmac::Context::with_key(&self.key);
            context.update(&[tag]);
            context.update(text);
            context.sign()
        };
        hash.copy_from_slice(signed.as_ref());
        hash
    }
}

/// How much of a domain narrows a local part down, in characters.
const DOMAIN_PART: usize = 8;

/// An address up to the beginning of its domain, if there is so much of it.
fn with_domain(address: &str) -> Option<&str> {
    let at = address.rfind('@')?;
    let end =
        address[at + 1..].char_indices().nth(DOMAIN_PART - 1).map(|(index, last)| at + 1 + index + last.len_utf8())?;
    Some(&address[..end])
}

impl std::fmt::Debug for Lookup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lookup(***)")
    }
}

impl QueryWord {
    /// Whether a name (or a username) really has this word: as the beginning of one of its words, or each piece of it as the
    /// beginning of some word.
    pub fn matches_name(&self, name: &str) -> bool {
        self.matches_words(&normal::words(name))
    }

    /// As `matches_name`, for a name that was split before (`normal::words`).
    pub fn matches_words(&self, words: &[String]) -> bool {
        let begins = |part: &str| !part.is_empty() && words.iter().any(|word| word.starts_with(part));
        let parts = normal::parts(&self.word);
        begins(&parts.concat()) || (parts.len() > 1 && parts.iter().all(|part| begins(part)))
    }

    /// Whether an e-mail address begins with this word.
    pub fn matches_email(&self, email: &str) -> bool {
        normal::fold(email).starts_with(&self.word)
    }

    /// Whether this word is a number and a phone number ends with it. A leading zero is the trunk prefix of a number written
    /// as at home, and does not count.
    pub fn matches_phone(&self, e164: &str) -> bool {
        let stored = normal::digits(e164);
        as_number(&self.word).is_some_and(|digits| {
            let home = digits.strip_prefix('0').filter(|rest| rest.len() >= 7);
            stored.ends_with(&*digits) || home.is_some_and(|rest| stored.ends_with(rest))
        })
    }

    /// Whether this word is that identifier.
    pub fn matches_identifier(&self, identifier: &str) -> bool {
        let form = normal::alphanumeric(identifier);
        !form.is_empty() && normal::alphanumeric(&self.word) == form
    }
}

/// What somebody searched for is personal data too.
impl std::fmt::Debug for QueryWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let domains: Vec<Domain> = self.alternatives.iter().map(|(domain, _)| *domain).collect();
        f.debug_struct("QueryWord").field("word", &"***").field("domains", &domains).finish()
    }
}

/// The prefixes under which a folded word is stored; a word of one character as a whole.
fn prefixes(word: &str) -> impl Iterator<Item = &str> {
    let ends = word.char_indices().map(|(start, c)| start + c.len_utf8()).enumerate();
    let single = word.chars().nth(1).is_none();
    ends.take(*PREFIX.end())
        .filter(move |(index, _)| single || PREFIX.contains(&(index + 1)))
        .map(|(_, end)| &word[..end])
}

/// The prefix under which a word of a query is looked for. A single Latin letter or digit would find nobody but those who
/// spell a whole word with it, which is not what is meant; a single ideograph is a name.
fn query_prefix(word: &str) -> Option<&str> {
    if word.is_empty() || (word.len() == 1 && word.is_ascii()) {
        return None;
    }
    Some(word.char_indices().nth(*PREFIX.end()).map_or(word, |(end, _)| &word[..end]))
}

fn last(digits: &str, count: usize) -> Option<&str> {
    digits.len().checked_sub(count).map(|start| &digits[start..])
}

/// The digits of a word that is a number, however it is punctuated, if there are enough of them.
fn as_number(word: &str) -> Option<String> {
    let numeric = word.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | '(' | ')' | '/' | ' '));
    let digits = normal::digits(word);
    (numeric && digits.len() >= PHONE_DIGITS).then_some(digits)
}

/// A phone number written with blanks is one word, not several. Seven digits, because fewer may well be two numbers.
fn spaced_number(folded: &str) -> Option<String> {
    folded.contains(' ').then(|| as_number(folded)).flatten().filter(|digits| digits.len() >= 7)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn lookup() -> Lookup {
        Lookup::new(&[3; 32])
    }

    /// As the index does it: each word has an alternative among what is stored.
    fn found(stored: &[SearchToken], query: &str) -> bool {
        let words = lookup().query_tokens(query);
        !words.is_empty()
            && words.iter().all(|word| {
                word.alternatives.is_empty() || word.alternatives.iter().any(|(_, token)| stored.contains(token))
            })
    }

    #[test]
    fn names_are_found_by_the_beginnings_of_their_words() {
        let stored = lookup().of_name("Sinéad O'Neil-Okonkwo");
        for query in
            ["sinead", "SIN", "si", "oneil", "o'neil", "O’Ne", "neil", "okonkwo sinead", "oneilokonkwo", "sinead o"]
        {
            assert!(found(&stored, query), "{query}");
        }
        for query in ["inead", "adaeze", "sinead adaeze", "okonkwa", "", " ", "-"] {
            assert!(!found(&stored, query), "{query}");
        }
    }

    #[test]
    fn hyphens_and_blanks_are_forgiven() {
        for name in ["Anne-Marie", "Anne Marie", "Annemarie"] {
            let stored = lookup().of_name(name);
            for query in ["anne-marie", "annemarie"] {
                // The one thing that cannot be known: that two words are written as one by the searcher.
                let hopeless = name == "Anne Marie" && query == "annemarie";
                assert_eq!(found(&stored, query), !hopeless, "{name} {query}");
            }
            let word = &lookup().query_tokens("Anne-Marie")[0];
            assert!(word.matches_name(name), "{name}");
            assert!(!word.matches_name("Anne Lise"));
        }
    }

    #[test]
    fn long_words_share_a_token_and_are_told_apart_by_verification() {
        let stored = lookup().of_name("Christophersen");
        assert!(found(&stored, "christopher") && found(&stored, "christophorus"));
        assert!(lookup().query_tokens("christopher")[0].matches_name("Christophersen"));
        assert!(!lookup().query_tokens("christophorus")[0].matches_name("Christophersen"));
        assert_eq!(stored.len(), 7);
    }

    #[test]
    fn a_name_of_one_ideograph_is_found_and_a_single_letter_only_narrows() {
        assert!(found(&lookup().of_name("李"), "李"));
        let words = lookup().query_tokens("maria j");
        assert!(words[1].alternatives.is_empty());
        assert!(words[1].matches_name("Maria Jane") && !words[1].matches_name("Maria Lu"));
    }

    #[test]
    fn an_address_is_found_whole_and_by_its_beginning() {
        let stored = lookup().of_email("Adaeze.Okafor@Example.com");
        for query in ["adaeze.okafor@example.com", "ADAEZE", "ad", "adaeze.ok", "adaeze.okafor@exa"] {
            assert!(found(&stored, query), "{query}");
        }
        assert!(!found(&stored, "okafor@example.com"));
        assert!(found(&lookup().of_email("a@example.com"), "a@example.com"));
        assert!(lookup().query_tokens("adaeze.okafor@exa")[0].matches_email("Adaeze.Okafor@Example.com"));
        assert!(!lookup().query_tokens("adaeze.okafor@foo")[0].matches_email("Adaeze.Okafor@Example.com"));
    }

    #[test]
    fn a_phone_is_found_by_its_end_and_however_it_is_written() {
        let stored = lookup().of_phone("+2348035550101");
        for query in [
            "+2348035550101",
            "2348035550101",
            "08035550101",
            "5550101",
            "0101",
            "50101",
            "+234 803 555 0101",
            "0803-555-0101",
        ] {
            assert!(found(&stored, query), "{query}");
            assert!(lookup().query_tokens(query)[0].matches_phone("+2348035550101"), "{query}");
        }
        for query in ["101", "5550102", "08035550102"] {
            assert!(!found(&stored, query), "{query}");
        }
        assert!(!lookup().query_tokens("90101")[0].matches_phone("+2348035550101"));
        assert_eq!(stored.len(), 3);
        assert_eq!(lookup().of_phone("+12").len(), 1);
    }

    #[test]
    fn an_identifier_is_found_whole_and_only_whole() {
        let stored = lookup().of_identifier("22-123 456-144");
        assert!(found(&stored, "22123456144") && found(&stored, "22-123-456-144"));
        assert!(!found(&stored, "2212345614"));
        let word = &lookup().query_tokens("22-123-456-144")[0];
        assert!(word.matches_identifier("22123456144") && !word.matches_identifier("22123456145"));
        assert!(found(&lookup().of_identifier("AB-77c"), "ab77C"));
    }

    #[test]
    fn digits_are_also_looked_for_in_usernames() {
        assert!(found(&lookup().of_username("ada_1977"), "1977"));
        assert!(found(&lookup().of_username("ada@home"), "ada@home"));
    }

    #[test]
    fn domains_and_keys_keep_equal_texts_apart() {
        let lookup = lookup();
        let tokens: HashSet<SearchToken> =
            [lookup.of_name("ab"), lookup.of_username("ab"), lookup.of_identifier("ab")].concat().into_iter().collect();
        assert_eq!(tokens.len(), 3);
        assert_ne!(lookup.of_name("ab"), Lookup::new(&[4; 32]).of_name("ab"));
        assert_ne!(lookup.unique(Domain::Email, "a@example.com"), lookup.unique(Domain::Username, "a@example.com"));
        let token = lookup.exact(Domain::ExternalId, "a").unwrap();
        assert_ne!(lookup.unique(Domain::ExternalId, "a")[..12], token);
    }

    #[test]
    fn exact_tokens_are_among_the_stored_ones() {
        let lookup = lookup();
        assert!(lookup.of_email("Ada@Example.com").contains(&lookup.exact(Domain::Email, "ada@example.com").unwrap()));
        assert!(
            lookup
                .of_email("ada.okafor@example.com")
                .contains(&lookup.exact(Domain::EmailLocal, "ada.okafor").unwrap())
        );
        assert!(lookup.of_phone("+12025550101").contains(&lookup.exact(Domain::PhoneLast4, "0101").unwrap()));
        assert!(lookup.of_phone("+12025550101").contains(&lookup.exact(Domain::PhoneLast7, "555-0101").unwrap()));
        assert!(
            lookup.of_identifier("22123456144").contains(&lookup.exact(Domain::Identifier, "22123456144").unwrap())
        );
        assert!(lookup.of_name("Christophersen").contains(&lookup.exact(Domain::Name, "christophersen").unwrap()));
        assert_eq!(lookup.exact(Domain::PhoneLast7, "0101"), None);
        assert_eq!(lookup.exact(Domain::Email, " "), None);
    }

    #[test]
    fn uniqueness_forgives_case_but_not_accents() {
        let lookup = lookup();
        let same = |domain, a, b| lookup.unique(domain, a) == lookup.unique(domain, b);
        assert!(same(Domain::Email, "Ada@Example.com", "ada@example.com"));
        assert!(!same(Domain::Email, "josé@example.com", "jose@example.com"));
        assert!(same(Domain::Username, "ADA", "ada"));
        assert!(!same(Domain::ExternalId, "c-1", "C-1"));
        assert!(same(Domain::Phone, "+1 202 555 0101", "+12025550101"));
        assert!(same(Domain::Identifier, "ab-1", "AB1"));
    }

    #[test]
    fn a_person_is_recognised_by_all_parts_in_order() {
        let lookup = lookup();
        assert_eq!(lookup.of_person(&["bvn", "22123456144"]), lookup.of_person(&["BVN", " 22123456144"]));
        assert_ne!(lookup.of_person(&["ab", "c"]), lookup.of_person(&["a", "bc"]));
        assert_ne!(lookup.of_person(&["ab"]), lookup.of_person(&["ab", ""]));
    }

    /// Stored tokens outlive releases: these bytes must never change.
    #[test]
    fn tokens_never_change() {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(hex(&lookup().of_identifier("22123456144")[0]), "062ddfa35c4f100d3cf3648d");
        assert_eq!(hex(&lookup().unique(Domain::Email, "Ada@example.com")[..12]), "4f6cf0645de3480e2a4fb83f");
        assert_eq!(hex(&lookup().of_person(&["bvn", "22123456144"])[..12]), "be24b1f3c3060fcb507b1a3f");
    }

    #[test]
    fn queries_are_bounded() {
        let long = (0..500).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(lookup().query_tokens(&long).len(), QUERY_WORDS_MAX);
        assert!(lookup().query_tokens(&"1 ".repeat(5000)).len() <= QUERY_WORDS_MAX);
        assert!(lookup().of_name(&"ab-".repeat(5000)).len() < 200);
    }

    #[test]
    fn a_query_does_not_print_its_words() {
        assert!(!format!("{:?}", lookup().query_tokens("adaeze")).contains("adaeze"));
    }

    /// Not a test: `cargo test -p desk --release token -- --ignored --nocapture` prints what a user's tokens cost.
    #[test]
    #[ignore = "a measurement"]
    fn what_a_users_tokens_cost() {
        let lookup = lookup();
        let rounds = 20_000u32;
        let mut count = 0;
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            count = lookup.of_name("Adaeze Chidinma Okafor").len()
                + lookup.of_username("adaeze77").len()
                + lookup.of_email("adaeze.okafor@example.com").len()
                + lookup.of_phone("+2348035550101").len()
                + lookup.of_identifier("22123456144").len();
        }
        println!("{count} tokens: {:?}", start.elapsed() / rounds);
    }
}
