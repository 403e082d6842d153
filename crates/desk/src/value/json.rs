//! JSON from outside, looked at before it is read into types: no name twice in an object, no NUL in a text (PostgreSQL keeps none),
//! no half of a surrogate pair. And what serde says of a text that does not fit a type, said again with the field's name, without the
//! value (it may be somebody's data) and without our types.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Field};

/// The longest name of a field that is repeated to whoever sent it. Names are ours as a rule, but nobody vouches for it.
const NAME_MAX: usize = 40;

/// Why a JSON text is not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where, e.g. `address.zip`; empty if it is the text as a whole.
    pub path: String,
    /// A stable word: `malformed`, `duplicate`, `unknown`, `required`, `invalid`.
    pub code: &'static str,
    /// What is wrong, without a full stop. Never repeats a value.
    pub message: String,
    /// The line and the column, in bytes, where that is of use.
    pub place: Option<(usize, usize)>,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match self.place {
            Some((line, column)) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl From<Flaw> for Error {
    fn from(flaw: Flaw) -> Error {
        Error::Invalid(vec![Field::new(flaw.path, flaw.code, format!("{}.", flaw.message))])
    }
}

/// What is said of a text with a NUL in it.
pub const NUL: &str = "Has a NUL character, which is no text";

/// Reads a JSON text into a type, once it has passed `check`.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, Flaw> {
    check(text)?;
    serde_json::from_slice(text).map_err(|error| translated(&error, text))
}

/// Reads a value that was put together here into a type.
pub fn fit<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, Flaw> {
    // By way of its text, since only there serde says where it was. Lines and columns of that text are of no use to anybody.
    read(value.to_string().as_bytes()).map_err(|flaw| Flaw { place: None, ..flaw })
}

/// Checks a JSON text: that it is one, names no field twice and has no text that cannot be kept.
pub fn check(text: &[u8]) -> Result<(), Flaw> {
    let mut seen = Seen { path: String::new(), flaw: None };
    let mut reader = serde_json::Deserializer::from_slice(text);
    let done = Look(&mut seen).deserialize(&mut reader).and_then(|()| reader.end());
    let Err(error) = done else { return Ok(()) };
    let (code, message) = match seen.flaw {
        Some(found) => found,
        None => ("malformed", unread(&error).to_owned()),
    };
    Err(Flaw { path: seen.path, code, message, place: Some((error.line(), error.column())) })
}

fn unread(error: &serde_json::Error) -> &'static str {
    if error.is_eof() { "it ends too early" } else { "it is not JSON" }
}

/// How far the look has come. The path is left as it is when something is found.
struct Seen {
    path: String,
    flaw: Option<(&'static str, String)>,
}

impl Seen {
    /// Goes into a member of an object; tells how long the path was.
    fn enter(&mut self, name: &str) -> usize {
        let before = self.path.len();
        if before > 0 {
            self.path.push('.');
        }
        self.path.push_str(shown(name));
        before
    }
}

/// A field's name as it may be repeated to whoever sent it.
pub fn shown(name: &str) -> &str {
    let is_name = name.len() <= NAME_MAX && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it));
    if is_name && !name.is_empty() { name } else { "?" }
}

struct Look<'a>(&'a mut Seen);

impl Look<'_> {
    fn text<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.contains('\0') {
            self.0.flaw = Some(("invalid", NUL.to_owned()));
            return Err(E::custom(NUL));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let before = self.0.path.len();
        for place in 0.. {
            self.0.path.push_str(&format!("[{place}]"));
            if items.next_element_seed(Look(self.0))?.is_none() {
                break;
            }
            self.0.path.truncate(before);
        }
        self.0.path.truncate(before);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let before = self.0.enter(&name);
            let flaw = match () {
                () if name.contains('\0') => Some(("invalid", NUL)),
                () if names.contains(&name) => Some(("duplicate", "is there twice")),
                () => None,
            };
            if let Some((code, message)) = flaw {
                self.0.flaw = Some((code, message.to_owned()));
                return Err(A::Error::custom(message));
            }
            members.next_value_seed(Look(self.0))?;
            self.0.path.truncate(before);
            names.insert(name);
        }
        Ok(())
    }
}

/// A member's name, borrowed where it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// What serde says of a JSON text that passed `check` and does not fit a type.
pub fn translated(error: &serde_json::Error, text: &[u8]) -> Flaw {
    let place = Some((error.line(), error.column()));
    if !error.is_data() {
        return Flaw { path: String::new(), code: "malformed", message: unread(error).to_owned(), place };
    }
    let offset = offset(text, error.line(), error.column());
    let said = error.to_string();
    let said = said.split(" at line ").next().unwrap_or_default();
    match named(said) {
        // These are said of the object as a whole.
        Some((name, code, message)) => {
            let mut path = path_at(text, offset, true);
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(shown(&name));
            Flaw { path, code, message, place }
        }
        None => Flaw { path: path_at(text, offset, false), code: "invalid", message: expected(said), place },
    }
}

