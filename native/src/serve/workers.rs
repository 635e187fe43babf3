//! Threads for request preparation (templates, tokens, grammars), apart from the HTTP thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::api_error::ApiError;
use super::client::Client;

/// Maximum number of concurrent jobs: a step of the CPU backend needs cores, too.
const MAX_THREADS: usize = 4;

/// Thread limit for the work that requests need before they reach the engine. Each client gets one job done at a
/// time, so that one client's grammars don't delay another one's prompt.
pub struct Workers {
    threads: Semaphore,
    clients: Mutex<HashMap<Client, Weak<Semaphore>>>,
}

impl Workers {
    /// Creates workers on half of the machine's cores, from 1 to [`MAX_THREADS`] threads.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            threads: Semaphore::new((cores / 2).clamp(1, MAX_THREADS)),
            clients: Mutex::default(),
        }
    }

    /// Runs `work` for `client` once the client's earlier jobs are done and a thread is free.
    ///
    /// # Errors
    /// [`ApiError::Engine`] if the work panics.
    pub async fn run<T: Send + 'static>(
        &self,
        client: Client,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = self.turn(client);
        // Neither semaphore is ever closed.
        let _turn = turn.acquire().await.ok();
        let _thread = self.threads.acquire().await.ok();
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|_| ApiError::Engine("the request could not be prepared".into()))
    }

    /// Returns the semaphore of one permit for `client`'s jobs, which lives as long as one of them.
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
    async fn client_waits_only_for_its_own_work() {
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
    async fn panicking_work_returns_error() {
        let done = Workers::new().run(client(1), || panic!("on purpose")).await;
        assert!(matches!(done, Err(ApiError::Engine(_))));
    }
}
