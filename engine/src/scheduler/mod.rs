//! Requests and what runs next; pure, no device in sight.

mod request;

pub use request::{Input, Request};
