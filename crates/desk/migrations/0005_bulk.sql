-- Actions on many users: one row for each bulk action, one for each user in it.

-- `ids` holds the sixteen bytes of each user behind one another, `filter` the axes of a list, `undo_of` the bulk action
-- whose changed rows are turned back: exactly one of them says who is selected. `position` is the last number (filter),
-- the count (ids) or the last row (undo) that is done with. `sealed` holds reason, address and agent, with the tenant's key.
CREATE TABLE bulk (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    action TEXT NOT NULL,
    params TEXT NOT NULL,
    filter TEXT,
    ids BYTEA,
    undo_of BYTEA,
    state TEXT NOT NULL CHECK (state IN ('running', 'paused', 'completed', 'cancelled', 'failed')),
    code TEXT,
    permission TEXT,
    selected BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    unchanged BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    position BIGINT NOT NULL,
    last_position BIGINT NOT NULL,
    starter_kind TEXT NOT NULL CHECK (starter_kind IN ('staff', 'key', 'house')),
    starter_id BYTEA,
    staff_id BYTEA,
    session_id BYTEA,
    sealed BYTEA,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Whether a bulk action was undone already.
CREATE INDEX bulk_by_undone ON bulk (tenant_id, undo_of) WHERE undo_of IS NOT NULL;

-- What became of each user, in the order in which they came. `inverse` is what turns it back.
CREATE TABLE bulk_row (
    tenant_id BIGINT NOT NULL,
    bulk_id BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    user_id BYTEA NOT NULL,
    outcome TEXT NOT NULL CHECK (outcome IN ('done', 'unchanged', 'refused')),
    code TEXT,
    inverse TEXT,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, bulk_id, seq)
) /* clustered */;

-- The rows of one outcome: the refused ones of a long run.
CREATE INDEX bulk_row_by_outcome ON bulk_row (tenant_id, bulk_id, outcome, seq);
