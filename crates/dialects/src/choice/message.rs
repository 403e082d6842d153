//! A message as it came: JSON read without losing how numbers were written, flattened, and signed or checked (contract 4).

use std::fmt;

use desk::value::secret;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;

/// How deep a message may be.
const DEPTH_MAX: usize = 16;
/// How long what is signed may become, in bytes: paths are repeated for each leaf.
const FLAT_MAX: usize = 1024 * 1024;

/// A value, with numbers as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`: as if it were not there.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The very text of a number.
    Number(String),
    /// A string, unescaped.
    Text(String),
    /// An array.
    List(Vec<Value>),
    /// An object, in the order in which it came; no name twice.
    Object(Vec<(String, Value)>),
}

/// Why text is no message.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Value {
    /// Reads JSON text. Names that come twice, names that are no plain words, texts with a NUL, and depths beyond reason are
    /// malformed.
    pub fn read(text: &str) -> Result<Value, Malformed> {
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| Malformed)?;
        value(raw.get(), 0)
    }

    /// A member of an object; `null` is none.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let Value::Object(members) = self else { return None };
        members.iter().find(|(known, _)| known == name).map(|(_, value)| value).filter(|it| **it != Value::Null)
    }

    /// A string.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether some string in it holds what could make two messages flatten to the same.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Value::Text(text) => text.chars().any(|c| c == '&' || c.is_control()),
            Value::List(items) => items.iter().any(Value::is_ambiguous),
            Value::Object(members) => members.iter().any(|(_, value)| value.is_ambiguous()),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
}

fn value(raw: &str, depth: usize) -> Result<Value, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed);
    }
    let text = raw.trim();
    Ok(match text.as_bytes().first().ok_or(Malformed)? {
        b'n' => Value::Null,
        b't' => Value::Bool(true),
        b'f' => Value::Bool(false),
        b'"' => {
            let text: String = serde_json::from_str(text).map_err(|_| Malformed)?;
            if text.contains('\0') {
                return Err(Malformed);
            }
            Value::Text(text)
        }
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Malformed)?;
            Value::List(items.into_iter().map(|item| value(item.get(), depth + 1)).collect::<Result<_, _>>()?)
        }
        b'{' => {
            let Members(members) = serde_json::from_str(text).map_err(|_| Malformed)?;
            let read = |(name, raw): (String, &RawValue)| Ok((name, value(raw.get(), depth + 1)?));
            Value::Object(members.into_iter().map(read).collect::<Result<_, _>>()?)
        }
        _ => Value::Number(text.to_owned()),
    })
}

/// The members of an object, in order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                let mut names = std::collections::HashSet::new();
                while let Some((name, raw)) = map.next_entry::<String, &'de RawValue>()? {
                    let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-');
                    if name.is_empty() || !is_plain || !names.insert(name.clone()) {
                        return Err(A::Error::custom("a name that is no plain word, or comes twice"));
                    }
                    members.push((name, raw));
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Each).map(Members)
    }
}

/// What is signed: every leaf as `path=text`, sorted by bytes and joined by `&`. `senderKey` is added, whatever the message
/// itself says under that name, and its signature left out.
fn flat(message: &Value, sender_key: &str) -> Result<String, Malformed> {
    let mut leaves = vec![format!("senderKey={sender_key}")];
    let mut room = FLAT_MAX;
    let Value::Object(members) = message else { return Err(Malformed) };
    for (name, value) in members.iter().filter(|(name, _)| name != "signature" && name != "senderKey") {
        leaf(&mut leaves, &mut room, name.clone(), value)?;
    }
    leaves.sort_unstable();
    Ok(leaves.join("&"))
}

fn leaf(leaves: &mut Vec<String>, room: &mut usize, path: String, value: &Value) -> Result<(), Malformed> {
    let text = match value {
        Value::Null => return Ok(()),
        Value::Bool(true) => "true",
        Value::Bool(false) => "false",
        Value::Number(text) | Value::Text(text) => text,
        Value::List(items) if items.is_empty() => "[]",
        Value::Object(members) if members.is_empty() => "{}",
        Value::List(items) => {
            let mut items = items.iter().enumerate();
            return items.try_for_each(|(at, item)| leaf(leaves, room, format!("{path}[{at}]"), item));
        }
        Value::Object(members) => {
            let mut members = members.iter();
            return members.try_for_each(|(name, value)| leaf(leaves, room, format!("{path}.{name}"), value));
        }
    };
    *room = room.checked_sub(path.len() + text.len() + 2).ok_or(Malformed)?;
    leaves.push(format!("{path}={text}"));
    Ok(())
}

/// The signature of a message: plain SHA-256 in lower-case hexadecimal.
pub fn signature(message: &Value, sender_key: &str) -> Result<String, Malformed> {
    Ok(secret::hex(&secret::digest(flat(message, sender_key)?.as_bytes())))
}

