//! Statements whose answer nobody waits for, until they are sent to PostgreSQL: to begin, answer and end a statement costs it,
//! and us, more than to write a row. So as few are sent as mean the same (decisions 0041 and 0046): rows of one table go
//! together, behind everything else, unless somebody looks at that table; and rows of several tables go with the change of one row
//! of another.

use std::borrow::Cow;
use std::fmt::Write;

use super::engine::Changes;
use super::value::Value;

/// More statements than an action has: what writes many rows is not folded, or there would be a text for each number of them.
const STATEMENTS_MAX: usize = 8;
/// More values than these statements of an action have.
const VALUES_MAX: usize = 250;
/// How many rows go together at most: as many works as share a transaction, or there would be too many texts.
const ROWS_MAX: usize = 16;

/// A statement whose answer nobody waits for.
pub(super) struct Unsent {
    pub sql: Cow<'static, str>,
    pub params: Vec<Value>,
    pub changes: Changes,
}

/// What is sent next, and what lies here before it.
#[derive(Clone, Copy)]
pub(super) enum Next<'a> {
    /// Statements. Rows may lie longer, unless one of these names their table.
    Statements(&'a [&'a str]),
    /// Something that may look at anything, or whose end is not to be in doubt.
    Anything,
    /// The end of the transaction: nobody looks any more at what the others have answered.
    Commit,
}

/// Those that lie here.
#[derive(Default)]
pub(super) struct Lying {
    /// In their order.
    statements: Vec<Unsent>,
    /// Behind those.
    rows: Vec<Rows>,
}

/// The rows that are inserted by the same statement, once for each.
struct Rows {
    sql: Cow<'static, str>,
    params: Vec<Value>,
    count: usize,
}

impl Lying {
    pub fn put(&mut self, it: Unsent) {
        if inserted_into(&it.sql).is_none() {
            if self.are_rows_of(&it.sql) {
                let rows = self.rows.drain(..).flat_map(Rows::statements);
                self.statements.extend(rows);
            }
            self.statements.push(it);
            return;
        }
        match self.rows.iter_mut().find(|rows| rows.sql == it.sql) {
            Some(rows) => {
                rows.params.extend(it.params);
                rows.count += 1;
            }
            None => self.rows.push(Rows { sql: it.sql, params: it.params, count: 1 }),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.statements.is_empty() && self.rows.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.statements.len() + self.rows.iter().map(|rows| rows.count).sum::<usize>()
    }

    pub fn clear(&mut self) {
        *self = Lying::default();
    }

    /// Whether rows lie here that this statement might see, change or meet.
    fn are_rows_of(&self, sql: &str) -> bool {
        self.rows.iter().any(|rows| inserted_into(&rows.sql).is_some_and(|table| names(sql, table)))
    }

    /// Takes what has to be sent before the next one.
    pub fn before(&mut self, next: Next<'_>) -> Vec<Unsent> {
        let mut first = std::mem::take(&mut self.statements);
        let mut many = Vec::new();
        let wait = matches!(next, Next::Statements(all) if !all.iter().any(|sql| self.are_rows_of(sql)));
        if !wait {
            for rows in self.rows.drain(..) {
                let place = if rows.count == 1 { &mut first } else { &mut many };
                place.extend(rows.statements());
            }
        }
        let mut all = folded(first, matches!(next, Next::Commit));
        all.extend(many);
        all
    }
}

impl Rows {
    /// The statements that insert them.
    fn statements(self) -> impl Iterator<Item = Unsent> {
        let Rows { sql, params, count } = self;
        let width = params.len() / count;
        let mut params = params.into_iter();
        let mut left = count;
        std::iter::from_fn(move || {
            let some = left.min(ROWS_MAX);
            left -= some;
            let sql = if some == 1 { sql.clone() } else { repeated(&sql, width, some).into() };
            let params = params.by_ref().take(some * width).collect();
            (some > 0).then_some(Unsent { sql, params, changes: Changes::Any })
        })
    }
}

/// Whether the text has this name in it, as a word.
pub(super) fn names(sql: &str, name: &str) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    sql.match_indices(name).any(|(at, _)| {
        let (before, behind) = (&sql.as_bytes()[..at], &sql.as_bytes()[at + name.len()..]);
        !is_word(before.last()) && !is_word(behind.first())
    })
}

/// The statement that inserts so many rows, of one that inserts one with so many values.
fn repeated(sql: &str, width: usize, rows: usize) -> String {
    let (head, row) = sql.split_once("VALUES").unwrap_or((sql, ""));
    let mut out = format!("{head}VALUES{row}");
    for at in 1..rows {
        out.push(',');
        out.push_str(&shifted(row.to_owned().into(), at * width));
    }
    out
}

