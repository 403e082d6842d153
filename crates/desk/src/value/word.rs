//! Closed vocabularies: an enum whose values have one stable word each, in the database, on the wire and in logs.

/// Declares an enum whose values have a stable word: `word()`, `parse()`, `ALL`, `Display`, serde and the database
/// by that word.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $value:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vmeta])* $value,)+ }

        impl $name {
            /// Every value, in the order of declaration.
            #[allow(dead_code, clippy::allow_attributes, reason = "not every vocabulary is listed somewhere")]
            pub const ALL: &'static [$name] = &[$($name::$value,)+];
            /// Every word, in the order of declaration.
            #[allow(dead_code, clippy::allow_attributes, reason = "not every vocabulary is listed somewhere")]
            pub const WORDS: &'static [&'static str] = &[$($word,)+];

            /// The stable word.
            pub const fn word(self) -> &'static str {
                match self { $($name::$value => $word,)+ }
            }

            /// The value of a word, if there is one.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some($name::$value),)+ _ => None }
            }
        }

        // Not every vocabulary is listed somewhere; that is no reason to warn of it.
        const _: &[$name] = $name::ALL;

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $crate::db::ToParam for $name {
            fn to_param(&self) -> $crate::db::Param<'_> {
                $crate::db::Param::Text(self.word())
            }
        }

        impl $crate::db::FromValue for $name {
            fn from_value(value: $crate::db::Param<'_>) -> Result<Self, &'static str> {
                match value {
                    $crate::db::Param::Text(word) => Self::parse(word).ok_or(concat!("a word of ", stringify!($name))),
                    _ => Err(concat!("a word of ", stringify!($name))),
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.word())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::unknown_variant("", Self::WORDS))
            }
        }
    };
}
pub(crate) use words;
