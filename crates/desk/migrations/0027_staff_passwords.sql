-- Who brought a staff member in (their ids stand one after the other), and when another member confirmed that: until then
-- neither is the other's second person. Whoever is here already counts as confirmed.
ALTER TABLE staff ADD COLUMN brought_in_by BYTEA;
ALTER TABLE staff ADD COLUMN confirmed_at BIGINT;
-- The password was set by somebody else, and opens nothing until it is changed.
ALTER TABLE staff ADD COLUMN password_change_due BIGINT NOT NULL DEFAULT 0;
