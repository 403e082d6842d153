//! The search's SQL, put together from the words of a query: numbers of users come from the index of tokens in order, so
//! that whoever needs twenty reads about twenty. `CROSS JOIN` tells SQLite in which order: numbers first, then users.

use crate::db::{Engine, Param, Rd, Row, ToParam, params};
use crate::error::Result;
use crate::user::census::store::padded_seats;
use crate::user::store::{COLUMNS, SELECT_BY_LOGIN, run_of, seat_of};
use crate::value::id::TenantId;
use crate::value::token::{QueryWord, SearchToken, UniqueToken};

/// The most users who are taken to have the same identifier or the same end of a phone number.
pub(super) const SAME_MAX: usize = 64;
/// Up to here it is counted how often a word occurs, to begin with the rarest.
const OFTEN: i64 = 500;
/// What the first statement calls its rows: a user's number, or how often the word with this place occurs.
pub(super) const EXACT: i64 = 0;
pub(super) const WHOLE: i64 = 1;
pub(super) const BEGIN: i64 = 2;
const COUNTED: i64 = 10;

pub(crate) const NUMBERS_OF: &str = "\
    SELECT t.number
    FROM user_run
    CROSS JOIN user_token t
    WHERE user_run.tenant_id = $1 AND t.tenant_id = $1 AND t.run = user_run.run AND t.token = $2
    ORDER BY user_run.run DESC, t.number DESC
    LIMIT $3";

/// Counts one more search for a value that a staff member may not see; how many there were in the running hour.
pub(crate) const COUNT_HIDDEN: &str = "\
    INSERT INTO hidden_search (tenant_id, staff_id, began_at, asked)
    VALUES ($1, $2, $3, 1)
    ON CONFLICT (tenant_id, staff_id) DO UPDATE
    SET asked = CASE WHEN hidden_search.began_at <= $4 THEN 1 ELSE hidden_search.asked + 1 END,
        began_at = CASE WHEN hidden_search.began_at <= $4 THEN $3 ELSE hidden_search.began_at END
    RETURNING asked";

/// The numbers of the newest users who have a token.
pub(crate) async fn numbers_of(rd: &mut Rd, tenant: TenantId, token: SearchToken, limit: i64) -> Result<Vec<i64>> {
    let rows = rd.all(NUMBERS_OF, params![tenant, token, limit]).await?;
    rows.into_iter().map(|mut row| row.take()).collect()
}

/// A statement that grows with its parameters.
pub(crate) struct Statement<'a> {
    engine: Engine,
    pub(crate) sql: String,
    params: Vec<Param<'a>>,
}

impl<'a> Statement<'a> {
    fn of(engine: Engine, tenant: &'a TenantId) -> Statement<'a> {
        Statement { engine, sql: String::new(), params: vec![tenant.to_param()] }
    }

    fn slot(&mut self, param: Param<'a>) -> String {
        self.params.push(param);
        format!("${}", self.params.len())
    }

    fn slots(&mut self, tokens: impl IntoIterator<Item = SearchToken>) -> String {
        let slots: Vec<String> = tokens.into_iter().map(|token| self.slot(Param::Int(token))).collect();
        slots.join(", ")
    }

    fn arm(&mut self, arm: &str) {
        if !self.sql.is_empty() {
            self.sql.push_str(" UNION ALL ");
        }
        self.sql.push_str(arm);
    }

    /// `EXISTS …`: the user of `t` has one of these tokens, too.
    fn has(&mut self, tokens: impl IntoIterator<Item = SearchToken>) -> String {
        let slots = self.slots(tokens);
        format!(
            "EXISTS (SELECT 1 FROM user_token x WHERE x.tenant_id = $1 AND x.run = t.run AND x.token IN ({slots}) \
             AND x.number = t.number)"
        )
    }

    /// Numbers after one, of users who have this token, and all that is said besides: run after run until there are enough.
    fn tokens(&mut self, tier: i64, token: SearchToken, after: i64, besides: &str, limit: usize) {
        let (token, run) = (self.slot(Param::Int(token)), self.slot(Param::Int(run_of(after))));
        let after = self.slot(Param::Int(after));
        let limit = self.slot(Param::Int(limit as i64));
        let name = self.params.len();
        let of_run = format!("user_run.tenant_id = $1 AND user_run.run >= {run}");
        let fit =
            format!("t.tenant_id = $1 AND t.run = user_run.run AND t.token = {token} AND t.number > {after}{besides}");
        let numbers = match self.engine {
            Engine::Sqlite => format!("user_token t WHERE {of_run} AND {fit}"),
            // It does not see that numbers of one run after the other are in order, and would sort all that a run has.
            Engine::Postgres => format!(
                "LATERAL (SELECT t.number FROM user_token t WHERE {fit} ORDER BY t.number LIMIT {limit}) t \
                 WHERE {of_run}"
            ),
        };
        self.arm(&format!(
            "SELECT a{name}.tier, a{name}.number FROM (SELECT CAST({tier} AS BIGINT) AS tier, t.number AS number \
             FROM user_run CROSS JOIN {numbers} ORDER BY user_run.run, t.number LIMIT {limit}) a{name}"
        ));
    }

    /// Those with every word whole: by its token, by that of the pair, by pair and the others.
    fn whole(&mut self, whole: &[SearchToken], after: i64, limit: usize) {
        if let Some((first, others)) = whole.split_first() {
            let besides: String = others.iter().map(|token| format!(" AND {}", self.has([*token]))).collect();
            self.tokens(WHOLE, *first, after, &besides, limit);
        }
    }
}

/// Looks for exact values, whole words, and how often each word occurs. `None` if there is nothing to look for.
pub(crate) fn first<'a>(
    engine: Engine,
    tenant: &'a TenantId,
    words: &[&QueryWord],
    username: Option<&'a UniqueToken>,
    whole: &[SearchToken],
    after: i64,
    limit: usize,
) -> Option<Statement<'a>> {
    let mut it = Statement::of(engine, tenant);
    if let (Some(username), [word]) = (username, words) {
        let username = it.slot(Param::Blob(username));
        it.arm(&format!(
            "SELECT CAST({EXACT} AS BIGINT) AS tier, r.number AS number FROM user_unique_recent r \
             WHERE r.tenant_id = $1 AND r.token = {username} UNION ALL SELECT CAST({EXACT} AS BIGINT), q.number \
             FROM user_unique q WHERE q.tenant_id = $1 AND q.token = {username}"
        ));
        for token in &word.exact {
            it.tokens(EXACT, *token, 0, "", SAME_MAX);
        }
    }
    it.whole(whole, after, limit);
    if words.len() > 1 {
        for (place, word) in words.iter().enumerate() {
            let slots = it.slots(word.exact.iter().chain(&word.begins).copied());
            it.arm(&format!(
                "SELECT CAST({} AS BIGINT), COUNT(*) FROM (SELECT 1 AS one FROM user_run CROSS JOIN user_token t \
                 WHERE user_run.tenant_id = $1 AND t.tenant_id = $1 AND t.run = user_run.run AND t.token IN ({slots}) \
                 LIMIT {OFTEN}) f{place}",
                COUNTED + place as i64
            ));
        }
    }
    (!it.sql.is_empty()).then_some(it)
}

