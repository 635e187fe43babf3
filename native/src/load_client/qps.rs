//! Rates as they are typed: files are named by that.

use std::str::FromStr;

/// Requests a second, and how that was typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Qps {
    /// The number.
    pub value: f64,
    /// The words.
    pub typed: String,
}

impl FromStr for Qps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = above_zero(text)?;
        let typed = text.trim().to_owned();
        Ok(Self { value, typed })
    }
}

/// A number above 0.
///
/// # Errors
/// In words, where it is none.
pub fn above_zero(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        Ok(_) => Err("must be above 0".into()),
        Err(_) => Err("is no number".into()),
    }
}
