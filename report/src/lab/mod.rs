//! Lab results as pages, terminal text and files. Every number comes from the result.

mod ablate;
mod bare;
mod chain;
mod estimate;
mod facts;
#[cfg(test)]
mod fixture;
mod kernels;
mod ladder;
mod lengths;
mod load;
mod parity;
mod part;
mod sheet;
mod simulate;
mod stub;
mod summary;

use llamaglass_lab::{Data, LabResult, Summary};

use crate::{Page, ReportError};
use part::Part;

/// Writes the report of one experiment.
///
/// # Errors
/// If a plot cannot be drawn.
pub fn page(result: &LabResult) -> Result<String, ReportError> {
    let mut title = result.data.experiment().title().to_owned();
    if let Some(machine) = &result.machine {
        title += &format!(": {}", machine.model);
    }
    Ok(build_page(&title, result)?.finish())
}

/// Writes one report with the summary of all experiments, followed by each of `results` in order.
///
/// # Errors
/// If a plot cannot be drawn.
pub fn report(results: &[LabResult], summary: &Summary) -> Result<String, ReportError> {
    let mut page = Page::new("Where a token\u{2019}s time goes");
    summary::show(summary, &mut page)?;
    for caution in facts::common(results) {
        page.note(&caution);
    }
    page.contents();
    for result in results {
        let experiment = result.data.experiment();
        page.append(build_page(experiment.title(), result)?, experiment.name());
    }
    Ok(page.finish())
}

/// Writes the summary of all experiments as a plot and tables, for a page that already shows its sentences.
///
/// # Errors
/// If a plot cannot be drawn.
pub fn overview(summary: &Summary) -> Result<String, ReportError> {
    let mut page = Page::new("Where a token\u{2019}s time goes");
    summary::show_figures(summary, &mut page)?;
    Ok(page.finish())
}

/// Formats one experiment for a terminal.
pub fn text(result: &LabResult) -> String {
    let experiment = result.data.experiment();
    let part = part(&result.data);
    let findings: Vec<&str> = result.findings.iter().map(|of| &*of.text).collect();
    let mut pieces = vec![format!(
        "{}\n{}\n",
        experiment.title(),
        experiment.question()
    )];
    pieces.extend(part::list(&findings));
    pieces.extend(part::list(&facts::cautions(result)));
    pieces.extend(part.items.iter().filter_map(part::Item::text));
    pieces.push(facts::lines(&facts::all(result, part.facts)));
    // A name must not contain terminal control sequences.
    pieces
        .join("\n")
        .replace(|c: char| c.is_control() && c != '\n', "\u{fffd}")
}

/// Returns the tables of one experiment as CSV files (RFC 4180): names and contents. Values that were not measured
/// are empty.
pub fn csv(result: &LabResult) -> Vec<(String, String)> {
    let files = part(&result.data).files.into_iter();
    let files = files.filter(|(_, sheet)| !sheet.rows.is_empty());
    files
        .map(|(name, sheet)| (format!("{name}.csv"), sheet.csv()))
        .collect()
}

fn build_page(title: &str, result: &LabResult) -> Result<Page, ReportError> {
    let part = part(&result.data);
    let mut page = Page::new(title);
    let mut findings = result.findings.iter().map(|of| &*of.text);
    if let Some(first) = findings.next() {
        page.lead(first);
    }
    page.text(result.data.experiment().question());
    page.list(findings);
    for caution in facts::cautions(result) {
        page.note(&caution);
    }
    page.facts(&facts::all(result, part.facts));
    for item in &part.items {
        item.show(&mut page)?;
    }
    Ok(page)
}

fn part(data: &Data) -> Part {
    match data {
        Data::Stats(data) => lengths::part(data),
        Data::Bare(data) => bare::part(data),
        Data::Ladder(data) => ladder::part(data),
        Data::Load(data) => load::part(data),
        Data::Parity(data) => parity::part(data),
        Data::Chain(data) => chain::part(data),
        Data::Ablate(data) => ablate::part(data),
        Data::Simulate(data) => simulate::part(data),
        Data::Stub(data) => stub::part(data),
        Data::Kernels(data) => kernels::part(data),
    }
}
