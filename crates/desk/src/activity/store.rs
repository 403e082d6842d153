//! The histories' SQL: rows of the audit, chosen as a vendor's history wants them.

use crate::audit;

/// Whose acts: staff's and their keys'. Who signs in, or chooses a first password, is nobody yet: there the subject tells.
pub(crate) const STAFF: &str =
    "actor_kind IN ('anonymous', 'key', 'staff') AND (actor_kind <> 'anonymous' OR subject_kind = 'staff')";
/// Users'.
pub(crate) const USERS: &str = "actor_kind IN ('anonymous', 'user') AND subject_kind <> 'staff'";
/// Of both.
pub(crate) const ALL: &str = "actor_kind IN ('anonymous', 'key', 'staff', 'user')";

/// Whom the rows are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    Anybody,
    /// The user `$5`: what was done to her, or by her, has her as its subject.
    User,
    /// The staff member `$5`: what was done to her, or by her. What she did is looked for among all rows.
    Staff,
}

/// A page of rows, newest first, before the record of `$2`, of these actions or of any.
pub(crate) fn page(actions: &[&str], about: About, whose: &'static str, rows: usize) -> String {
    let columns = audit::store::COLUMNS;
    let mut sql = format!(
        "SELECT {columns} FROM audit WHERE tenant_id = $1 AND id < $2 AND at >= $3 AND at < $4 \
         AND {whose}"
    );
    if !actions.is_empty() {
        // Words of ours, not of the caller's.
        let actions = actions.iter().map(|action| format!("'{action}'")).collect::<Vec<_>>().join(", ");
        sql.push_str(&format!(" AND action IN ({actions})"));
    }
    sql.push_str(match about {
        About::Anybody => "",
        About::User => " AND subject_id = $5",
        About::Staff => " AND (subject_id = $5 OR staff_id = $5)",
    });
    sql.push_str(&format!(" ORDER BY id DESC LIMIT {rows}"));
    sql
}
