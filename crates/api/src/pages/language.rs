//! The languages in which we write to end customers, on pages and in letters.

/// A language we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, also for whoever speaks none of the others.
    #[default]
    English,
    /// Spanish.
    Spanish,
    /// French.
    French,
}

impl Language {
    /// Every language, the default first.
    pub const ALL: [Language; 3] = [Language::English, Language::Spanish, Language::French];

    /// Its tag, as in `lang="es"`.
    pub const fn word(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Spanish => "es",
            Language::French => "fr",
        }
    }

    /// The language of a locale such as `es-MX`, if we write it.
    pub fn of_locale(locale: &str) -> Option<Language> {
        let primary = locale.split(['-', '_']).next()?.trim();
        Language::ALL.into_iter().find(|language| primary.eq_ignore_ascii_case(language.word()))
    }

    /// The first language of an `Accept-Language` header that we write. Browsers list them by preference, so that the
    /// weights need not be read.
    pub fn accepted(header: &str) -> Option<Language> {
        header.split(',').filter_map(|one| Language::of_locale(one.split(';').next()?)).next()
    }
}

/// A text with its gaps filled, in one pass: what is filled in is not looked at again.
pub fn said(text: &str, gaps: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let (name, after) = after.split_once('}').expect("a gap is closed in every table of words");
        let (_, value) = gaps.iter().find(|(gap, _)| *gap == name).expect("a gap is known where it is filled");
        out.push_str(value);
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_a_language() {
        let table = [
            ("en-US", Some(Language::English)),
            ("es", Some(Language::Spanish)),
            ("ES_mx", Some(Language::Spanish)),
            ("fr-CA-x-private", Some(Language::French)),
            ("de-DE", None),
            ("est", None),
            ("", None),
        ];
        for (locale, expected) in table {
            assert_eq!(Language::of_locale(locale), expected, "{locale}");
        }
    }

    #[test]
    fn what_fills_a_gap_is_not_filled_again() {
        assert_eq!(said("{a}, {b}!", &[("a", "{b}"), ("b", "{")]), "{b}, {!");
        assert_eq!(said("", &[]), "");
    }

    #[test]
    fn the_first_language_we_write_is_taken() {
        let table = [
            ("fr-FR,fr;q=0.9,en;q=0.8", Some(Language::French)),
            ("de, es;q=0.5", Some(Language::Spanish)),
            ("de, *", None),
            ("", None),
        ];
        for (header, expected) in table {
            assert_eq!(Language::accepted(header), expected, "{header}");
        }
    }
}
