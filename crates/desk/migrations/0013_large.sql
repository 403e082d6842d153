-- What a million users need: wide rows that are not part of the tree of their key, and search tokens in runs.

-- A clustered table holds whole rows in the inner pages of its tree: with wide rows there are nine levels to a million of
-- them, with narrow ones three. These tables are therefore clustered no longer.
CREATE TABLE new_users (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('individual', 'business')),
    employee BIGINT NOT NULL,
    risk_locked BIGINT NOT NULL,
    profile BYTEA,
    marks BYTEA,
    second_factor BYTEA,
    second_factor_step BIGINT,
    password_hash TEXT,
    failed_sign_ins BIGINT NOT NULL,
    failing_since BIGINT,
    sign_in_lock TEXT NOT NULL CHECK (sign_in_lock IN ('open', 'locked')),
    lock_cause TEXT CHECK (lock_cause IN ('failed_sign_ins', 'staff', 'core')),
    lock_until BIGINT,
    unlock_queued_at BIGINT,
    admission TEXT NOT NULL CHECK (admission IN ('enabled', 'disabled')),
    core_state TEXT NOT NULL
        CHECK (core_state IN ('normal', 'password_expired', 'password_needs_reset', 'dormant', 'permanently_frozen')),
    suspension TEXT NOT NULL CHECK (suspension IN ('no', 'suspended')),
    flag TEXT NOT NULL CHECK (flag IN ('none', 'whole', 'banks')),
    flagged_banks TEXT NOT NULL,
    blacklist TEXT NOT NULL CHECK (blacklist IN ('no', 'blacklisted')),
    fraud TEXT NOT NULL CHECK (fraud IN ('whitelisted', 'suspicious', 'fraudulent')),
    verification TEXT NOT NULL CHECK (verification IN ('none', 'requested', 'verified', 'declined')),
    hold TEXT NOT NULL CHECK (hold IN ('none', 'held', 'legal')),
    presence TEXT NOT NULL CHECK (presence IN ('present', 'removed', 'erased')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    pin BYTEA,
    diaspora BIGINT,
    PRIMARY KEY (tenant_id, id)
);

INSERT INTO new_users (tenant_id, id, number, version, kind, employee, risk_locked, profile, marks, second_factor,
                       second_factor_step, password_hash, failed_sign_ins, failing_since, sign_in_lock, lock_cause,
                       lock_until, unlock_queued_at, admission, core_state, suspension, flag, flagged_banks, blacklist,
                       fraud, verification, hold, presence, created_at, updated_at, last_seen_at, pin, diaspora)
SELECT tenant_id, id, number, version, kind, employee, risk_locked, profile, marks, second_factor, second_factor_step,
       password_hash, failed_sign_ins, failing_since, sign_in_lock, lock_cause, lock_until, unlock_queued_at, admission,
       core_state, suspension, flag, flagged_banks, blacklist, fraud, verification, hold, presence, created_at,
       updated_at, last_seen_at, pin, diaspora
FROM users
ORDER BY tenant_id, id;

DROP TABLE users;
ALTER TABLE new_users RENAME TO users;

CREATE UNIQUE INDEX users_by_number ON users (tenant_id, number);
CREATE INDEX users_unlock_queued ON users (tenant_id, id) WHERE unlock_queued_at IS NOT NULL;
CREATE INDEX users_uncounted ON users (tenant_id, number) WHERE diaspora IS NULL;

CREATE TABLE new_audit (
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
);

INSERT INTO new_audit (tenant_id, id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id,
                       outcome, code, facts, request_id, sealed)
SELECT tenant_id, id, at, actor_kind, actor_id, staff_id, door, action, subject_kind, subject_id, outcome, code, facts,
       request_id, sealed
FROM audit
ORDER BY tenant_id, id;

DROP TABLE audit;
ALTER TABLE new_audit RENAME TO audit;

CREATE INDEX audit_by_subject ON audit (tenant_id, subject_id, id);
CREATE INDEX audit_by_actor ON audit (tenant_id, actor_kind, id);

CREATE TABLE new_event (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    at BIGINT NOT NULL,
    name TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BYTEA,
    audit_id BYTEA NOT NULL,
    fact TEXT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

INSERT INTO new_event (tenant_id, id, at, name, subject_kind, subject_id, audit_id, fact)
SELECT tenant_id, id, at, name, subject_kind, subject_id, audit_id, fact
FROM event
ORDER BY tenant_id, id;

DROP TABLE event;
ALTER TABLE new_event RENAME TO event;

-- The tokens of 65,536 users, by their numbers, lie together: new users write into the last run only, however many there
-- are. A search asks run after run, which is the order of numbers.
CREATE TABLE user_run (
    tenant_id BIGINT NOT NULL,
    run BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, run)
) /* clustered */;

INSERT INTO user_run (tenant_id, run)
SELECT DISTINCT tenant_id, number / 65536
FROM users;

CREATE TABLE new_user_token (
    tenant_id BIGINT NOT NULL,
    run BIGINT NOT NULL,
    token BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, run, token, number)
) /* clustered */;

INSERT INTO new_user_token (tenant_id, run, token, number)
SELECT tenant_id, number / 65536, token, number
FROM user_token
ORDER BY tenant_id, number / 65536, token, number;

DROP TABLE user_token;
ALTER TABLE new_user_token RENAME TO user_token;

-- What a user has that may exist once only is known from her profile, as her tokens are, so there is no index by user; and
-- half of a fingerprint is enough.
CREATE TABLE new_user_unique (
    tenant_id BIGINT NOT NULL,
    field TEXT NOT NULL,
    token BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, field, token)
) /* clustered */;

INSERT INTO new_user_unique (tenant_id, field, token, user_id)
SELECT tenant_id, field, substr(token, 1, 16), user_id
FROM user_unique
ORDER BY tenant_id, field, token;

DROP TABLE user_unique;
ALTER TABLE new_user_unique RENAME TO user_unique;

UPDATE staff
SET email_token = substr(email_token, 1, 16);
