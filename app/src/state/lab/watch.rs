//! Observer of the experiments that the page itself drives.

use std::time::Duration;

use futures::StreamExt;
use futures::channel::{mpsc, oneshot};
use leptos::prelude::*;
use llamaglass_lab::{Observer, Point, Progress};

use super::super::app::{App, now};
use super::requests;
use llamaglass_web::Yielder;

/// Minimum time between updates of the progress.
const PROGRESS_MS: f64 = 50.0;
/// Maximum time to sleep without a check for a stop.
const STOP_CHECK_MS: f64 = 100.0;
/// Maximum wait for a frame, since a hidden page gets none.
const FRAME_TIMEOUT: Duration = Duration::from_secs(1);

/// Reports progress to the state and checks for a stop.
pub struct PageWatch {
    app: App,
    yielder: Option<Yielder>,
    points: Vec<Point>,
    updated_ms: f64,
}

impl PageWatch {
    /// Creates an observer for this page.
    pub fn new(app: App) -> Self {
        Self {
            app,
            yielder: Yielder::new(),
            points: Vec::new(),
            updated_ms: 0.0,
        }
    }
}

impl Observer for PageWatch {
    fn notify(&mut self, progress: Progress) {
        self.points.extend(progress.point.clone());
        let at = now();
        if at - self.updated_ms >= PROGRESS_MS || progress.done >= progress.total {
            self.updated_ms = at;
            advance(self.app, progress, std::mem::take(&mut self.points));
        }
    }

    async fn yield_now(&mut self) -> bool {
        match &self.yielder {
            Some(yielder) => yielder.yield_now().await,
            None => pause(0.0).await,
        }
        !requests::is_stopped(self.app)
    }

    async fn sleep(&mut self, ms: f64) {
        let end = now() + ms;
        while now() < end && !requests::is_stopped(self.app) {
            pause((end - now()).min(STOP_CHECK_MS)).await;
        }
    }
}

/// Waits for `ms` milliseconds.
pub async fn pause(ms: f64) {
    let (sender, done) = oneshot::channel();
    let wait = Duration::from_secs_f64(ms.max(0.0) / 1e3);
    let wake = move || {
        // The receiver may be gone.
        let _sent = sender.send(());
    };
    set_timeout(wake, wait);
    // Can't fail: the timer is never cleared.
    let _woken = done.await;
}

/// Waits until everything drawn so far has been painted.
pub async fn painted() {
    let (mut on_frame, mut done) = mpsc::channel(1);
    let mut on_timer = on_frame.clone();
    request_animation_frame(move || drop(on_frame.try_send(())));
    set_timeout(move || drop(on_timer.try_send(())), FRAME_TIMEOUT);
    let _first = done.next().await;
    // The next task runs after the frame's style, layout and paint.
    if let Some(yielder) = Yielder::new() {
        yielder.yield_now().await;
    }
}

/// Records the progress of a run, and adds points to its live plot.
pub fn advance(app: App, progress: Progress, points: Vec<Point>) {
    if app.lab.running.with_untracked(Option::is_none) {
        return;
    }
    if !points.is_empty() {
        app.lab.plot.update(|plot| plot.extend(points));
    }
    app.lab.progress.set(progress);
}
