//! Blind search tokens: keyed hashes of beginnings of words, of whole words and of whole values, under which a user's row
//! can be found without anything readable in the index. A token narrows, it does not decide: candidates are opened and
//! verified with `QueryWord::matches_name` and its like. Uniqueness has longer tokens of its own.
//!
//! Beginnings have 2 to 5 characters; longer ones are found by their first five and told apart by verification. They are the
//! same for names, usernames and addresses, because an address mostly begins as a name does and then costs nothing more.
//! Words of names have a token as a whole, and so has each pair of them: who searches for a common first and a common last
//! name looks at those who have both, and at nobody else.

use aws_lc_rs::hmac;

use super::contact::address_form;
use super::normal;

/// The keyed fingerprint of what may exist once only: half of a hash, in which no two of any number of users will meet.
pub type UniqueToken = [u8; 16];

/// One search token, as stored.
pub type SearchToken = i64;

/// The shortest and the longest beginning, in characters.
const BEGINNING: std::ops::RangeInclusive<usize> = 2..=5;
/// Of how many words of a person's names every two have a token.
const PAIRED_WORDS: usize = 6;
/// The most words of one query that are looked at.
pub const QUERY_WORDS_MAX: usize = 8;
/// The fewest digits that are looked up as the end of a phone number.
const PHONE_DIGITS: usize = 4;
/// As many digits of its end as nearly tell a phone number.
const PHONE_END: usize = 7;
/// In a domain's tag: this hash is for uniqueness and is stored untruncated.
const UNIQUE: u8 = 0x80;

/// The field a token is about. The number is hashed with the text and therefore never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Domain {
    /// Beginnings of the words of names and usernames, and of addresses.
    Begin = 1,
    /// A username, for uniqueness.
    Username = 2,
    /// A whole e-mail address, for uniqueness.
    Email = 3,
    /// The last four digits of a phone number.
    PhoneLast4 = 6,
    /// The last seven digits of a phone number.
    PhoneLast7 = 7,
    /// An official identifier or account number, letters and digits only.
    Identifier = 8,
    /// What another system calls this user, exactly as written, for uniqueness.
    ExternalId = 9,
    /// A person, recognised again after her data is gone.
    Person = 10,
    /// All that stands before the `@`: whoever types an `@` has typed all of it.
    LocalWhole = 11,
    /// A whole word of a name.
    Word = 12,
    /// Two whole words of a person's names, in the order of the alphabet.
    Pair = 13,
    /// The code of the sales agent who brought her, exactly as written.
    Agent = 14,
    /// An account's number, for uniqueness.
    Account = 15,
    /// An administrator's identity or phone within an account, in the form in which they are compared.
    Administrator = 16,
    /// A username that could be a telephone number, by its digits.
    NumericName = 17,
}

/// One word of a query.
#[derive(Clone, PartialEq, Eq)]
pub struct QueryWord {
    /// The word, folded. For a phone number or the like written with blanks, its digits.
    pub word: String,
    /// Its tokens as a whole value: an identifier, a phone number.
    pub exact: Vec<SearchToken>,
    /// Its tokens as a beginning, or as a short end of a phone number.
    pub begins: Vec<SearchToken>,
    /// It as a whole word of a name, in the form that is paired with others; with its token.
    pub whole: Option<(String, SearchToken)>,
    /// Whether everybody who has one of the tokens in `begins` fits, so that verifying only guards against chance.
    pub is_sure: bool,
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

    /// Under which tokens the names of one person are stored, all together. Without duplicates, in no meaningful order, as
    /// all of these.
    pub fn of_names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Vec<SearchToken> {
        let mut words: Vec<String> = Vec::new();
        for word in names.into_iter().flat_map(normal::words) {
            if stands_alone(&word) && !words.contains(&word) {
                words.push(word);
            }
        }
        let mut tokens = self.beginnings(words.iter().map(String::as_str));
        tokens.extend(words.iter().map(|word| self.token(Domain::Word, word)));
        let paired = &words[..words.len().min(PAIRED_WORDS)];
        for (index, one) in paired.iter().enumerate() {
            tokens.extend(paired[..index].iter().map(|other| self.pair(one, other)));
        }
        tokens
    }

