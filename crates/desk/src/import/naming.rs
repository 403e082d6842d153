//! Which field each column of a file holds: the names of a header, or of an NDJSON row, ours or the caller's. What could be
//! an identity and is none of our fields (`id`, `number`) is never passed over: the caller decides. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::encoding::Encoding;
use super::fields::{FIELDS, folded, named, nearest};
use super::model::Format;
use super::rows::{self, Cut, Shape};
use crate::error::{Error, Field, Result};

/// The most columns a file may have, and names that may be mapped or left out.
const COLUMNS_MAX: usize = 500;
/// What begins an error file of ours, so that a mended one can be brought in.
const ERROR_COLUMNS: &[&str] = &["line", "field", "code", "reason"];
/// Columns that seem to say who somebody is and are none of our fields: exports begin with them. To pass over them would
/// create everybody again.
const IDENTITIES: &[&str] = &["id", "number"];
/// What some programs put before UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";
/// What may stand between the fields of a CSV file.
const SEPARATORS: [u8; 3] = [b',', b';', b'\t'];

pub(super) const NOT_UTF_8: &str =
    "Is not UTF-8. A file from a spreadsheet may be Windows-1252: say so with `encoding=windows-1252`.";

/// How the columns of a file are to be understood.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    /// Our field, and what the file calls it.
    pub map: Vec<(String, String)>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
    /// Of which country telephone numbers without a country's code are (ISO 3166, two letters); else of the institution's.
    pub country: Option<String>,
    /// What the file is encoded in, where its first bytes do not say it.
    pub encoding: Option<Encoding>,
}

/// How the rows of a file are read, as it was decided when the file was received; kept with the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reading {
    /// CSV: what stands between two fields.
    pub separator: char,
    /// NDJSON: a name of the file, folded, and the field it holds.
    pub renamed: BTreeMap<String, String>,
    /// NDJSON: names to leave out, folded.
    pub ignored: BTreeSet<String>,
}

impl Default for Reading {
    fn default() -> Reading {
        Reading { separator: ',', renamed: BTreeMap::new(), ignored: BTreeSet::new() }
    }
}

/// What a name of an NDJSON row is.
pub(super) enum Name {
    Field(usize),
    LeftOut,
    Undecided,
    Unknown,
}

impl Reading {
    /// How rows are told apart.
    pub(super) fn shape(&self, format: Format) -> Shape {
        match format {
            // Only one byte is ever written here; another would be from a newer version.
            Format::Csv => Shape::Csv(u8::try_from(self.separator).unwrap_or(b',')),
            Format::Ndjson => Shape::Ndjson,
        }
    }

    /// What a name of an NDJSON row is.
    pub(super) fn name(&self, name: &str) -> Name {
        let known = folded(name);
        if self.ignored.contains(&known) {
            return Name::LeftOut;
        }
        let field = self.renamed.get(&known).map_or(name, |field| field);
        match named(field) {
            Some(field) => Name::Field(field),
            None if IDENTITIES.contains(&known.as_str()) => Name::Undecided,
            None => Name::Unknown,
        }
    }
}

impl Naming {
    /// Reads `phone=mobile`.
    pub fn pair(text: &str) -> Result<(String, String)> {
        let (ours, theirs) = text
            .split_once('=')
            .ok_or_else(|| Error::invalid("map", "invalid", "Write it as field=column, e.g. phone=mobile."))?;
        Ok((ours.trim().to_owned(), theirs.trim().to_owned()))
    }

    /// The pairs of field and column. Where only what stands behind the `=` is a field, and the file has the column, it is
    /// meant the other way round.
    fn pairs(&self, has: impl Fn(&str) -> bool, faults: &mut Vec<Field>) -> Vec<(usize, &str)> {
        let mut pairs = Vec::with_capacity(self.map.len());
        for (ours, theirs) in &self.map {
            match (named(ours), named(theirs)) {
                (Some(field), _) if has(theirs) => pairs.push((field, theirs.as_str())),
                (None, Some(field)) if has(ours) => pairs.push((field, ours.as_str())),
                (Some(_), _) => {
                    faults.push(Field::new("map", "unknown", "The file has no column of a name given there."));
                }
                (None, _) => faults.push(unknown("map", ours, None)),
            }
        }
        pairs
    }

