//! The audit of one user among very many rows. The rows are written by the product's own statement, sealed with the
//! tenant's key as the product seals them, but by us, many at a time: through the door ten million would take hours. They
//! lie in the past, spread over everybody in no order, and are no part of the chain. The index by subject is made anew
//! behind them: row by row, each would go into a page of its own.

use std::time::{Duration, Instant};

use desk::db::{Db, DbOptions, Engine, Param, ToParam, Tx, Write};
use desk::value::clock::{DAY, Time};
use desk::value::id::{AuditId, KeyId, StaffId, TenantId};
use desk::value::random::Random;
use desk::value::seal::{MasterKey, Place, Sealing};
use serde_json::json;

use crate::house::House;
use crate::reads::Person;
use crate::{Result, at_desk};

/// Rows in one statement.
const AT_ONCE: usize = 32;
/// Statements in one transaction.
const STATEMENTS: usize = 32;
/// Transactions under way.
const UNDER_WAY: usize = 4;

struct Row {
    id: AuditId,
    at: Time,
    key: [u8; 16],
    staff: [u8; 16],
    user: [u8; 16],
    facts: String,
    request_id: String,
    sealed: Vec<u8>,
}

struct Piece {
    tenant: TenantId,
    sql: &'static str,
    rows: Vec<Row>,
}

impl Write for Piece {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> desk::Result<()> {
        let none: Option<String> = None;
        for rows in self.rows.chunks(AT_ONCE) {
            let mut params: Vec<Param<'_>> = Vec::with_capacity(rows.len() * 15);
            for it in rows {
                params.extend([
                    self.tenant.to_param(),
                    it.id.to_param(),
                    it.at.to_param(),
                    "key".to_param(),
                    it.key[..].to_param(),
                    it.staff[..].to_param(),
                    "native".to_param(),
                    "user.lock".to_param(),
                    "user".to_param(),
                    it.user[..].to_param(),
                    "done".to_param(),
                    none.to_param(),
                    it.facts.to_param(),
                    it.request_id.to_param(),
                    it.sealed.to_param(),
                ]);
            }
            tx.run(self.sql, &params).await?;
        }
        Ok(())
    }
}

/// The index that rows in no order of subjects are slow to enter. So it is made behind most of them; but then each of its pages is full
/// to the brim, and the next row in it cuts it in two, as happens once in forty rows otherwise. The rest is entered one by one.
const INDEX: &str = "audit_by_subject";
/// Of ten rows, so many come before the index is made.
const BEFORE_INDEX: u64 = 9;

/// Takes the index away; answers the text that makes it.
struct WithoutIndex;

impl Write for WithoutIndex {
    type Output = String;

    async fn run(&self, tx: &mut Tx) -> desk::Result<String> {
        let text = match tx.engine() {
            Engine::Sqlite => "SELECT sql FROM sqlite_master WHERE name = $1",
            Engine::Postgres => {
                "SELECT indexdef FROM pg_indexes WHERE indexname = $1 AND schemaname = current_schema()"
            }
        };
        let text = tx.one(text, &[INDEX.to_param()]).await?.take()?;
        tx.run(format!("DROP INDEX {INDEX}"), &[]).await?;
        Ok(text)
    }
}

struct WithIndex(String);

impl Write for WithIndex {
    type Output = ();

    async fn run(&self, tx: &mut Tx) -> desk::Result<()> {
        if tx.engine() == Engine::Postgres {
            tx.run("SET LOCAL statement_timeout = 0", &[]).await?;
        }
        tx.run(self.0.clone(), &[]).await.map(drop)
    }
}

/// The product's statement for so many rows.
fn statement() -> &'static str {
    let (head, _) = desk::testing::AUDIT_INSERT.split_once("VALUES").expect("an insert has values");
    let rows: Vec<String> = (0..AT_ONCE).map(|row| format!("({})", desk::db::slots(1 + row * 15, 15))).collect();
    // Once for each run: the engines keep prepared statements by the address of their text.
    Box::leak(format!("{head}VALUES {}", rows.join(", ")).into_boxed_str())
}

/// Writes at least so many rows; answers how many. No server may run meanwhile.
pub fn fill(house: &House, people: &[Person], wanted: u64) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let db = Db::open(&house.database, &DbOptions::default()).await?;
        let master = MasterKey::read_or_create(&house.master_key(), &Random::System)?;
        let desk = at_desk::open(db.clone(), master);
        let tenant = desk.tenant(TenantId(1)).await?;
        let sql = statement();
        let mut index = Some(db.write(WithoutIndex).await?);
        let random = Random::System;
        let (key, staff) = (*KeyId::new(desk.now(), &random).bytes(), *StaffId::new(desk.now(), &random).bytes());
        // Over the year before.
        let (begin, step) = (desk.now().plus(-366 * DAY), 365 * DAY / wanted.max(1) as i64);
        let (mut written, mut told) = (0u64, Instant::now());
        let mut under_way = tokio::task::JoinSet::new();
        for part in [wanted * BEFORE_INDEX / 10, wanted] {
            while written < part {
                let mut rows = Vec::with_capacity(AT_ONCE * STATEMENTS);
                for _ in 0..AT_ONCE * STATEMENTS {
                    let at = begin.plus(step * written as i64);
                    let id = AuditId::new(at, &random);
                    let person = &people[random.below(people.len() as u64) as usize];
                    let facts = json!([{ "event": "user.locked", "user": person.id, "cause": "staff", "until": null }]);
                    let plain = json!({ "reason": "case 4711", "address": "192.0.2.10" }).to_string();
                    let place = Place { tenant: tenant.id, table: "audit", column: "sealed", row: id.bytes() };
                    rows.push(Row {
                        id,
                        at,
                        key,
                        staff,
                        user: person.bytes,
                        facts: facts.to_string(),
                        request_id: format!("req_{written:026}"),
                        sealed: tenant.keys.seal(&place, plain.as_bytes(), &random),
                    });
                    written += 1;
                }
                if under_way.len() >= UNDER_WAY
                    && let Some(done) = under_way.join_next().await
                {
                    done??;
                    db.settle().await?;
                }
                let (db, piece) = (db.clone(), Piece { tenant: tenant.id, sql, rows });
                under_way.spawn(async move { db.write(piece).await });
                if told.elapsed() > Duration::from_secs(10) {
                    eprintln!("  {written} rows");
                    told = Instant::now();
                }
            }
            while let Some(done) = under_way.join_next().await {
                done??;
            }
            if let Some(index) = index.take() {
                eprintln!("  the index of {written} rows");
                db.write(WithIndex(index)).await?;
            }
        }
        db.stop().await;
        Ok(written)
    })
}
