//! What the house does for itself while it is open: sealing the audit, and throwing away what has outlived its use. Of
//! several processes one does it, elected by a lease. And folding what moved into the counts that lists are answered from,
//! which needs no lease: whoever folds holds the tenant.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use desk::Desk;
use desk::audit::chain::BATCH;
use desk::db::Engine;
use desk::user::WORTH_SETTLING;
use desk::value::clock::{SECOND, Time};
use desk::value::id::TenantId;
use tokio::sync::watch;

use crate::wire_up;

/// How often the audit is sealed.
const SEAL_EVERY: Duration = Duration::from_secs(1);
/// Every so many rounds what has expired is swept away.
const SWEEP_EVERY: u64 = 60;
/// How often what has moved is folded into the counts: until then every list adds it.
const FOLD_EVERY: Duration = Duration::from_millis(250);
/// How often the end of the audit is written to its witness.
const WITNESS_EVERY: Duration = Duration::from_secs(10);
/// A pause between users who are counted anew: others want to write, too.
const BREATH: Duration = Duration::from_millis(20);
/// How long a lease lasts, and how long before its end it is asked for again: an idle house writes seldom.
const LEASE: i64 = 30 * SECOND;
const RENEW: i64 = 10 * SECOND;

/// After so many rounds in which rows waited and the chain stood still, whoever has the lease does not use it.
const STALLED: u32 = 3;
/// How long the last sealing may take once we are told to stop.
const LAST_SEAL: Duration = Duration::from_secs(5);

/// A lease, as far as this process knows.
struct Lease {
    name: &'static str,
    until: Time,
}

impl Lease {
    fn new(name: &'static str) -> Lease {
        Lease { name, until: Time(i64::MIN) }
    }

    async fn is_ours(&mut self, desk: &Desk, holder: &str) -> desk::Result<bool> {
        let now = desk.now();
        if now.plus(RENEW) < self.until {
            return Ok(true);
        }
        let ours = desk.take_lease(self.name, holder, LEASE).await?;
        self.until = if ours { now.plus(LEASE) } else { Time(i64::MIN) };
        Ok(ours)
    }

    /// Takes it from a process that was killed.
    async fn seize(&mut self, desk: &Desk, holder: &str) -> desk::Result<()> {
        let now = desk.now();
        desk.seize_lease(self.name, holder, LEASE).await?;
        self.until = now.plus(LEASE);
        Ok(())
    }

    async fn leave(&mut self, desk: &Desk, holder: &str) -> desk::Result<()> {
        self.until = Time(i64::MIN);
        desk.leave_lease(self.name, holder).await
    }
}

/// Whether the process that has the lease still seals, as one sees that does not have it. Where the chain of each tenant
/// stood while rows waited, and for how many rounds. (Not by the clock: those of two machines may differ. And if both seal
/// for a moment, no harm is done: a checkpoint begins where the chain ends, or is refused.)
#[derive(Default)]
struct Watched {
    chains: HashMap<TenantId, i64>,
    rounds: u32,
}

impl Watched {
    async fn has_stalled(&mut self, desk: &Desk) -> desk::Result<bool> {
        let mut chains = HashMap::new();
        for tenant in wire_up::tenants(desk).await? {
            if let Some(stands) = desk.unsealed_behind(tenant.id).await? {
                chains.insert(tenant.id, stands);
            }
        }
        let stands_still = chains.iter().any(|(tenant, stands)| self.chains.get(tenant) == Some(stands));
        self.rounds = if stands_still { self.rounds + 1 } else { 0 };
        self.chains = chains;
        Ok(self.rounds >= STALLED)
    }
}

/// Keeps house until told to stop.
pub(super) async fn run(desk: Desk, witness: Option<PathBuf>, stop: watch::Receiver<bool>) {
    tokio::join!(fold(&desk, stop.clone()), seal_and_sweep(&desk, Witness::new(witness), stop));
}

/// Where the ends of the audit are written to, for a later look whether rows are missing at its end.
struct Witness {
    file: Option<PathBuf>,
    written: HashMap<TenantId, i64>,
    last: Option<Instant>,
}

impl Witness {
    fn new(file: Option<PathBuf>) -> Witness {
        Witness { file, written: HashMap::new(), last: None }
    }

