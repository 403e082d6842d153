//! One SQL text for two engines. The text is written for PostgreSQL within the portable subset (docs/storage.md); here
//! it is cut into pieces and, for SQLite, the few words that differ are replaced. No parser: only quotes and comments are
//! understood, because nothing inside them may be touched.

use std::borrow::Cow;

use super::Engine;

/// The text of a statement: a constant, or put together at run time (then it must not contain values).
#[derive(Debug, Clone)]
pub struct Sql(pub(super) Cow<'static, str>);

impl Sql {
    /// Whether it changes rows, even if it is asked for some (`RETURNING`).
    pub(super) fn changes_rows(&self) -> bool {
        ["INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| self.0.trim_start().starts_with(verb))
    }
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Sql {
        Sql(Cow::Borrowed(text))
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Sql {
        Sql(Cow::Owned(text))
    }
}

/// `$2, $3, $4` for three values from the second parameter on.
pub fn slots(first: usize, count: usize) -> String {
    (first..first + count).map(|slot| format!("${slot}")).collect::<Vec<_>>().join(", ")
}

/// A piece of SQL text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    /// A quoted string or name, with its quotes.
    Quoted(&'a str),
    /// A comment, with its marks.
    Comment(&'a str),
    /// Letters, digits, underscores: a keyword, a name, a number.
    Word(&'a str),
    /// Spaces and line ends.
    Space(&'a str),
    /// One other character, e.g. a parenthesis.
    Mark(&'a str),
}

/// Cuts SQL text into pieces; together they are the whole text.
fn pieces<'a>(sql: &'a str) -> impl Iterator<Item = Piece<'a>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (kind, len): (fn(&'a str) -> Piece<'a>, usize) = match first {
            '\'' | '"' => (Piece::Quoted, quoted_len(rest, first)),
            '-' if rest.starts_with("--") => (Piece::Comment, rest.find('\n').unwrap_or(rest.len())),
            '/' if rest.starts_with("/*") => (Piece::Comment, comment_len(rest)),
            c if is_word(c) => (Piece::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            c if c.is_whitespace() => (Piece::Space, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())),
            c => (Piece::Mark, c.len_utf8()),
        };
        let (piece, after) = rest.split_at(len);
        rest = after;
        Some(kind(piece))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Up to and with the closing quote. A doubled quote reads as two quoted pieces, which comes to the same.
fn quoted_len(text: &str, quote: char) -> usize {
    text[1..].find(quote).map_or(text.len(), |at| at + 2)
}

/// Up to and with the end of the comment. Comments nest on PostgreSQL and not on SQLite: so we do not nest them.
fn comment_len(text: &str) -> usize {
    text[2..].find("*/").map_or(text.len(), |at| at + 4)
}

/// What SQLite gets to read: `?1` for `$1`, and no `FOR UPDATE [SKIP LOCKED]`, since its one writer locks everything.
pub(super) fn for_sqlite(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut pieces = pieces(sql).peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Mark("$") if matches!(pieces.peek(), Some(Piece::Word(_))) => out.push('?'),
            Piece::Word(word) if is(word, "UPDATE") && drop_word(&mut out, "FOR") => {}
            Piece::Word(word) if is(word, "LOCKED") && drop_word(&mut out, "SKIP") => {}
            // `CAST($1 AS BYTEA)` would make a number of it.
            Piece::Word(word) if is(word, "BYTEA") => out.push_str("BLOB"),
            Piece::Quoted(text) | Piece::Comment(text) | Piece::Word(text) | Piece::Space(text) | Piece::Mark(text) => {
                out.push_str(text);
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// Takes this keyword from the end, together with the spaces around it, if it is what stands there.
fn drop_word(out: &mut String, word: &str) -> bool {
    let end = out.trim_end();
    let Some(start) = end.len().checked_sub(word.len()) else { return false };
    let alone = |before: &str| !before.ends_with(is_word);
    if end.is_char_boundary(start) && is(&end[start..], word) && alone(&end[..start]) {
        let keep = end[..start].trim_end().len();
        out.truncate(keep);
        return true;
    }
    false
}

/// What an engine gets to read of a migration: for SQLite `BLOB` for `BYTEA`, `INTEGER` for `INT8` (as a key it is the
/// place of the row itself) and `WITHOUT ROWID` for the marker `/* clustered */`; for PostgreSQL pages that are filled up to
/// 85 in a hundred, so that changed rows stay where they are, for the marker `/* roomy */`.
pub(super) fn migration_for(engine: Engine, sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    for piece in pieces(sql) {
        let text = match piece {
            Piece::Quoted(text) | Piece::Comment(text) | Piece::Word(text) | Piece::Space(text) | Piece::Mark(text) => {
                text
            }
        };
        out.push_str(match (engine, &piece) {
            (Engine::Sqlite, Piece::Word(word)) if is(word, "BYTEA") => "BLOB",
            (Engine::Sqlite, Piece::Word(word)) if is(word, "INT8") => "INTEGER",
            (Engine::Sqlite, Piece::Comment(_)) if marker(text) == "clustered" => "WITHOUT ROWID",
            (Engine::Postgres, Piece::Comment(_)) if marker(text) == "roomy" => "WITH (fillfactor = 85)",
            _ => text,
        });
    }
    out
}

fn marker(comment: &str) -> &str {
    comment.trim_matches(['/', '*', ' '])
}

/// The statements of a migration. What holds nothing but spaces and comments is left out.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut one = String::new();
    let mut says_something = false;
    for piece in pieces(sql).chain(std::iter::once(Piece::Mark(";"))) {
        match piece {
            Piece::Mark(";") => {
                let text = std::mem::take(&mut one);
                if std::mem::take(&mut says_something) {
                    all.push(text.trim().to_owned());
                }
            }
            Piece::Comment(text) | Piece::Space(text) => one.push_str(text),
            Piece::Quoted(text) | Piece::Word(text) | Piece::Mark(text) => {
                says_something = true;
                one.push_str(text);
            }
        }
    }
    all
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_sqlite_does_not_know_is_rewritten() {
        for (portable, sqlite) in [
            ("SELECT a FROM t WHERE b = $1 AND c = $12", "SELECT a FROM t WHERE b = ?1 AND c = ?12"),
            ("SELECT '$1', \"$2\" -- $3\n, $4", "SELECT '$1', \"$2\" -- $3\n, ?4"),
            ("SELECT 'it''s $1' /* $2 */ FROM t", "SELECT 'it''s $1' /* $2 */ FROM t"),
            ("SELECT a FROM t WHERE b = $1 FOR UPDATE", "SELECT a FROM t WHERE b = ?1"),
            ("SELECT a\nFROM t\nLIMIT 1\nfor update skip locked", "SELECT a\nFROM t\nLIMIT 1"),
            (
                "DELETE FROM t WHERE a IN (SELECT a FROM t FOR UPDATE SKIP LOCKED)",
                "DELETE FROM t WHERE a IN (SELECT a FROM t)",
            ),
            (
                "INSERT INTO t VALUES ($1) ON CONFLICT (a) DO UPDATE SET b = 1",
                "INSERT INTO t VALUES (?1) ON CONFLICT (a) DO UPDATE SET b = 1",
            ),
            ("SELECT CAST($1 AS BYTEA)", "SELECT CAST(?1 AS BLOB)"),
            ("UPDATE t SET wait_for = 1, locked = 2", "UPDATE t SET wait_for = 1, locked = 2"),
            ("SELECT 'FOR UPDATE' FROM é", "SELECT 'FOR UPDATE' FROM é"),
        ] {
            assert_eq!(for_sqlite(portable), sqlite);
        }
    }

    #[test]
    fn migrations_speak_of_types_and_tables_in_each_engines_words() {
        let portable = "CREATE TABLE t (a BYTEA, b INT8, c TEXT DEFAULT 'BYTEA') /* clustered */ /* roomy */; -- BYTEA";
        assert_eq!(
            migration_for(Engine::Sqlite, portable),
            "CREATE TABLE t (a BLOB, b INTEGER, c TEXT DEFAULT 'BYTEA') WITHOUT ROWID /* roomy */; -- BYTEA"
        );
        assert_eq!(
            migration_for(Engine::Postgres, portable),
            "CREATE TABLE t (a BYTEA, b INT8, c TEXT DEFAULT 'BYTEA') /* clustered */ WITH (fillfactor = 85); -- BYTEA"
        );
    }

    #[test]
    fn a_migration_is_split_between_statements_only() {
        assert_eq!(
            statements(
                "-- a; b\nCREATE TABLE t (a TEXT DEFAULT ';''');\n\n/* ; */ ;; INSERT INTO \"x;y\" VALUES (1) ; -- end;"
            ),
            ["-- a; b\nCREATE TABLE t (a TEXT DEFAULT ';''')", "INSERT INTO \"x;y\" VALUES (1)"]
        );
        assert!(statements(" -- nothing\n").is_empty());
    }
}
