-- What is kept outside of a person's own rows goes with them, too (docs/privacy.md): answers of idempotent requests, and rows of
-- files. The table says of whom rows may be left, sealed with the tenant's key, until all that is kept was gone through.
ALTER TABLE idempotency ADD COLUMN user_id BYTEA;

-- Which answers are about somebody who is being erased?
CREATE INDEX idempotency_of_user ON idempotency (tenant_id, user_id) WHERE user_id IS NOT NULL;

CREATE TABLE import_erased (
    tenant_id BIGINT NOT NULL,
    user_id BYTEA NOT NULL,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, user_id)
);

-- Of whom are files to be gone through once more?
CREATE INDEX import_erased_by_age ON import_erased (created_at);
