-- Users brought in from files (docs/import.md). The file is kept, sealed with the tenant's key, until its last row is done.

CREATE TABLE import (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'completed', 'failed', 'cancelled')),
    format TEXT NOT NULL CHECK (format IN ('csv', 'ndjson')),
    dry_run BIGINT NOT NULL,
    -- JSON: for each column of the file the field it holds, or null for one that is left out.
    columns TEXT NOT NULL,
    -- Who started it: the author of marks on users it creates.
    author TEXT NOT NULL,
    -- Keyed fingerprint of the file, to find an unfinished import of the same one.
    file_token BYTEA NOT NULL,
    file_bytes BIGINT NOT NULL,
    -- Where the next slice begins.
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
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX import_open ON import (tenant_id, id) WHERE state IN ('running', 'paused');

-- Files that are being received; the row goes when the import begins. One that was never finished is swept.
CREATE TABLE import_upload (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX import_upload_by_age ON import_upload (created_at);

-- The file in pieces of one size, sealed with the tenant's key.
CREATE TABLE import_piece (
    tenant_id BIGINT NOT NULL,
    import_id BYTEA NOT NULL,
    piece BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, import_id, piece)
);

-- Rows that did not enter, and why. `sealed` is the row as it was, with the tenant's key, so that it can be mended.
CREATE TABLE import_rejected (
    tenant_id BIGINT NOT NULL,
    import_id BYTEA NOT NULL,
    line BIGINT NOT NULL,
    field TEXT,
    code TEXT NOT NULL,
    reason TEXT NOT NULL,
    sealed BYTEA,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, import_id, line)
) /* clustered */;

CREATE INDEX import_rejected_sealed ON import_rejected (created_at) WHERE sealed IS NOT NULL;
