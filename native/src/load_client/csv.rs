//! The sweep as a CSV file, one line per rate.

use std::path::Path;

use anyhow::{Context, Result};
use llamaglass_engine::bytes::replace_file;
use llamaglass_engine::stats::Distribution;

use super::figures::{Figures, NamedFigure};
use super::result::LoadResult;

/// Writes the CSV file.
pub fn write(path: &Path, results: &[LoadResult]) -> Result<()> {
    replace_file(path, table(results)).with_context(|| format!("cannot write {}", path.display()))
}

/// Formats the results as CSV; figures that were not measured are empty. Nothing needs quotes, because the fields
/// are our own names and numbers.
fn table(results: &[LoadResult]) -> String {
    let mut out = String::from(
        "qps,arrivals,duration_s,requested,sent,completed,execution_ms,requests_per_s,tokens,tokens_per_s,ms_per_token,cpu_ms_per_request",
    );
    let none = Figures::default();
    for (prefix, figures) in [("", &none), ("floor_", &none)] {
        for NamedFigure { key: name, .. } in figures.named() {
            for part in ["mean", "p50", "p90", "p99", "max"] {
                out += &format!(",{prefix}{name}_{part}");
            }
        }
    }
    out.push('\n');
    for result in results {
        let LoadResult {
            settings, figures, ..
        } = result;
        let optional =
            |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        let mut fields = vec![
            settings.qps_typed.clone(),
            settings.arrivals.name().to_owned(),
            settings.duration_s.to_string(),
            result.requested.to_string(),
            result.sent.to_string(),
            result.completed.to_string(),
            optional(figures.execution_ms),
            optional(figures.requests_per_s),
            figures.tokens.to_string(),
            optional(figures.tokens_per_s),
            optional(figures.ms_per_token),
            optional(result.client.cpu_ms_per_request),
        ];
        let floor = result.client.floor.as_ref();
        let floor = floor.map_or(&none, |floor| &floor.figures);
        for named in figures.named().into_iter().chain(floor.named()) {
            fields.extend(parts(named));
        }
        out += &fields.join(",");
        out.push('\n');
    }
    out
}

fn parts(figure: NamedFigure) -> [String; 5] {
    figure.ms.map_or_else(Default::default, |of: Distribution| {
        [of.mean, of.p50, of.p90, of.p99, of.max].map(|value| value.to_string())
    })
}
