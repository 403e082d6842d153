-- A user's row lies where her number says (decision 0042). `INT8` is PostgreSQL's other name of `BIGINT`; as a key SQLite
-- takes it for the place in the table itself. The words of the columns are no longer repeated here: the desk knows no others,
-- and PostgreSQL would read the conditions anew with every change.
CREATE TABLE new_users (
    seat INT8 NOT NULL PRIMARY KEY,
    tenant_id BIGINT NOT NULL,
    id BYTEA NOT NULL,
    number BIGINT NOT NULL,
    version BIGINT NOT NULL,
    kind TEXT NOT NULL,
    employee BIGINT NOT NULL,
    risk_locked BIGINT NOT NULL,
    profile BYTEA,
    marks BYTEA,
    second_factor BYTEA,
    second_factor_step BIGINT,
    password_hash TEXT,
    failed_sign_ins BIGINT NOT NULL,
    failing_since BIGINT,
    sign_in_lock TEXT NOT NULL,
    lock_cause TEXT,
    lock_until BIGINT,
    unlock_queued_at BIGINT,
    admission TEXT NOT NULL,
    core_state TEXT NOT NULL,
    suspension TEXT NOT NULL,
    flag TEXT NOT NULL,
    flagged_banks TEXT NOT NULL,
    blacklist TEXT NOT NULL,
    fraud TEXT NOT NULL,
    verification TEXT NOT NULL,
    hold TEXT NOT NULL,
    presence TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    pin BYTEA,
    diaspora BIGINT,
    person_key BYTEA
) /* roomy */;

INSERT INTO new_users (seat, tenant_id, id, number, version, kind, employee, risk_locked, profile, marks, second_factor,
                       second_factor_step, password_hash, failed_sign_ins, failing_since, sign_in_lock, lock_cause,
                       lock_until, unlock_queued_at, admission, core_state, suspension, flag, flagged_banks, blacklist,
                       fraud, verification, hold, presence, created_at, updated_at, last_seen_at, pin, diaspora,
                       person_key)
SELECT (tenant_id << 40) + number, tenant_id, id, number, version, kind, employee, risk_locked, profile, marks, second_factor,
       second_factor_step, password_hash, failed_sign_ins, failing_since, sign_in_lock, lock_cause,
       lock_until, unlock_queued_at, admission, core_state, suspension, flag, flagged_banks, blacklist,
       fraud, verification, hold, presence, created_at, updated_at, last_seen_at, pin, diaspora,
       person_key
FROM users
ORDER BY tenant_id, number;

DROP TABLE users;
ALTER TABLE new_users RENAME TO users;

CREATE UNIQUE INDEX users_by_id ON users (tenant_id, id);
CREATE INDEX users_unlock_queued ON users (tenant_id, id) WHERE unlock_queued_at IS NOT NULL;
CREATE INDEX users_uncounted ON users (tenant_id, number) WHERE diaspora IS NULL;
