-- How many messages were asked for within an hour: by user, by the network they were asked from, by institution.
CREATE TABLE message_count (
    tenant_id BIGINT NOT NULL,
    key BYTEA NOT NULL,
    hour BIGINT NOT NULL,
    sent BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

CREATE INDEX message_count_by_hour ON message_count (hour);