    /// Which field each column of a header holds.
    fn columns(&self, header: &[String]) -> Result<Vec<Option<usize>>> {
        let mut faults = Vec::new();
        let has = |name: &str| header.iter().any(|column| same_name(column, name));
        let renamed = self.pairs(has, &mut faults);
        let is_error_file =
            ERROR_COLUMNS.iter().enumerate().all(|(at, own)| header.get(at).is_some_and(|name| same_name(name, own)));
        let mut columns = Vec::with_capacity(header.len());
        for (at, name) in header.iter().enumerate() {
            let renamed = renamed.iter().find(|(_, theirs)| same_name(name, theirs)).map(|(field, _)| *field);
            let left_out = self.ignore.iter().any(|it| same_name(name, it))
                || (is_error_file && at < ERROR_COLUMNS.len())
                // A spreadsheet ends each line with a separator where a column was once.
                || (name.trim().is_empty() && at + 1 == header.len() && at > 0);
            let known = renamed.or_else(|| if left_out { None } else { named(name.trim()) });
            match known {
                None if left_out => {}
                None if IDENTITIES.contains(&folded(name).as_str()) => faults.push(undecided(name)),
                None => faults.push(unknown("columns", name, Some(at + 1))),
                Some(field) if columns.contains(&Some(field)) => {
                    let what = format!("Two columns hold `{}`: leave one out.", FIELDS[field].name);
                    faults.push(Field::new("columns", "duplicate", what));
                }
                Some(_) => {}
            }
            columns.push(known);
        }
        faults.truncate(20);
        match faults.is_empty() {
            true => Ok(columns),
            false => Err(Error::Invalid(faults)),
        }
    }

    /// The same for rows that say their names themselves.
    fn reading(&self) -> Result<Reading> {
        let mut faults = Vec::new();
        if self.map.len() + self.ignore.len() > COLUMNS_MAX {
            faults.push(Field::new("map", "too_long", "At most 500 names are mapped or left out."));
        }
        let renamed = self.pairs(|_| true, &mut faults).into_iter();
        let renamed = renamed.map(|(field, theirs)| (folded(theirs), FIELDS[field].name.to_owned())).collect();
        let ignored = self.ignore.iter().map(|name| folded(name)).collect();
        match faults.is_empty() {
            true => Ok(Reading { renamed, ignored, ..Reading::default() }),
            false => Err(Error::Invalid(faults)),
        }
    }
}

fn same_name(column: &str, name: &str) -> bool {
    column.trim().to_lowercase() == name.trim().to_lowercase()
}

/// A name that is none of ours. It is repeated only if it looks like a name: a file without a header begins with somebody.
fn unknown(path: &str, name: &str, column: Option<usize>) -> Field {
    let name = name.trim();
    let plain = |it: char| it.is_ascii_alphanumeric() || it == '_' || it == '.' || it == '-' || it == ' ';
    let is_name = name.len() <= 40 && name.starts_with(|it: char| it.is_ascii_alphabetic()) && name.chars().all(plain);
    let mut told = match (is_name, column) {
        (true, Some(column)) => format!("There is no field `{name}` (column {column})."),
        (true, None) => format!("There is no field `{name}`."),
        (false, _) => {
            format!("Column {} has the name of no field; a file begins with its header.", column.unwrap_or(0))
        }
    };
    if let Some(near) = nearest(name) {
        told.push_str(&format!(" The nearest is `{near}`."));
    }
    if column.is_some() {
        told.push_str(" Map it to a field, or leave it out.");
    }
    Field::new(path, "unknown", told)
}

/// What is said of `id` and `number`.
pub(super) fn undecided(name: &str) -> Field {
    let name = folded(name);
    let message = format!(
        "Decide what `{name}` is: `map` it to the field by which users are known again (external_id={name}), or `ignore` it."
    );
    Field::new(name, "undecided", message)
}

/// What was read of the file's beginning.
pub(super) struct Head {
    pub columns: Vec<Option<usize>>,
    pub reading: Reading,
    pub begins: usize,
    pub line: i64,
}

