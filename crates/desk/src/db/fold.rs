//! Several statements as one, for PostgreSQL: to begin, answer and end a statement costs it, and us, more than to write a row.
//! Only what means the same either way is folded: rows inserted as they are told, behind the change of one row of another
//! table (decision 0041).

use std::borrow::Cow;
use std::fmt::Write;

use super::engine::Changes;
use super::value::Value;

/// More statements than an action has: what writes many rows is not folded, or there would be a text for each number of them.
const STATEMENTS_MAX: usize = 8;
/// More values than these statements of an action have.
const VALUES_MAX: usize = 250;

/// A statement whose answer nobody waits for.
pub(super) struct Unsent {
    pub sql: Cow<'static, str>,
    pub params: Vec<Value>,
    pub changes: Changes,
}

/// The same statements, or fewer that do the same.
pub(super) fn folded(unsent: Vec<Unsent>) -> Vec<Unsent> {
    let is_small = unsent.len() <= STATEMENTS_MAX;
    let mut done = Vec::with_capacity(unsent.len());
    let mut fold: Vec<Unsent> = Vec::new();
    for it in unsent {
        if !is_small || !goes_with(&it, &fold) {
            done.extend(one_of(std::mem::take(&mut fold)));
        }
        fold.push(it);
    }
    done.extend(one_of(fold));
    done
}

/// Whether it means the same in one statement with these. Parts of a statement all see the state before it, and happen in
/// no order: so none may look at anything, or meet what another one writes.
fn goes_with(it: &Unsent, fold: &[Unsent]) -> bool {
    let Some(first) = fold.first() else { return true };
    let values = fold.iter().map(|it| it.params.len()).sum::<usize>() + it.params.len();
    let into = inserted_into(&it.sql);
    let behind = match inserted_into(&first.sql) {
        Some(_) => true,
        None => first.changes == Changes::One && updated(&first.sql).is_some_and(|table| into != Some(table)),
    };
    into.is_some() && behind && values <= VALUES_MAX
}

/// The table into which a statement inserts rows, and does nothing else.
fn inserted_into(sql: &str) -> Option<&str> {
    let (table, _) = sql.strip_prefix("INSERT INTO ")?.split_once(' ')?;
    let is_plain = sql.contains("VALUES") && !["SELECT", "ON CONFLICT", "RETURNING"].iter().any(|it| sql.contains(it));
    is_plain.then_some(table)
}

fn updated(sql: &str) -> Option<&str> {
    sql.strip_prefix("UPDATE ")?.split_ascii_whitespace().next()
}

/// The statement that does what these do. One that must change its row fails where there is none: the server would commit all
/// the same, and the commit is sent before it is known.
fn one_of(fold: Vec<Unsent>) -> Option<Unsent> {
    let changes = fold.first()?.changes;
    let (mut texts, mut params) = (Vec::with_capacity(fold.len()), Vec::new());
    for it in fold {
        texts.push(shifted(it.sql, params.len()));
        params.extend(it.params);
    }
    let last = match changes {
        Changes::One => "SELECT 1 / COUNT(*) FROM changed".into(),
        Changes::Any => texts.pop()?,
    };
    if texts.is_empty() {
        return Some(Unsent { sql: last, params, changes });
    }
    let parts = texts.iter().enumerate().map(|(at, text)| match (at, changes) {
        (0, Changes::One) => format!("changed AS ({text} RETURNING 1)"),
        _ => format!("i{at} AS ({text})"),
    });
    let sql = format!("WITH {} {last}", parts.collect::<Vec<_>>().join(", "));
    Some(Unsent { sql: sql.into(), params, changes })
}

/// The same text with its parameters numbered from so many on. No text of ours has a `$` for anything else.
fn shifted(sql: Cow<'static, str>, by: usize) -> Cow<'static, str> {
    if by == 0 {
        return sql;
    }
    let mut parts = sql.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = part[..digits].parse().unwrap_or_default();
        let _ = write!(out, "${}{}", number + by, &part[digits..]);
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sql: &'static str, params: i64, changes: Changes) -> Unsent {
        Unsent { sql: sql.into(), params: (0..params).map(Value::Int).collect(), changes }
    }

    fn texts(unsent: Vec<Unsent>) -> Vec<String> {
        folded(unsent).into_iter().map(|it| it.sql.into_owned()).collect()
    }

    #[test]
    fn a_change_and_the_rows_behind_it_are_one_statement() {
        let folded = folded(vec![
            told("UPDATE users SET a = $2 WHERE id = $1", 2, Changes::One),
            told("INSERT INTO audit (a, b) VALUES ($1, $2)", 2, Changes::Any),
            told("INSERT INTO job (a) VALUES ($1)", 1, Changes::Any),
        ]);
        assert_eq!(folded.len(), 1);
        assert_eq!(
            folded[0].sql,
            "WITH changed AS (UPDATE users SET a = $2 WHERE id = $1 RETURNING 1), \
             i1 AS (INSERT INTO audit (a, b) VALUES ($3, $4)), i2 AS (INSERT INTO job (a) VALUES ($5)) \
             SELECT 1 / COUNT(*) FROM changed"
        );
        assert_eq!(folded[0].params.len(), 5);
        let rows = texts(vec![
            told("INSERT INTO audit (a, b) VALUES ($1, $2)", 2, Changes::Any),
            told("INSERT INTO job (a) VALUES ($1)", 1, Changes::Any),
        ]);
        assert_eq!(rows, ["WITH i0 AS (INSERT INTO audit (a, b) VALUES ($1, $2)) INSERT INTO job (a) VALUES ($3)"]);
    }

    #[test]
    fn what_would_mean_something_else_stands_alone() {
        let insert = || told("INSERT INTO audit (a) VALUES ($1)", 1, Changes::Any);
        for other in [
            "UPDATE users SET a = $1",
            "DELETE FROM users WHERE a = $1",
            "INSERT INTO job (a) SELECT a FROM users WHERE b = $1",
            "INSERT INTO job (a) VALUES ($1) ON CONFLICT DO NOTHING",
            "INSERT INTO job (a) VALUES ((SELECT MAX(a) FROM job WHERE b = $1))",
        ] {
            assert_eq!(texts(vec![insert(), told(other, 1, Changes::Any)]).len(), 2, "{other}");
        }
        let update = |changes| told("UPDATE users SET a = $1", 1, changes);
        assert_eq!(texts(vec![update(Changes::Any), insert()]).len(), 2, "its rows are not counted");
        assert_eq!(texts(vec![insert(), update(Changes::One)]).len(), 2, "it may want to change what was inserted");
        assert_eq!(texts(vec![update(Changes::One), update(Changes::One)]).len(), 2);
        let same = told("INSERT INTO users (a) VALUES ($1)", 1, Changes::Any);
        assert_eq!(texts(vec![update(Changes::One), same]).len(), 2, "the same table");
        let many = (0..=STATEMENTS_MAX).map(|_| insert()).collect();
        assert_eq!(texts(many).len(), STATEMENTS_MAX + 1);
    }

    #[test]
    fn a_change_of_one_row_alone_fails_where_there_is_none() {
        let alone = texts(vec![told("UPDATE users SET a = $1", 1, Changes::One)]);
        assert_eq!(alone, ["WITH changed AS (UPDATE users SET a = $1 RETURNING 1) SELECT 1 / COUNT(*) FROM changed"]);
    }
}
