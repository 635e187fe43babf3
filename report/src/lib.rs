//! Reports as single HTML files, without scripts or network access and with embedded plots.

mod error;
pub mod lab;
mod page;
pub mod plot;
mod text;

pub use error::ReportError;
pub use page::{Figure, Page, Table};
pub use text::{bytes, clock, date, number};
