//! A file as rows, without reading it whole: where the next row ends, and whether it is one. CSV as in RFC 4180, with
//! `\n` or `\r\n`. A row that is not as it should be costs only its own line: what follows is read from the next line on,
//! so that an open quote does not swallow the rest of the file. Pure.

/// The longest row, in bytes.
pub(super) const ROW_MAX: usize = 1024 * 1024;
/// The most line breaks within one row: no field of ours has any, so many are an open quote. It also bounds how often a
/// byte is looked at.
const BREAKS_MAX: usize = 20;

/// How rows and their fields are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// With this between the fields: a comma, a semicolon or a tab.
    Csv(u8),
    /// A JSON object a line.
    Ndjson,
}

/// What is wrong with a row as a row: code and sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flaw(pub &'static str, pub &'static str);

pub(super) const QUOTING: Flaw = Flaw("quoting", "The quotes do not fit: a field with quotes must be within quotes.");
pub(super) const COLUMNS: Flaw = Flaw("columns", "Has not as many fields as the file has columns.");
pub(super) const TOO_LONG: Flaw = Flaw("too_long", "A row has at most 1 MiB.");
pub(super) const ENCODING: Flaw = Flaw("encoding", super::naming::NOT_UTF_8);
pub(super) const JSON: Flaw = Flaw("json", "Is not a JSON object on one line.");

/// What stands at the beginning of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A row: its bytes with the line break, and how many lines that are.
    Row { end: usize, lines: i64, flaw: Option<Flaw> },
    /// A line with nothing on it.
    Blank { end: usize },
    /// The beginning of a row that is too long: leave these bytes out, and what follows up to the next line break.
    Endless { end: usize },
    /// The row is not whole yet.
    More,
}

/// Where the next row ends. `last`: nothing comes after this buffer.
pub(super) fn cut(shape: Shape, columns: usize, buffer: &[u8], last: bool) -> Cut {
    let line = line_end(buffer);
    let first_line = match line {
        Some(end) => &buffer[..end],
        None => buffer,
    };
    if line.is_some() || last {
        let text = trimmed(first_line);
        // What was about an erased person is blanks.
        if text.iter().all(|byte| *byte == b' ') {
            return if first_line.is_empty() { Cut::More } else { Cut::Blank { end: first_line.len() } };
        }
    }
    let Shape::Csv(separator) = shape else {
        return match line {
            Some(end) if end > ROW_MAX => Cut::Row { end, lines: 1, flaw: Some(TOO_LONG) },
            Some(end) => Cut::Row { end, lines: 1, flaw: None },
            None => unfinished(buffer, last, None),
        };
    };
    match scan(buffer, separator, last) {
        Scan::Row { end, fields, lines } if end <= ROW_MAX => {
            if fields == columns {
                return Cut::Row { end, lines, flaw: None };
            }
            // Over several lines with the wrong number of fields is an open quote that found another one to close it.
            Cut::Row { end: first_line.len(), lines: 1, flaw: Some(if lines > 1 { QUOTING } else { COLUMNS }) }
        }
        Scan::Broken | Scan::Row { .. } => match line {
            Some(end) => Cut::Row { end, lines: 1, flaw: Some(if end > ROW_MAX { TOO_LONG } else { QUOTING }) },
            None => unfinished(buffer, last, Some(QUOTING)),
        },
        Scan::More if buffer.len() <= ROW_MAX => Cut::More,
        // An open quote within a row of bearable length, or a line without an end.
        Scan::More => match line {
            Some(end) if end <= ROW_MAX => Cut::Row { end, lines: 1, flaw: Some(QUOTING) },
            Some(end) => Cut::Row { end, lines: 1, flaw: Some(TOO_LONG) },
            None => Cut::Endless { end: buffer.len() },
        },
    }
}

/// A line whose end is not in the buffer.
fn unfinished(buffer: &[u8], last: bool, flaw: Option<Flaw>) -> Cut {
    match (last, buffer.len() > ROW_MAX) {
        (true, long) => Cut::Row { end: buffer.len(), lines: 1, flaw: if long { Some(TOO_LONG) } else { flaw } },
        (false, true) => Cut::Endless { end: buffer.len() },
        (false, false) => Cut::More,
    }
}

/// Behind the first line break.
pub(super) fn line_end(buffer: &[u8]) -> Option<usize> {
    buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}

/// A line without its break.
pub(super) fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

enum Scan {
    Row { end: usize, fields: usize, lines: i64 },
    Broken,
    More,
}

/// Goes through one CSV row.
fn scan(buffer: &[u8], separator: u8, last: bool) -> Scan {
    let (mut at, mut fields, mut breaks) = (0, 1, 0);
    loop {
        // At the beginning of a field.
        if buffer.get(at) == Some(&b'"') {
            at += 1;
            loop {
                let Some(byte) = buffer.get(at) else { return if last { Scan::Broken } else { Scan::More } };
                at += 1;
                match byte {
                    b'"' if buffer.get(at) == Some(&b'"') => at += 1,
                    b'"' => break,
                    b'\n' => {
                        breaks += 1;
                        if breaks > BREAKS_MAX {
                            return Scan::Broken;
                        }
                    }
                    _ => {}
                }
            }
            match (buffer.get(at), buffer.get(at + 1)) {
                (None, _) if !last => return Scan::More,
                (Some(b'\r'), None) if !last => return Scan::More,
                (None | Some(b'\n'), _) | (Some(b'\r'), None | Some(b'\n')) => {}
                (Some(byte), _) if *byte == separator => {}
                _ => return Scan::Broken,
            }
        }
        loop {
            let Some(byte) = buffer.get(at) else {
                return if last { Scan::Row { end: at, fields, lines: 1 + breaks as i64 } } else { Scan::More };
            };
            at += 1;
            match byte {
                byte if *byte == separator => {
                    fields += 1;
                    break;
                }
                b'\n' => return Scan::Row { end: at, fields, lines: 1 + breaks as i64 },
                b'"' => return Scan::Broken,
                _ => {}
            }
        }
    }
}

