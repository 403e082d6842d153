-- A job is a narrow row that is soon gone: clustered by its key it is in two trees instead of three. The words of its state are no longer repeated
-- here (as with users, 0017). It is renamed first: then nobody leaves or takes a job while they are copied.
ALTER TABLE job RENAME TO old_job;

CREATE TABLE job (
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    state TEXT NOT NULL,
    run_at BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    last_error TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id)
) /* clustered */;

INSERT INTO job (tenant_id, id, kind, payload, state, run_at, tries, fence, last_error, created_at)
SELECT tenant_id, id, kind, payload, state, run_at, tries, fence, last_error, created_at
FROM old_job
ORDER BY tenant_id, id;

DROP TABLE old_job;

-- The worker's one question: what is due? A lease moves `run_at` into the future, so a lost worker's job comes due again.
CREATE INDEX job_due ON job (run_at) WHERE state = 'ready';
