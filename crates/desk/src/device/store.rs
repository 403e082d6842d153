//! The devices' SQL.

use crate::db::{Rd, Row, params};
use crate::error::Result;
use crate::value::clock::Time;
use crate::value::id::{DeviceId, TenantId, UserId};

/// A device linked again after it was unlinked is the same device.
pub(crate) const SEEN: &str = "\
    INSERT INTO device (tenant_id, id, user_id, fingerprint, details, first_seen_at, last_seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)
    ON CONFLICT (tenant_id, user_id, fingerprint) DO UPDATE
    SET last_seen_at = $6, unlinked_at = NULL
    RETURNING id, first_seen_at";

pub(crate) const SAVE_DETAILS: &str = "\
    UPDATE device
    SET details = $3
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const OF_USER: &str = "\
    SELECT id, details, first_seen_at, last_seen_at, unlinked_at
    FROM device
    WHERE tenant_id = $1 AND user_id = $2
    ORDER BY id
    LIMIT 500";

pub(crate) const UNLINK: &str = "\
    UPDATE device
    SET unlinked_at = $4
    WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND unlinked_at IS NULL";

/// A device as it is stored.
pub(crate) struct DeviceRow {
    pub id: DeviceId,
    pub details: Vec<u8>,
    pub first_seen_at: Time,
    pub last_seen_at: Time,
    pub unlinked_at: Option<Time>,
}

fn read(mut row: Row) -> Result<DeviceRow> {
    Ok(DeviceRow {
        id: row.take()?,
        details: row.take()?,
        first_seen_at: row.take()?,
        last_seen_at: row.take()?,
        unlinked_at: row.take()?,
    })
}

pub(crate) async fn of_user(rd: &mut Rd, tenant: TenantId, user: UserId) -> Result<Vec<DeviceRow>> {
    rd.all(OF_USER, params![tenant, user]).await?.into_iter().map(read).collect()
}
