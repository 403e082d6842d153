//! The SQL of registrations that wait to be confirmed.

pub(crate) const INSERT: &str = "\
    INSERT INTO registration (tenant_id, id, address_token, asked_from, fingerprint, person_key, sealed, tries_left,
                              created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

pub(crate) const BY_FINGERPRINT: &str = "\
    SELECT id, person_key, sealed, tries_left, expires_at
    FROM registration
    WHERE tenant_id = $1 AND fingerprint = $2 AND sealed IS NOT NULL";

pub(crate) const FOR_CHANGE: &str = "\
    SELECT id, person_key, sealed, tries_left, expires_at, address_token
    FROM registration
    WHERE tenant_id = $1 AND id = $2 AND sealed IS NOT NULL
    FOR UPDATE";

/// How many were asked from one place since then. More than the limit are never written.
pub(crate) const COUNT_FROM: &str = "\
    SELECT COUNT(*)
    FROM registration
    WHERE tenant_id = $1 AND asked_from = $2 AND created_at > $3";

/// The first so many of one address since then.
pub(crate) const OF_ADDRESS: &str = "\
    SELECT id
    FROM registration
    WHERE tenant_id = $1 AND address_token = $2 AND created_at > $3
    LIMIT $4";

pub(crate) const SPEND_TRY: &str = "\
    UPDATE registration
    SET tries_left = tries_left - 1
    WHERE tenant_id = $1 AND id = $2";

pub(crate) const DELETE_OF_ADDRESS: &str = "\
    DELETE FROM registration
    WHERE tenant_id = $1 AND address_token = $2";

pub(crate) const SWEEP: &str = "DELETE FROM registration WHERE expires_at < $1";
