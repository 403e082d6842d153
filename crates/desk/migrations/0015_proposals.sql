-- Whatever somebody does by hand can be proposed: also what makes something new, what is done to an account, bulk actions and
-- imports. What is done about a customer may have to be confirmed by her.

-- `user_id` is whom a request concerns: the user it is about, or the owner of the account it is about. It is sealed with her key,
-- and ends when she goes. Where a request makes something new, `subject_id` is a keyed fingerprint of what: the same is not
-- proposed twice.
ALTER TABLE request ADD COLUMN user_id BYTEA;
UPDATE request SET user_id = subject_id WHERE subject_kind = 'user';

DROP INDEX request_by_subject;
CREATE INDEX request_by_user ON request (tenant_id, user_id, number);
CREATE INDEX request_pending_by_user ON request (tenant_id, user_id, action) WHERE state = 'pending';

-- What was begun on the strength of an approval, and may do to each what needs a second person.
ALTER TABLE bulk ADD COLUMN approved BIGINT NOT NULL DEFAULT 0;

-- An import may wait for its start to be approved.
CREATE TABLE new_import (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('awaiting', 'running', 'paused', 'completed', 'failed', 'cancelled')),
    format TEXT NOT NULL CHECK (format IN ('csv', 'ndjson')),
    dry_run BIGINT NOT NULL,
    columns TEXT NOT NULL,
    author TEXT NOT NULL,
    file_token BYTEA NOT NULL,
    file_bytes BIGINT NOT NULL,
    done_bytes BIGINT NOT NULL,
    next_line BIGINT NOT NULL,
    rows_created BIGINT NOT NULL,
    rows_edited BIGINT NOT NULL,
    rows_unchanged BIGINT NOT NULL,
    rows_rejected BIGINT NOT NULL,
    rejected_kept BIGINT NOT NULL,
    failure TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    finished_at BIGINT,
    approved BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

INSERT INTO new_import (tenant_id, id, state, format, dry_run, columns, author, file_token, file_bytes, done_bytes, next_line,
                        rows_created, rows_edited, rows_unchanged, rows_rejected, rejected_kept, failure, created_at,
                        updated_at, finished_at, approved)
SELECT tenant_id, id, state, format, dry_run, columns, author, file_token, file_bytes, done_bytes, next_line, rows_created,
       rows_edited, rows_unchanged, rows_rejected, rejected_kept, failure, created_at, updated_at, finished_at, 0
FROM import;

DROP TABLE import;
ALTER TABLE new_import RENAME TO import;

CREATE INDEX import_open ON import (tenant_id, id) WHERE state IN ('running', 'paused');
-- Those that wait, of a tenant and of all: few at any time.
CREATE INDEX import_awaiting ON import (created_at, tenant_id) WHERE state = 'awaiting';

-- Whether a second person decides a request, and what waits for the customer's code, if she has to confirm it.
ALTER TABLE request ADD COLUMN needs_decider BIGINT NOT NULL DEFAULT 1;
ALTER TABLE request ADD COLUMN challenge_id BYTEA;
ALTER TABLE request ADD COLUMN confirmed_at BIGINT;

-- A challenge may wait for a customer to confirm a request: then `subject_id` is the request's, and there is no account.
CREATE TABLE new_challenge (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    purpose TEXT NOT NULL
        CHECK (purpose IN ('administrator_add', 'administrator_mobile', 'administrator_email', 'request')),
    account_id BYTEA,
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

INSERT INTO new_challenge (tenant_id, id, purpose, account_id, subject_id, recipient_id, partner, state, code, code_sent_at,
                           code_expires_at, channel, sends, tries, created_at, expires_at, ended_at, end_cause)
SELECT tenant_id, id, purpose, account_id, subject_id, recipient_id, partner, state, code, code_sent_at, code_expires_at,
       channel, sends, tries, created_at, expires_at, ended_at, end_cause
FROM challenge;

DROP TABLE challenge;
ALTER TABLE new_challenge RENAME TO challenge;

CREATE INDEX challenge_open ON challenge (tenant_id, subject_id) WHERE state = 'open';
CREATE INDEX challenge_to ON challenge (tenant_id, recipient_id) WHERE state = 'open';
CREATE INDEX challenge_of_account ON challenge (tenant_id, account_id, id);
