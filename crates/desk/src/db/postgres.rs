//! PostgreSQL: how a statement runs on a pooled connection, and how a transaction begins and ends there. How connections
//! are made is in `postgres_connect`.

use std::error::Error as StdError;

use deadpool_postgres::{Object, Pool};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::engine::{Got, Want};
use super::value::{Param, Value};
use super::{Row, Sql, fault};
use crate::error::Result;

/// How many prepared statements a connection keeps before it forgets them all. Constants are fewer; texts made at run
/// time must not grow without bound on the server.
const STATEMENTS: usize = 512;

/// A pooled connection.
pub(super) struct Link {
    /// Taken out only when the connection must not be used again.
    client: Option<Object>,
    begin: Begin,
    /// The first error of this transaction may go away when it is run again.
    pub repeat: bool,
}

/// How far the transaction has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// None is wanted.
    Never,
    /// It begins together with the first statement, with these words: one round trip less.
    Pending(&'static str),
    /// It is open.
    Open,
}

impl Link {
    async fn take(pool: &Pool, begin: Begin) -> Result<Link> {
        let client = pool.get().await.map_err(|error| fault::from_pool(&error))?;
        Ok(Link { client: Some(client), begin, repeat: false })
    }

    /// A connection without a transaction.
    pub async fn plain(pool: &Pool) -> Result<Link> {
        Link::take(pool, Begin::Never).await
    }

    /// A connection with a transaction that reads one state.
    pub async fn snapshot(pool: &Pool) -> Result<Link> {
        Link::take(pool, Begin::Pending("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")).await
    }

    /// A connection with a transaction that writes.
    pub async fn transaction(pool: &Pool) -> Result<Link> {
        Link::take(pool, Begin::Pending("BEGIN ISOLATION LEVEL READ COMMITTED")).await
    }

    pub async fn execute(&mut self, sql: &Sql, params: &[Param<'_>], want: Want) -> Result<Got> {
        match self.try_execute(sql, params, want).await {
            Ok(got) => Ok(got),
            Err(error) => {
                let stale = fault::statements_are_stale(&error);
                if let (true, Some(client)) = (stale, &self.client) {
                    client.statement_cache.clear();
                }
                self.repeat |= stale || fault::may_be_retried(&error);
                Err(fault::from_postgres(&error, &sql.0))
            }
        }
    }

    async fn try_execute(&mut self, sql: &Sql, params: &[Param<'_>], want: Want) -> Result<Got, tokio_postgres::Error> {
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        if client.statement_cache.size() >= STATEMENTS {
            client.statement_cache.clear();
        }
        let statement = client.prepare_cached(&sql.0).await?;
        let Begin::Pending(words) = self.begin else {
            return ask(client, &statement, params, want).await;
        };
        self.begin = Begin::Open;
        // Both are sent at once, in this order.
        let (begun, got) = tokio::join!(client.batch_execute(words), ask(client, &statement, params, want));
        begun?;
        got
    }

    pub async fn script(&mut self, sql: &str) -> Result<()> {
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        let run = async {
            if let Begin::Pending(words) = self.begin {
                self.begin = Begin::Open;
                client.batch_execute(words).await?;
            }
            client.batch_execute(sql).await
        };
        run.await.map_err(|error| {
            self.repeat |= fault::may_be_retried(&error);
            fault::from_postgres(&error, sql)
        })
    }

    /// Ends the transaction with `COMMIT` or `ROLLBACK`; nothing is sent if none was begun.
    pub async fn end(&mut self, words: &'static str) -> Result<()> {
        if self.begin != Begin::Open {
            return Ok(());
        }
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        let ended = client.batch_execute(words).await;
        if let Err(error) = &ended {
            self.repeat = fault::may_be_retried(error);
        } else {
            self.begin = Begin::Never;
        }
        ended.map_err(|error| fault::from_postgres(&error, words))
    }

    /// The connection is not used again.
    pub fn discard(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }
}

impl Drop for Link {
    /// A link that goes while its transaction is open (its task was cut off) must not come back to the pool.
    fn drop(&mut self) {
        if self.begin == Begin::Open {
            self.discard();
        }
    }
}

async fn ask(
    client: &Client,
    statement: &Statement,
    params: &[Param<'_>],
    want: Want,
) -> Result<Got, tokio_postgres::Error> {
    if want == Want::Changed {
        let changed = client.execute_raw(statement, params).await?;
        return Ok(Got { rows: Vec::new(), changed });
    }
    let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|param| param as _).collect();
    let mut rows = Vec::new();
    for row in client.query(statement, &params).await? {
        let columns = (0..row.len()).map(|at| row.try_get(at)).collect::<Result<_, _>>()?;
        rows.push(Row::new(columns));
    }
    Ok(Got { rows, changed: 0 })
}

/// The server says which type it wants, from where the parameter stands; a null fits everywhere.
impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (*self, ty) {
            (Param::Null, _) => Ok(IsNull::Yes),
            (Param::Int(number), &Type::INT8) => number.to_sql(ty, out),
            (Param::Int(number), &Type::INT4) => i32::try_from(number)?.to_sql(ty, out),
            (Param::Int(number), &Type::INT2) => i16::try_from(number)?.to_sql(ty, out),
            (Param::Int(number @ 0..=1), &Type::BOOL) => (number == 1).to_sql(ty, out),
            (Param::Text(text), ty) if <&str as ToSql>::accepts(ty) => text.to_sql(ty, out),
            (Param::Blob(bytes), &Type::BYTEA) => bytes.to_sql(ty, out),
            (param, ty) => {
                let kind = match param {
                    Param::Null | Param::Int(_) => "a number",
                    Param::Text(_) => "text",
                    Param::Blob(_) => "bytes",
                };
                Err(format!("{kind} where the statement has {ty}").into())
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Value::Int(bool::from_sql(ty, raw)?.into()),
            Type::BYTEA => Value::Blob(raw.to_vec()),
            _ if <String as FromSql>::accepts(ty) => Value::Text(String::from_sql(ty, raw)?),
            _ => return Err(format!("a column of type {ty}; write CAST(.. AS BIGINT) or TEXT").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