/// What the first statement found.
#[derive(Default)]
pub(super) struct First {
    pub exact: Vec<i64>,
    pub whole: Vec<i64>,
    /// How often each word occurs, as far as it was counted.
    pub often: Vec<i64>,
}

pub(super) async fn ask_first(rd: &mut Rd, statement: Statement<'_>) -> Result<First> {
    let mut first = First::default();
    for mut row in rd.all(statement.sql, &statement.params).await? {
        let (tier, number): (i64, i64) = (row.take()?, row.take()?);
        match tier {
            EXACT => first.exact.push(number),
            WHOLE => first.whole.push(number),
            _ => {
                let place = (tier - COUNTED) as usize;
                first.often.resize(first.often.len().max(place + 1), 0);
                first.often[place] = number;
            }
        }
    }
    Ok(first)
}

/// What the second statement reads.
pub(crate) struct Second<'a> {
    /// These users,
    pub known: &'a [i64],
    /// those with these whole words, after a number,
    pub whole: Option<(&'a [SearchToken], i64)>,
    /// and those with these words as beginnings, the rarest first, after a number, who do not have all of them whole.
    pub begins: Option<(&'a [&'a QueryWord], &'a [SearchToken], i64)>,
    /// So many of each at most.
    pub limit: usize,
}

pub(crate) fn second<'a>(engine: Engine, tenant: &'a TenantId, what: &Second<'_>) -> Statement<'a> {
    let mut it = Statement::of(engine, tenant);
    if let Some((whole, after)) = what.whole {
        it.whole(whole, after, what.limit);
    }
    if let Some((words, whole, after)) = what.begins
        && let Some((rarest, others)) = words.split_first()
    {
        for token in rarest.exact.iter().chain(&rarest.begins) {
            let mut besides: String = others
                .iter()
                .map(|word| format!(" AND {}", it.has(word.exact.iter().chain(&word.begins).copied())))
                .collect();
            if !whole.is_empty() {
                let all: Vec<String> = whole.iter().map(|token| it.has([*token])).collect();
                besides.push_str(&format!(" AND NOT ({})", all.join(" AND ")));
            }
            it.tokens(BEGIN, *token, after, &besides, what.limit);
        }
    }
    let others = match it.sql.is_empty() {
        true => {
            it.params.clear();
            String::new()
        }
        false => format!(
            " UNION ALL SELECT c.tier, {COLUMNS} FROM ({}) c CROSS JOIN users u WHERE u.seat = {}",
            it.sql,
            seat_of!("c.number")
        ),
    };
    let (slots, seats) = padded_seats(it.params.len() + 1, *tenant, what.known);
    it.params.extend(seats.into_iter().map(Param::Int));
    it.sql = format!("SELECT CAST({WHOLE} AS BIGINT), {COLUMNS} FROM users u WHERE u.seat IN ({slots}){others}");
    it
}

/// Rows of a tier and `COLUMNS`, in no order.
pub(super) async fn ask_second(rd: &mut Rd, statement: Statement<'_>) -> Result<Vec<Row>> {
    rd.all(statement.sql, &statement.params).await
}

/// Rows of `COLUMNS` of those who sign in with this address; twice, if both names of a user's are this.
pub(super) async fn by_login(
    rd: &mut Rd,
    tenant: TenantId,
    email: &UniqueToken,
    username: Option<&UniqueToken>,
) -> Result<Vec<Row>> {
    rd.all(SELECT_BY_LOGIN, params![tenant, email, username]).await
}