    /// Appends the ends that have moved; not more often than `WITNESS_EVERY`, unless it is the last time.
    async fn write(&mut self, desk: &Desk, is_last: bool) {
        let Some(file) = self.file.clone() else { return };
        if !is_last && self.last.is_some_and(|last| last.elapsed() < WITNESS_EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        if let Err(fault) = self.append(desk, file).await {
            tracing::error!(%fault, "the end of the audit could not be written to its witness");
        }
    }

    async fn append(&mut self, desk: &Desk, file: PathBuf) -> Result<(), Box<dyn std::error::Error>> {
        let (mut lines, mut moved) = (String::new(), Vec::new());
        for tenant in wire_up::tenants(desk).await? {
            let Some((seq, line)) = desk.audit_head(tenant.id).await? else { continue };
            if self.written.get(&tenant.id) != Some(&seq) {
                lines.push_str(&line);
                lines.push('\n');
                moved.push((tenant.id, seq));
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        let write = move || {
            let mut open = std::fs::OpenOptions::new().append(true).create(true).open(file)?;
            open.write_all(lines.as_bytes())?;
            open.sync_data()
        };
        tokio::task::spawn_blocking(write).await??;
        self.written.extend(moved);
        Ok(())
    }
}

async fn fold(desk: &Desk, mut stop: watch::Receiver<bool>) {
    let mut all_counted = false;
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(FOLD_EVERY), if all_counted => {}
            () = tokio::time::sleep(BREATH), if !all_counted => {}
        }
        if !all_counted {
            // Only after an update that added an axis; then so many at a time, folded in between.
            match desk.count_anew().await {
                Ok(counted) => all_counted = counted == 0,
                Err(fault) => tracing::warn!(code = fault.code(), "users could not be counted anew"),
            }
        }
        if let Err(fault) = desk.fold().await {
            tracing::warn!(code = fault.code(), "what has moved could not be folded into the counts");
        }
    }
}

async fn seal_and_sweep(desk: &Desk, mut witness: Witness, mut stop: watch::Receiver<bool>) {
    let holder = format!("{:032x}", u128::from_be_bytes(desk.random().bytes()));
    let (mut seal, mut sweep) = (Lease::new("audit_seal"), Lease::new("sweep"));
    let mut watched = Watched::default();
    // The file has one process that serves. Whoever had the lease before was killed, and did not give it back.
    let mut was_killed = desk.db().engine() == Engine::Sqlite;
    for round in 1_u64.. {
        if was_killed {
            let seized = seal.seize(desk, &holder).await;
            was_killed = seized.is_err();
        }
        if let Err(fault) = seal_all(desk, &mut seal, &holder, &mut watched).await {
            tracing::warn!(code = fault.code(), "the audit could not be sealed");
        }
        witness.write(desk, false).await;
        if round.is_multiple_of(SWEEP_EVERY)
            && let Err(fault) = sweep_all(desk, &mut sweep, &holder).await
        {
            tracing::warn!(code = fault.code(), "what has expired could not be swept away");
        }
        tokio::select! {
            _ = stop.changed() => break,
            () = tokio::time::sleep(SEAL_EVERY) => {}
        }
    }
    let in_order = async {
        seal_all(desk, &mut seal, &holder, &mut watched).await?;
        witness.write(desk, true).await;
        // For whoever is started next.
        seal.leave(desk, &holder).await?;
        sweep.leave(desk, &holder).await
    };
    match tokio::time::timeout(LAST_SEAL, in_order).await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => tracing::warn!(code = fault.code(), "the audit could not be sealed at the end"),
        Err(_) => tracing::warn!("the audit was not sealed to its end; the next process does it"),
    }
}

async fn seal_all(desk: &Desk, lease: &mut Lease, holder: &str, watched: &mut Watched) -> desk::Result<()> {
    if !lease.is_ours(desk, holder).await? {
        if !watched.has_stalled(desk).await? {
            return Ok(());
        }
        tracing::info!("whoever sealed the audit does not do it any more; this process goes on");
        lease.seize(desk, holder).await?;
    }
    *watched = Watched::default();
    for tenant in wire_up::tenants(desk).await? {
        loop {
            // Asked for again between batches: a long backlog must not outlast the lease.
            if !lease.is_ours(desk, holder).await? {
                return Ok(());
            }
            match desk.seal_audit(tenant.id).await {
                Ok(sealed) if sealed == BATCH => {}
                Ok(_) => break,
                // One tenant's trouble is not that of the others.
                Err(fault) => {
                    tracing::error!(tenant = %tenant.id, code = fault.code(), "the audit could not be sealed");
                    break;
                }
            }
        }
    }
    Ok(())
}

async fn sweep_all(desk: &Desk, lease: &mut Lease, holder: &str) -> desk::Result<()> {
    if lease.is_ours(desk, holder).await? {
        let rows = desk.sweep().await? + desk.sweep_imports().await? + desk.drop_objects().await?;
        if rows > 0 {
            tracing::debug!(rows, "swept away what has expired");
        }
        for tenant in wire_up::tenants(desk).await? {
            desk.settle_unique(tenant.id, WORTH_SETTLING).await?;
        }
    }
    Ok(())
}
