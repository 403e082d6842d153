//! What goes into a statement and what comes out of a row: null, a 64-bit number, text, bytes. Nothing else crosses the
//! border to an engine, so that both engines store the same thing. Richer types say here, or where they are declared,
//! which of the four they are.

use std::borrow::Cow;

use crate::value::clock::Time;
use crate::value::id::TenantId;

/// One parameter of a statement, borrowed from whoever calls; or one column of a row, borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param<'a> {
    /// Nothing; takes the type of the column it is compared with or written to.
    Null,
    /// A number; also times, tenants, yes (1) and no (0).
    Int(i64),
    /// Text; also the words of enums.
    Text(&'a str),
    /// Bytes; also ids.
    Blob(&'a [u8]),
}

/// The same, owned: a parameter that has to wait, or a column of any type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// What can be a parameter.
pub trait ToParam {
    /// Lends itself to a statement.
    fn to_param(&self) -> Param<'_>;
}

/// What can be read from a column. The error says what was expected; the row adds which column it was.
pub trait FromValue: Sized {
    /// Reads one column.
    fn from_value(value: Param<'_>) -> Result<Self, &'static str>;
}

/// The parameters of a statement, in order: `params![tenant, user, &name]`. Takes its expressions by reference.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$($crate::db::ToParam::to_param(&$value)),*] as &[$crate::db::Param<'_>]
    };
}
pub use crate::params;

impl ToParam for Param<'_> {
    fn to_param(&self) -> Param<'_> {
        *self
    }
}

impl ToParam for Value {
    fn to_param(&self) -> Param<'_> {
        match self {
            Value::Null => Param::Null,
            Value::Int(number) => Param::Int(*number),
            Value::Text(text) => Param::Text(text),
            Value::Blob(bytes) => Param::Blob(bytes),
        }
    }
}

impl ToParam for i64 {
    fn to_param(&self) -> Param<'_> {
        Param::Int(*self)
    }
}

impl ToParam for i32 {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl ToParam for u32 {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl ToParam for bool {
    fn to_param(&self) -> Param<'_> {
        Param::Int(i64::from(*self))
    }
}

impl ToParam for Time {
    fn to_param(&self) -> Param<'_> {
        Param::Int(self.0)
    }
}

impl ToParam for TenantId {
    fn to_param(&self) -> Param<'_> {
        Param::Int(self.0)
    }
}

impl ToParam for str {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for String {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for Cow<'_, str> {
    fn to_param(&self) -> Param<'_> {
        Param::Text(self)
    }
}

impl ToParam for [u8] {
    fn to_param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl ToParam for Vec<u8> {
    fn to_param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl<const N: usize> ToParam for [u8; N] {
    fn to_param(&self) -> Param<'_> {
        Param::Blob(self)
    }
}

impl<T: ToParam + ?Sized> ToParam for &T {
    fn to_param(&self) -> Param<'_> {
        (**self).to_param()
    }
}

impl<T: ToParam> ToParam for Option<T> {
    fn to_param(&self) -> Param<'_> {
        self.as_ref().map_or(Param::Null, T::to_param)
    }
}

impl From<Param<'_>> for Value {
    fn from(value: Param<'_>) -> Value {
        match value {
            Param::Null => Value::Null,
            Param::Int(number) => Value::Int(number),
            Param::Text(text) => Value::Text(text.to_owned()),
            Param::Blob(bytes) => Value::Blob(bytes.to_vec()),
        }
    }
}

impl FromValue for Value {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        Ok(value.into())
    }
}

impl FromValue for i64 {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Int(number) => Ok(number),
            _ => Err("a number"),
        }
    }
}

impl FromValue for i32 {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        i64::from_value(value)?.try_into().map_err(|_| "a number of 32 bits")
    }
}

impl FromValue for u32 {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        i64::from_value(value)?.try_into().map_err(|_| "a number of 32 bits, not negative")
    }
}

impl FromValue for bool {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Int(0) => Ok(false),
            Param::Int(1) => Ok(true),
            _ => Err("0 or 1"),
        }
    }
}

impl FromValue for Time {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        i64::from_value(value).map(Time)
    }
}

impl FromValue for TenantId {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        i64::from_value(value).map(TenantId)
    }
}

impl FromValue for String {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Text(text) => Ok(text.to_owned()),
            _ => Err("text"),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Blob(bytes) => Ok(bytes.to_vec()),
            _ => Err("bytes"),
        }
    }
}

impl<const N: usize> FromValue for [u8; N] {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Blob(bytes) => bytes.try_into().map_err(|_| "bytes of another length"),
            _ => Err("bytes"),
        }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Param<'_>) -> Result<Self, &'static str> {
        match value {
            Param::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
