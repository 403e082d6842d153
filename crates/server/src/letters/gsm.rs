//! The alphabet of text messages (GSM 03.38) and the length of one. A single character outside it would turn the whole
//! message into 70 characters of UCS-2, so a name is written with what there is.

use api::pages::said;
use unicode_normalization::UnicodeNormalization;

/// What fits into one message.
pub(super) const SEPTETS_MAX: usize = 160;
/// A name cut to a letter or two says nothing.
const NAME_MIN: usize = 8;

const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Each of these takes two places.
const EXTENDED: &str = "^{}\\[~]|€";

/// How many places a text takes; the text is within the alphabet.
pub(super) fn septets(text: &str) -> usize {
    text.chars().map(|c| if EXTENDED.contains(c) { 2 } else { 1 }).sum()
}

/// The text in the alphabet: `ê` becomes `e`, a curly quote a straight one, what has no likeness `?`.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Composed first: a letter and its accent may come as two characters.
    for c in text.nfc() {
        match c {
            _ if BASIC.contains(c) || EXTENDED.contains(c) => out.push(c),
            '\u{2018}' | '\u{2019}' => out.push('\''),
            '\u{201c}' | '\u{201d}' | '«' | '»' => out.push('"'),
            '\u{2010}'..='\u{2015}' => out.push('-'),
            c if c.is_whitespace() => out.push(' '),
            c => {
                let base = c.nfkd().find(|part| BASIC.contains(*part));
                out.push(base.unwrap_or('?'));
            }
        }
    }
    out
}

/// A text message made of the first of these sentences that fits behind the institution's name; then the first that fits
/// behind as much of the name as there is room for; then `core` alone, however long it is. `{core}` in a sentence is the
/// link or the code.
pub(super) fn fitted(institution: &str, sentences: &[&str], gaps: &[(&str, &str)], core: &str) -> String {
    let mut gaps = gaps.to_vec();
    gaps.push(("core", core));
    let texts: Vec<String> = sentences.iter().map(|text| plain(&said(text, &gaps))).collect();
    let institution = plain(institution);
    let fits = texts.iter().find(|text| septets(&institution) + 2 + septets(text) <= SEPTETS_MAX);
    if let Some(text) = fits {
        return format!("{institution}: {text}");
    }
    for text in &texts {
        let room = SEPTETS_MAX.saturating_sub(septets(text) + 2);
        if room >= NAME_MIN {
            return format!("{}: {text}", cut(&institution, room));
        }
        if septets(text) <= SEPTETS_MAX {
            return text.clone();
        }
    }
    texts.last().cloned().unwrap_or_else(|| core.to_owned())
}

fn cut(text: &str, room: usize) -> &str {
    let mut taken = 0;
    for (at, c) in text.char_indices() {
        taken += if EXTENDED.contains(c) { 2 } else { 1 };
        if taken > room {
            return text[..at].trim_end();
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_with_the_letters_there_are() {
        let table = [
            ("Harbor & Pine Bank", "Harbor & Pine Bank"),
            ("Crédit Agrícola “Nord–Süd”", "Crédit Agricola \"Nord-Süd\""),
            ("Be\u{301}la’s Kasse", "Béla's Kasse"),
            ("Łódź 銀行", "?odz ??"),
            ("€ {x}", "€ {x}"),
        ];
        for (text, expected) in table {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn some_characters_take_two_places() {
        assert_eq!(septets("a_b"), 3);
        assert_eq!(septets("€[~]"), 8);
    }

    #[test]
    fn the_name_gives_way_before_the_link_does() {
        let long = "The Very Long Name of a Savings and Loan Association of the Seven Counties".repeat(2);
        let text = fitted(&long, &["choose: {core} Not you? Ignore this.", "{core}"], &[], &"x".repeat(100));
        assert_eq!(septets(&text), SEPTETS_MAX);
        assert!(text.starts_with("The Very Long") && text.ends_with("Ignore this."), "{text}");
        let text = fitted("Bank", &["choose: {core} Not you? Ignore this.", "{core}"], &[], &"x".repeat(150));
        assert_eq!(text, format!("Bank: {}", "x".repeat(150)));
        let text = fitted("Bank", &["choose: {core}", "{core}"], &[], &"x".repeat(300));
        assert_eq!(text, "x".repeat(300));
    }
}
