-- How often what begins with each of 256 bytes was moved from `user_unique_recent` to `user_unique`: 256 counts of two bytes each. Whoever
-- has looked, and writes later, then knows which of what has come in meanwhile may stand in the large table (decision 0045).
CREATE TABLE user_unique_moves (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    moves BYTEA NOT NULL
) /* clustered */;
