-- The Switch voice: numbers of staff, clients with a checksum secret, codes that open a lock or prove a phone, a PIN, and
-- users abroad as an axis that lists are filtered on.

-- Staff have numbers of their own, dense in the tenant, as users have.
ALTER TABLE tenant ADD COLUMN last_staff_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE staff ADD COLUMN number BIGINT NOT NULL DEFAULT 0;

UPDATE staff
SET number = (SELECT COUNT(*) FROM staff s WHERE s.tenant_id = staff.tenant_id AND s.id <= staff.id);

UPDATE tenant
SET last_staff_number = (SELECT COUNT(*) FROM staff s WHERE s.tenant_id = tenant.id);

CREATE UNIQUE INDEX staff_by_number ON staff (tenant_id, number);

-- A key may be a Switch client, whose checksum secret must be known to be checked: it is sealed with the tenant's key.
CREATE TABLE new_key (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('native', 'banno', 'switch_client')),
    name TEXT NOT NULL,
    staff_id BYTEA NOT NULL,
    fingerprint BYTEA,
    client_id TEXT,
    public_keys TEXT,
    permissions TEXT,
    enforce_scopes BIGINT NOT NULL,
    scopes TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    made_by BYTEA,
    secret BYTEA,
    PRIMARY KEY (tenant_id, id)
);

INSERT INTO new_key (tenant_id, id, kind, name, staff_id, fingerprint, client_id, public_keys, permissions,
                     enforce_scopes, scopes, expires_at, revoked_at, created_at, version, made_by, secret)
SELECT tenant_id, id, kind, name, staff_id, fingerprint, client_id, public_keys, permissions,
       enforce_scopes, scopes, expires_at, revoked_at, created_at, version, made_by, NULL
FROM key;

DROP TABLE key;
ALTER TABLE new_key RENAME TO key;

CREATE UNIQUE INDEX key_by_fingerprint ON key (tenant_id, fingerprint);
CREATE UNIQUE INDEX key_by_client ON key (client_id);
CREATE INDEX key_by_staff ON key (tenant_id, staff_id);

-- More purposes of a proof: a mailed code that opens a lock, one sent to a phone to prove it, and a link by which somebody
-- who was appointed chooses her password (`user_id` is then a staff member's).
CREATE TABLE new_proof (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    purpose TEXT NOT NULL
        CHECK (purpose IN ('reset_link', 'sign_in_code', 'sign_in_totp', 'unlock_code', 'phone_code', 'staff_link')),
    fingerprint BYTEA NOT NULL,
    device BYTEA,
    tries_left BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_cause TEXT,
    PRIMARY KEY (tenant_id, id)
);

INSERT INTO new_proof (tenant_id, id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at,
                       ended_at, end_cause)
SELECT tenant_id, id, user_id, purpose, fingerprint, device, tries_left, created_at, expires_at, ended_at, end_cause
FROM proof;

DROP TABLE proof;
ALTER TABLE new_proof RENAME TO proof;

CREATE INDEX proof_open ON proof (tenant_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX proof_by_fingerprint ON proof (tenant_id, fingerprint);

-- A PIN's hash, sealed with the person's key.
ALTER TABLE users ADD COLUMN pin BYTEA;

-- Whether she lives abroad, as the census counts it; null until a row of before is counted anew (docs/storage.md).
ALTER TABLE users ADD COLUMN diaspora BIGINT;

CREATE INDEX users_uncounted ON users (tenant_id, number) WHERE diaspora IS NULL;
