//! A row, read from left to right. The order of the columns in the statement is the order of the `take`s below it, so
//! that one look at a store function shows both.

use super::value::{FromValue, Param};
use crate::error::{Error, Result};

/// One row of a result. Owns its values; nothing of the engine stays in use while it is read. All text and bytes of a row
/// lie in one piece: a value of its own for each column would be asked of the allocator and given back at once.
#[derive(Debug)]
pub struct Row {
    columns: std::vec::IntoIter<Column>,
    bytes: Vec<u8>,
    /// How many columns were taken, to name the one that does not fit.
    taken: usize,
}

/// What stands in a column, or where.
#[derive(Debug, Clone, Copy)]
enum Column {
    Null,
    Int(i64),
    /// From where to where.
    Text(usize, usize),
    Blob(usize, usize),
}

impl Row {
    /// A row of so many columns, to be filled from left to right.
    pub(super) fn build(width: usize) -> RowBuilder {
        RowBuilder { columns: Vec::with_capacity(width), bytes: Vec::new() }
    }

    /// The next column. One of another type, an unknown word or one too many is a fault of ours, named by its index
    /// (from 0); the value itself is never part of the message.
    pub fn take<T: FromValue>(&mut self) -> Result<T> {
        let index = self.taken;
        self.taken += 1;
        let column =
            self.columns.next().ok_or_else(|| Error::internal(format!("column {index}: the row is shorter")))?;
        let (value, found) = match column {
            Column::Null => (Param::Null, "null"),
            Column::Int(number) => (Param::Int(number), "a number"),
            Column::Text(from, to) => {
                (Param::Text(std::str::from_utf8(&self.bytes[from..to]).map_err(Error::internal)?), "text")
            }
            Column::Blob(from, to) => (Param::Blob(&self.bytes[from..to]), "bytes"),
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

/// A row that is being filled.
pub(super) struct RowBuilder {
    columns: Vec<Column>,
    bytes: Vec<u8>,
}

impl RowBuilder {
    pub fn null(&mut self) {
        self.columns.push(Column::Null);
    }

    pub fn int(&mut self, number: i64) {
        self.columns.push(Column::Int(number));
    }

    /// Text, which is looked at when it is taken.
    pub fn text(&mut self, text: &[u8]) {
        let (from, to) = self.keep(text);
        self.columns.push(Column::Text(from, to));
    }

    pub fn blob(&mut self, bytes: &[u8]) {
        let (from, to) = self.keep(bytes);
        self.columns.push(Column::Blob(from, to));
    }

    pub fn finish(self) -> Row {
        Row { columns: self.columns.into_iter(), bytes: self.bytes, taken: 0 }
    }

    fn keep(&mut self, bytes: &[u8]) -> (usize, usize) {
        let from = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (from, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_does_not_fit_is_named_without_its_value() {
        let mut row = Row::build(3);
        row.int(7);
        row.text(b"secret");
        row.null();
        let mut row = row.finish();
        let told = |result: Result<i64>| result.map_err(|error| error.to_string());
        assert_eq!(told(row.take()), Ok(7));
        assert_eq!(told(row.take()), Err("internal error: column 1: expected a number, found text".into()));
        assert!(matches!(row.take::<Option<String>>(), Ok(None)));
        assert_eq!(told(row.take()), Err("internal error: column 3: the row is shorter".into()));
    }
}
