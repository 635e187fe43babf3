//! The conditions under which a result was measured, and cautions that follow from them.

use llamaglass_lab::StubLevel;
use llamaglass_lab::{LabResult, Machine};

use super::sheet::one_line;
use crate::{clock, date, number};

/// Returns the facts of a result: those of the experiment (`own`), of the machine and of the run.
pub fn all(result: &LabResult, own: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    let mut facts: Vec<(&str, String)> = own;
    facts.extend(result.machine.iter().flat_map(of_machine));
    facts.extend([
        ("Clock", clock(&result.clock)),
        ("Seed", result.seed.to_string()),
        ("Begun", date(result.begun_unix_s)),
        ("Program", result.program.clone()),
    ]);
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn of_machine(of: &Machine) -> Vec<(&'static str, String)> {
    let path = match &of.variant {
        Some(variant) => format!("{}, kernels {variant}", of.path),
        None => of.path.clone(),
    };
    let set = of.instruction_set.as_deref().unwrap_or_default();
    let threads = of.threads.map(|threads| format!("{threads} threads"));
    let threads = threads.unwrap_or_default();
    let backend = [&*of.backend, &*of.api, set, &*threads].map(str::trim);
    let backend: Vec<&str> = backend
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let stub = (of.stub != StubLevel::Whole).then(|| of.stub.to_string());
    vec![
        ("Model", of.model.clone()),
        ("Format", of.format.clone()),
        ("Quantisation", of.quantisation.clone()),
        ("Parameters", number(of.parameters as f64)),
        ("Adapter", of.adapter.clone()),
        ("Driver", of.driver.clone()),
        ("Backend", backend.join(", ")),
        ("Path", path),
        (
            "Context",
            format!("{} positions", number(of.context_length as f64)),
        ),
        ("Concurrent requests", number(of.batch as f64)),
        ("Stub level", stub.unwrap_or_default()),
    ]
}

/// Returns cautions about what the numbers do not show.
pub fn cautions(result: &LabResult) -> Vec<String> {
    let Some(of) = &result.machine else {
        return Vec::new();
    };
    let fallback = of.fallback_reason.as_ref();
    let fallback = fallback.map(|reason| format!("No GPU was taken: {reason}"));
    let software = of
        .software
        .then(|| "The adapter runs on the CPU: its times say nothing about a GPU.".to_owned());
    let stub = (of.stub != StubLevel::Whole).then(|| {
        let place = of.stub.place();
        format!(
            "Stub level {}: the path of requests ends {place}. Not a real answer.",
            of.stub
        )
    });
    fallback.into_iter().chain(software).chain(stub).collect()
}

/// Returns the cautions of all results without duplicates, and their clocks.
pub fn common(results: &[LabResult]) -> Vec<String> {
    let clocks = results.iter().map(|of| clock(&of.clock));
    let clocks = clocks.map(|clock| format!("Times without another clock are from: {clock}."));
    let mut said: Vec<String> = Vec::new();
    for sentence in results.iter().flat_map(cautions).chain(clocks) {
        if !said.contains(&sentence) {
            said.push(sentence);
        }
    }
    said
}

/// Formats the facts from [`all`] for a terminal.
pub fn lines(facts: &[(&str, String)]) -> String {
    let width = facts.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or(0);
    let line = |(name, value): &(&str, String)| format!("{name:<width$}  {}\n", one_line(value));
    facts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use llamaglass_lab::Data;
    use llamaglass_lab::experiments::lengths::StatsData;

    use super::*;
    use crate::lab::fixture::{HOSTILE, machine, result};
    use crate::lab::{page, text};

    fn of(machine: Option<Machine>) -> LabResult {
        result(machine, Data::Stats(StatsData::default()))
    }

    #[test]
    fn page_lists_facts_of_machine_and_run() {
        let html = page(&of(Some(machine()))).expect("draws");
        for fact in [
            "<dt>Quantisation</dt><dd>Q4_1</dd>",
            "<dt>Parameters</dt><dd>134,515,008</dd>",
            "<dt>Adapter</dt><dd>a GPU</dd>",
            "<dt>Driver</dt><dd>its driver 1.2</dd>",
            "<dt>Backend</dt><dd>wgpu, Vulkan</dd>",
            "<dt>Path</dt><dd>fast</dd>",
            "<dt>Clock</dt><dd>monotonic clock, resolution 0.000040 ms</dd>",
            "<dt>Seed</dt><dd>7</dd>",
            "<dt>Begun</dt><dd>2023-11-14T22:13:20Z</dd>",
        ] {
            assert!(html.contains(fact), "{fact}: {html}");
        }
        assert!(!html.contains("class=\"note\""), "{html}");
    }

    #[test]
    fn page_lists_instruction_set_and_threads_of_cpu() {
        let html = page(&of(Some(Machine {
            backend: "cpu".into(),
            api: "CPU".into(),
            threads: Some(2),
            instruction_set: Some("avx512".into()),
            ..machine()
        })));
        let html = html.expect("draws");
        assert!(
            html.contains("<dt>Backend</dt><dd>cpu, CPU, avx512, 2 threads</dd>"),
            "{html}"
        );
    }

    #[test]
    fn page_and_text_contain_cautions() {
        let odd = of(Some(Machine {
            software: true,
            fallback_reason: Some(HOSTILE.into()),
            stub: StubLevel::FirstKernel,
            variant: Some("f16".into()),
            ..machine()
        }));
        let (html, text) = (page(&odd).expect("draws"), text(&odd));
        let all = "No GPU was taken:  | runs on the CPU | Stub level 6:  | Not a real answer.";
        for said in all.split(" | ") {
            assert!(html.contains(said) && text.contains(said), "{said}: {html}");
        }
        assert!(html.contains("<dd>fast, kernels f16</dd>") && !html.contains("<script"));
    }

    #[test]
    fn common_cautions_are_not_repeated() {
        let software = of(Some(Machine {
            software: true,
            ..machine()
        }));
        let said = common(&[software.clone(), software, of(None)]);
        assert_eq!(said.len(), 2, "{said:?}");
        assert_eq!(
            said[1],
            "Times without another clock are from: monotonic clock, resolution 0.000040 ms."
        );
    }

    #[test]
    fn result_without_machine_shows_clock_only() {
        let none = of(None);
        assert!(!page(&none).expect("draws").contains("Model"));
        assert_eq!(
            lines(&[("Prompt", "a\nb".into()), ("Seed", "7".into())]),
            "Prompt  a b\nSeed    7\n"
        );
        let said = text(&none);
        let clock = said.lines().find(|line| line.starts_with("Clock"));
        assert!(
            clock.is_some_and(|line| line.ends_with("  monotonic clock, resolution 0.000040 ms"))
        );
    }
}
