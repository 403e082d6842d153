//! The SQL of bulk actions.

use super::model::{Bulk, BulkDeed, BulkParams, BulkState, BulkVerb, Chosen, RowOutcome};
use crate::audit::store::Sealed;
use crate::caller::Who;
use crate::db::{Rd, Row, Tx, params};
use crate::error::{Error, Result};
use crate::tenant::Tenant;
use crate::user::{self, UserFilter};
use crate::value::clock::Time;
use crate::value::id::{BulkId, KeyId, SessionId, StaffId, TenantId, UserId};
use crate::value::random::Random;
use crate::value::seal::{Place, Sealing};

macro_rules! columns {
    () => {
        "id, action, params, filter, undo_of, state, code, permission, selected, changed, unchanged, refused, position, \
         last_position, starter_kind, starter_id, staff_id, session_id, approved, sealed, created_at, updated_at, \
         ended_at"
    };
}

pub(crate) const SELECT: &str = concat!("SELECT ", columns!(), " FROM bulk WHERE tenant_id = $1 AND id = $2");

pub(crate) const SELECT_FOR_CHANGE: &str =
    concat!("SELECT ", columns!(), " FROM bulk WHERE tenant_id = $1 AND id = $2 FOR UPDATE");

pub(crate) const PAGE: &str =
    concat!("SELECT ", columns!(), " FROM bulk WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

pub(crate) const IDS: &str = "SELECT ids FROM bulk WHERE tenant_id = $1 AND id = $2";

pub(crate) const UNDO_THAT_COUNTS: &str = "\
    SELECT 1
    FROM bulk
    WHERE tenant_id = $1 AND undo_of = $2 AND state IN ('running', 'paused', 'completed')
    LIMIT 1";

pub(crate) const INSERT: &str = "\
    INSERT INTO bulk (tenant_id, id, action, params, filter, ids, undo_of, state, selected, changed, unchanged, refused,
                      position, last_position, starter_kind, starter_id, staff_id, session_id, sealed, created_at,
                      updated_at, approved)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, 0, 0, 0, 0, $9, $10, $11, $12, $13, $14, $15, $15, $16)";

pub(crate) const SAVE: &str = "\
    UPDATE bulk
    SET state = $3, code = $4, permission = $5, changed = $6, unchanged = $7, refused = $8, position = $9,
        updated_at = $10, ended_at = $11, approved = $12
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const INSERT_ROW: &str = "\
    INSERT INTO bulk_row (tenant_id, bulk_id, seq, user_id, outcome, code, inverse, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(crate) const ROWS: &str = "\
    SELECT seq, user_id, outcome, code, at
    FROM bulk_row
    WHERE tenant_id = $1 AND bulk_id = $2 AND seq > $3
    ORDER BY seq
    LIMIT $4";

pub(crate) const ROWS_OF_OUTCOME: &str = "\
    SELECT seq, user_id, outcome, code, at
    FROM bulk_row
    WHERE tenant_id = $1 AND bulk_id = $2 AND outcome = $5 AND seq > $3
    ORDER BY seq
    LIMIT $4";

pub(crate) const CHANGED_ROWS: &str = "\
    SELECT seq, user_id, inverse, at
    FROM bulk_row
    WHERE tenant_id = $1 AND bulk_id = $2 AND outcome = 'done' AND seq > $3
    ORDER BY seq
    LIMIT $4";

pub(crate) const LAST_NUMBER: &str = "SELECT last_user_number FROM tenant WHERE id = $1";

/// The next users of a filter whom the caller may act on, after one seat and up to another, in their order.
pub(crate) fn next_sql(filter: &UserFilter, hides_employees: bool, for_change: bool) -> String {
    let hidden = if hides_employees { " AND u.employee = 0" } else { "" };
    let end = if for_change { " FOR UPDATE" } else { "" };
    format!(
        "SELECT {} FROM users u WHERE u.seat > $1 AND u.seat <= $2{}{hidden} ORDER BY u.seat LIMIT $3{end}",
        user::store::COLUMNS,
        filter.conditions()
    )
}

fn place(tenant: TenantId, id: &BulkId) -> Place<'_> {
    Place { tenant, table: "bulk", column: "sealed", row: id.bytes() }
}

