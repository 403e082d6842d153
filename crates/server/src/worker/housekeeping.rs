//! What the house does for itself while it is open: sealing the audit, and throwing away what has outlived its use. Of
//! several processes one does it, elected by a lease. And folding what moved into the counts that lists are answered from,
//! which needs no lease: whoever folds holds the tenant.

use std::time::Duration;

use desk::Desk;
use desk::audit::chain::BATCH;
use desk::user::WORTH_SETTLING;
use desk::value::clock::{SECOND, Time};
use tokio::sync::watch;

use crate::wire_up;

/// How often the audit is sealed.
const SEAL_EVERY: Duration = Duration::from_secs(1);
/// Every so many rounds what has expired is swept away.
const SWEEP_EVERY: u64 = 60;
/// How often what has moved is folded into the counts: until then every list adds it.
const FOLD_EVERY: Duration = Duration::from_millis(250);
/// A pause between users who are counted anew: others want to write, too.
const BREATH: Duration = Duration::from_millis(20);
/// How long a lease lasts, and how long before its end it is asked for again: an idle house writes seldom.
const LEASE: i64 = 30 * SECOND;
const RENEW: i64 = 10 * SECOND;

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
}

/// Keeps house until told to stop.
pub(super) async fn run(desk: Desk, stop: watch::Receiver<bool>) {
    tokio::join!(fold(&desk, stop.clone()), seal_and_sweep(&desk, stop));
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

async fn seal_and_sweep(desk: &Desk, mut stop: watch::Receiver<bool>) {
    let holder = format!("{:032x}", u128::from_be_bytes(desk.random().bytes()));
    let (mut seal, mut sweep) = (Lease::new("audit_seal"), Lease::new("sweep"));
    for round in 1_u64.. {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(SEAL_EVERY) => {}
        }
        if let Err(fault) = seal_all(desk, &mut seal, &holder).await {
            tracing::warn!(code = fault.code(), "the audit could not be sealed");
        }
        if round.is_multiple_of(SWEEP_EVERY)
            && let Err(fault) = sweep_all(desk, &mut sweep, &holder).await
        {
            tracing::warn!(code = fault.code(), "what has expired could not be swept away");
        }
    }
}

async fn seal_all(desk: &Desk, lease: &mut Lease, holder: &str) -> desk::Result<()> {
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
