//! PostgreSQL: how a statement runs on a pooled connection, and how a transaction begins and ends there. How connections
//! are made is in `postgres_connect`.
//!
//! A round trip costs more than most statements. Therefore the transaction begins together with its first statement, and
//! statements whose answer nobody waits for lie here until the next one that is waited for, or the commit: all are sent
//! at once, in their order, folded into fewer where that means the same (`fold`).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::error::Error as StdError;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use deadpool_postgres::{Object, Pool};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Statement};

use super::engine::{Ask, Changes, Got, Want};
use super::fold::{Lying, Next, Unsent};
use super::value::{Param, ToParam, Value};
use super::{Row, Sql, fault};
use crate::error::{Conflict, Error, Result};

/// How many prepared statements a connection keeps before it forgets them all. Constants are fewer; texts made at run
/// time must not grow without bound on the server.
const STATEMENTS: usize = 512;

/// How many statements lie here at most before they are sent.
const UNSENT: usize = 128;

/// A pooled connection.
pub(super) struct Link {
    /// Taken out only when the connection must not be used again.
    client: Option<Object>,
    begin: Begin,
    unsent: Lying,
    /// The first error of this transaction may go away when it is run again.
    pub repeat: bool,
    /// An error was told, and yet the transaction, or a part of it, may be there: nobody has heard of its end.
    pub is_unsure: bool,
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

/// What has to be sent before a statement: the words that begin the transaction, and the unsent, prepared.
type Before = (Option<&'static str>, Vec<(Statement, Unsent)>);

impl Link {
    async fn take(pool: &Pool, begin: Begin) -> Result<Link> {
        let client = pool.get().await.map_err(|error| fault::from_pool(&error))?;
        Ok(Link { client: Some(client), begin, unsent: Lying::default(), repeat: false, is_unsure: false })
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

    /// The same for works that share it: one that would have to wait for somebody else's lock would make the others wait,
    /// or two transactions for each other.
    pub async fn together(pool: &Pool) -> Result<Link> {
        Link::take(pool, Begin::Pending("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '50ms'")).await
    }

    /// Runs a statement, after those that lie here.
    pub async fn execute(&mut self, sql: &Sql, params: &[Param<'_>], want: Want) -> Result<Got> {
        let statement = self.prepare(&sql.0).await?;
        let before = self.due(Next::Statements(&[&sql.0])).await?;
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        let answers = in_order(client, &before, ask(client, &statement, params, want)).await;
        self.settled(answers, &sql.0)
    }

    /// Asks for the rows of two statements at once. The second begins when the first is done, and sees what that has waited
    /// for.
    pub async fn two(&mut self, first: Ask<'_>, second: Ask<'_>) -> Result<(Got, Got)> {
        let statements = (self.prepare(&first.0.0).await?, self.prepare(&second.0.0).await?);
        let before = self.due(Next::Statements(&[&first.0.0, &second.0.0])).await?;
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        let both = async {
            // Sent when polled first, and polled in this order.
            let (first, second) = tokio::join!(
                biased;
                ask(client, &statements.0, first.1, Want::Rows),
                ask(client, &statements.1, second.1, Want::Rows)
            );
            Ok((first?, second?))
        };
        let answers = in_order(client, &before, both).await;
        self.settled(answers, &first.0.0)
    }

    /// Runs a statement whose answer nobody waits for: before the next one that is waited for, and before the commit.
    pub async fn put(&mut self, sql: Sql, params: &[Param<'_>], changes: Changes) -> Result<()> {
        let params = params.iter().copied().map(Value::from).collect();
        self.unsent.put(Unsent { sql: sql.0, params, changes });
        if self.unsent.len() >= UNSENT { self.send().await } else { Ok(()) }
    }

    /// Sends what lies here and waits for it.
    pub async fn send(&mut self) -> Result<()> {
        if self.unsent.is_empty() {
            return Ok(());
        }
        let before = self.due(Next::Anything).await?;
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        let answers = in_order(client, &before, async { Ok(()) }).await;
        self.settled(answers, "")
    }

    async fn due(&mut self, next: Next<'_>) -> Result<Before> {
        let mut unsent = Vec::new();
        for it in self.unsent.before(next) {
            unsent.push((self.prepare(&it.sql).await?, it));
        }
        let words = match self.begin {
            Begin::Pending(words) => Some(words),
            Begin::Never | Begin::Open => None,
        };
        if words.is_some() {
            self.begin = Begin::Open;
        }
        Ok((words, unsent))
    }

    async fn prepare(&mut self, sql: &str) -> Result<Statement> {
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        if client.statement_cache.size() >= STATEMENTS {
            client.statement_cache.clear();
        }
        match client.prepare_cached(sql).await {
            Ok(statement) => Ok(statement),
            Err(error) => Err(self.complain(error, sql)),
        }
    }

    /// What came of a statement and of those before it.
    fn settled<T>(&mut self, answers: Answers<T>, sql: &str) -> Result<T> {
        match answers {
            Ok(answer) => Ok(answer),
            Err(Failed::Begin(error)) if error.as_db_error().is_some() => {
                // What was sent behind it may have been done by itself.
                tracing::error!(%error, "a transaction could not be begun; what it was to do may be there in part");
                self.is_unsure = true;
                self.discard();
                self.begin = Begin::Never;
                Err(fault::from_postgres(&error, "BEGIN"))
            }
            Err(Failed::Begin(error)) => Err(self.complain(error, "BEGIN")),
            Err(Failed::Statement(error, at)) => Err(self.complain(error, at.as_deref().unwrap_or(sql))),
            Err(Failed::Changes(error)) => Err(error),
        }
    }

    fn complain(&mut self, error: tokio_postgres::Error, sql: &str) -> Error {
        let stale = fault::statements_are_stale(&error);
        if let (true, Some(client)) = (stale, &self.client) {
            client.statement_cache.clear();
        }
        self.repeat |= stale || fault::may_be_retried(&error);
        fault::from_postgres(&error, sql)
    }

    pub async fn script(&mut self, sql: &str) -> Result<()> {
        let answers = self.send_script(sql, Next::Anything).await?;
        self.settled(answers, sql)
    }

    async fn send_script(&mut self, sql: &str, next: Next<'_>) -> Result<Answers<()>> {
        let before = self.due(next).await?;
        let client = self.client.as_ref().expect("a link has its connection until it ends");
        Ok(in_order(client, &before, client.batch_execute(sql)).await)
    }

    /// Ends the transaction: it stays if everything went well. Nothing is sent if none was begun.
    pub async fn commit(&mut self) -> Result<()> {
        if self.begin != Begin::Open && self.unsent.is_empty() {
            return Ok(());
        }
        // Where one of those before it has failed, the server takes this for `ROLLBACK`, and we say what has failed.
        let answers = self.send_script("COMMIT", Next::Commit).await?;
        self.is_unsure |= match &answers {
            Ok(()) | Err(Failed::Changes(_)) => false,
            Err(Failed::Begin(_)) => true,
            Err(Failed::Statement(error, before)) => !fault::is_taken_back(error, before.is_some()),
        };
        self.settled(answers, "COMMIT")?;
        self.begin = Begin::Never;
        Ok(())
    }

    /// Ends the transaction: nothing of it stays.
    pub async fn roll_back(&mut self) -> Result<()> {
        self.unsent.clear();
        if self.begin != Begin::Open {
            return Ok(());
        }
        self.script("ROLLBACK").await?;
        self.begin = Begin::Never;
        Ok(())
    }

    /// Leaves whatever transaction is open; or the connection, if that cannot be done.
    pub async fn leave(&mut self) {
        if self.roll_back().await.is_err() {
            self.discard();
        }
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

/// The answer of the last statement, or what has failed first.
type Answers<T> = Result<T, Failed>;

enum Failed {
    /// No transaction was begun.
    Begin(tokio_postgres::Error),
    /// A statement; its text unless it was the last.
    Statement(tokio_postgres::Error, Option<Cow<'static, str>>),
    /// One that has not found its row.
    Changes(Error),
}

/// Sends the words that begin a transaction, the unsent, and the last one, at once and in this order, and waits for all.
async fn in_order<T>(
    client: &Client,
    (words, unsent): &Before,
    last: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Answers<T> {
    let mut sent: VecDeque<Sent<'_>> = VecDeque::with_capacity(unsent.len() + 1);
    if let Some(words) = words {
        let begin = async { client.batch_execute(words).await.map(|()| 0) };
        sent.push_back(Sent { run: Box::pin(begin), done: None, it: None });
    }
    for (statement, it) in unsent {
        let run = Box::pin(client.execute_raw(statement, &it.params));
        sent.push_back(Sent { run, done: None, it: Some(it) });
    }
    let mut last = pin!(last);
    let (mut answer, mut all_sent) = (None, false);
    poll_fn(|cx| {
        // A statement is sent when it is polled first: each must have been, before any is waited for.
        if !all_sent {
            for it in &mut sent {
                if it.poll(cx) == Poll::Ready(Sending::Impossible) {
                    // It has never been sent, and the server would commit without it.
                    return Poll::Ready(it.checked());
                }
            }
            all_sent = true;
            if let Poll::Ready(it) = last.as_mut().poll(cx) {
                answer = Some(it);
            }
        }
        // Answers come in the order of the statements: the first error is the cause of those after it.
        while let Some(it) = sent.front_mut() {
            if it.poll(cx).is_pending() {
                return Poll::Pending;
            }
            it.checked()?;
            sent.pop_front();
        }
        Poll::Ready(Ok(()))
    })
    .await?;
    let answer = match answer {
        Some(answer) => answer,
        None => last.await,
    };
    answer.map_err(|error| Failed::Statement(error, None))
}

/// A statement whose answer nobody waits for, or the words that begin a transaction, on its way.
struct Sent<'a> {
    run: Pin<Box<dyn Future<Output = Result<u64, tokio_postgres::Error>> + Send + 'a>>,
    done: Option<Result<u64, tokio_postgres::Error>>,
    it: Option<&'a Unsent>,
}

/// What became of sending a statement.
#[derive(PartialEq)]
enum Sending {
    Answered,
    /// It could not be encoded, or the connection is gone.
    Impossible,
}

impl Sent<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Sending> {
        if self.done.is_none() {
            match self.run.as_mut().poll(cx) {
                Poll::Ready(done) => self.done = Some(done),
                Poll::Pending => return Poll::Pending,
            }
        }
        match &self.done {
            Some(Err(error)) if error.as_db_error().is_none() => Poll::Ready(Sending::Impossible),
            _ => Poll::Ready(Sending::Answered),
        }
    }

    /// What came of it, once it is known.
    fn checked(&mut self) -> Result<(), Failed> {
        match (self.done.take(), self.it) {
            (Some(Err(error)), Some(it)) => {
                let nobody = it.changes == Changes::One && error.code() == Some(&SqlState::DIVISION_BY_ZERO);
                Err(match nobody {
                    true => Failed::Changes(Error::Conflict(Conflict::Version)),
                    false => Failed::Statement(error, Some(it.sql.clone())),
                })
            }
            (Some(Err(error)), None) => Err(Failed::Begin(error)),
            (Some(Ok(changed)), Some(it)) => it.changes.check(changed).map_err(Failed::Changes),
            (Some(Ok(_)), None) | (None, _) => Ok(()),
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
        let mut columns = Row::build(row.len());
        for at in 0..row.len() {
            match row.try_get(at)? {
                Param::Null => columns.null(),
                Param::Int(number) => columns.int(number),
                Param::Text(text) => columns.text(text.as_bytes()),
                Param::Blob(bytes) => columns.blob(bytes),
            }
        }
        rows.push(columns.finish());
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

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_param().to_sql(ty, out)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

impl<'a> FromSql<'a> for Param<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Param::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Param::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT2 => Param::Int(i16::from_sql(ty, raw)?.into()),
            Type::BOOL => Param::Int(bool::from_sql(ty, raw)?.into()),
            Type::BYTEA => Param::Blob(raw),
            _ if <&str as FromSql>::accepts(ty) => Param::Text(<&str as FromSql>::from_sql(ty, raw)?),
            _ => return Err(format!("a column of type {ty}; write CAST(.. AS BIGINT) or TEXT").into()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Param::Null)
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}
