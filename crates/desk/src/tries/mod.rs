//! Wrong passwords that are counted in no user's row: for staff by name and network address together, with delays that grow,
//! so that a stranger's guesses keep nobody else out; for names that no user has as if somebody had them, so that a lock
//! tells nobody who is here. What is kept of a name is a keyed fingerprint.

use std::net::IpAddr;

use crate::db::params;
use crate::error::Result;
use crate::value::clock::{DAY, MINUTE, SECOND, Time};
use crate::value::secret::digest;
use crate::verb::Cx;

pub(crate) mod store {
    //! The SQL of counted failures.

    pub(crate) const LOAD: &str = "\
        SELECT failures, since, shut_until, ignored
        FROM sign_in_tries
        WHERE tenant_id = $1 AND key = $2
        FOR UPDATE";

    pub(crate) const SAVE: &str = "\
        INSERT INTO sign_in_tries (tenant_id, key, failures, since, shut_until, ignored, forget_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (tenant_id, key) DO UPDATE
        SET failures = $3, since = $4, shut_until = $5, ignored = $6, forget_at = $7";

    pub(crate) const CLEAR: &str = "DELETE FROM sign_in_tries WHERE tenant_id = $1 AND key = $2";

    pub(crate) const SWEEP: &str = "DELETE FROM sign_in_tries WHERE forget_at < $1";
}

/// How often a password is checked anew because its hash was changed meanwhile.
pub(crate) const CHECKS_MAX: usize = 4;
/// Wrong passwords of one name from one network that cost no delay.
const FREE: i64 = 4;
/// The delay after the next one; it doubles with each.
const FIRST_DELAY: i64 = 30 * SECOND;
/// The longest delay.
const LONGEST_DELAY: i64 = 15 * MINUTE;
/// How long such failures are remembered after the last one.
const REMEMBERED: i64 = DAY;
/// How long a name that nobody has stays shut where an institution's locks have no end.
const ENDLESS: i64 = 30 * DAY;

/// What was counted under one key.
struct Counted {
    failures: i64,
    since: Time,
    shut_until: Option<Time>,
    ignored: i64,
}

async fn load(cx: &mut Cx<'_>, key: &[u8]) -> Result<Option<Counted>> {
    let row = cx.tx.find(store::LOAD, params![cx.tenant.id, key]).await?;
    row.map(|mut row| {
        Ok(Counted { failures: row.take()?, since: row.take()?, shut_until: row.take()?, ignored: row.take()? })
    })
    .transpose()
}

async fn save(cx: &mut Cx<'_>, key: &[u8], it: &Counted, forget_at: Time) -> Result<()> {
    let params = params![cx.tenant.id, key, it.failures, it.since, it.shut_until, it.ignored, forget_at];
    cx.tx.put(store::SAVE, params).await
}

impl Counted {
    fn is_shut(&self, now: Time) -> bool {
        self.shut_until.is_some_and(|until| now < until)
    }
}

/// Counts an attempt with a name that no user has, as if somebody had it: so that a lock tells nobody who is here. Answers
/// whether it is shut. There are 65,536 rows at most, so that noise from outside cannot fill the disk.
pub(crate) async fn count_unknown(cx: &mut Cx<'_>, name: &[u8]) -> Result<bool> {
    let key = [b'u', name[0], name[1]];
    let settings = cx.tenant.settings.clone();
    let window = settings.lock_window_seconds * SECOND;
    let mut it = match load(cx, &key).await? {
        Some(it) if it.is_shut(cx.now) || (it.shut_until.is_none() && cx.now.0 - it.since.0 <= window) => it,
        _ => Counted { failures: 0, since: cx.now, shut_until: None, ignored: 0 },
    };
    let is_shut = it.is_shut(cx.now);
    if is_shut {
        it.ignored += 1;
    } else {
        it.failures += 1;
        if it.failures >= settings.lock_after {
            it.shut_until = Some(settings.lock_ends(cx.now).unwrap_or(cx.now.plus(ENDLESS)));
        }
    }
    let forget_at = it.shut_until.unwrap_or(it.since.plus(window));
    save(cx, &key, &it, forget_at).await?;
    Ok(is_shut)
}

/// The network of an address: whoever has one address of a /64 has them all.
pub(crate) fn network(address: IpAddr) -> Vec<u8> {
    match address.to_canonical() {
        IpAddr::V6(it) => it.octets()[..8].to_vec(),
        IpAddr::V4(it) => it.octets().to_vec(),
    }
}

/// The key under which the failures of one name from one network are counted.
pub(crate) fn staff_key(name: &[u8], address: Option<IpAddr>) -> [u8; 32] {
    let network = address.map_or(Vec::new(), network);
    digest(&[b"staff ".as_slice(), name, b" ", &network].concat())
}

/// Until when this name is shut for this network, which is counted as an attempt.
pub(crate) async fn staff_shut_until(cx: &mut Cx<'_>, key: &[u8; 32]) -> Result<Option<Time>> {
    let Some(mut it) = load(cx, key).await?.filter(|it| it.is_shut(cx.now)) else { return Ok(None) };
    it.ignored += 1;
    save(cx, key, &it, cx.now.plus(REMEMBERED)).await?;
    Ok(it.shut_until)
}

/// Counts a wrong password of this name from this network; answers until when it is shut now.
pub(crate) async fn count_staff_failure(cx: &mut Cx<'_>, key: &[u8; 32]) -> Result<Option<Time>> {
    let fresh = Counted { failures: 0, since: cx.now, shut_until: None, ignored: 0 };
    let mut it = load(cx, key).await?.unwrap_or(fresh);
    it.failures += 1;
    let doubled = u32::try_from(it.failures - FREE - 1).ok();
    it.shut_until = doubled.map(|times| {
        let delay = FIRST_DELAY.saturating_mul(1_i64.checked_shl(times.min(20)).unwrap_or(1));
        cx.now.plus(delay.min(LONGEST_DELAY))
    });
    save(cx, key, &it, cx.now.plus(REMEMBERED)).await?;
    Ok(it.shut_until)
}

/// Forgets the failures of this name from this network: the right password came.
pub(crate) async fn forget_staff_failures(cx: &mut Cx<'_>, key: &[u8; 32]) -> Result<()> {
    cx.tx.put(store::CLEAR, params![cx.tenant.id, key]).await
}
