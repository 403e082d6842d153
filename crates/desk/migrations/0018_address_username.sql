-- The tenants in which somebody's username has an `@`, or once had one. Where none has, an address is looked for among e-mail addresses
-- only. Nobody has kept count so far, so whoever is here already may have one.
CREATE TABLE address_username (
    tenant_id BIGINT NOT NULL PRIMARY KEY
) /* clustered */;
INSERT INTO address_username (tenant_id)
SELECT id FROM tenant;