/// Reads the beginning: what stands before the first row, and which field each column holds.
pub(super) fn head(format: Format, naming: &Naming, buffer: &[u8], last: bool) -> Result<Head> {
    let bad = |code, message: &str| Error::invalid("file", code, message);
    if buffer.starts_with(b"\x1f\x8b") || buffer.starts_with(b"PK\x03\x04") || buffer.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(bad("encoding", "This is a spreadsheet or an archive: send CSV or NDJSON, not compressed."));
    }
    let begins = if buffer.starts_with(BOM) { BOM.len() } else { 0 };
    if format == Format::Ndjson {
        let reading = naming.reading()?;
        check_first_row(&reading, &buffer[begins..])?;
        return Ok(Head { columns: Vec::new(), reading, begins, line: 1 });
    }
    let (mut begins, mut line) = (begins, 1);
    let mut separator = separator(&buffer[begins..]);
    loop {
        // No file has so many columns, so every header has the wrong number of them; what matters is where it ends.
        match rows::cut(Shape::Csv(separator), usize::MAX, &buffer[begins..], last) {
            Cut::Blank { end } => {
                begins += end;
                line += 1;
            }
            Cut::Row { end, .. } if line == 1 && sep_line(&buffer[begins..begins + end]).is_some() => {
                separator = sep_line(&buffer[begins..begins + end]).unwrap_or(separator);
                begins += end;
                line += 1;
            }
            Cut::Row { end, flaw: Some(rows::COLUMNS), .. } => {
                let text = std::str::from_utf8(&buffer[begins..begins + end]);
                let text = text.map_err(|_| bad("encoding", &format!("The header: {NOT_UTF_8}")))?;
                if rows::trimmed(text.as_bytes()).contains(&b'\r') {
                    return Err(bad(
                        "line_ends",
                        "The lines end with a carriage return alone: save the file with other line ends.",
                    ));
                }
                let header = rows::csv_fields(text, separator);
                if header.len() > COLUMNS_MAX {
                    return Err(bad("too_long", "A file has at most 500 columns."));
                }
                let reading = Reading { separator: char::from(separator), ..Reading::default() };
                return Ok(Head { columns: naming.columns(&header)?, reading, begins: begins + end, line: line + 1 });
            }
            Cut::Row { .. } => return Err(bad("quoting", "The quotes of the header do not fit.")),
            Cut::More | Cut::Endless { .. } => {
                return Err(bad("header", "A CSV file begins with a header of one line."));
            }
        }
    }
}