fn read(tenant: &Tenant, mut row: Row) -> Result<Bulk> {
    let id: BulkId = row.take()?;
    let verb: BulkVerb = row.take()?;
    let params: String = row.take()?;
    let params: BulkParams = serde_json::from_str(&params).map_err(Error::internal)?;
    let (filter, undo_of): (Option<String>, Option<BulkId>) = (row.take()?, row.take()?);
    let chosen = match (filter, undo_of) {
        (Some(filter), _) => Chosen::Filter(serde_json::from_str(&filter).map_err(Error::internal)?),
        (None, Some(undone)) => Chosen::Undo(undone),
        (None, None) => Chosen::Ids,
    };
    let (state, code, permission): (BulkState, _, _) = (row.take()?, row.take()?, row.take()?);
    let (selected, changed, unchanged, refused) = (row.take()?, row.take()?, row.take()?, row.take()?);
    let (position, last_position) = (row.take()?, row.take()?);
    let kind: String = row.take()?;
    let starter: Option<[u8; 16]> = row.take()?;
    let (staff, session): (Option<StaffId>, Option<SessionId>) = (row.take()?, row.take()?);
    let starter = match (kind.as_str(), starter, staff, session) {
        ("staff", _, Some(id), Some(session)) => Who::Staff { id, session },
        ("key", Some(id), Some(staff), _) => Who::Key { id: KeyId(uuid::Uuid::from_bytes(id)), staff },
        ("house", ..) => Who::House,
        _ => return Err(Error::internal("a bulk action of nobody")),
    };
    let approved = row.take()?;
    let sealed: Option<Vec<u8>> = row.take()?;
    let sealed: Sealed = match sealed {
        Some(sealed) => {
            serde_json::from_slice(&tenant.keys.open(&place(tenant.id, &id), &sealed)?).map_err(Error::internal)?
        }
        None => Sealed::default(),
    };
    Ok(Bulk {
        id,
        deed: BulkDeed { verb, params },
        chosen,
        state,
        code,
        permission,
        selected,
        changed,
        unchanged,
        refused,
        starter,
        approved,
        reason: sealed.reason,
        created_at: row.take()?,
        updated_at: row.take()?,
        ended_at: row.take()?,
        address: sealed.address,
        on_behalf: sealed.on_behalf,
        position,
        last_position,
    })
}

pub(crate) async fn load(rd: &mut Rd, tenant: &Tenant, id: BulkId) -> Result<Bulk> {
    let row = rd.find(SELECT, params![tenant.id, id]).await?.ok_or(Error::NotFound(BulkId::NOUN))?;
    read(tenant, row)
}

/// Loads one to change; nobody else goes on with it until this transaction ends.
pub(crate) async fn load_for_change(tx: &mut Tx, tenant: &Tenant, id: BulkId) -> Result<Bulk> {
    let row = tx.find(SELECT_FOR_CHANGE, params![tenant.id, id]).await?.ok_or(Error::NotFound(BulkId::NOUN))?;
    read(tenant, row)
}

/// Newest first, before this one.
pub(crate) async fn page(rd: &mut Rd, tenant: &Tenant, before: [u8; 16], limit: i64) -> Result<Vec<Bulk>> {
    rd.all(PAGE, params![tenant.id, before, limit]).await?.into_iter().map(|row| read(tenant, row)).collect()
}

/// Some of the listed ids, from a place on.
pub(crate) async fn ids(rd: &mut Rd, tenant: TenantId, id: BulkId, from: i64, limit: i64) -> Result<Vec<UserId>> {
    let bytes: Option<Vec<u8>> = rd.one(IDS, params![tenant, id]).await?.take()?;
    let bytes = bytes.unwrap_or_default();
    let all = bytes.as_chunks::<16>().0.iter().skip(from.max(0) as usize).take(limit.max(0) as usize);
    Ok(all.map(|bytes| UserId(uuid::Uuid::from_bytes(*bytes))).collect())
}

/// Whether it was undone, or is being undone.
pub(crate) async fn is_undone(rd: &mut Rd, tenant: TenantId, id: BulkId) -> Result<bool> {
    Ok(rd.find(UNDO_THAT_COUNTS, params![tenant, id]).await?.is_some())
}

