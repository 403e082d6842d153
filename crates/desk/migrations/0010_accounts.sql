-- Accounts of an institution, who may act on them, and codes by which a person confirms that something shall happen.

-- Number, name and short code are sealed with the owner's key; `number_token` is the keyed fingerprint of the number. An
-- account that a partner opened (`partner`, its sender id) is known to that partner alone.
CREATE TABLE account (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    number_token BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('sme', 'current', 'wallet', 'loan', 'fixed_deposit')),
    currency TEXT NOT NULL,
    balance BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('normal', 'locked', 'closed')),
    dormant BIGINT NOT NULL,
    frozen BIGINT NOT NULL,
    partner TEXT,
    sealed BYTEA,
    created_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX account_by_number ON account (tenant_id, number_token);
CREATE INDEX account_of_user ON account (tenant_id, user_id, id);

-- Who may act on an account, sealed with a key of the administrator's own, which rests among the persons' keys. `identity`
-- and `phone` are keyed fingerprints within the account.
CREATE TABLE administrator (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'removed', 'ended')),
    identity BYTEA NOT NULL,
    phone BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    mobile_verified_at BIGINT,
    email_verified_at BIGINT,
    may_view BIGINT NOT NULL,
    may_initiate BIGINT NOT NULL,
    may_approve BIGINT NOT NULL,
    amount_limit BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_cause TEXT,
    version BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX administrator_of_account ON administrator (tenant_id, account_id, id);
CREATE UNIQUE INDEX administrator_by_identity ON administrator (tenant_id, account_id, identity)
    WHERE state IN ('pending', 'active');
CREATE UNIQUE INDEX administrator_by_phone ON administrator (tenant_id, account_id, phone) WHERE state = 'active';

-- Somebody must confirm: one operation on one subject, one recipient. Codes are kept as keyed fingerprints; `tries` and
-- `sends` count over the challenge's whole life.
CREATE TABLE challenge (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('administrator_add', 'administrator_mobile', 'administrator_email')),
    account_id BYTEA NOT NULL,
    subject_id BYTEA NOT NULL,
    recipient_id BYTEA NOT NULL,
    partner TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'confirmed', 'cancelled')),
    code BYTEA,
    code_sent_at BIGINT,
    code_expires_at BIGINT,
    channel TEXT CHECK (channel IN ('email', 'sms')),
    sends BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_cause TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX challenge_open ON challenge (tenant_id, subject_id) WHERE state = 'open';
CREATE INDEX challenge_to ON challenge (tenant_id, recipient_id) WHERE state = 'open';
CREATE INDEX challenge_of_account ON challenge (tenant_id, account_id, id);

-- How many codes a person was sent on a day.
CREATE TABLE challenge_day (
    tenant_id BIGINT NOT NULL,
    recipient_id BYTEA NOT NULL,
    day BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, recipient_id, day)
) /* clustered */;