/// What stands most often between the names of the header; a comma where nothing does.
fn separator(buffer: &[u8]) -> u8 {
    let mut rest = buffer;
    let mut line = rest;
    while let Some(end) = rows::line_end(rest) {
        line = &rest[..end];
        if !rows::trimmed(line).is_empty() {
            break;
        }
        rest = &rest[end..];
        line = rest;
    }
    let (mut counts, mut in_quotes) = ([0_usize; SEPARATORS.len()], false);
    for byte in line {
        if *byte == b'"' {
            in_quotes = !in_quotes;
        } else if let Some(at) = SEPARATORS.iter().position(|it| it == byte).filter(|_| !in_quotes) {
            counts[at] += 1;
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    counts.iter().position(|count| *count == most).map_or(b',', |at| SEPARATORS[at])
}

/// The line `sep=;`, by which a spreadsheet says what separates the fields.
pub(super) fn sep_line(line: &[u8]) -> Option<u8> {
    let text = rows::trimmed(line);
    let text = text.strip_prefix(b"\"").and_then(|it| it.strip_suffix(b"\"")).unwrap_or(text);
    let [s, e, p, b'=', separator] = text else { return None };
    let is_sep = [s, e, p].map(|it| it.to_ascii_lowercase()) == *b"sep";
    SEPARATORS.contains(separator).then_some(*separator).filter(|_| is_sep)
}

/// A decision that is missing is missing in every row: the first tells of it before anything is begun.
fn check_first_row(reading: &Reading, buffer: &[u8]) -> Result<()> {
    let lines = buffer.split(|byte| *byte == b'\n').map(rows::trimmed);
    let Some(first) = lines.into_iter().find(|line| !line.is_empty()) else { return Ok(()) };
    // What is wrong with the row itself is told of the row.
    let Ok(row) = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(first) else { return Ok(()) };
    let open: Vec<Field> =
        row.keys().filter(|key| matches!(reading.name(key), Name::Undecided)).map(|key| undecided(key)).collect();
    if open.is_empty() { Ok(()) } else { Err(Error::Invalid(open)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(header: &str, naming: &Naming) -> std::result::Result<Vec<Option<&'static str>>, String> {
        match head(Format::Csv, naming, header.as_bytes(), true) {
            Ok(head) => Ok(head.columns.iter().map(|it| it.map(|at| FIELDS[at].name)).collect()),
            Err(Error::Invalid(faults)) => {
                Err(faults.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join(" "))
            }
            Err(other) => Err(other.to_string()),
        }
    }

    fn naming(map: &[&str], ignore: &[&str]) -> Naming {
        Naming {
            map: map.iter().map(|pair| Naming::pair(pair).unwrap()).collect(),
            ignore: ignore.iter().map(|it| (*it).to_owned()).collect(),
            ..Naming::default()
        }
    }

    #[test]
    fn a_header_names_fields_by_our_names_the_apis_and_mapped_ones() {
        let plain = Naming::default();
        let good = [Some("external_id"), Some("phone"), Some("bvn")];
        assert_eq!(told("\u{feff}external_id,\"phone\",identifiers.bvn\r\n", &plain).unwrap(), good);
        let mapped = naming(&["phone=mobile"], &["shoe size"]);
        assert_eq!(told("mobile,shoe size", &mapped).unwrap(), [Some("phone"), None]);
        let mended = told("line,field,code,reason,external_id,last_name", &plain).unwrap();
        assert_eq!(mended, [None, None, None, None, Some("external_id"), Some("last_name")]);
        assert!(told("code,last_name", &plain).is_err(), "elsewhere it may be anything");
    }

    #[test]
    fn names_are_known_in_any_case_and_with_blanks_or_hyphens() {
        let plain = Naming::default();
        for header in ["External_ID,E-Mail,First Name", "EXTERNAL_ID,EMAIL,FIRST_NAME", "externalId,eMail,firstName"] {
            assert_eq!(told(header, &plain).unwrap(), [Some("external_id"), Some("email"), Some("first_name")]);
        }
        assert_eq!(
            told("MOBILE,Shoe Size", &naming(&["Phone=mobile"], &["SHOE SIZE"])).unwrap(),
            [Some("phone"), None]
        );
        // No two fields are told apart by what does not count.
        let mut all: Vec<String> = FIELDS.iter().map(|field| folded(field.name)).collect();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), FIELDS.len());
    }

    #[test]
    fn what_may_be_an_identity_demands_a_decision() {
        for name in ["id", "ID", " Id ", "number", "Number"] {
            let told = told(&format!("{name},last_name"), &Naming::default()).unwrap_err();
            assert!(told.contains("Decide what `") && told.contains("ignore"), "{told}");
        }
        let columns = |map: &[&str], ignore: &[&str]| told("id,last_name", &naming(map, ignore));
        assert_eq!(columns(&["external_id=id"], &[]).unwrap(), [Some("external_id"), Some("last_name")]);
        assert_eq!(columns(&["id=external_id"], &[]).unwrap(), [Some("external_id"), Some("last_name")]);
        assert_eq!(columns(&[], &["ID"]).unwrap(), [None, Some("last_name")]);
        let row = br#"{"id":"usr_1","last_name":"Reyes"}"#;
        let json = |map: &[&str], ignore: &[&str]| head(Format::Ndjson, &naming(map, ignore), row, true);
        assert!(matches!(json(&[], &[]), Err(Error::Invalid(faults)) if faults[0].code == "undecided"));
        assert!(json(&["id=external_id"], &[]).is_ok() && json(&[], &["id"]).is_ok());
    }

    #[test]
    fn commas_semicolons_and_tabs_separate() {
        let plain = Naming::default();
        let good = [Some("external_id"), Some("phone"), Some("city")];
        for header in ["external_id;phone;city", "external_id\tphone\tcity", "sep=;\nexternal_id;phone;city"] {
            assert_eq!(told(header, &plain).unwrap(), good, "{header:?}");
        }
        assert_eq!(told("\n\"external_id\";\"phone\"\n", &plain).unwrap(), [Some("external_id"), Some("phone")]);
        assert_eq!(told("last_name", &plain).unwrap(), [Some("last_name")]);
        let odd = naming(&["phone=a;b;c"], &[]);
        assert_eq!(told("last_name,\"a;b;c\"", &odd).unwrap(), [Some("last_name"), Some("phone")]);
        assert_eq!(told("last_name;city;\n", &plain).unwrap(), [Some("last_name"), Some("city"), None]);
    }

    #[test]
    fn a_header_that_cannot_be_used_says_why() {
        let plain = Naming::default();
        let wrong = told("external_id,fone", &plain).unwrap_err();
        assert!(wrong.contains("`fone`") && wrong.contains("The nearest is `phone`"), "{wrong}");
        let headless = told("Marta,marta@mail.example", &plain).unwrap_err();
        assert!(!headless.contains("@"), "{headless}");
        assert!(told("last_name,phone\rReyes,+12025550143\r", &plain).unwrap_err().contains("carriage return"));
        assert!(told("phone,phone", &plain).unwrap_err().contains("Two columns"));
        assert!(told("\"phone", &plain).unwrap_err().contains("quotes"));
        assert!(told("\n\n", &plain).unwrap_err().contains("header"));
        assert!(told("PK\u{3}\u{4}xl/", &plain).unwrap_err().contains("spreadsheet"));
        assert!(told("phone", &naming(&["fone=phone"], &[])).unwrap_err().contains("nearest"));
        assert!(told("phone", &naming(&["email=mail"], &[])).unwrap_err().contains("no column"));
    }
}