/// The same statements, or fewer that do the same. Whether each has found its row can be told from its own answer, unless it is sent
/// together with the commit.
fn folded(unsent: Vec<Unsent>, commits: bool) -> Vec<Unsent> {
    let is_small = unsent.len() <= STATEMENTS_MAX;
    let mut done = Vec::with_capacity(unsent.len());
    let mut fold: Vec<Unsent> = Vec::new();
    for it in unsent {
        if !is_small || !goes_with(&it, &fold) {
            done.extend(one_of(std::mem::take(&mut fold), commits));
        }
        fold.push(it);
    }
    done.extend(one_of(fold, commits));
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

/// The statement that does what these do. One that must change its row fails where there is none, if nobody sees in time how
/// many it has changed: the server would commit all the same.
fn one_of(mut fold: Vec<Unsent>, commits: bool) -> Option<Unsent> {
    let changes = fold.first()?.changes;
    if fold.len() == 1 && !commits {
        return fold.pop();
    }
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
        folded(unsent, true).into_iter().map(|it| it.sql.into_owned()).collect()
    }

    #[test]
    fn a_change_and_the_rows_behind_it_are_one_statement() {
        let all = vec![
            told("UPDATE users SET a = $2 WHERE id = $1", 2, Changes::One),
            told("INSERT INTO audit (a, b) VALUES ($1, $2)", 2, Changes::Any),
            told("INSERT INTO job (a) VALUES ($1)", 1, Changes::Any),
        ];
        let folded = folded(all, true);
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
    fn a_change_of_one_row_fails_where_there_is_none_if_nobody_sees_its_answer_in_time() {
        let update = || told("UPDATE users SET a = $1", 1, Changes::One);
        let told_by = |next| {
            let mut lying = Lying::default();
            lying.put(update());
            lying.before(next).into_iter().map(|it| it.sql.into_owned()).collect::<Vec<_>>()
        };
        let fails = "WITH changed AS (UPDATE users SET a = $1 RETURNING 1) SELECT 1 / COUNT(*) FROM changed";
        assert_eq!(told_by(Next::Commit), [fails]);
        assert_eq!(told_by(Next::Anything), ["UPDATE users SET a = $1"]);
        assert_eq!(told_by(Next::Statements(&["SELECT a FROM users"])), ["UPDATE users SET a = $1"]);
    }

    #[test]
    fn rows_lie_until_somebody_may_look_at_them() {
        let mut lying = Lying::default();
        let mut put = |sql, changes| lying.put(told(sql, 1, changes));
        for _ in 0..3 {
            put("UPDATE users SET a = $1", Changes::One);
            put("INSERT INTO audit (a) VALUES ($1)", Changes::Any);
            put("INSERT INTO job (a, b) VALUES ($1, 0)", Changes::Any);
        }
        assert_eq!(lying.len(), 9);
        let mut before = |next| lying.before(next).into_iter().map(|it| it.sql.into_owned()).collect::<Vec<_>>();
        // A name within another is none.
        let elsewhere = ["SELECT a FROM users", "SELECT a FROM audit_chain JOIN old_job ON jobs = 1"];
        assert_eq!(before(Next::Statements(&elsewhere)), ["UPDATE users SET a = $1"; 3]);
        let (audit, jobs) = (
            "INSERT INTO audit (a) VALUES ($1), ($2), ($3)",
            "INSERT INTO job (a, b) VALUES ($1, 0), ($2, 0), ($3, 0)",
        );
        assert_eq!(before(Next::Statements(&["SELECT 1", "SELECT j.a FROM job j"])), [audit, jobs]);
        assert_eq!(before(Next::Commit), [""; 0]);
    }

    #[test]
    fn what_changes_rows_that_lie_comes_behind_them() {
        for changes in
            ["DELETE FROM job WHERE a = $1", "UPDATE job SET a = $1", "INSERT INTO job (a) SELECT a FROM job"]
        {
            let mut lying = Lying::default();
            let insert = || told("INSERT INTO job (a) VALUES ($1)", 1, Changes::Any);
            [insert(), insert(), told(changes, 1, Changes::Any), insert()].into_iter().for_each(|it| lying.put(it));
            let all: Vec<Unsent> = lying.before(Next::Commit);
            let texts: Vec<&str> = all.iter().map(|it| &*it.sql).collect();
            let (two, one) = ("INSERT INTO job (a) VALUES ($1), ($2)", "INSERT INTO job (a) VALUES ($1)");
            assert_eq!(texts, [two, changes, one]);
        }
    }

    #[test]
    fn each_row_keeps_its_values() {
        let mut lying = Lying::default();
        for row in 0..2 * ROWS_MAX as i64 + 1 {
            let params = vec![Value::Int(row), Value::Int(-row)];
            lying.put(Unsent { sql: "INSERT INTO job (a, b) VALUES ($1, $2)".into(), params, changes: Changes::Any });
        }
        let all = lying.before(Next::Anything);
        assert_eq!(all.iter().map(|it| it.params.len()).collect::<Vec<_>>(), [2 * ROWS_MAX, 2 * ROWS_MAX, 2]);
        let values: Vec<i64> = all
            .iter()
            .flat_map(|it| &it.params)
            .map(|value| match value {
                Value::Int(value) => *value,
                _ => unreachable!("none was put"),
            })
            .collect();
        assert_eq!(values, (0..2 * ROWS_MAX as i64 + 1).flat_map(|row| [row, -row]).collect::<Vec<_>>());
        assert!(all[0].sql.ends_with(", ($31, $32)"), "{}", all[0].sql);
    }
}