/// What serde says without a value and without our types: of a field by name, or of a value.
pub fn named(said: &str) -> Option<(String, &'static str, String)> {
    let (kind, rest) = said.split_once(" field `")?;
    let (name, rest) = rest.split_once('`')?;
    let (code, what) = match kind {
        "missing" => ("required", "is needed".to_owned()),
        "duplicate" => ("duplicate", "is there twice".to_owned()),
        "unknown" => ("unknown", format!("there is no such field{rest}")),
        _ => return None,
    };
    Some((name.to_owned(), code, what))
}

/// What was expected in place of a value, in words that are not Rust's.
pub fn expected(said: &str) -> String {
    const OTHER: &str = "is not of the form that is needed";
    let Some((before, wanted)) = said.split_once(", expected ") else { return OTHER.to_owned() };
    if before.starts_with("unknown variant") {
        return format!("expected {wanted}");
    }
    let wanted = match wanted {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => {
            if before.starts_with("invalid value") { "a whole number within bounds" } else { "a whole number" }
        }
        "f32" | "f64" => "a number",
        "a boolean" | "bool" => "true or false",
        "a string" | "a borrowed string" | "string" | "str" => "a string",
        "a sequence" => "a list",
        "a map" => "an object",
        "unit" | "null" => "null",
        it if it.starts_with("struct ") || it.starts_with("an object") => "an object",
        it if it.starts_with("enum ") || it.starts_with("variant ") => "one of the words that are known",
        // What our own types say of themselves.
        it if it.starts_with("a ") || it.starts_with("an ") => it,
        _ => return OTHER.to_owned(),
    };
    format!("expected {wanted}")
}

/// Where a line and a column (in bytes, as serde counts them) lie in a text.
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let breaks = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    let begin = if line <= 1 { 0 } else { breaks.take(line - 1).last().unwrap_or(0) };
    begin + column
}

/// The path of the innermost value, or object or list, that a place of a JSON text lies in. The text has passed `check`.
fn path_at(text: &[u8], place: usize, containers_only: bool) -> String {
    let mut walk = Walk { text, at: 0, place, containers_only, found: None };
    walk.value("");
    walk.found.unwrap_or_default()
}

struct Walk<'a> {
    text: &'a [u8],
    at: usize,
    place: usize,
    containers_only: bool,
    found: Option<String>,
}