    /// Under which tokens a username is stored.
    pub fn of_username(&self, username: &str) -> Vec<SearchToken> {
        let folded = normal::fold(username);
        let words = normal::words_of_folded(&folded);
        let mut tokens = self.beginnings(words.iter().map(String::as_str).chain([&*folded]));
        tokens.extend(folded.rsplit_once('@').map(|(local, _)| self.token(Domain::LocalWhole, local)));
        tokens
    }

    /// Under which tokens an e-mail address is stored: beginnings of its local part, and that part as a whole.
    pub fn of_email(&self, email: &str) -> Vec<SearchToken> {
        let folded = normal::fold(email);
        let local = folded.rsplit_once('@').map_or(&*folded, |(local, _)| local);
        if local.is_empty() {
            return Vec::new();
        }
        let mut tokens = self.beginnings([local]);
        tokens.push(self.token(Domain::LocalWhole, local));
        tokens
    }

    /// Under which tokens a phone number in E.164 is stored: its last seven digits, its last four.
    pub fn of_phone(&self, e164: &str) -> Vec<SearchToken> {
        let digits = normal::digits(e164);
        let ends = [(Domain::PhoneLast7, PHONE_END), (Domain::PhoneLast4, PHONE_DIGITS)];
        ends.into_iter().filter_map(|(domain, count)| last(&digits, count).map(|end| self.token(domain, end))).collect()
    }

    /// Under which token an identifier is stored: letters and digits in upper case, nothing else counts.
    pub fn of_identifier(&self, identifier: &str) -> Vec<SearchToken> {
        let folded = normal::alphanumeric(identifier);
        if folded.is_empty() { Vec::new() } else { vec![self.token(Domain::Identifier, &folded)] }
    }

    /// Under which token the code of a sales agent is stored.
    pub fn of_agent(&self, code: &str) -> SearchToken {
        self.token(Domain::Agent, code)
    }

