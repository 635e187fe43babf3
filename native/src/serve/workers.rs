//! Work on requests away from the thread that hears clients: templates, tokens, grammars.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::api_error::ApiError;
use super::client::Client;

/// The most pieces of work at the same time: a step of the CPU backend needs cores, too.
const MAX_THREADS: usize = 4;

/// Threads for the work that requests need before the engine has them. Each client has one piece of work done
/// at a time, so that one client's grammars don't stand before another one's prompt.
pub struct Workers {
    threads: Semaphore,
    clients: Mutex<HashMap<Client, Weak<Semaphore>>>,
}

impl Workers {
    /// Uses up to half of the machine's cores.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: Semaphore::new((cores / 2).clamp(1, MAX_THREADS)),
            clients: Mutex::default(),
        }
    }

    /// Does `work` for `client` when it is its turn.
    ///
    /// # Errors
    /// [`ApiError::Engine`] where the work panicked.
    pub async fn run<T: Send + 'static>(
        &self,
        client: Client,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turn(client);
        // Neither is ever closed.
        let _turn = turn.acquire().await.ok();
        let _thread = self.threads.acquire().await.ok();
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| ApiError::Engine("the request could not be prepared".into()))
    }

    /// Returns the client's own turn, which ends with its last request.
    fn turn(&self, client: Client) -> Arc<Semaphore> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = clients.get(&client).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Semaphore::new(1));
        clients.insert(client, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::mpsc::channel;
    use std::time::Duration;

    use super::*;

    fn client(last: u8) -> Client {
        Client(Some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, last))))
    }

    #[tokio::test]
    async fn a_client_waits_for_its_own_work_only() {
        let workers = Arc::new(Workers {
            threads: Semaphore::new(2),
            clients: Mutex::default(),
        });
        let (finish, wait) = channel::<()>();
        let busy = Arc::clone(&workers);
        let first = tokio::spawn(async move { busy.run(client(1), move || wait.recv()).await });
        tokio::task::yield_now().await;
        let short = Duration::from_millis(50);
        let queued = tokio::time::timeout(short, workers.run(client(1), || ())).await;
        assert!(queued.is_err(), "one client had two pieces of work done");
        workers
            .run(client(2), || ())
            .await
            .expect("another client's work");
        finish.send(()).expect("it waits");
        drop(first.await);
        workers.run(client(1), || ()).await.expect("its turn");
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error() {
        let done = Workers::new().run(client(1), || panic!("on purpose")).await;
        assert!(matches!(done, Err(ApiError::Engine(_))));
    }
}
