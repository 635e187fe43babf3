//! tmp
use crate::ReportError;
use llamaglass_engine::lab::{LabResult, Summary};
/// tmp
pub fn page(_: &LabResult) -> Result<String, ReportError> {
    Ok(String::new())
}
/// tmp
pub fn report(_: &[LabResult], _: &Summary) -> Result<String, ReportError> {
    Ok(String::new())
}
/// tmp
pub fn text(result: &LabResult) -> String {
    result
        .findings
        .iter()
        .map(|f| format!("{}\n", f.text))
        .collect()
}
/// tmp
pub fn csv(_: &LabResult) -> Vec<(String, String)> {
    Vec::new()
}
