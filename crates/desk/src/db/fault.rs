//! What an engine complained of, in the desk's own kinds. Messages keep what an operator needs (code, constraint,
//! statement) and never a parameter: PostgreSQL's `detail` lines and its messages about malformed data quote values, so
//! they are left out.

use rusqlite::ffi;
use tokio_postgres::error::SqlState;

use crate::error::{Busy, Conflict, Error};

/// How much of a statement a message may quote.
const QUOTED_SQL: usize = 200;

/// A fault of an engine, for the log.
#[derive(Debug, thiserror::Error)]
#[error("{what}{place}")]
struct Fault {
    what: String,
    place: String,
}

fn internal(what: String, sql: &str) -> Error {
    let place = match sql.split_whitespace().collect::<Vec<_>>().join(" ") {
        sql if sql.is_empty() => String::new(),
        sql => format!(" in: {}", sql.chars().take(QUOTED_SQL).collect::<String>()),
    };
    Error::internal(Fault { what, place })
}

/// What SQLite's complaint means.
pub(super) fn from_sqlite(error: &rusqlite::Error, sql: &str) -> Error {
    let (code, text) = match error {
        rusqlite::Error::SqliteFailure(code, text) => (code, text.as_deref()),
        rusqlite::Error::SqlInputError { error, msg, .. } => (error, Some(msg.as_str())),
        other => return internal(format!("sqlite: {other}"), sql),
    };
    let extended = code.extended_code;
    match extended & 0xff {
        ffi::SQLITE_CONSTRAINT
            if [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID]
                .contains(&extended) =>
        {
            Error::Conflict(Conflict::Exists)
        }
        ffi::SQLITE_FULL => Error::Busy(Busy::StorageFull),
        // A read that fails is a broken disk, not a full one.
        ffi::SQLITE_IOERR if ![ffi::SQLITE_IOERR_READ, ffi::SQLITE_IOERR_SHORT_READ].contains(&extended) => {
            Error::Busy(Busy::StorageFull)
        }
        ffi::SQLITE_READONLY | ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => Error::Busy(Busy::StorageReadOnly),
        ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED => Error::Busy(Busy::Queue),
        _ => internal(format!("sqlite {extended}: {}", text.unwrap_or("no message")), sql),
    }
}

/// What PostgreSQL's complaint, or the connection's, means.
pub(super) fn from_postgres(error: &tokio_postgres::Error, sql: &str) -> Error {
    let Some(db) = error.as_db_error() else {
        // Everything that did not come from the server itself: a broken connection, or a parameter that cannot be
        // encoded as the type the server asks for.
        return match connection_is_gone(error) {
            true => Error::Busy(Busy::StorageAway),
            false => internal(format!("postgres: {error}{}", source(error)), sql),
        };
    };
    let code = db.code();
    let class = class_of(code);
    if *code == SqlState::UNIQUE_VIOLATION {
        return Error::Conflict(Conflict::Exists);
    }
    if *code == SqlState::DISK_FULL || *code == SqlState::IO_ERROR {
        return Error::Busy(Busy::StorageFull);
    }
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return Error::Busy(Busy::StorageReadOnly);
    }
    if *code == SqlState::LOCK_NOT_AVAILABLE || may_be_retried(error) {
        return Error::Busy(Busy::Queue);
    }
    let away = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ];
    if away.contains(code) || class == "08" {
        return Error::Busy(Busy::StorageAway);
    }
    // Class 22 quotes the malformed value, 23 may quote the row.
    let text = if matches!(class, "22" | "23") { "" } else { db.message() };
    let named = [("constraint", db.constraint()), ("table", db.table()), ("column", db.column())];
    let named: String = named.iter().filter_map(|(kind, name)| Some(format!(" {kind} {}", (*name)?))).collect();
    internal(format!("postgres {}: {text}{named}", code.code()), sql)
}

/// Whether the same transaction may succeed if it is run again: it met another one.
pub(super) fn may_be_retried(error: &tokio_postgres::Error) -> bool {
    error
        .code()
        .is_some_and(|code| [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code))
}

/// Whether nothing remains for certain of a transaction whose `COMMIT` was sent and in which this was told: of a statement
/// before the `COMMIT`, or of that itself. A pooler also tells in the server's words that it has lost the server.
pub(super) fn is_taken_back(error: &tokio_postgres::Error, is_of_a_statement: bool) -> bool {
    match error.code() {
        Some(code) => !matches!(class_of(code), "08" | "57") && *code != SqlState::T_R_STATEMENT_COMPLETION_UNKNOWN,
        // What could not be encoded was not sent, nor was anything behind it.
        None => is_of_a_statement && !connection_is_gone(error),
    }
}

/// Whether the connection's prepared statements no longer fit, because a migration has passed or a pooler between us and
/// the server has swapped the connection.
pub(super) fn statements_are_stale(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| {
        *db.code() == SqlState::INVALID_SQL_STATEMENT_NAME
            || *db.code() == SqlState::FEATURE_NOT_SUPPORTED && db.message().contains("cached plan")
    })
}

/// What the pool says when it has no connection to give.
pub(super) fn from_pool(error: &deadpool_postgres::PoolError) -> Error {
    use deadpool_postgres::{PoolError, TimeoutType};
    match error {
        PoolError::Timeout(TimeoutType::Wait) => Error::Busy(Busy::Queue),
        PoolError::Closed => Error::Busy(Busy::Stopping),
        PoolError::Backend(error) => {
            // Refused passwords, unknown databases and bad certificates also mean: not to be reached. The log says which.
            tracing::warn!(error = %error, cause = %source(error), "cannot connect to PostgreSQL");
            Error::Busy(Busy::StorageAway)
        }
        other => {
            tracing::warn!(error = %other, "cannot connect to PostgreSQL");
            Error::Busy(Busy::StorageAway)
        }
    }
}

fn class_of(code: &SqlState) -> &str {
    code.code().get(..2).unwrap_or_default()
}

fn connection_is_gone(error: &tokio_postgres::Error) -> bool {
    let io = |error: &(dyn std::error::Error + 'static)| error.downcast_ref::<std::io::Error>().is_some();
    error.is_closed() || std::error::Error::source(error).is_some_and(io)
}

fn source(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default()
}