/// Whether a message carries its right signature; upper case is taken, too.
pub fn is_signed(message: &Value, sender_key: &str) -> Result<bool, Malformed> {
    let right = signature(message, sender_key)?;
    let given = message.get("signature").and_then(Value::text).unwrap_or_default().to_ascii_lowercase();
    Ok(secret::same(right.as_bytes(), given.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k3y-For-Tests-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO";

    /// Contract 4.4, V1 to V7.
    const VECTORS: &[(&str, &str)] = &[
        (
            r#"{"requestId":"acmepay-5f0d8a52-0001","sender":"acmepay","locale":"en_KE","timestamp":1767225600123,"salt":"s4ltA1b2C3d4","params":{"accountId":"46017700990011","idType":"101","idNumber":"30112233","fullName":"Wanjiru Naliaka Otieno","countryCode":"254","mobile":"712000345","email":"w.otieno@example.org"}}"#,
            "1e6bcf9e7a94cd785750e12e107038cd5323c32b9becd7106040c5f92a704a41",
        ),
        (
            r#"{"requestId":"acmepay-5f0d8a52-0002","sender":"acmepay","locale":"en_KE","timestamp":1767225600999,"salt":"Zz09","params":{"accountId":"46017700990011","limit":12.5,"count":7,"active":true,"note":null,"meta":{},"tags":[],"ids":["b","a"],"admins":[{"idType":103,"idNumber":"P-77"},{"idType":101,"contact":{"mobile":"712000345","verified":false}}]}}"#,
            "b349c44cd756a2c5f56c1f75119a157102b767e1d56a4098d5e379122f68cb85",
        ),
        (
            r#"{"requestId":"acmepay-5f0d8a52-0003","sender":"acmepay","locale":"en_KE","timestamp":1767225601000,"salt":"q","params":{}}"#,
            "23f2dabefbabfbdd260c81323e807c45c1434944264b4ea8e85fc15f602479b6",
        ),
        (
            r#"{"requestId":"acmepay-5f0d8a52-0004","sender":"acmepay","locale":"en_KE","timestamp":1767225602000,"salt":"a b+c/d=","params":{"accountId":"46017700990011","fullName":"Zoë Nyong'o-Müller","verifyType":"EMAIL"}}"#,
            "a63fe4ef525bf9fff42fb1e83cd39cb4d525dc124a8aba227a487b4d932085c5",
        ),
        (
            r#"{"code":"00000","msg":"Completed successfully","requestId":"acmepay-5f0d8a52-0001","sender":"apigw.baas.choice","locale":"en_KE","timestamp":1767225600555,"salt":"r3sp0nse","data":{"accAdminRequestId":"ACCADM0000000001"}}"#,
            "f6544f1242506a7ebefdb00c1e80bf5fe28abd7e1910ec7d9180f33275827f9f",
        ),
        (
            r#"{"code":"12004","msg":"Invalid signature","requestId":"acmepay-5f0d8a52-0001","sender":"apigw.baas.choice","locale":"en_KE","timestamp":1767225600556,"salt":"r3sp0nse"}"#,
            "566370922c7683c42aed24064202d469295df2da340c9bb82a801fe5e52559f5",
        ),
        (
            r#"{"code":"00000","msg":"Completed successfully","requestId":"acmepay-5f0d8a52-0007","sender":"apigw.baas.choice","locale":"en_KE","timestamp":1767225600557,"salt":"r3","data":{"accounts":[{"accountId":"46017700990011","accountName":"Acme Traders","currency":"KES","accountType":"B001"},{"accountId":"46017700990012","accountName":"Acme Traders USD","currency":"USD","accountType":"B001"}]}}"#,
            "77d5bfc7bcc884990a67e532d89efc3c2ba29847045e1c2f8a7e9a7ac5dff508",
        ),
    ];

    #[test]
    fn the_contracts_vectors_are_signed_as_it_says() {
        for (text, right) in VECTORS {
            assert_eq!(signature(&Value::read(text).unwrap(), KEY).unwrap(), *right, "{text}");
        }
    }

    /// Contract 4.3: the documented example, and what its typos would give.
    #[test]
    fn the_documented_example_has_the_reference_signature() {
        let text = r#"{"requestId":"APPREQ00990320fed02000","sender":"client1","locale":"en_KE","timestamp":1650533105687,"salt":"QcEwsZ123da","params":{"name":"Tester"}}"#;
        let signed = signature(&Value::read(text).unwrap(), "yourkey").unwrap();
        assert_eq!(signed, "ce4f419f667b7d5621892337c23905b894472e6b186f06a0e237528b011ab2f2");
        let with_typos = "69e94210ba16b9f5bf129d6164e0e7cc7e9478b7e1094a25412bbfe019248889";
        let whole = text.replacen('{', &format!(r#"{{"signature":"{with_typos}","#), 1);
        assert!(!is_signed(&Value::read(&whole).unwrap(), "yourkey").unwrap());
    }

    #[test]
    fn numbers_stay_as_they_were_written_and_hostile_text_is_malformed() {
        let read = Value::read(r#"{"a":1.50,"b":1e400,"c":-0,"d":123456789012345678901234567890}"#).unwrap();
        let flat = flat(&read, "k").unwrap();
        assert_eq!(flat, "a=1.50&b=1e400&c=-0&d=123456789012345678901234567890&senderKey=k");
        let deep = format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40));
        let long = format!(r#"{{"{}":[{}]}}"#, "n".repeat(60_000), vec!["1"; 60_000].join(","));
        for text in [r#"{"a":1,"a":2}"#, r#"{"a":NaN}"#, r#"{"a":1"#, "", r#"{"a.b":1}"#, r#"{"":1}"#, &deep] {
            assert_eq!(Value::read(text), Err(Malformed), "{text}");
        }
        assert_eq!(signature(&Value::read(&long).unwrap(), "k"), Err(Malformed));
        assert_eq!(signature(&Value::read("[1]").unwrap(), "k"), Err(Malformed));
    }

    /// A small generator of messages: the same seeds, the same messages.
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % bound
        }

        fn value(&mut self, depth: u64) -> String {
            match self.below(if depth < 4 { 8 } else { 5 }) {
                0 => "null".to_owned(),
                1 => ["true", "false"][self.below(2) as usize].to_owned(),
                2 => format!("{}.{}", self.below(1000), self.below(100)),
                3 => format!("-{}", self.below(10)),
                4 => {
                    let letters = ["a", "é", "=", ".", "[0]", "\\u00e9", "\\\"", "{}", " ", "Ж"];
                    let count = self.below(6);
                    let text: String = (0..count).map(|_| letters[self.below(10) as usize]).collect();
                    format!("\"{text}\"")
                }
                5 => {
                    let items: Vec<String> = (0..self.below(4)).map(|_| self.value(depth + 1)).collect();
                    format!("[{}]", items.join(","))
                }
                _ => self.object(depth + 1),
            }
        }

        fn object(&mut self, depth: u64) -> String {
            let count = self.below(5);
            let members: Vec<String> =
                (0..count).map(|at| format!("\"n{}_{at}\":{}", self.below(50), self.value(depth))).collect();
            format!("{{{}}}", members.join(","))
        }
    }

    #[test]
    fn what_is_signed_is_found_signed_and_no_changed_byte_is() {
        let mut chance = Chance(17);
        for _ in 0..400 {
            let params = chance.object(0);
            let bare = format!(
                r#"{{"requestId":"r-{}","sender":"acmepay","timestamp":{},"params":{params}}}"#,
                chance.below(1000),
                chance.below(1_000_000)
            );
            let message = Value::read(&bare).unwrap();
            let signed = signature(&message, KEY).unwrap();
            let whole = format!(r#"{},"signature":"{signed}"}}"#, &bare[..bare.len() - 1]);
            let message = Value::read(&whole).unwrap();
            assert_eq!(is_signed(&message, KEY), Ok(true), "{whole}");
            assert_eq!(is_signed(&message, "another key"), Ok(false));
            for _ in 0..60 {
                let mut bytes = whole.clone().into_bytes();
                let at = chance.below(bytes.len() as u64) as usize;
                let byte = chance.below(256) as u8;
                if bytes[at] == byte {
                    continue;
                }
                bytes[at] = byte;
                let Ok(text) = String::from_utf8(bytes) else { continue };
                // A changed byte is refused, unless it changes nothing of what is said: a blank between tokens, the case of
                // a hexadecimal digit, a null that is as good as not there.
                let Ok(changed) = Value::read(&text) else { continue };
                if is_signed(&changed, KEY) == Ok(true) {
                    assert_eq!(said(&changed), said(&message), "{text}");
                }
            }
        }
    }

    /// A message without what says nothing: the form in which two that say the same are equal.
    fn said(value: &Value) -> Vec<String> {
        fn walk(value: &Value, path: &str, into: &mut Vec<String>) {
            match value {
                Value::Null => {}
                Value::Object(members) if !members.is_empty() => {
                    members.iter().for_each(|(name, it)| walk(it, &format!("{path}/{name}"), into));
                }
                Value::List(items) if !items.is_empty() => {
                    items.iter().enumerate().for_each(|(at, it)| walk(it, &format!("{path}/{at}"), into));
                }
                Value::Text(text) if path == "/signature" => into.push(text.to_ascii_lowercase()),
                // `1` and `"1"` are taken for one another everywhere.
                Value::Text(text) | Value::Number(text) => into.push(format!("{path}={text}")),
                Value::Bool(it) => into.push(format!("{path}={it}")),
                Value::List(_) => into.push(format!("{path}=[]")),
                Value::Object(_) => into.push(format!("{path}={{}}")),
            }
        }
        let mut out = Vec::new();
        walk(value, "", &mut out);
        out.sort();
        out
    }
}
