//! Connection limit: when it is reached, idle connections make room for new ones.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// The connections of a server. When all slots are taken, a new connection evicts the one that has been idle for
/// the longest time.
#[derive(Clone)]
pub struct Connections {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Idle>>,
}

/// Connections without a request in progress.
#[derive(Default)]
struct Idle {
    /// Number of the next connection that becomes idle; the lowest number has been idle longest.
    next: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

/// One open connection.
pub struct Connection {
    idle: Arc<Mutex<Idle>>,
    evicted: Arc<Notify>,
    /// Its number in [`Idle`] while it is idle.
    number: Mutex<Option<u64>>,
    _permit: OwnedSemaphorePermit,
}

/// A request in progress: its connection is not idle until this is dropped.
pub struct Busy(Arc<Connection>);

impl Connections {
    /// Allows at most `max` connections at the same time.
    pub fn new(max: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(max.min(Semaphore::MAX_PERMITS))),
            idle: Arc::default(),
        }
    }

    /// Registers an accepted connection as soon as a slot is free.
    pub async fn register(&self) -> Option<Arc<Connection>> {
        let permit = match Arc::clone(&self.permits).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                self.evict_oldest();
                // The semaphore is never closed.
                Arc::clone(&self.permits).acquire_owned().await.ok()?
            }
        };
        let connection = Arc::new(Connection {
            idle: Arc::clone(&self.idle),
            evicted: Arc::default(),
            number: Mutex::default(),
            _permit: permit,
        });
        connection.wait_for_request();
        Some(connection)
    }

    fn evict_oldest(&self) {
        if let Some((_, oldest)) = lock(&self.idle).waiting.pop_first() {
            oldest.notify_one();
        }
    }
}

impl Connection {
    /// Waits until the connection has to make room for another one.
    pub async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// Marks the connection as busy with a request.
    pub fn start_request(self: &Arc<Self>) -> Busy {
        self.leave_idle();
        Busy(Arc::clone(self))
    }

    fn wait_for_request(&self) {
        let mut idle = lock(&self.idle);
        let number = idle.next;
        idle.next += 1;
        idle.waiting.insert(number, Arc::clone(&self.evicted));
        *lock(&self.number) = Some(number);
    }

    fn leave_idle(&self) {
        if let Some(number) = lock(&self.number).take() {
            lock(&self.idle).waiting.remove(&number);
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.leave_idle();
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.wait_for_request();
    }
}

/// Locks a mutex whose data no panic can leave half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Holds a connection until it is evicted, as the server does.
    fn hold(connection: Arc<Connection>) -> tokio::task::JoinHandle<()> {
        tokio::spawn(async move { connection.evicted().await })
    }

    #[tokio::test]
    async fn new_connection_evicts_longest_idle_one() {
        let connections = Connections::new(2);
        let first = hold(connections.register().await.expect("a free slot"));
        let second = hold(connections.register().await.expect("a free slot"));
        let _third = connections.register().await.expect("the first one leaves");
        first.await.expect("it was evicted");
        assert!(!second.is_finished());
    }

    #[tokio::test]
    async fn connection_with_request_is_not_evicted() {
        let connections = Connections::new(1);
        let connection = connections.register().await.expect("a free slot");
        let request = connection.start_request();
        let waiting = tokio::time::timeout(Duration::from_millis(50), connections.register());
        assert!(waiting.await.is_err(), "the busy connection lost its slot");
        drop(request);
        let held = hold(connection);
        connections.register().await.expect("it was idle again");
        held.await.expect("it was evicted");
    }
}
