-- Wrong passwords that are counted by something else than a user's own row: for staff by name and network address
-- together, for names that no user has by a part of the name's fingerprint.
CREATE TABLE sign_in_tries (
    tenant_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    failures BIGINT NOT NULL,
    since BIGINT NOT NULL,
    shut_until BIGINT,
    -- Attempts while it was shut: they are counted here and nowhere else.
    ignored BIGINT NOT NULL,
    forget_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE INDEX sign_in_tries_by_end ON sign_in_tries (forget_at);
