//! The histories' SQL: rows of the audit, chosen as a vendor's history wants them.

use super::ActivityFilter;
use crate::audit;

/// A page of rows, newest first, before the record of `$2`.
pub(super) fn page(filter: &ActivityFilter, actor_kinds: &'static str, rows: usize) -> String {
    let columns = audit::store::COLUMNS;
    let mut sql = format!(
        "SELECT {columns} FROM audit WHERE tenant_id = $1 AND id < $2 AND at >= $3 AND at < $4 \
         AND actor_kind IN ({actor_kinds})"
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