pub(crate) async fn insert(
    tx: &mut Tx,
    tenant: &Tenant,
    random: &Random,
    bulk: &Bulk,
    ids: Option<&[UserId]>,
) -> Result<()> {
    let sealed =
        Sealed { reason: bulk.reason.clone(), address: bulk.address.clone(), on_behalf: bulk.on_behalf.clone() };
    let sealed = if sealed == Sealed::default() {
        None
    } else {
        let plain = serde_json::to_vec(&sealed).map_err(Error::internal)?;
        Some(tenant.keys.seal(&place(tenant.id, &bulk.id), &plain, random))
    };
    let (filter, undo_of) = match &bulk.chosen {
        Chosen::Filter(filter) => (Some(serde_json::to_string(filter).map_err(Error::internal)?), None),
        Chosen::Undo(undone) => (None, Some(*undone)),
        Chosen::Ids => (None, None),
    };
    let ids: Option<Vec<u8>> = ids.map(|ids| ids.iter().flat_map(|id| *id.bytes()).collect());
    let told = serde_json::to_string(&bulk.deed.params).map_err(Error::internal)?;
    let (kind, starter, staff, session) = match bulk.starter {
        Who::Staff { id, session } => ("staff", Some(*id.bytes()), Some(id), Some(session)),
        Who::Key { id, staff } => ("key", Some(*id.bytes()), Some(staff), None),
        Who::House => ("house", None, None, None),
        Who::User { .. } | Who::Anonymous => return Err(Error::internal("nobody else may start a bulk action")),
    };
    tx.put(
        INSERT,
        params![
            tenant.id,
            bulk.id,
            bulk.deed.verb,
            told,
            filter,
            ids,
            undo_of,
            bulk.selected,
            bulk.last_position,
            kind,
            starter,
            staff,
            session,
            sealed,
            bulk.created_at,
            bulk.approved
        ],
    )
    .await?;
    Ok(())
}

/// Saves how far it has come.
pub(crate) async fn save(tx: &mut Tx, tenant: TenantId, bulk: &mut Bulk, now: Time) -> Result<()> {
    bulk.updated_at = now;
    tx.put(
        SAVE,
        params![
            tenant,
            bulk.id,
            bulk.state,
            bulk.code,
            bulk.permission,
            bulk.changed,
            bulk.unchanged,
            bulk.refused,
            bulk.position,
            now,
            bulk.ended_at,
            bulk.approved
        ],
    )
    .await?;
    Ok(())
}

/// What became of a user.
pub(crate) struct NewRow {
    pub seq: i64,
    pub user: UserId,
    pub outcome: RowOutcome,
    pub code: Option<&'static str>,
    pub inverse: Option<String>,
}

pub(crate) async fn insert_row(tx: &mut Tx, tenant: TenantId, bulk: BulkId, row: &NewRow, at: Time) -> Result<()> {
    let NewRow { seq, user, outcome, code, inverse } = row;
    tx.put(INSERT_ROW, params![tenant, bulk, *seq, *user, *outcome, *code, *inverse, at]).await?;
    Ok(())
}

/// A row that can be turned back.
pub(crate) struct ChangedRow {
    pub seq: i64,
    pub user: UserId,
    pub inverse: Option<BulkDeed>,
    pub at: Time,
}

/// The next users whom a bulk action changed.
pub(crate) async fn changed_rows(
    rd: &mut Rd,
    tenant: TenantId,
    bulk: BulkId,
    after: i64,
    limit: i64,
) -> Result<Vec<ChangedRow>> {
    let rows = rd.all(CHANGED_ROWS, params![tenant, bulk, after, limit]).await?;
    let changed = |mut row: Row| {
        let (seq, user) = (row.take()?, row.take()?);
        let inverse: Option<String> = row.take()?;
        let inverse = inverse.map(|text| serde_json::from_str(&text)).transpose().map_err(Error::internal)?;
        Ok(ChangedRow { seq, user, inverse, at: row.take()? })
    };
    rows.into_iter().map(changed).collect()
}
