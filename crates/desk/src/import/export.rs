//! A user as a row of the same columns that an import takes, so that what was taken out can be brought in elsewhere. Before
//! them stand id and number. Password hashes never leave.

use super::fields::{FIELDS, cells};
use super::rows::csv_field;
use crate::user::SeenUser;

/// What an export has no column for.
const NOT_EXPORTED: &str = "password_hash";

/// The header of a CSV export.
pub fn csv_header() -> String {
    let mut line = "id,number".to_owned();
    for field in FIELDS.iter().filter(|field| field.name != NOT_EXPORTED) {
        line.push(',');
        line.push_str(field.name);
    }
    line.push_str("\r\n");
    line
}

/// A user as a line of CSV.
pub fn csv_line(user: &SeenUser, out: &mut String) {
    out.push_str(&format!("{},{}", user.id, user.number));
    for (field, cell) in FIELDS.iter().zip(cells(user)) {
        if field.name != NOT_EXPORTED {
            out.push(',');
            csv_field(cell.as_deref().unwrap_or_default(), out);
        }
    }
    out.push_str("\r\n");
}

/// A user as a line of NDJSON: the same names; what she does not have is absent.
pub fn ndjson_line(user: &SeenUser, out: &mut String) {
    let mut object = serde_json::Map::new();
    object.insert("id".to_owned(), user.id.to_string().into());
    object.insert("number".to_owned(), user.number.into());
    for (field, cell) in FIELDS.iter().zip(cells(user)) {
        if let Some(cell) = cell.filter(|_| field.name != NOT_EXPORTED) {
            object.insert(field.name.to_owned(), cell.into());
        }
    }
    out.push_str(&serde_json::Value::Object(object).to_string());
    out.push('\n');
}
