-- What is read together lies together, and what may exist once only is kept small (decision 0040).

-- A person's key, wrapped by the tenant's, stands in her own row: to read her is one look less. Erasure clears it.
ALTER TABLE users ADD COLUMN person_key BYTEA;
UPDATE users
SET person_key = (SELECT k.wrapped FROM person_key k WHERE k.tenant_id = users.tenant_id AND k.user_id = users.id);

ALTER TABLE administrator ADD COLUMN person_key BYTEA;
UPDATE administrator
SET person_key = (SELECT k.wrapped FROM person_key k WHERE k.tenant_id = administrator.tenant_id AND k.user_id = administrator.id);

DROP TABLE person_key;

-- Keyed fingerprints of what may exist once only, with the number of who has it. Which field it is is part of what was hashed.
-- The large table is written to only by whole stretches; what is new goes into the small one first.
CREATE TABLE new_user_unique (
    tenant_id BIGINT NOT NULL,
    token BYTEA NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, token)
) /* clustered */;

INSERT INTO new_user_unique (tenant_id, token, number)
SELECT q.tenant_id, q.token, u.number
FROM user_unique q
JOIN users u ON u.tenant_id = q.tenant_id AND u.id = q.user_id
ORDER BY q.tenant_id, q.token;

DROP TABLE user_unique;
ALTER TABLE new_user_unique RENAME TO user_unique;

CREATE TABLE user_unique_recent (
    tenant_id BIGINT NOT NULL,
    token BYTEA NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, token)
) /* clustered */;
