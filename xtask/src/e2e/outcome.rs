//! Runs scenarios, also where one fails, and sums up their outcomes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::test::Verdict;

/// The most scenarios at the same time: software adapters and engines in wasm use a core or two each.
const MOST_TOGETHER: usize = 2;

/// A scenario of a step.
pub trait Scenario: Sync {
    /// Name in messages and in the names of screenshots.
    fn name(&self) -> &'static str;

    /// Returns true for a scenario that may run beside its neighbours: it measures nothing.
    fn may_run_beside_others(&self) -> bool {
        false
    }
}

/// Attempts one scenario after the other, and those that may run beside their neighbours two at a time.
/// Messages call all of them `step`.
///
/// # Errors
/// Where one failed, with the names of those that did.
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
            let threads: Vec<_> = (0..MOST_TOGETHER.min(group.len()))
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

/// Attempts a scenario and says how it ended; false where it failed.
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
    fn every_scenario_is_attempted_and_those_that_failed_are_named() {
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
