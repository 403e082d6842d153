//! Who holds the connections. One address holds at most a tenth of them, so that nobody keeps the others out; and where there is no
//! room for a new one, the slowest gives way: of those between two requests (or before their first) the one that has waited
//! longest, else one whose request comes in more slowly than `PACE`. A request that is being answered is never cut off.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

/// A request that comes in more slowly, in bytes a second, gives way.
const PACE: u64 = 1024;
/// For so long nobody asks how fast it comes, in milliseconds.
const GRACE: u64 = 3_000;

/// Every connection there is.
pub struct Connections {
    began: Instant,
    per_address: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    by_address: HashMap<IpAddr, Vec<Arc<Connection>>>,
}

/// One connection.
pub struct Connection {
    began: Instant,
    /// Requests that are being answered, streams of answers included.
    answering: AtomicU64,
    /// When it last began to wait or to receive, in milliseconds.
    since: AtomicU64,
    /// How much of a request's body has come since.
    received: AtomicU64,
    receiving: AtomicBool,
    leave: Notify,
}

/// A place among the connections; given back when it is dropped.
pub struct Place {
    all: Arc<Connections>,
    address: Option<IpAddr>,
    /// The connection.
    pub connection: Arc<Connection>,
}

impl Connections {
    /// As many as this.
    pub fn new(at_most: usize) -> Arc<Connections> {
        let per_address = (at_most / 10).max(1);
        Arc::new(Connections { began: Instant::now(), per_address, held: Mutex::default() })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from this address, unless it holds as many as one may and none of them gives way. Without an
    /// address (a trusted proxy's) as many as there are.
    pub fn enter(self: &Arc<Self>, address: Option<IpAddr>) -> Option<Place> {
        let connection = Arc::new(Connection::new(self.began));
        if let Some(address) = address {
            let mut held = self.held();
            let own = held.by_address.entry(address).or_default();
            if own.len() >= self.per_address && !give_way(own, connection.now()) {
                return None;
            }
            own.push(connection.clone());
        } else {
            self.held().by_address.entry(IpAddr::from([0, 0, 0, 0])).or_default().push(connection.clone());
        }
        Some(Place { all: self.clone(), address, connection })
    }

    /// There is no room at all: whoever is slowest gives way, wherever it comes from.
    pub fn make_room(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut held = self.held();
        let slowest = held.by_address.values_mut().filter_map(|own| slowest(own, now).map(|place| (own, place)));
        if let Some((own, place)) = slowest.min_by_key(|(own, place)| own[*place].rank(now)) {
            own.swap_remove(place).leave.notify_one();
        }
    }
}

/// Has the slowest of these leave; false if none is slow.
fn give_way(own: &mut Vec<Arc<Connection>>, now: u64) -> bool {
    match slowest(own, now) {
        Some(place) => {
            own.swap_remove(place).leave.notify_one();
            true
        }
        None => false,
    }
}

fn slowest(own: &[Arc<Connection>], now: u64) -> Option<usize> {
    let ranked = own.iter().enumerate().filter_map(|(place, it)| it.rank(now).map(|rank| (rank, place)));
    ranked.min().map(|(_, place)| place)
}

impl Connection {
    fn new(began: Instant) -> Connection {
        let it = Connection {
            began,
            answering: AtomicU64::new(0),
            since: AtomicU64::new(0),
            received: AtomicU64::new(0),
            receiving: AtomicBool::new(false),
            leave: Notify::new(),
        };
        it.since.store(it.now(), Ordering::Relaxed);
        it
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// How soon it gives way, least first: those who wait before those who are slow. Nothing if it does not.
    fn rank(&self, now: u64) -> Option<(bool, u64)> {
        let since = self.since.load(Ordering::Relaxed);
        if self.receiving.load(Ordering::Relaxed) {
            let took = now.saturating_sub(since);
            let is_slow = took > GRACE && self.received.load(Ordering::Relaxed) < PACE * (took - GRACE) / 1000;
            return is_slow.then_some((true, since));
        }
        (self.answering.load(Ordering::Relaxed) == 0).then_some((false, since))
    }

    /// The head of a request is there.
    pub fn begin(self: &Arc<Self>) -> Answering {
        self.answering.fetch_add(1, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// The body of its request begins to come.
    pub fn receives(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
        self.received.store(0, Ordering::Relaxed);
        self.receiving.store(true, Ordering::Relaxed);
    }

    /// So much of the body has come.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The body is there, or nobody wants it any more.
    pub fn has_received(&self) {
        self.receiving.store(false, Ordering::Relaxed);
    }

    /// Waits until it is asked to give way.
    pub async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    /// Whether a request is being answered.
    pub fn is_answering(&self) -> bool {
        self.answering.load(Ordering::Relaxed) > 0 && !self.receiving.load(Ordering::Relaxed)
    }
}

/// A request is being answered for as long as this is there.
pub struct Answering(Arc<Connection>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.since.store(self.0.now(), Ordering::Relaxed);
        self.0.answering.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let address = self.address.unwrap_or(IpAddr::from([0, 0, 0, 0]));
        let mut held = self.all.held();
        if let Some(own) = held.by_address.get_mut(&address) {
            own.retain(|it| !Arc::ptr_eq(it, &self.connection));
            if own.is_empty() {
                held.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    fn is_asked(place: &Place) -> bool {
        use std::future::Future;
        let mut asked = Box::pin(place.connection.asked_to_leave());
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        asked.as_mut().poll(&mut cx).is_ready()
    }

    #[test]
    fn one_address_holds_a_tenth_and_its_oldest_idle_one_gives_way() {
        let all = Connections::new(40);
        let mut held: Vec<Place> = (0..4).map(|_| all.enter(address(1)).unwrap()).collect();
        assert!(held.iter().all(|place| !is_asked(place)));
        // The first is being answered: the second is the one that goes.
        let answering = held[0].connection.begin();
        held.push(all.enter(address(1)).unwrap());
        assert_eq!(held.iter().map(is_asked).collect::<Vec<_>>(), [false, true, false, false, false]);
        // Others have room of their own, and a trusted proxy all there is.
        assert!(all.enter(address(2)).is_some());
        let many: Vec<_> = (0..20).map(|_| all.enter(None).unwrap()).collect();
        assert!(!many.iter().any(is_asked));
        // Where all are being answered, nobody is let in.
        let busy: Vec<_> = held[2..].iter().map(|place| place.connection.begin()).collect();
        assert!(all.enter(address(1)).is_none());
        drop((answering, busy));
        assert!(all.enter(address(1)).is_some());
    }

    #[test]
    fn whoever_sends_slowly_gives_way_after_those_who_send_nothing() {
        let all = Connections::new(20);
        let (slow, fast) = (all.enter(address(1)).unwrap(), all.enter(address(1)).unwrap());
        let _answering = [&slow, &fast].map(|place| place.connection.begin());
        for place in [&slow, &fast] {
            place.connection.receives();
        }
        fast.connection.received(10_000_000);
        let now = slow.connection.now();
        assert_eq!((slow.connection.rank(now), fast.connection.rank(now)), (None, None), "nobody asks so soon");
        let later = now + GRACE + 5_000;
        assert!(slow.connection.rank(later).is_some_and(|(slow, _)| slow));
        assert_eq!(fast.connection.rank(later), None);
        slow.connection.has_received();
        assert_eq!(slow.connection.rank(later), None, "it is being answered");
    }

    #[test]
    fn when_there_is_no_room_at_all_the_oldest_idle_one_of_anybody_gives_way() {
        let all = Connections::new(1000);
        let held: Vec<Place> = (0..4).map(|last| all.enter(address(last)).unwrap()).collect();
        let _answering = held[0].connection.begin();
        all.make_room();
        assert_eq!(held.iter().filter(|place| is_asked(place)).count(), 1);
        assert!(!is_asked(&held[0]));
        drop(held);
        assert!(all.held().by_address.is_empty());
    }
}
