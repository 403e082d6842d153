//! Locks and unlocks, one by one and all at once, beside a raw writer.

use std::time::{Duration, Instant};

use desk::db::Engine;
use desk::value::clock::{Clock, DAY};
use serde_json::json;

use crate::broken::broken;
use crate::figures::Run;
use crate::floor::{self, Deed};
use crate::load::{self, request};
use crate::measure::Scene;
use crate::reads::Person;
use crate::{Result, bulk};

const CONNECTIONS: usize = 32;
/// More than these are not locked at once: the figure is for so many.
const BULK: usize = 100_000;
/// How long the server may take to be done with what it does afterwards.
const REST: Duration = Duration::from_secs(600);

impl Scene<'_> {
    /// One action on many users, and its undo.
    pub fn bulk(&self, run: &mut Run) -> Result<()> {
        eprintln!("locking many at once, and undoing that …");
        let (address, key, user) = (&self.address, self.key(), &self.people[0].id);
        // One user in ten is a business.
        let filter = if self.people.len() > BULK { json!({ "kind": "business" }) } else { json!({}) };
        let lock = json!({ "action": "lock", "filter": filter, "reason": "bench" });
        let done = bulk::run(address, key, "/v1/bulk", &lock, user)?;
        if done.changed == 0 {
            return broken("the bulk action has locked nobody");
        }
        run.add("bulk", done.of_100k());
        run.add("bulk_beside", done.slowest_write.as_secs_f64() * 1e3);
        self.server().rest(REST);
        let undone = bulk::run(address, key, &format!("/v1/bulk/{}/undo", done.id), &json!({}), user)?;
        run.add("undo", undone.of_100k());
        self.server().rest(REST);
        Ok(())
    }

    /// Unlocks whoever is left locked, so that a later run finds what this one has found.
    pub fn open_all(&self) -> Result<()> {
        let unlock = json!({ "action": "unlock", "filter": { "sign_in_lock": "locked" }, "reason": "bench" });
        bulk::run(&self.address, self.key(), "/v1/bulk", &unlock, &self.people[0].id)?;
        self.server().rest(REST);
        Ok(())
    }

    /// Locks through the native API, each with a job that will open it again; then unlocks through Banno.
    pub fn locks(&mut self, run: &mut Run) -> Result<()> {
        eprintln!("locking and unlocking one by one …");
        // The raw writer works on a copy, taken while everybody is open.
        let copy = match self.house.engine {
            Engine::Sqlite => {
                let copy = self.house.folder().join("raw.db");
                self.at_rest(|house| Ok(std::fs::copy(house.file(), &copy).map(drop)?))?;
                Some(copy)
            }
            Engine::Postgres => None,
        };
        let until = Clock::System.now().plus(30 * DAY).rfc3339_millis();
        let body = json!({ "until": until }).to_string();
        let lock = |it: &Person| request("POST", &format!("/v1/users/{}/lock", it.id), Some(self.key()), Some(&body));
        let locks: Vec<_> = self.people.iter().map(lock).collect();
        // Writes are told in more of the time than reads: checkpoints are rarer than a figure is long.
        let time = self.time * 2;
        let began = Instant::now();
        let locked = load::run(&self.address, &locks, CONNECTIONS, time, 200, false)?.load();
        eprintln!("  {} locks in {:?}, slowest {:.1} ms", locked.count, began.elapsed(), locked.max_ms);
        self.server().rest(REST);

        let token = self.house.banno_token()?;
        let unlock = |it: &Person| {
            let at = format!("/a/consumer-status/api/v0/users/{}/status/locked", it.uuid);
            request("PUT", &at, Some(&token), Some(r#"{"state":false}"#))
        };
        // Connection `i` has locked `i`, `i + 32` …: who comes later may be open still.
        let unlocks: Vec<_> = self.people[..locked.fewest * CONNECTIONS].iter().map(unlock).collect();
        let unlocked = load::run(&self.address, &unlocks, CONNECTIONS, time, 204, false)?.load();
        eprintln!("  {} unlocks, slowest {:.1} ms", unlocked.count, unlocked.max_ms);
        self.server().rest(REST);

        let raw = |deed, whole| -> Result<Option<f64>> {
            copy.as_deref().map(|copy| floor::raw(copy, deed, whole, CONNECTIONS, self.time)).transpose()
        };
        let (lock_raw, unlock_raw) = (raw(Deed::Lock, true)?, raw(Deed::Unlock, true)?);
        let (lock_least, unlock_least) = (raw(Deed::Lock, false)?, raw(Deed::Unlock, false)?);
        run.add_beside("lock", locked.rate, lock_raw);
        run.add("lock_p99", locked.p99_ms);
        run.add_beside("unlock", unlocked.rate, unlock_raw);
        run.add("unlock_p99", unlocked.p99_ms);
        if let Some(copy) = copy {
            run.add_beside("lock_least", locked.rate, lock_least);
            run.add_beside("unlock_least", unlocked.rate, unlock_least);
            std::fs::remove_file(copy)?;
        }
        Ok(())
    }
}
