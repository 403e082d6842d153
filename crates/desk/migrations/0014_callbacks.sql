-- Partners of the Choice voice are told, where they want to be, what became of the administrators of their accounts.

-- Where a partner is called back; null: not at all.
ALTER TABLE key ADD COLUMN callback_url TEXT;

-- What a partner is to be told. Who the administrator is stands in her own row and is read when it is told, so nothing in
-- here says who somebody is, and nothing is told of who was erased. `due_at`: when it is tried next.
CREATE TABLE callback (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    key_id BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    administrator_id BYTEA NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('added', 'mobile_verified', 'email_verified', 'removed')),
    happened_at BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'delivered', 'failed', 'dropped')),
    tries BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    last_error TEXT,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- What comes before it: an account's are told in their order.
CREATE INDEX callback_queued ON callback (tenant_id, key_id, account_id, id) WHERE state = 'queued';
-- A partner's, newest first, of any state or of one.
CREATE INDEX callback_of_key ON callback (tenant_id, key_id, id);
CREATE INDEX callback_in_state ON callback (tenant_id, key_id, state, id);
