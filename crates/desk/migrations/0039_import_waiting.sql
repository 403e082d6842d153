-- Rows of an import that ask for a name somebody has who may give it up further down the file: they wait until all others are
-- done. Each is sealed with the tenant's key, and goes with the file.
ALTER TABLE import ADD COLUMN rows_waiting BIGINT NOT NULL DEFAULT 0;

CREATE TABLE import_waiting (
    tenant_id BIGINT NOT NULL,
    import_id BYTEA NOT NULL,
    line BIGINT NOT NULL,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, import_id, line)
) /* clustered */;
