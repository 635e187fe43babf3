//! Runs all scenarios even if one fails, and sums up their outcomes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::context::Verdict;

/// Maximum number of concurrent scenarios: a software adapter or an engine in wasm uses one or two cores.
const MAX_CONCURRENT: usize = 2;

/// A scenario of a check.
pub trait Scenario: Sync {
    /// Name in messages and in the names of screenshots.
    fn name(&self) -> &'static str;

    /// Returns true if the scenario measures nothing, so that it may run concurrently with its neighbours.
    fn may_run_beside_others(&self) -> bool {
        false
    }
}

/// Runs the scenarios in order; neighbours that may run concurrently run two at a time. `step` is the check's
/// name in messages.
///
/// # Errors
/// If a scenario failed; the message names all that did.
pub fn attempt_all<S: Scenario>(
    step: &str,
    scenarios: &[S],
    attempt: impl Fn(&S) -> Result<()> + Sync,
) -> Result<Verdict> {
    let mut failed = Vec::new();
    let are_together = |a: &S, b: &S| a.may_run_beside_others() && b.may_run_beside_others();
    for group in scenarios.chunk_by(are_together) {
        let next = AtomicUsize::new(0);
        let work = || {
            let mut failed = Vec::new();
            while let Some(scenario) = group.get(next.fetch_add(1, Ordering::Relaxed)) {
                if !passes(step, scenario, &attempt) {
                    failed.push(scenario.name());
                }
            }
            failed
        };
        thread::scope(|scope| {
            let threads: Vec<_> = (0..MAX_CONCURRENT.min(group.len()))
                .map(|_| scope.spawn(work))
                .collect();
            for thread in threads {
                match thread.join() {
                    Ok(names) => failed.extend(names),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
    }
    let passed = scenarios.len() - failed.len();
    println!("{step}: {passed} passed, {} failed", failed.len());
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(Verdict::PassedWith(format!("{passed} scenarios")))
}

/// Runs a scenario and prints its outcome; returns false if it failed.
fn passes<S: Scenario>(step: &str, scenario: &S, attempt: impl Fn(&S) -> Result<()>) -> bool {
    let name = scenario.name();
    println!("{step} {name} ...");
    let start = Instant::now();
    let outcome = attempt(scenario);
    let seconds = start.elapsed().as_secs();
    match &outcome {
        Ok(()) => println!("{step} {name} ... ok ({seconds} s)"),
        Err(error) => println!("{step} {name} ... FAILED ({seconds} s)\n{error:#}"),
    }
    outcome.is_ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use anyhow::bail;

    use super::*;

    struct Named(&'static str);

    impl Scenario for Named {
        fn name(&self) -> &'static str {
            self.0
        }

        fn may_run_beside_others(&self) -> bool {
            self.0.starts_with("walk")
        }
    }

    #[test]
    fn all_scenarios_run_and_failed_ones_are_named() {
        let all = ["first", "walk-a", "walk-b", "walk-c", "last"].map(Named);
        let attempted = Mutex::new(Vec::new());
        let error = attempt_all("step", &all, |scenario| {
            let mut attempted = attempted.lock().expect("no panic");
            attempted.push(scenario.name());
            if ["first", "walk-b"].contains(&scenario.name()) {
                bail!("on purpose");
            }
            Ok(())
        });
        assert_eq!(
            error.map(drop).expect_err("two failed").to_string(),
            "failed: first, walk-b"
        );
        let attempted = attempted.into_inner().expect("no panic");
        assert_eq!((attempted[0], attempted[4]), ("first", "last"));
        assert_eq!(attempted.len(), 5);
    }
}
