-- What a row that waits to be sealed was written by: a code that only a program with the tenant's keys can make. A row without
-- it was put there by something else; it is sealed all the same, and its checkpoint names it.
ALTER TABLE audit_unsealed ADD COLUMN proof BYTEA;
ALTER TABLE audit_checkpoint ADD COLUMN unproved BYTEA;