/// The fields of a CSV row that `cut` found whole.
pub(super) fn csv_fields(row: &str, separator: u8) -> Vec<String> {
    let separator = char::from(separator);
    let row = row.strip_suffix('\n').unwrap_or(row);
    let row = row.strip_suffix('\r').unwrap_or(row);
    let (mut fields, mut rest) = (Vec::with_capacity(16), row);
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let (mut text, mut from) = (String::new(), quoted);
            let after = loop {
                let Some((before, after)) = from.split_once('"') else {
                    text.push_str(from);
                    break "";
                };
                text.push_str(before);
                match after.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        from = more;
                    }
                    None => break after,
                }
            };
            fields.push(text);
            match after.strip_prefix(separator) {
                Some(more) => rest = more,
                None => return fields,
            }
        } else {
            match rest.split_once(separator) {
                Some((field, more)) => {
                    fields.push(field.to_owned());
                    rest = more;
                }
                None => {
                    fields.push(rest.to_owned());
                    return fields;
                }
            }
        }
    }
}

/// A field as CSV writes it.
pub(super) fn csv_field(text: &str, out: &mut String) {
    if text.contains(['"', ',', '\n', '\r']) {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: Shape = Shape::Csv(b',');

    /// All rows of a text with their first lines; flawed ones by their code.
    fn all(shape: Shape, columns: usize, text: &[u8]) -> Vec<(i64, Result<Vec<String>, &'static str>)> {
        let (mut rest, mut line, mut found) = (text, 1, Vec::new());
        loop {
            match cut(shape, columns, rest, true) {
                Cut::Row { end, lines, flaw } => {
                    let row = match flaw {
                        None => Ok(csv_fields(std::str::from_utf8(&rest[..end]).unwrap(), b',')),
                        Some(flaw) => Err(flaw.0),
                    };
                    found.push((line, row));
                    line += lines;
                    rest = &rest[end..];
                }
                Cut::Blank { end } => {
                    line += 1;
                    rest = &rest[end..];
                }
                Cut::More | Cut::Endless { .. } => return found,
            }
        }
    }

    fn csv(text: &str) -> Vec<(i64, Result<Vec<String>, &'static str>)> {
        all(COMMAS, 2, text.as_bytes())
    }

    fn row(line: i64, a: &str, b: &str) -> (i64, Result<Vec<String>, &'static str>) {
        (line, Ok(vec![a.to_owned(), b.to_owned()]))
    }

    #[test]
    fn rows_are_read_as_rfc_4180_has_them() {
        assert_eq!(
            csv("a,b\nc,d\r\n\r\n\n,\ne,f"),
            [row(1, "a", "b"), row(2, "c", "d"), row(5, "", ""), row(6, "e", "f")]
        );
        assert_eq!(
            csv("\"a,\"\"1\"\"\",\"\"\r\n\"two\nlines\",b\nc,d\n"),
            [row(1, "a,\"1\"", ""), row(2, "two\nlines", "b"), row(4, "c", "d")]
        );
    }

    #[test]
    fn a_broken_row_costs_only_its_own_line() {
        for (broken, code) in [
            ("\"a,b", "quoting"),
            ("a,\"b", "quoting"),
            ("a,b\"c", "quoting"),
            ("\"a\"x,b", "quoting"),
            ("a", "columns"),
            ("a,b,c", "columns"),
        ] {
            for after in ["c,d\n\"e\",f\n", "c,d\n\"e\",\"f\"\n", "c,d\ne,\"f\"\n"] {
                let found = csv(&format!("x,y\n{broken}\n{after}"));
                let good = [row(1, "x", "y"), (2, Err(code)), row(3, "c", "d"), row(4, "e", "f")];
                assert_eq!(found, good, "{broken:?} {after:?}");
            }
            assert_eq!(csv(&format!("x,y\n{broken}")), [row(1, "x", "y"), (2, Err(code))], "{broken:?} at the end");
        }
    }

    #[test]
    fn a_row_is_cut_alike_wherever_the_buffer_ends() {
        let text = b"\"a\"\"1\",\"b\r\n2\"\r\nc,d\r\n";
        let whole = cut(COMMAS, 2, text, false);
        assert_eq!(whole, Cut::Row { end: 15, lines: 2, flaw: None });
        for end in 0..15 {
            assert_eq!(cut(COMMAS, 2, &text[..end], false), Cut::More, "{end}");
        }
    }

    #[test]
    fn a_line_without_end_is_left_out_piece_by_piece() {
        let long = vec![b'a'; ROW_MAX + 1];
        for shape in [COMMAS, Shape::Ndjson] {
            assert_eq!(cut(shape, 2, &long, false), Cut::Endless { end: long.len() });
        }
    }
}