    /// The token of two whole words of a person's names, in whatever order they are given.
    pub fn pair(&self, one: &str, other: &str) -> SearchToken {
        let (first, second) = if one < other { (one, other) } else { (other, one) };
        // No word has a blank in it.
        self.token(Domain::Pair, &format!("{first} {second}"))
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
    pub fn unique(&self, domain: Domain, text: &str) -> UniqueToken {
        let form = match domain {
            Domain::Email => address_form(text),
            Domain::Username | Domain::LocalWhole => normal::lower(text),
            Domain::Begin | Domain::Word | Domain::Pair => normal::fold(text),
            Domain::PhoneLast7 | Domain::PhoneLast4 | Domain::NumericName => normal::digits(text),
            Domain::Identifier | Domain::Account => normal::alphanumeric(text),
            Domain::ExternalId | Domain::Person | Domain::Agent | Domain::Administrator => text.to_owned(),
        };
        let hash = self.hash(domain as u8 | UNIQUE, form.as_bytes());
        let mut token = UniqueToken::default();
        token.copy_from_slice(&hash[..16]);
        token
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

    fn beginnings<'a>(&self, words: impl IntoIterator<Item = &'a str>) -> Vec<SearchToken> {
        let mut all: Vec<&str> = words.into_iter().flat_map(beginnings).collect();
        // Sorting a few dozen short texts is cheaper than hashing `oneil` and `o'neil` twice.
        all.sort_unstable();
        all.dedup();
        all.into_iter().map(|beginning| self.token(Domain::Begin, beginning)).collect()
    }

    fn query_word(&self, word: &str) -> QueryWord {
        let mut found =
            QueryWord { word: word.to_owned(), exact: Vec::new(), begins: Vec::new(), whole: None, is_sure: false };
        if let Some((local, _)) = word.rsplit_once('@') {
            found.begins.push(self.token(Domain::LocalWhole, local));
            return found;
        }
        let parts = normal::parts(word);
        let joined = parts.concat();
        // The joined form finds `oneil`, the longest part finds `anne marie` for `anne-marie`, the word itself an address.
        let longest = parts.iter().copied().max_by_key(|part| part.chars().count()).unwrap_or_default();
        for beginning in [&*joined, longest, word].into_iter().filter_map(query_beginning) {
            let token = self.token(Domain::Begin, beginning);
            if !found.begins.contains(&token) {
                found.begins.push(token);
            }
        }
        let digits = as_number(word).unwrap_or_default();
        match last(&digits, PHONE_END) {
            Some(end) => found.exact.push(self.token(Domain::PhoneLast7, end)),
            None => found.begins.extend(last(&digits, PHONE_DIGITS).map(|end| self.token(Domain::PhoneLast4, end))),
        }
        if joined.chars().count() >= *BEGINNING.start() {
            found.exact.push(self.token(Domain::Identifier, &normal::alphanumeric(&joined)));
        }
        found.is_sure = joined == word && word.chars().count() <= *BEGINNING.end() && digits.len() <= PHONE_DIGITS;
        found.whole = stands_alone(&joined).then(|| {
            let token = self.token(Domain::Word, &joined);
            (joined, token)
        });
        found
    }

    fn token(&self, domain: Domain, text: &str) -> SearchToken {
        let hash = self.hash(domain as u8, text.as_bytes());
        let mut token = [0u8; 8];
        token.copy_from_slice(&hash[..8]);
        SearchToken::from_be_bytes(token)
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
        f.debug_struct("QueryWord").field("word", &"***").finish_non_exhaustive()
    }
}

impl QueryWord {
    /// Whether the index can find it at all; else it is too short and only narrows what other words found.
    pub fn is_indexed(&self) -> bool {
        !self.begins.is_empty() || !self.exact.is_empty()
    }
}

/// Whether a word is looked for by itself. A single Latin letter or digit would find nobody but those who spell a whole word
/// with it, which is not what is meant; a single ideograph is a name.
fn stands_alone(word: &str) -> bool {
    word.len() > 1 || !word.is_ascii()
}

/// The beginnings under which a folded word is stored; a word of one character as a whole.
fn beginnings(word: &str) -> impl Iterator<Item = &str> {
    let ends = word.char_indices().map(|(start, c)| start + c.len_utf8()).enumerate();
    let single = word.chars().nth(1).is_none() && stands_alone(word);
    ends.take(*BEGINNING.end())
        .filter(move |(index, _)| single || BEGINNING.contains(&(index + 1)))
        .map(|(_, end)| &word[..end])
}

/// The beginning by which a word of a query is looked for.
fn query_beginning(word: &str) -> Option<&str> {
    stands_alone(word).then(|| word.char_indices().nth(*BEGINNING.end()).map_or(word, |(end, _)| &word[..end]))
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

    fn of_name(name: &str) -> Vec<SearchToken> {
        lookup().of_names([name])
    }

    /// As the index does it: each word has a token among what is stored.
    fn found(stored: &[SearchToken], query: &str) -> bool {
        let words = lookup().query_tokens(query);
        !words.is_empty()
            && words.iter().all(|word| {
                !word.is_indexed() || word.exact.iter().chain(&word.begins).any(|token| stored.contains(token))
            })
    }

    #[test]
    fn names_are_found_by_the_beginnings_of_their_words() {
        let stored = of_name("Sinéad O'Neil-Okonkwo");
        for query in
            ["sinead", "SIN", "si", "oneil", "o'neil", "O’Ne", "neil", "okonkwo sinead", "oneilokonkwo", "sinead o"]
        {
            assert!(found(&stored, query), "{query}");
        }
        for query in ["inead", "adaeze", "sinead adaeze", "okankwo", "", " ", "-"] {
            assert!(!found(&stored, query), "{query}");
        }
    }

    #[test]
    fn hyphens_and_blanks_are_forgiven() {
        for name in ["Anne-Marie", "Anne Marie", "Annemarie"] {
            let stored = of_name(name);
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
    fn long_words_share_a_beginning_and_are_told_apart_by_verification() {
        let stored = of_name("Christophersen");
        assert!(found(&stored, "christopher") && found(&stored, "christophorus"));
        assert!(lookup().query_tokens("christopher")[0].matches_name("Christophersen"));
        assert!(!lookup().query_tokens("christophorus")[0].matches_name("Christophersen"));
        assert!(!lookup().query_tokens("christopher")[0].is_sure && lookup().query_tokens("chris")[0].is_sure);
        assert_eq!(stored.len(), 5, "four beginnings and the whole");
    }

    #[test]
    fn whole_words_and_pairs_of_them_have_tokens_in_any_order() {
        let stored = lookup().of_names(["Maria", "García Lopez"]);
        for query in ["maria garcia", "GARCIA maria", "lopez garcia"] {
            let words = lookup().query_tokens(query);
            let wholes: Vec<_> = words.iter().filter_map(|word| word.whole.as_ref()).collect();
            assert!(wholes.iter().all(|(_, token)| stored.contains(token)), "{query}");
            assert!(stored.contains(&lookup().pair(&wholes[0].0, &wholes[1].0)), "{query}");
        }
        assert!(!stored.contains(&lookup().pair("maria", "garci")));
        let many = (0..100).map(|n| format!("word{n}")).collect::<Vec<_>>();
        assert!(lookup().of_names(many.iter().map(String::as_str)).len() < 250);
    }

    #[test]
    fn a_name_of_one_ideograph_is_found_and_a_single_letter_only_narrows() {
        assert!(found(&of_name("李"), "李"));
        let words = lookup().query_tokens("maria j");
        assert!(!words[1].is_indexed());
        assert!(words[1].matches_name("Maria Jane") && !words[1].matches_name("Maria Lu"));
    }

    #[test]
    fn an_address_is_found_by_its_beginning() {
        let stored = lookup().of_email("Adaeze.Okafor@Example.com");
        for query in ["adaeze.okafor@example.com", "ADAEZE", "ad", "adaeze.ok", "adaeze.okafor@exa"] {
            assert!(found(&stored, query), "{query}");
        }
        assert!(!found(&stored, "okafor@example.com"));
        assert!(found(&lookup().of_email("a@example.com"), "a@example.com"));
        assert!(lookup().query_tokens("adaeze.okafor@exa")[0].matches_email("Adaeze.Okafor@Example.com"));
        assert!(!lookup().query_tokens("adaeze.okafor@foo")[0].matches_email("Adaeze.Okafor@Example.com"));
        let name = of_name("Adaeze");
        assert_eq!(stored.iter().filter(|token| !name.contains(token)).count(), 1, "it begins as the name does");
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
        for query in ["101", "5550102", "90102"] {
            assert!(!found(&stored, query), "{query}");
        }
        assert!(!lookup().query_tokens("90101")[0].matches_phone("+2348035550101"));
        assert_eq!((stored.len(), lookup().of_phone("+12").len()), (2, 0));
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
            [of_name("ab"), lookup.of_email("ab@x"), lookup.of_identifier("ab")].concat().into_iter().collect();
        assert_eq!(tokens.len(), 4, "a beginning, a word, a local part, an identifier");
        assert_ne!(of_name("ab"), Lookup::new(&[4; 32]).of_names(["ab"]));
        assert_ne!(lookup.unique(Domain::Email, "a@example.com"), lookup.unique(Domain::Username, "a@example.com"));
    }

    #[test]
    fn uniqueness_forgives_case_but_not_accents() {
        let lookup = lookup();
        let same = |domain, a, b| lookup.unique(domain, a) == lookup.unique(domain, b);
        assert!(same(Domain::Email, "Ada@Example.com", "ada@example.com"));
        assert!(!same(Domain::Email, "josé@example.com", "jose@example.com"));
        assert!(same(Domain::Username, "ADA", "ada"));
        assert!(!same(Domain::ExternalId, "c-1", "C-1"));
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
        assert_eq!(hex(&lookup().of_identifier("22123456144")[0].to_be_bytes()), "062ddfa35c4f100d");
        assert_eq!(hex(&lookup().unique(Domain::Email, "Ada@example.com")[..12]), "4f6cf0645de3480e2a4fb83f");
        assert_eq!(hex(&lookup().of_person(&["bvn", "22123456144"])[..12]), "be24b1f3c3060fcb507b1a3f");
    }

    #[test]
    fn queries_are_bounded() {
        let long = (0..500).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(lookup().query_tokens(&long).len(), QUERY_WORDS_MAX);
        assert!(lookup().query_tokens(&"1 ".repeat(5000)).len() <= QUERY_WORDS_MAX);
        assert!(of_name(&"ab-".repeat(5000)).len() < 200);
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
            count = lookup.of_names(["Adaeze", "Chidinma", "Okafor"]).len()
                + lookup.of_username("adaeze77").len()
                + lookup.of_email("adaeze.okafor@example.com").len()
                + lookup.of_phone("+2348035550101").len()
                + lookup.of_identifier("22123456144").len();
        }
        println!("{count} tokens: {:?}", start.elapsed() / rounds);
    }
}
