//! The lab: experiments on where a token's time goes, shared by the terminal and the page.
//!
//! Each experiment returns a [`LabResult`], which holds everything that its report shows. Measurements of the
//! engine alone run in this module; measurements of the layers around it (threads, HTTP, the page) go through the
//! traits [`Layers`](experiments::ladder::Layers) and [`Stubbed`](experiments::stub::Stubbed).

mod arrivals;
mod asking;
pub mod bench;
pub mod dataset;
mod experiment;
pub mod experiments;
mod fifo;
mod finding;
pub mod fixed_cost;
mod measure;
mod observer;
mod old_names;
mod result;
mod stub;
mod summary;
#[cfg(test)]
mod testing;
mod trace_events;
mod trace_writer;

pub use arrivals::{Arrivals, request_count};
pub use asking::asking;
pub use experiment::Experiment;
pub use fifo::Fifo;
pub use finding::{Finding, Number, Sentence, digits};
pub use measure::{Difference, Drift, Estimate, Line, Outlier, Verdict, interleaved, outliers};
pub use observer::{LabError, Observer, Point, Progress, Unobserved};
pub use result::{Data, LabResult, Machine, SCHEMA_VERSION};
pub use stub::{LoadedModel, StubLevel, stub_answer};
pub use summary::{Overhead, Summary, TokenBar};
pub use trace_events::trace_events;
pub use trace_writer::{Slice, TraceWriter, Track};
