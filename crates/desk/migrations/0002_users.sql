-- Users and what hangs on them. Whatever says who somebody is is sealed with a key of the person's own; search works
-- on keyed tokens.

-- The persons' keys, wrapped by the tenant's key. A table of their own: backups keep them apart, erasure deletes the row.
CREATE TABLE person_key (
    tenant_id BIGINT NOT NULL,
    user_id BYTEA NOT NULL,
    wrapped BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
) /* clustered */;

-- One column for each axis of standing (docs/standing.md); `marks` holds the moment, author and reason of each, sealed.
CREATE TABLE users (
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
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

CREATE UNIQUE INDEX users_by_number ON users (tenant_id, number);
CREATE INDEX users_unlock_queued ON users (tenant_id, id) WHERE unlock_queued_at IS NOT NULL;

-- Keyed tokens of what a user can be found by. In the order of numbers, as lists are; which tokens somebody has is known
-- from her profile, so there is no index by user.
CREATE TABLE user_token (
    tenant_id BIGINT NOT NULL,
    token BIGINT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, token, number)
) /* clustered */;

-- Keyed fingerprints of what may exist once only: username, e-mail (for sign-in), external id.
CREATE TABLE user_unique (
    tenant_id BIGINT NOT NULL,
    field TEXT NOT NULL,
    token BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, field, token)
) /* clustered */;

CREATE INDEX user_unique_by_user ON user_unique (tenant_id, user_id);

-- Phones and browsers. The app's own name for the device is kept as a keyed fingerprint.
CREATE TABLE device (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    details BYTEA NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    unlinked_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX device_by_user ON device (tenant_id, user_id, fingerprint);

-- Somebody signed in: a user or a staff member. The token itself is never stored.
CREATE TABLE session (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    who TEXT NOT NULL CHECK (who IN ('user', 'staff')),
    subject_id BYTEA NOT NULL,
    device_id BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_cause TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX session_by_fingerprint ON session (tenant_id, fingerprint);
CREATE INDEX session_by_subject ON session (tenant_id, subject_id, id);
CREATE INDEX session_open ON session (tenant_id, subject_id) WHERE ended_at IS NULL;

-- One-time links and codes: hashed, bounded in tries and time, bound to one user and one purpose.
CREATE TABLE proof (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('reset_link', 'sign_in_code', 'sign_in_totp')),
    fingerprint BYTEA NOT NULL,
    device BYTEA,
    tries_left BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_cause TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX proof_open ON proof (tenant_id, user_id) WHERE ended_at IS NULL;
CREATE INDEX proof_by_fingerprint ON proof (tenant_id, fingerprint);

-- Mail and text messages. Address and body are sealed with the person's key.
CREATE TABLE message (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    channel TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
    template TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'resting', 'sent', 'failed')),
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX message_by_user ON message (tenant_id, user_id, id);

CREATE TABLE note (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    author TEXT NOT NULL,
    text BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX note_by_user ON note (tenant_id, user_id, id);

-- Sign-in attempts with names that nobody has, counted in few rows.
CREATE TABLE sign_in_noise (
    tenant_id BIGINT NOT NULL,
    bucket BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bucket)
);
