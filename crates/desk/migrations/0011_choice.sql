-- The Choice voice: partners known by a sender id, whose key signs what both sides say. It must be known to be checked, so it
-- is sealed with the tenant's key, as the secret of a Switch client is.
CREATE TABLE new_key (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('native', 'banno', 'switch_client', 'choice_sender')),
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
       enforce_scopes, scopes, expires_at, revoked_at, created_at, version, made_by, secret
FROM key;

DROP TABLE key;
ALTER TABLE new_key RENAME TO key;

CREATE UNIQUE INDEX key_by_fingerprint ON key (tenant_id, fingerprint);
CREATE UNIQUE INDEX key_by_client ON key (client_id);
CREATE INDEX key_by_staff ON key (tenant_id, staff_id);
