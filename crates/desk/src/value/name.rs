//! What a name may not hold wherever somebody else will read it: names stand in mails, text messages and pages, and whoever
//! may choose one could otherwise send a link, or turn the text around it, in the institution's name.

use unicode_normalization::UnicodeNormalization;

use super::contact::Fault;
use super::normal::{is_direction_override, is_invisible};

const LINK: Fault = Fault { code: "link", message: "A name cannot hold a link." };
const DIRECTION: Fault =
    Fault { code: "invalid", message: "Characters that change the direction of text are not accepted." };
const BLANK: Fault = Fault { code: "invalid", message: "A name needs characters that can be seen." };

/// Why a text cannot be a name, if it cannot. An empty text is fine here.
pub fn fault_of_name(text: &str) -> Option<Fault> {
    if text.contains(is_direction_override) {
        return Some(DIRECTION);
    }
    if !text.is_empty() && text.chars().all(|c| is_invisible(c) || c.is_whitespace()) {
        return Some(BLANK);
    }
    holds_link(text).then_some(LINK)
}

/// Whether a mail program may make a link of something in a text: `://`, `www.`, or a domain with a path, a query, a fragment
/// or a port behind it.
fn holds_link(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| !is_invisible(*c)).nfkc().flat_map(char::to_lowercase).collect();
    if !plain.contains(['.', ':']) {
        return false;
    }
    let begins_word = |at: usize| plain[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric());
    let is_www = plain.match_indices("www.").any(|(at, _)| begins_word(at));
    plain.contains("://") || plain.contains(":\\\\") || is_www || plain.split_whitespace().any(is_path_like)
}

/// Whether a word has a domain in it with more behind it: `pay.example/x`.
fn is_path_like(word: &str) -> bool {
    word.match_indices(['/', '\\', '?', '#', ':']).any(|(at, sign)| {
        let (before, after) = (&word[..at], &word[at + sign.len()..]);
        let host = before.rsplit(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).next().unwrap_or_default();
        let mut labels = host.rsplit('.');
        let last = labels.next().unwrap_or_default();
        let is_domain = labels.next().is_some_and(|label| !label.is_empty())
            && last.chars().count() >= 2
            && last.chars().all(char::is_alphabetic);
        is_domain && (sign != ":" || after.starts_with(|c: char| c.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_turned_text_are_no_names() {
        for (text, code) in [
            ("https://evil.example", "link"),
            ("Ada hxxp://x", "link"),
            ("WWW.evil.example", "link"),
            ("Ada www.evil.example", "link"),
            ("evil.example/pay", "link"),
            ("evil\u{200b}.example/pay", "link"),
            ("ｅｖｉｌ．example／pay", "link"),
            ("evil.example?x=1", "link"),
            ("evil.example:8080", "link"),
            ("(evil.example/x)", "link"),
            ("Ada\u{202e}adA", "invalid"),
            ("\u{2066}Ada\u{2069}", "invalid"),
            ("\u{3164}\u{200b}", "invalid"),
        ] {
            assert_eq!(fault_of_name(text).map(|fault| fault.code), Some(code), "{text:?}");
        }
        for text in [
            "",
            "Adaeze Okafor",
            "J.R.R. Tolkien",
            "St.John",
            "Dr.Okafor",
            "Amazon.com",
            "Smith & Co. a/s",
            "Okafor t/a Pine.Works",
            "A/C Ltd.",
            "Wwwicz",
            "Anne-Marie O'Neil",
            "می\u{200c}خواهم",
            "Firm: Okafor",
            "Nr.: 5",
        ] {
            assert_eq!(fault_of_name(text).map(|fault| fault.code), None, "{text:?}");
        }
    }
}
