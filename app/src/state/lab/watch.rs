//! Observer of the experiments that the page itself drives.

use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use leptos::prelude::*;
use llamaglass_lab::{Observer, Point, Progress};

use super::super::{App, now};
use super::talk;
use llamaglass_web::Yielder;

/// Minimum time between updates of the progress.
const TELL_EVERY_MS: f64 = 50.0;
/// Maximum time to sleep without a check for a stop.
const NAP_MS: f64 = 100.0;
/// Maximum wait for a frame, since a hidden page gets none.
const NO_FRAME: Duration = Duration::from_secs(1);

/// Reports progress to the state and checks for a stop.
pub struct PageWatch {
    app: App,
    yielder: Option<Yielder>,
    points: Vec<Point>,
    told_at: f64,
}

impl PageWatch {
    /// Creates an observer for this page.
    pub fn new(app: App) -> Self {
        Self {
            app,
            yielder: Yielder::new(),
            points: Vec::new(),
            told_at: 0.0,
        }
    }
}

impl Observer for PageWatch {
    fn notify(&mut self, progress: Progress) {
        self.points.extend(progress.point.clone());
        let at = now();
        if at - self.told_at >= TELL_EVERY_MS || progress.done >= progress.total {
            self.told_at = at;
            super::advance(self.app, progress, std::mem::take(&mut self.points));
        }
    }

    async fn yield_now(&mut self) -> bool {
        match &self.yielder {
            Some(yielder) => yielder.yield_now().await,
            None => pause(0.0).await,
        }
        !talk::is_stopped(self.app)
    }

    async fn sleep(&mut self, ms: f64) {
        let end = now() + ms;
        while now() < end && !talk::is_stopped(self.app) {
            pause((end - now()).min(NAP_MS)).await;
        }
    }
}

/// Waits for `ms` milliseconds.
pub async fn pause(ms: f64) {
    let (sender, done) = oneshot::channel();
    let wait = Duration::from_secs_f64(ms.max(0.0) / 1e3);
    let wake = move || {
        // The receiver may be gone.
        let _gone = sender.send(());
    };
    set_timeout(wake, wait);
    // Can't fail: the timer is never cleared.
    let _woken = done.await;
}

/// Waits until everything drawn so far has been painted.
pub async fn painted() {
    let (mut of_frame, mut done) = mpsc::channel(1);
    let mut of_timer = of_frame.clone();
    request_animation_frame(move || drop(of_frame.try_send(())));
    set_timeout(move || drop(of_timer.try_send(())), NO_FRAME);
    let _first = done.next().await;
    // The next task runs after the frame's style, layout and paint.
    if let Some(yielder) = Yielder::new() {
        yielder.yield_now().await;
    }
}
