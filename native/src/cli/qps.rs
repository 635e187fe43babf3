//! Request rates as typed on the command line; result files are named after them.

/// A rate in requests per second, and its spelling on the command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Qps {
    /// Requests per second.
    pub value: f64,
    /// Spelling on the command line.
    pub typed: String,
}

impl Qps {
    /// Parses a rate above 0.
    ///
    /// # Errors
    /// Returns a message if the text is not such a number.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = above_zero(text)?;
        let typed = text.trim().to_owned();
        Ok(Self { value, typed })
    }
}

/// Parses a finite number above 0.
///
/// # Errors
/// Returns a message if the text is not such a number.
pub fn above_zero(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && value > 0.0 => Ok(value),
        Ok(_) => Err("must be above 0".into()),
        Err(_) => Err("is not a number".into()),
    }
}
