//! Running scenarios, also where one fails, and what became of them.

use std::time::Instant;

use anyhow::{Result, ensure};

use crate::test::Verdict;

/// Attempts one scenario after the other. `step` is what messages call all of them.
///
/// # Errors
/// Where one failed, with the names of those that did.
pub fn attempt_all<S>(
    step: &str,
    scenarios: &[S],
    name: impl Fn(&S) -> &'static str,
    attempt: impl Fn(&S) -> Result<()>,
) -> Result<Verdict> {
    let mut failed = Vec::new();
    for scenario in scenarios {
        let name = name(scenario);
        println!("{step} {name} ...");
        let start = Instant::now();
        let outcome = attempt(scenario);
        let seconds = start.elapsed().as_secs();
        match outcome {
            Ok(()) => println!("{step} {name} ... ok ({seconds} s)"),
            Err(error) => {
                println!("{step} {name} ... FAILED ({seconds} s)\n{error:#}");
                failed.push(name);
            }
        }
    }
    let passed = scenarios.len() - failed.len();
    println!("{step}: {passed} passed, {} failed", failed.len());
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(Verdict::PassedWith(format!("{passed} scenarios")))
}
