//! What SQLite's planner believes of the tables. Without statistics it takes ten rows for a tenant's whole table and then
//! walks through all of it, in the order asked for, where an index would lead to one user. Gathering them (`ANALYZE`) on a
//! young database says nothing of a grown one, and plans that change by themselves cannot be tested: so they are
//! written by hand, the same for every database, with each migration. PostgreSQL gathers its own.

use super::{Tx, params};
use crate::error::Result;

/// Every table is taken to be so large, and to belong to one tenant.
const ROWS: i64 = 1_000_000;
/// What an index over rare values only holds.
const RARE_ROWS: i64 = 1_000;
/// Of how many rows each has the same word of a closed vocabulary: one in so many.
const WORDS: i64 = 4;
/// Rows that belong to the same id, token or moment.
const SAME_ID: i64 = 40;

/// The columns of every index, in order: what the table is made with is what there is to say.
const COLUMNS: &str = "\
    SELECT t.name, i.name, i.origin, i.partial, i.\"unique\", c.name, x.type
    FROM sqlite_schema t, pragma_index_list(t.name) i, pragma_index_info(i.name) c, pragma_table_info(t.name) x
    WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND x.name = c.name
    ORDER BY t.name, i.name, c.seqno";

/// Makes the table of statistics without gathering any; afterwards makes the planner read it.
const READ: &str = "ANALYZE sqlite_schema";

/// Writes the statistics of all indexes there are now.
pub(super) async fn write(tx: &mut Tx) -> Result<()> {
    tx.script(READ).await?;
    tx.run("DELETE FROM sqlite_stat1", &[]).await?;
    let mut indexes: Vec<Index> = Vec::new();
    for mut row in tx.all(COLUMNS, &[]).await? {
        let (table, name, origin): (String, String, String) = (row.take()?, row.take()?, row.take()?);
        let (partial, unique): (bool, bool) = (row.take()?, row.take()?);
        if indexes.last().is_none_or(|last| last.name != name) {
            indexes.push(Index { table, name, is_key: origin == "pk", partial, unique, columns: Vec::new() });
        }
        if let Some(last) = indexes.last_mut() {
            last.columns.push((row.take()?, row.take()?));
        }
    }
    for index in &indexes {
        let stat = index.stat();
        tx.run("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)", params![index.table, index.name, stat])
            .await?;
        if index.is_key {
            // A table clustered by its key calls the key's index by its own name.
            tx.run(
                "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ($1, $2, $3)",
                params![index.table, index.table, stat],
            )
            .await?;
        }
    }
    tx.script(READ).await
}

struct Index {
    table: String,
    name: String,
    is_key: bool,
    partial: bool,
    unique: bool,
    /// Name and type.
    columns: Vec<(String, String)>,
}

impl Index {
    /// `rows n1 n2 …`: how many rows there are, and how many have the same first column, the same first two …
    fn stat(&self) -> String {
        let all = if self.partial { RARE_ROWS } else { ROWS };
        let mut same = all;
        let mut stat = all.to_string();
        for (at, (name, kind)) in self.columns.iter().enumerate() {
            let is_last = at + 1 == self.columns.len();
            same = match (name.as_str(), kind.as_str()) {
                _ if is_last && self.unique => 1,
                ("tenant_id", _) => same,
                (_, "TEXT") => (same / WORDS).max(2),
                _ if same > SAME_ID => SAME_ID,
                _ => (same / 2).max(2),
            };
            stat.push_str(&format!(" {same}"));
        }
        stat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_narrows_column_by_column() {
        let columns =
            |names: &[(&str, &str)]| names.iter().map(|(name, kind)| ((*name).into(), (*kind).into())).collect();
        let index = |partial, unique, names: &[(&str, &str)]| Index {
            table: "t".to_owned(),
            name: "i".to_owned(),
            is_key: false,
            partial,
            unique,
            columns: columns(names),
        };
        let by_subject = index(false, false, &[("tenant_id", "BIGINT"), ("subject_id", "BLOB"), ("id", "BLOB")]);
        assert_eq!(by_subject.stat(), "1000000 1000000 40 20");
        let key = index(false, true, &[("tenant_id", "BIGINT"), ("id", "BLOB")]);
        assert_eq!(key.stat(), "1000000 1000000 1");
        let rare = index(true, false, &[("tenant_id", "BIGINT"), ("sign_in_lock", "TEXT"), ("number", "BIGINT")]);
        assert_eq!(rare.stat(), "1000 1000 250 40");
    }
}
