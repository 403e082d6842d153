//! One form for text that people write in many: case, accents and blanks do not count. Search tokens are made of it and
//! search results are verified with it, so a change in here means making all tokens again. Nothing is shown in this form.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::canonical_combining_class;

/// The longest folded text, in characters; what is beyond is cut off.
pub const TEXT_MAX: usize = 256;
/// The longest word, in characters; what is beyond is cut off.
pub const WORD_MAX: usize = 64;
/// The most words taken from one text.
pub const WORDS_MAX: usize = 16;

/// Folds a text: compatibility forms unified, accents stripped, lower case, blanks collapsed, at most `TEXT_MAX` characters.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let mut out = Folded { text: String::with_capacity(text.len().min(4 * TEXT_MAX)), count: 0, blank: false };
    // Some characters unfold to nothing, so the input needs a bound of its own.
    for c in text.chars().take(4 * TEXT_MAX).map(straighten).nfkd().map(straighten) {
        // The kashida only draws a word longer.
        if is_accent(c) || is_invisible(c) || c == '\u{640}' {
            continue;
        }
        for c in c.to_lowercase() {
            match spelled_out(c) {
                Some(letters) => letters.chars().for_each(|c| out.push(c)),
                None if !is_accent(c) => out.push(c),
                None => {}
            }
        }
        if out.count >= TEXT_MAX {
            break;
        }
    }
    out.text
}

/// Splits a name into folded words. Everything that is neither letter nor digit separates; words that hung together by a
/// hyphen, an apostrophe or the like are also given as one, because people write them either way: `O'Neil` gives
/// `o`, `neil` and `oneil`. No word comes twice.
pub fn words(text: &str) -> Vec<String> {
    words_of_folded(&fold(text))
}

/// As `words`, for text that is folded already.
pub(crate) fn words_of_folded(folded: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |word: String| {
        if !word.is_empty() && words.len() < WORDS_MAX && !words.contains(&word) {
            words.push(word);
        }
    };
    for chunk in folded.split(' ') {
        let parts = parts(chunk);
        let joined = (parts.len() > 1).then(|| cut(&parts.concat()));
        parts.into_iter().map(cut).for_each(&mut add);
        joined.into_iter().for_each(&mut add);
    }
    words
}

/// The pieces of a folded word between its hyphens, apostrophes, dots and so on.
pub(crate) fn parts(chunk: &str) -> Vec<&str> {
    chunk.split(|c: char| !is_word_character(c)).filter(|part| !part.is_empty()).collect()
}

/// Letters and digits of any script, in upper case: how identifiers and account numbers are compared.
pub fn alphanumeric(text: &str) -> String {
    if text.is_ascii() {
        let them = text.chars().filter(char::is_ascii_alphanumeric).take(WORD_MAX);
        return them.map(|c| c.to_ascii_uppercase()).collect();
    }
    text.nfkc().filter(|c| c.is_alphanumeric()).take(WORD_MAX).flat_map(char::to_uppercase).collect()
}

/// The ASCII digits of a text, at most `WORD_MAX`.
pub fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).take(WORD_MAX).collect()
}

/// Lower case and compatibility forms unified, accents kept: how usernames and e-mail addresses are compared where two of
/// them must not be taken for one another. Not bounded: cutting would make different values equal.
pub fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
    // Lower-casing can leave a sequence that composes, hence the second round.
    seen.trim().nfkc().flat_map(char::to_lowercase).nfkc().collect()
}

/// A short text without anything by which two that look alike differ: case, accents, invisible characters, separators, and
/// letters and digits that are drawn like other ones. Only good to compare with the same form of another text.
pub fn look(text: &str) -> String {
    let folded = fold(text);
    let drawn = folded.chars().filter(|c| is_word_character(*c)).map(drawn_like).collect::<String>();
    drawn.replace("rn", "m").replace("vv", "w")
}

