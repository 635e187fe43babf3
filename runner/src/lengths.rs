//! Runs `stats`: counts the tokens of a dataset.

use llamaglass_engine::tokenizer::{SpecialText, Tokenizer};
use llamaglass_lab::LabError;
use llamaglass_lab::dataset::Dataset;
use llamaglass_lab::experiments::lengths::StatsData;

/// Counts the tokens of `dataset`: plain texts without a chat template and without a BOS id.
///
/// # Errors
/// [`LabError::Row`] if a text cannot be tokenized.
pub fn run(dataset: &Dataset, tokenizer: &Tokenizer) -> Result<StatsData, LabError> {
    let count = |row: usize, text: &str| {
        let ids = tokenizer.encode(text, SpecialText::AsText);
        ids.map(|ids| ids.len()).map_err(|error| LabError::Row {
            row: row + 1,
            error: error.to_string(),
        })
    };
    let mut lengths = Vec::with_capacity(dataset.rows.len());
    for (index, row) in dataset.rows.iter().enumerate() {
        let output = row.reference.as_deref().filter(|text| !text.is_empty());
        let output = output.map(|text| count(index, text)).transpose()?;
        lengths.push((count(index, &row.prompt)?, output));
    }
    Ok(StatsData::of_lengths(dataset.name.clone(), lengths))
}
