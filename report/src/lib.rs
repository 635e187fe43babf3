//! Reports as one HTML file each: no script, nothing from the network, plots inside.

mod error;
pub mod lab;
mod page;
pub mod plot;
mod text;

pub use error::ReportError;
pub use page::{Figure, Page, Table};
pub use text::{clock, date, number};
