-- Requests for verification with their history, the documents users show, and the objects that hold them
-- (docs/verification.md). The bytes themselves lie in the document store, outside the database.

-- A user's request. `steps` counts the rows of its history, `told` is the last of them that she was written to about.
CREATE TABLE verification (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'more_needed', 'approved', 'declined', 'withdrawn')),
    asked_at BIGINT NOT NULL,
    asked_by TEXT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT,
    steps BIGINT NOT NULL,
    told BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- The requests of a user, in the order of their ids.
CREATE INDEX verification_of_user ON verification (tenant_id, user_id, id);

-- One open request for each user.
CREATE UNIQUE INDEX verification_open ON verification (tenant_id, user_id) WHERE state IN ('requested', 'more_needed');

-- What became of a request, step by step. `sealed` holds the reason and what the user was told, with her own key.
CREATE TABLE verification_step (
    tenant_id BIGINT NOT NULL,
    verification_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('requested', 'more_needed', 'approved', 'declined', 'withdrawn')),
    at BIGINT NOT NULL,
    author TEXT NOT NULL,
    sealed BYTEA,
    PRIMARY KEY (tenant_id, verification_id, seq)
) /* clustered */;

-- What a user shows. One of each kind counts; what a newer one replaced stays for as long as a request has seen it.
-- `token` is the keyed fingerprint of the file.
CREATE TABLE verification_document (
    tenant_id BIGINT NOT NULL,
    user_id BYTEA NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('photo_id', 'selfie', 'signature')),
    media_type TEXT NOT NULL CHECK (media_type IN ('image/jpeg', 'image/png', 'application/pdf')),
    bytes BIGINT NOT NULL,
    width BIGINT,
    height BIGINT,
    pages BIGINT,
    token BYTEA NOT NULL,
    object BYTEA NOT NULL,
    added_at BIGINT NOT NULL,
    added_by TEXT NOT NULL,
    replaced_at BIGINT,
    PRIMARY KEY (tenant_id, user_id, id)
);

-- Every object there is in the store. It is written down here before it is written there: one with a `drop_at` that has
-- passed belongs to no document (any more), and is deleted there, then here.
CREATE TABLE verification_object (
    tenant_id BIGINT NOT NULL,
    object BYTEA NOT NULL,
    user_id BYTEA NOT NULL,
    drop_at BIGINT,
    PRIMARY KEY (tenant_id, object)
);

CREATE INDEX verification_object_due ON verification_object (drop_at) WHERE drop_at IS NOT NULL;

-- What is to go with a user who is erased.
CREATE INDEX verification_object_of_user ON verification_object (tenant_id, user_id);