/// The Latin letter that a character is drawn like; a selection of Unicode's confusables (UTS 39), lower case only.
fn drawn_like(c: char) -> char {
    match c {
        '0' | 'о' | 'ο' | 'σ' | 'օ' | 'ᴏ' | 'ഠ' | '๐' | '०' | '٥' | '۵' | 'ჿ' | 'ⲟ' => 'o',
        '1' | 'l' | 'і' | 'ι' | 'ӏ' | 'ا' | '١' | 'ן' | 'ɩ' | 'ǀ' | 'ɪ' | 'ꙇ' | 'ו' | 'լ' | 'Ӏ' | '|' => {
            'i'
        }
        '3' | 'з' | 'ӡ' | 'ʒ' => 'e',
        '4' | 'а' | 'α' | 'ɑ' | 'ᴀ' | 'ꭺ' => 'a',
        '5' | 'ѕ' | 'ꜱ' | 'ƽ' => 's',
        '6' | 'в' | 'ь' | 'ƅ' | 'Ь' | 'ʙ' | 'β' => 'b',
        '7' | 'т' | 'τ' | 'ᴛ' => 't',
        '8' => 'b',
        '9' | 'ɡ' | 'ց' | 'ԍ' | 'ɢ' => 'g',
        'с' | 'ϲ' | 'ᴄ' | 'ⲥ' => 'c',
        'ԁ' | 'ժ' | 'ᴅ' => 'd',
        'е' | 'ε' | 'є' | 'ҽ' | 'ᴇ' | '℮' | 'э' => 'e',
        'ғ' | 'ſ' | 'ք' => 'f',
        'һ' | 'н' | 'հ' | 'ʜ' | 'η' => 'h',
        'ј' | 'ϳ' | 'յ' | 'ᴊ' => 'j',
        'к' | 'κ' | 'ᴋ' | 'ԟ' => 'k',
        'ʟ' | 'ⅼ' => 'i',
        'м' | 'ᴍ' | 'μ' => 'm',
        'п' | 'ո' | 'ռ' | 'ɴ' | 'и' => 'n',
        'р' | 'ρ' | 'ᴘ' | 'ϱ' => 'p',
        'ԛ' | 'գ' | 'զ' => 'q',
        'г' | 'ʀ' | 'ᴦ' | 'я' => 'r',
        'υ' | 'ս' | 'ᴜ' | 'ц' => 'u',
        'ν' | 'ѵ' | 'ᴠ' | 'ט' => 'v',
        'ѡ' | 'ω' | 'ԝ' | 'ᴡ' | 'ա' => 'w',
        'х' | 'χ' | 'ҳ' => 'x',
        'у' | 'γ' | 'ү' | 'ყ' | 'ʏ' => 'y',
        'ᴢ' => 'z',
        other => other,
    }
}

/// Collects folded characters: at most `TEXT_MAX`, runs of blanks as one, none at the ends.
struct Folded {
    text: String,
    count: usize,
    blank: bool,
}

impl Folded {
    fn push(&mut self, c: char) {
        if c.is_whitespace() || c.is_control() {
            self.blank = self.count > 0;
            return;
        }
        let needed = 1 + usize::from(self.blank);
        if self.count + needed > TEXT_MAX {
            self.count = TEXT_MAX;
            return;
        }
        if self.blank {
            self.text.push(' ');
            self.blank = false;
        }
        self.text.push(c);
        self.count += needed;
    }
}

/// The same as the long way round, for the text that most people write.
fn fold_ascii(text: &str) -> String {
    let mut out = Folded { text: String::with_capacity(text.len().min(TEXT_MAX)), count: 0, blank: false };
    for c in text.chars().take(4 * TEXT_MAX) {
        out.push(if c == '`' { '\'' } else { c.to_ascii_lowercase() });
    }
    out.text
}

/// Typographic apostrophes and hyphens, and what people type in their stead. Asked before decomposition, which makes a blank
/// with an accent of `´`, and after it, which makes `ʼn` of `ŉ`.
fn straighten(c: char) -> char {
    match c {
        '`' | '´' | '\u{2018}'..='\u{201b}' | '\u{2b9}'..='\u{2bc}' | '\u{2032}' | '\u{ff07}' => '\'',
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        other => other,
    }
}

/// Marks that are ornament in the scripts that have them: Latin, Greek and Cyrillic accents (200 to 240), strokes through
/// a letter (1), Hebrew points and Arabic vowel signs (10 to 35). Vowel signs of Indic scripts and Thai are letters to
/// their readers and stay.
fn is_accent(c: char) -> bool {
    matches!(canonical_combining_class(c), 1 | 10..=35 | 200..=240)
}

/// What takes no room on a screen or only an empty one: Unicode's default ignorable characters (soft hyphens, joiners, fillers,
/// direction and variation marks, byte order mark), separators of lines, and the blank of Braille.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character is a letter, a digit, a sign or a blank that people see: no control, nothing invisible, nothing that no
/// version of Unicode known here has assigned.
pub(crate) fn is_printable(c: char) -> bool {
    // `escape_debug` leaves as they are what is printable, but for quotes and the backslash; marks belong to what is before them.
    let is_plain = is_word_character(c) || c.is_ascii() || c.is_whitespace() || c.escape_debug().count() == 1;
    is_plain && !c.is_control() && !is_invisible(c)
}

/// What overrides or embeds the direction of the text that follows.
pub(crate) fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_word_character(c: char) -> bool {
    // Combining marks that survived folding belong to the letter before them.
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// Letters that do not decompose, as they are written without the key for them. Lower case only.
fn spelled_out(c: char) -> Option<&'static str> {
    Some(match c {
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'đ' | 'ð' | 'ɖ' | 'ɗ' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ı' => "i",
        'ŧ' => "t",
        'ŋ' => "ng",
        'ĸ' => "k",
        'ə' => "e",
        'ɛ' => "e",
        'ɔ' => "o",
        'ɓ' => "b",
        'ƙ' => "k",
        'ƴ' => "y",
        'ɣ' => "g",
        'ʋ' => "v",
        'ƒ' => "f",
        'ȷ' => "j",
        'ς' => "σ",
        // Letters of Arabic that keyboards and countries write in more than one form: yeh, kaf, teh marbuta and heh.
        'ى' | 'ی' => "ي",
        'ک' | 'ڪ' => "ك",
        'ة' | 'ە' | 'ہ' => "ه",
        _ => return None,
    })
}

