//! A row, read from left to right. The order of the columns in the statement is the order of the `take`s below it, so
//! that one look at a store function shows both.

use super::value::{FromValue, Value};
use crate::error::{Error, Result};

/// One row of a result. Owns its values; nothing of the engine stays in use while it is read.
#[derive(Debug)]
pub struct Row {
    columns: std::vec::IntoIter<Value>,
    /// How many columns were taken, to name the one that does not fit.
    taken: usize,
}

impl Row {
    pub(super) fn new(columns: Vec<Value>) -> Row {
        Row { columns: columns.into_iter(), taken: 0 }
    }

    /// The next column. One of another type, an unknown word or one too many is a fault of ours, named by its index
    /// (from 0); the value itself is never part of the message.
    pub fn take<T: FromValue>(&mut self) -> Result<T> {
        let index = self.taken;
        self.taken += 1;
        let value =
            self.columns.next().ok_or_else(|| Error::internal(format!("column {index}: the row is shorter")))?;
        let found = match value {
            Value::Null => "null",
            Value::Int(_) => "a number",
            Value::Text(_) => "text",
            Value::Blob(_) => "bytes",
        };
        T::from_value(value)
            .map_err(|expected| Error::internal(format!("column {index}: expected {expected}, found {found}")))
    }

    /// Passes over the next column.
    pub fn skip(&mut self) {
        self.taken += 1;
        self.columns.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_does_not_fit_is_named_without_its_value() {
        let mut row = Row::new(vec![Value::Int(7), Value::Text("secret".into()), Value::Null]);
        let told = |result: Result<i64>| result.map_err(|error| error.to_string());
        assert_eq!(told(row.take()), Ok(7));
        assert_eq!(told(row.take()), Err("internal error: column 1: expected a number, found text".into()));
        assert!(matches!(row.take::<Option<String>>(), Ok(None)));
        assert_eq!(told(row.take()), Err("internal error: column 3: the row is shorter".into()));
    }
}
