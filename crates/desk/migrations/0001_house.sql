-- The house: who runs it, who works here, what was done, what is still to do.
-- One text for both engines (docs/storage.md). Every key begins with the tenant.

CREATE TABLE institution (
    id BYTEA NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('bank', 'credit_union')),
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- An institution in one environment. `keys` holds the tenant's keys, wrapped by the master key.
CREATE TABLE tenant (
    id BIGINT NOT NULL PRIMARY KEY,
    institution_id BYTEA NOT NULL REFERENCES institution (id),
    environment TEXT NOT NULL CHECK (environment IN ('live', 'sandbox')),
    keys BYTEA NOT NULL,
    settings TEXT NOT NULL,
    last_user_number BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE UNIQUE INDEX tenant_by_institution ON tenant (institution_id, environment);

-- Name and e-mail are sealed with the tenant's key; `email_token` is their keyed fingerprint.
CREATE TABLE staff (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    email_token BYTEA NOT NULL,
    profile BYTEA NOT NULL,
    password_hash TEXT,
    failed_sign_ins BIGINT NOT NULL,
    locked_until BIGINT,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX staff_by_email ON staff (tenant_id, email_token);

CREATE TABLE team (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX team_by_name ON team (tenant_id, name);

-- `permissions`: words with blanks between, or `*`.
CREATE TABLE role (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    name TEXT NOT NULL,
    built_in BIGINT NOT NULL,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX role_by_name ON role (tenant_id, name);

CREATE TABLE member (
    tenant_id BIGINT NOT NULL,
    staff_id BYTEA NOT NULL,
    team_id BYTEA NOT NULL,
    role_id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, staff_id, team_id, role_id)
);

CREATE INDEX member_by_team ON member (tenant_id, team_id);
CREATE INDEX member_by_role ON member (tenant_id, role_id);

-- A machine's credential. It acts as `staff_id`, narrowed to `permissions` where that is set.
CREATE TABLE key (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('native', 'banno')),
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
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX key_by_fingerprint ON key (tenant_id, fingerprint);
-- A vendor's client id does not tell the tenant: this index is the one that leads from outside to inside.
CREATE UNIQUE INDEX key_by_client ON key (client_id);
CREATE INDEX key_by_staff ON key (tenant_id, staff_id);

-- Client assertions that were used, until they expire.
CREATE TABLE assertion (
    tenant_id BIGINT NOT NULL,
    key_id BYTEA NOT NULL,
    jti BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key_id, jti)
) /* clustered */;

CREATE INDEX assertion_by_expiry ON assertion (expires_at);

-- One row for every attempt, never changed. `sealed` holds reason, address and the human agent.
CREATE TABLE audit (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id BYTEA,
    staff_id BYTEA,
    door TEXT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BYTEA,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'unchanged', 'refused', 'asked')),
    code TEXT,
    facts TEXT NOT NULL,
    request_id TEXT NOT NULL,
    sealed BYTEA,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

CREATE INDEX audit_by_subject ON audit (tenant_id, subject_id, id);
CREATE INDEX audit_by_actor ON audit (tenant_id, actor_kind, id);

-- Rows of the audit that no checkpoint covers yet: a queue, filled with the row and emptied by the sealing.
CREATE TABLE audit_unsealed (
    tenant_id BIGINT NOT NULL,
    audit_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, audit_id)
) /* clustered */;

-- The chain: `audit_ids` holds the ids of the rows that each checkpoint adds, in their order and 16 bytes each; the
-- last of them has the number `seq`, and everything up to it has the running hash `hash`.
CREATE TABLE audit_checkpoint (
    tenant_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    audit_ids BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

-- Where each tenant's chain ends now: number and hash of its last row.
CREATE TABLE audit_chain (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL,
    hash BYTEA NOT NULL
);

CREATE TABLE event (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    name TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BYTEA,
    audit_id BYTEA NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

-- Work to be done outside a request. A finished job is deleted; a given-up job is `dead`.
CREATE TABLE job (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('ready', 'dead')),
    run_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- The worker's one question: what is due? A lease moves `run_at` into the future, so a lost worker's job comes due again.
CREATE INDEX job_due ON job (run_at) WHERE state = 'ready';

-- Foreign ids that cannot be derived.
CREATE TABLE alias (
    tenant_id BIGINT NOT NULL,
    dialect TEXT NOT NULL,
    kind TEXT NOT NULL,
    theirs TEXT NOT NULL,
    ours BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, dialect, kind, theirs)
);

CREATE INDEX alias_by_ours ON alias (tenant_id, ours);

-- Answers kept with their effect, so that a repeated request gets the same answer.
CREATE TABLE idempotency (
    tenant_id BIGINT NOT NULL,
    caller TEXT NOT NULL,
    key TEXT NOT NULL,
    request_hash BYTEA NOT NULL,
    answer BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, caller, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);

-- Work that one process at a time may do: sealing the audit, sweeping what has expired.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    fence BIGINT NOT NULL,
    until BIGINT NOT NULL
);
