//! Names in results of earlier versions.

use llamaglass_types::Backend;
use serde::{Deserialize, Deserializer};

/// Old name of the CPU backend.
const OLD_CPU_NAME: &str = "flex";

/// Reads the name of a backend, and replaces the old name of the CPU backend.
///
/// # Errors
/// If the value is not a string.
pub fn backend_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    Ok(match &*name {
        OLD_CPU_NAME => Backend::Cpu.name().to_owned(),
        _ => name,
    })
}

#[cfg(test)]
mod tests {
    use crate::Machine;
    use crate::bench::BenchReport;

    #[test]
    fn old_bench_result_loads_with_new_backend_name() {
        let text = include_str!("../../bench/results/2026-11-23-2-cores-flex.json");
        let report: BenchReport = serde_json::from_str(text).expect("loads");
        assert_eq!(report.backend, "cpu");
    }

    #[test]
    fn backend_names_of_other_results_are_kept() {
        for (stored, expected) in [("flex", "cpu"), ("cpu", "cpu"), ("other", "other")] {
            let machine = serde_json::json!({
                "model": "m", "format": "GGUF v3", "quantisation": "Q4_1", "parameters": 1,
                "backend": stored, "api": "CPU", "adapter": "CPU", "driver": "burn-flex",
                "software": true, "fallback_reason": null, "path": "reference", "variant": null,
                "context_length": 8, "batch": 1, "stub": 100,
            });
            let machine: Machine = serde_json::from_value(machine).expect("loads");
            assert_eq!(machine.backend, expected);
        }
    }
}
