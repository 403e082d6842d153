//! The histories' SQL: rows of the audit, chosen as a vendor's history wants them.

use super::ActivityFilter;
use crate::audit;

/// Whose acts: staff's and their keys'. Who signs in, or chooses a first password, is nobody yet: there the subject tells.
pub(super) const STAFF: &str =
    "actor_kind IN ('anonymous', 'key', 'staff') AND (actor_kind <> 'anonymous' OR subject_kind = 'staff')";
/// Users'.
pub(super) const USERS: &str = "actor_kind IN ('anonymous', 'user') AND subject_kind <> 'staff'";
/// Of both.
pub(super) const ALL: &str = "actor_kind IN ('anonymous', 'key', 'staff', 'user')";

/// A page of rows, newest first, before the record of `$2`.
pub(super) fn page(filter: &ActivityFilter, whose: &'static str, rows: usize) -> String {
    let columns = audit::store::COLUMNS;
    let mut sql = format!(
        "SELECT {columns} FROM audit WHERE tenant_id = $1 AND id < $2 AND at >= $3 AND at < $4 \
         AND {whose}"
    );
    if !filter.actions.is_empty() {
        // Words of ours, not of the caller's.
        let actions = filter.actions.iter().map(|action| format!("'{action}'")).collect::<Vec<_>>().join(", ");
        sql.push_str(&format!(" AND action IN ({actions})"));
    }
    if filter.about.is_some() {
        sql.push_str(" AND (subject_id = $5 OR staff_id = $5)");
    }
    sql.push_str(&format!(" ORDER BY id DESC LIMIT {rows}"));
    sql
}
