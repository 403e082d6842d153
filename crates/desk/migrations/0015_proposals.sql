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
