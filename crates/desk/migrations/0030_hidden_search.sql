-- How often a staff member has looked, within the running hour, for somebody by a value that they may not see. One row for each
-- who ever did; the count begins anew when its hour is over.
CREATE TABLE hidden_search (
    tenant_id INT8   NOT NULL,
    staff_id  BYTEA  NOT NULL,
    began_at  BIGINT NOT NULL,
    asked     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, staff_id)
) /* clustered */;
