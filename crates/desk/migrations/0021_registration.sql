-- Registrations that wait to be confirmed by a link; names that people sign in with as one space; the country that an import's
-- telephone numbers are of.

-- Nobody is a user before the link that was sent to the address was opened. A row without a seal is an attempt with an
-- address that is somebody's already: it is written so that both attempts cost the same and are counted the same.
CREATE TABLE registration (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    address_token BYTEA NOT NULL,
    asked_from BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    person_key BYTEA,
    sealed BYTEA,
    tries_left BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

-- The link that comes back.
CREATE INDEX registration_by_fingerprint ON registration (tenant_id, fingerprint);
-- How often somebody has asked for an address, and from one.
CREATE INDEX registration_by_address ON registration (tenant_id, address_token, created_at);
CREATE INDEX registration_by_origin ON registration (tenant_id, asked_from, created_at);
-- What has expired.
CREATE INDEX registration_expired ON registration (expires_at);

-- The tenants in which somebody's username could be a telephone number, or once could. Nobody has kept count so far, so
-- whoever is here already may have one.
CREATE TABLE numeric_username (
    tenant_id BIGINT NOT NULL PRIMARY KEY
) /* clustered */;
INSERT INTO numeric_username (tenant_id)
SELECT id FROM tenant;

ALTER TABLE import ADD COLUMN country TEXT;
