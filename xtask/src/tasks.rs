//! Runs tasks concurrently.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::command::Cancellation;
use crate::timings::Timing;

/// Interval at which the running tasks are named while no foreground task writes to the terminal.
const REMINDER: Duration = Duration::from_secs(30);
/// Time that the other tasks get to end after a failure.
const STOP_LIMIT: Duration = Duration::from_secs(5);

type Work = Box<dyn FnOnce(&Cancellation) -> Result<Vec<Timing>> + Send>;

/// Named work that can be cancelled.
pub struct Task {
    /// Noun phrase for messages.
    name: String,
    work: Work,
}

impl Task {
    /// Creates a task that times its steps itself.
    pub fn new(
        name: impl Into<String>,
        work: impl FnOnce(&Cancellation) -> Result<Vec<Timing>> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            work: Box::new(work),
        }
    }

    /// Creates a task of one step, which has the task's name.
    pub fn step(
        name: impl Into<String>,
        work: impl FnOnce(&Cancellation) -> Result<()> + Send + 'static,
    ) -> Self {
        let name = name.into();
        let step = name.clone();
        Self::new(name, move |cancellation| {
            let start = Instant::now();
            work(cancellation)?;
            Ok(vec![Timing {
                step,
                duration: start.elapsed(),
            }])
        })
    }
}

/// Runs the tasks concurrently and returns the timings of all, in the order of the tasks. Only the `foreground`
/// task writes to the terminal; while none runs, the running tasks are named.
///
/// # Errors
/// The first failure; the other tasks are cancelled.
pub fn run_together(foreground: Option<Task>, background: Vec<Task>) -> Result<Vec<Timing>> {
    run(foreground, background, REMINDER, STOP_LIMIT)
}

fn run(
    foreground: Option<Task>,
    background: Vec<Task>,
    reminder: Duration,
    stop_limit: Duration,
) -> Result<Vec<Timing>> {
    let has_foreground = foreground.is_some();
    let tasks: Vec<Task> = foreground.into_iter().chain(background).collect();
    let names: Vec<String> = tasks.iter().map(|task| task.name.clone()).collect();
    let mut timings: Vec<Option<Vec<Timing>>> = names.iter().map(|_| None).collect();
    let cancellation = Cancellation::default();
    let (sender, outcomes) = mpsc::channel();
    // The threads are not scoped, because a download ignores cancellation and must not be waited for.
    for (index, task) in tasks.into_iter().enumerate() {
        let sender = sender.clone();
        let cancellation = cancellation.clone();
        thread::spawn(move || {
            let outcome = (task.work)(&cancellation);
            // After a failure the receiver is gone.
            let _ = sender.send((index, outcome));
        });
    }
    drop(sender);

    while timings.iter().any(Option::is_none) {
        let is_quiet = |timings: &[Option<_>]| !has_foreground || timings[0].is_some();
        match outcomes.recv_timeout(reminder) {
            Ok((index, Ok(steps))) => {
                timings[index] = Some(steps);
                if is_quiet(&timings) && timings.iter().any(Option::is_none) {
                    println!("Waiting for {}", unfinished(&names, &timings));
                }
            }
            Ok((index, Err(error))) => {
                cancellation.cancel();
                let deadline = Instant::now() + stop_limit;
                let left = || deadline.saturating_duration_since(Instant::now());
                while outcomes.recv_timeout(left()).is_ok() {}
                return Err(error.context(names[index].clone()));
            }
            Err(RecvTimeoutError::Timeout) if is_quiet(&timings) => {
                println!("Still waiting for {}", unfinished(&names, &timings));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                bail!("{} ended without a result", unfinished(&names, &timings));
            }
        }
    }
    Ok(timings.into_iter().flatten().flatten().collect())
}

fn unfinished(names: &[String], timings: &[Option<Vec<Timing>>]) -> String {
    let names: Vec<&str> = names
        .iter()
        .zip(timings)
        .filter(|(_, timing)| timing.is_none())
        .map(|(name, _)| name.as_str())
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_keep_the_order_of_the_tasks() {
        let slow = Task::step("slow", |_| {
            thread::sleep(Duration::from_millis(50));
            Ok(())
        });
        let fast = Task::step("fast", |_| Ok(()));
        let timings = run_together(Some(slow), vec![fast]).expect("both pass");
        let steps: Vec<&str> = timings.iter().map(|timing| timing.step.as_str()).collect();
        assert_eq!(steps, ["slow", "fast"]);
    }

    #[test]
    fn failure_cancels_the_other_tasks_and_names_the_failed_one() {
        let (sender, cancelled) = mpsc::channel();
        let waiting = Task::step("page", move |cancellation| {
            while !cancellation.is_cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            sender.send(()).expect("the test listens");
            bail!("stopped")
        });
        let failing = Task::step("trunk", |_| bail!("no network"));
        let error = run_together(Some(waiting), vec![failing]).expect_err("one fails");
        assert_eq!(format!("{error:#}"), "trunk: no network");
        cancelled
            .recv_timeout(Duration::from_secs(10))
            .expect("the other task was cancelled");
    }

    #[test]
    fn failure_does_not_wait_for_a_task_that_ignores_cancellation() {
        let stuck = Task::step("download", |_| {
            thread::sleep(Duration::from_secs(600));
            Ok(())
        });
        let failing = Task::step("page", |_| bail!("does not compile"));
        let limit = Duration::from_millis(10);
        run(None, vec![stuck, failing], limit, limit).expect_err("one fails");
    }
}
