-- Actions that one person proposes and another decides.

-- Requests have dense numbers in their tenant, as users have.
ALTER TABLE tenant ADD COLUMN last_request_number BIGINT NOT NULL DEFAULT 0;

-- Who made a key: nobody decides her own requests through a key that she made for somebody else. Not known of older keys.
ALTER TABLE key ADD COLUMN made_by BYTEA;

-- `subject_id` is sixteen zeroes where a request is about the tenant. `sealed` holds the reason, what the action is told, the
-- facts of the plan and the comment of who decided: with the person's key if it is about a user, else with the tenant's.
-- `end_cause` says why it expired.
CREATE TABLE request (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    action TEXT NOT NULL,
    subject_kind TEXT NOT NULL,
    subject_id BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'declined', 'withdrawn', 'expired')),
    end_cause TEXT CHECK (end_cause IN ('time', 'removed', 'erased')),
    plan_hash TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    proposer_id BYTEA NOT NULL,
    proposer_key BYTEA,
    decider_id BYTEA,
    decider_key BYTEA,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX request_by_number ON request (tenant_id, number);

-- One open request for each subject and action; also what is open about somebody.
CREATE UNIQUE INDEX request_pending ON request (tenant_id, subject_id, action) WHERE state = 'pending';

-- The lists: of a state, of an action, of both, about somebody.
CREATE INDEX request_by_state ON request (tenant_id, state, number);
CREATE INDEX request_by_action ON request (tenant_id, action, number);
CREATE INDEX request_by_action_and_state ON request (tenant_id, action, state, number);
CREATE INDEX request_by_subject ON request (tenant_id, subject_id, number);
