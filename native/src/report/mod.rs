//! Reports as one HTML file each: no script, nothing from the network, plots inside.

mod page;
pub mod plot;

pub use page::{Figure, Page, Table, number};