fn cut(word: &str) -> String {
    match word.char_indices().nth(WORD_MAX) {
        Some((end, _)) => word[..end].to_owned(),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_forgets_case_accents_and_blanks() {
        let pairs = [
            ("  Adaeze \t  OKAFOR\n", "adaeze okafor"),
            ("Zoë Müller-Lüdenscheidt", "zoe muller-ludenscheidt"),
            ("Łukasz Żółć", "lukasz zolc"),
            ("Straße STRASSE ẞ", "strasse strasse ss"),
            ("Søren Ærø Þór", "soren aero thor"),
            ("Đặng Thị Hương", "dang thi huong"),
            ("İbrahim Işık ılık", "ibrahim isik ilik"),
            ("Ọláńrewájú Ẹ̀bùn", "olanrewaju ebun"),
            ("Ὀδυσσεύς", "οδυσσευσ"),
            ("ﬁﬀ Ａｄａ", "fiff ada"),
            ("D’Arcy D`Arcy D´Arcy DʼArcy", "d'arcy d'arcy d'arcy d'arcy"),
            ("Anne‑Marie", "anne-marie"),
            ("zero\u{200b}width\u{ad}", "zerowidth"),
            ("a\u{0}b", "a b"),
            ("مُصْطَفَى", "مصطفي"),
            ("مصطفی", "مصطفي"),
            ("کـــریم", "كريم"),
            ("فاطمة أحمد", "فاطمه احمد"),
            ("", ""),
            (" \u{301} ", ""),
        ];
        for (text, folded) in pairs {
            assert_eq!(fold(text), folded, "{text:?}");
        }
    }

    #[test]
    fn vowel_signs_of_other_scripts_stay() {
        assert_ne!(fold("कि"), fold("कु"));
        assert_ne!(fold("กิ"), fold("กุ"));
    }

    #[test]
    fn words_are_given_apart_and_together() {
        assert_eq!(words("Sinéad O'Neil"), ["sinead", "o", "neil", "oneil"]);
        assert_eq!(words("Anne-Marie"), ["anne", "marie", "annemarie"]);
        assert_eq!(words("a.okafor_77"), ["a", "okafor", "77", "aokafor77"]);
        assert_eq!(words("Okafor, Adaeze (Ms)"), ["okafor", "adaeze", "ms"]);
        assert_eq!(words("Ada ada ADA"), ["ada"]);
        assert_eq!(words(" - ' . "), Vec::<String>::new());
    }

    #[test]
    fn everything_is_bounded() {
        assert_eq!(fold(&"x".repeat(1_000_000)).len(), TEXT_MAX);
        assert_eq!(fold(&"é".repeat(100_000)).chars().count(), TEXT_MAX);
        assert_eq!(fold(&"\u{301}".repeat(1_000_000)), "");
        assert!(words(&"a b c d e f g h i j k l m n o p q r s t u v".repeat(100)).len() <= WORDS_MAX);
        assert!(words(&"ab-".repeat(500)).iter().all(|word| word.chars().count() <= WORD_MAX));
    }

    #[test]
    fn identifiers_are_compared_by_letters_and_digits() {
        assert_eq!(alphanumeric(" ab-12 34/x "), "AB1234X");
        assert_eq!(digits("+1 (202) 555-0101"), "12025550101");
    }

    #[test]
    fn lower_keeps_accents_apart() {
        assert_eq!(lower(" JOSÉ@Example.com "), lower("jose\u{301}@example.com"));
        assert_ne!(lower("josé@example.com"), lower("jose@example.com"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,300}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn folding_anything_at_all_is_bounded_and_stable(text in any::<String>()) {
            let once = fold(&text);
            prop_assert!(once.chars().count() <= TEXT_MAX);
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn plain_text_folds_the_same_on_both_ways(text in "[ -~\\t\\n]{0,300}") {
            let mut long = fold(&format!("é{text}"));
            long.remove(0);
            // A blank after the letter is a border there and an end here.
            let short = fold(&text);
            prop_assert!(short.starts_with(long.trim_start()) || short == long.trim_start());
        }

        #[test]
        fn case_does_not_count(text in "[a-zà-öø-ÿłđğ' -]{0,40}") {
            prop_assert_eq!(fold(&text.to_uppercase()), fold(&text));
        }
    }

    #[test]
    fn every_character_folds_to_something_stable() {
        // Above the supplementary ideographs nothing is assigned that folds.
        for c in '\0'..='\u{1ffff}' {
            let once = fold(&c.to_string());
            assert_eq!(fold(&once), once, "{c:?} U+{:04X}", u32::from(c));
        }
    }
}
