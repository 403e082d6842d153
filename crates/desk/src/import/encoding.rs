//! How the bytes of a file are text. Whatever a file is encoded in, it is kept as UTF-8: everything behind this reads one
//! encoding only. A byte order mark decides; Windows-1252 has none and is read only where the caller says so, because many
//! one-byte encodings look alike and a wrong guess would spoil names without a word. Pure.

use std::borrow::Cow;

use crate::value::words;

words! {
    /// What a file is encoded in.
    pub enum Encoding {
        /// UTF-8, with a byte order mark or without.
        Utf8 = "utf-8",
        /// UTF-16, the low byte first: what spreadsheets call Unicode text.
        Utf16Le = "utf-16le",
        /// UTF-16, the high byte first.
        Utf16Be = "utf-16be",
        /// What spreadsheets on Western European systems write as CSV.
        Windows1252 = "windows-1252",
    }
}

impl Encoding {
    /// The encoding of a name as people and programs write it.
    pub fn named(name: &str) -> Option<Encoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "utf8" => Some(Encoding::Utf8),
            "us-ascii" | "ascii" => Some(Encoding::Utf8),
            "utf-16" | "utf16" | "utf16le" => Some(Encoding::Utf16Le),
            "utf16be" => Some(Encoding::Utf16Be),
            // The WHATWG reads these as Windows-1252, too: they differ in control characters only.
            "cp1252" | "cp-1252" | "ansi" | "latin1" | "iso-8859-1" | "iso8859-1" => Some(Encoding::Windows1252),
            known => Encoding::parse(known),
        }
    }

    /// What the first bytes say; a header is letters of ASCII, so that UTF-16 without a mark is seen by its zeros.
    fn seen(first: &[u8]) -> Encoding {
        match first {
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            [low, 0, other, 0, ..] if *low != 0 && *other != 0 => Encoding::Utf16Le,
            [0, low, 0, other, ..] if *low != 0 && *other != 0 => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        }
    }
}

/// In place of what is no character: no UTF-8 has this byte, so that the row that holds it is rejected.
const UNREADABLE: u8 = 0xff;
/// Bytes by which an encoding is known.
const SEEN: usize = 4;

/// Turns the bytes of a file into UTF-8 as they come.
pub(super) struct Decoder {
    encoding: Option<Encoding>,
    /// Bytes that cannot be read without those that follow.
    held: Vec<u8>,
    /// The first half of a pair.
    high: Option<u16>,
}

impl Decoder {
    /// One for a file of which the encoding is known, or to be seen.
    pub fn new(encoding: Option<Encoding>) -> Decoder {
        Decoder { encoding, held: Vec::new(), high: None }
    }

    /// The next bytes as UTF-8; `last`: nothing comes after these.
    pub fn push<'a>(&mut self, bytes: &'a [u8], last: bool) -> Cow<'a, [u8]> {
        let encoding = match self.encoding {
            Some(encoding) => encoding,
            None => {
                if self.held.len() + bytes.len() < SEEN && !last {
                    self.held.extend_from_slice(bytes);
                    return Cow::Borrowed(&[]);
                }
                let first: Vec<u8> = self.held.iter().chain(bytes).copied().take(SEEN).collect();
                let seen = Encoding::seen(&first);
                self.encoding = Some(seen);
                seen
            }
        };
        let bytes = match self.held.is_empty() {
            true => Cow::Borrowed(bytes),
            false => Cow::Owned([std::mem::take(&mut self.held).as_slice(), bytes].concat()),
        };
        match encoding {
            Encoding::Utf8 => bytes,
            Encoding::Windows1252 => Cow::Owned(windows_1252(&bytes)),
            Encoding::Utf16Le => Cow::Owned(self.utf_16(&bytes, u16::from_le_bytes, last)),
            Encoding::Utf16Be => Cow::Owned(self.utf_16(&bytes, u16::from_be_bytes, last)),
        }
    }

    fn utf_16(&mut self, bytes: &[u8], unit: fn([u8; 2]) -> u16, last: bool) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let (pairs, rest) = bytes.as_chunks::<2>();
        for pair in pairs {
            let unit = unit(*pair);
            let units = self.high.take().into_iter().chain([unit]);
            for read in char::decode_utf16(units) {
                match read {
                    Ok(read) => out.extend_from_slice(read.encode_utf8(&mut [0; 4]).as_bytes()),
                    Err(half) if half.unpaired_surrogate() == unit && (0xd800..0xdc00).contains(&unit) => {
                        self.high = Some(unit);
                    }
                    Err(_) => out.push(UNREADABLE),
                }
            }
        }
        self.held.extend_from_slice(rest);
        if last && (self.high.take().is_some() || !std::mem::take(&mut self.held).is_empty()) {
            out.push(UNREADABLE);
        }
        out
    }
}

/// The characters of 0x80 to 0x9f; zero where there is none.
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0, 0,
    0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

fn windows_1252(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 8);
    for byte in bytes {
        let read = match byte {
            0x80..=0x9f => match WINDOWS_1252[usize::from(byte - 0x80)] {
                0 => None,
                code => char::from_u32(u32::from(code)),
            },
            // The rest of Latin-1 stands at its own place in Unicode.
            _ => Some(char::from(*byte)),
        };
        match read {
            Some(read) => out.extend_from_slice(read.encode_utf8(&mut [0; 4]).as_bytes()),
            None => out.push(UNREADABLE),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "first_name;city\r\nMüller;Łódź €\r\nEmoji;😀\n";

    fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff_u16);
        mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    fn read(encoding: Option<Encoding>, bytes: &[u8], step: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut out = Vec::new();
        for some in bytes.chunks(step) {
            out.extend_from_slice(&decoder.push(some, false));
        }
        out.extend_from_slice(&decoder.push(&[], true));
        out
    }

    #[test]
    fn utf_16_is_seen_with_a_mark_and_without_and_read_however_it_is_cut() {
        for step in [1, 2, 3, 5, 1000] {
            for bytes in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
                assert_eq!(read(None, &utf_16(TEXT, bytes, false), step), TEXT.as_bytes(), "{step}");
                let marked = read(None, &utf_16(TEXT, bytes, true), step);
                assert_eq!(marked, format!("\u{feff}{TEXT}").as_bytes(), "{step}");
            }
            assert_eq!(read(None, TEXT.as_bytes(), step), TEXT.as_bytes());
        }
    }

    #[test]
    fn what_is_no_character_is_not_utf_8_afterwards() {
        let mut odd = utf_16("ab", u16::to_le_bytes, true);
        odd.push(0x41);
        assert!(read(None, &odd, 3).ends_with(&[UNREADABLE]));
        let alone = [b'a', 0, b'b', 0, 0x00, 0xd8, b'c', 0, 0x00, 0xdc];
        assert_eq!(read(None, &alone, 3), [b'a', b'b', UNREADABLE, b'c', UNREADABLE]);
        assert_eq!(read(Some(Encoding::Windows1252), b"a\x81b", 1), [b'a', UNREADABLE, b'b']);
    }

    #[test]
    fn windows_1252_is_read_where_it_is_said() {
        let text = read(Some(Encoding::Windows1252), b"M\xfcller\x80\x92\xff", 2);
        assert_eq!(text, "Müller€’ÿ".as_bytes());
        assert_eq!(Encoding::named("ISO-8859-1"), Some(Encoding::Windows1252));
        assert_eq!(Encoding::named("UTF-8"), Some(Encoding::Utf8));
        assert_eq!(Encoding::named("ebcdic"), None);
    }
}
