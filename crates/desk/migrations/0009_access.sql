-- What gives staff and keys their rights, counted: a caller who is remembered is believed as long as this has not moved.

-- Counts the changes of staff, memberships, roles and keys. No row: nothing has changed yet.
CREATE TABLE access_version (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);