impl Walk<'_> {
    /// Goes to the next of these bytes, or to the end.
    fn to(&mut self, until: impl Fn(u8) -> bool) -> u8 {
        while let Some(byte) = self.text.get(self.at) {
            if until(*byte) {
                return *byte;
            }
            self.at += 1;
        }
        b'}'
    }

    fn string(&mut self) -> String {
        let begin = self.at;
        self.at += 1;
        while let Some(byte) = self.text.get(self.at) {
            self.at += if *byte == b'\\' { 2 } else { 1 };
            if *byte == b'"' {
                break;
            }
        }
        let raw = &self.text[begin..self.at.min(self.text.len())];
        serde_json::from_slice(raw).unwrap_or_default()
    }

    fn value(&mut self, path: &str) {
        let first = self.to(|byte| !byte.is_ascii_whitespace());
        let begin = self.at;
        let is_container = matches!(first, b'{' | b'[');
        match first {
            b'"' => drop(self.string()),
            b'{' | b'[' => self.members(first == b'{', path),
            _ => drop(self.to(|byte| byte.is_ascii_whitespace() || b",]}".contains(&byte))),
        }
        let lies_in = begin <= self.place && self.place <= self.at;
        // Inner values come to their end first.
        if lies_in && self.found.is_none() && (is_container || !self.containers_only) {
            self.found = Some(path.to_owned());
        }
    }

    fn members(&mut self, is_object: bool, path: &str) {
        self.at += 1;
        for place in 0.. {
            let next = self.to(|byte| !byte.is_ascii_whitespace() && byte != b',');
            if matches!(next, b'}' | b']') {
                break;
            }
            let inner = if is_object {
                let name = self.string();
                self.to(|byte| byte == b':');
                self.at += 1;
                if path.is_empty() { shown(&name).to_owned() } else { format!("{path}.{}", shown(&name)) }
            } else {
                format!("{path}[{place}]")
            };
            self.value(&inner);
        }
        self.at += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    fn flaw(text: &str) -> (String, &'static str) {
        let flaw = check(text.as_bytes()).unwrap_err();
        (flaw.path, flaw.code)
    }

    #[test]
    fn names_come_once_at_every_depth_and_however_they_are_escaped() {
        assert_eq!(flaw(r#"{"a":1,"b":2,"a":3}"#), ("a".into(), "duplicate"));
        assert_eq!(flaw(r#"{"a":1,"\u0061":3}"#), ("a".into(), "duplicate"));
        assert_eq!(flaw(r#"{"x":[{},{"y":{"z":1,"z":1}}]}"#), ("x[1].y.z".into(), "duplicate"));
        assert_eq!(flaw(r#"{"ada@mail.example":1,"ada@mail.example":1}"#), ("?".into(), "duplicate"));
        assert_eq!(check(br#"{"a":{"a":1},"b":{"a":1},"c":[{"a":1},{"a":1}]}"#), Ok(()));
    }

    #[test]
    fn texts_that_cannot_be_kept_are_named_by_their_field() {
        assert_eq!(flaw(r#"{"a":{"b":["x","y\u0000"]}}"#), ("a.b[1]".into(), "invalid"));
        assert_eq!(flaw(r#"{"a":{"b\u0000":1}}"#), ("a.?".into(), "invalid"));
        assert_eq!(flaw(r#"{"a":1,"reason":"x\ud800"}"#), ("reason".into(), "malformed"));
        assert_eq!(flaw(r#"{"a":1,"reason":"\udc00\ud800"}"#), ("reason".into(), "malformed"));
        assert_eq!(check(b"{\"reason\":\"\xed\xa0\x80\"}").unwrap_err().path, "reason");
        assert_eq!(check("{\"reason\":\"\\ud83d\\ude00 ü\"}".as_bytes()), Ok(()));
        assert_eq!(flaw("{\"a\":1").1, "malformed");
        assert_eq!(flaw("{\"a\":1} x").1, "malformed");
        assert_eq!(flaw(&"[".repeat(100_000)).1, "malformed");
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Order {
        number: u8,
        #[serde(default)]
        text: String,
        #[serde(default)]
        lines: Vec<Line>,
        #[serde(default)]
        way: Option<Way>,
        #[serde(default)]
        more: BTreeMap<String, bool>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Line {
        amount: i64,
        sent: bool,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Way {
        Sea,
        Land,
    }

    #[test]
    fn what_does_not_fit_names_the_field_and_neither_value_nor_type() {
        let table = [
            (r#"{"number":1,"text":4711}"#, "text", "expected a string"),
            (r#"{"text":"secret","number":"4711"}"#, "number", "expected a whole number"),
            (r#"{"number":4711}"#, "number", "expected a whole number within bounds"),
            (r#"{"number":{"secret":4711}}"#, "number", "expected a whole number"),
            (r#"{"number":1,"lines":{"secret":1}}"#, "lines", "expected a list"),
            (r#"{"number":1,"lines":[{"amount":1,"sent":true},4711]}"#, "lines[1]", "expected an object"),
            (r#"{"number":1,"lines":[{"amount":1,"sent":"secret"}]}"#, "lines[0].sent", "expected true or false"),
            (r#"{"number":1,"lines":[{"amount":4711}]}"#, "lines[0].sent", "is needed"),
            (r#"{"number":1,"way":"secret"}"#, "way", "expected `sea` or `land`"),
            (r#"{"number":1,"more":{"a":true,"b":4711}}"#, "more.b", "expected true or false"),
            (r#"{"number":1,"more":[]}"#, "more", "expected an object"),
            (
                "{\n \"number\": 1,\n \"lines\": [\n  {\"amount\": \"secret\"}\n ]\n}",
                "lines[0].amount",
                "expected a whole number",
            ),
            ("{}", "number", "is needed"),
            (
                r#"{"number":1,"nickname":"secret"}"#,
                "nickname",
                "there is no such field, expected one of `number`, `text`, `lines`, `way`, `more`",
            ),
            (
                r#"{"number":1,"ada@mail.example":"secret"}"#,
                "?",
                "there is no such field, expected one of `number`, `text`, `lines`, `way`, `more`",
            ),
        ];
        for (text, path, message) in table {
            let flaw = read::<Order>(text.as_bytes()).unwrap_err();
            assert_eq!((flaw.path.as_str(), flaw.message.as_str()), (path, message), "{text}");
            for word in ["secret", "4711", "u8", "i64", "Order", "Line", "struct", "Way", "mail.example"] {
                assert!(!flaw.to_string().contains(word), "{word} in {flaw}");
            }
        }
    }
}
