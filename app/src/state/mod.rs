//! State of the page, and the actions that change it.
//!
//! [`App`] is the state; `data` has the types of its parts, which do not know it. The functions of the other modules
//! change it. Nothing here draws.
//!
//! Signals with an owner are created once, in `App::new` and the constructors that it calls, under the owner of
//! the whole page. Code that runs later, in an event handler or a task, uses reference-counted `Arc` signals,
//! because the owner there belongs to a component and disposes of its signals along with it.
//! `app/tests/state_ownership.rs` checks this.

mod app;
mod bench;
mod chat;
mod crash;
mod data;
mod frame;
mod lab;
mod model;
mod program;
mod replies;
mod server;

pub use app::{App, app, now};
pub use bench::{start_bench, stop_bench};
pub use chat::{clear, regenerate, send, stop};
pub use crash::install as report_panics;
pub use data::storage::{ChatStorage, set_chat_storage};
pub use data::{
    Bench, Connection, Lab, OwnServer, RunOutcome, Running, SavedRun, SavedRuns, ServerForm, Turn,
    TurnState,
};
pub use frame::show;
pub use lab::{
    cancel_lab, choose_dataset, delete_run, open_lab, save_lab_settings, start_all, start_lab,
};
pub use model::{
    cancel_load, choose_backend, choose_stub, load, load_default, reload, restart_engine,
};
pub use program::{choose_adapter, choose_model, clear_recent, open_path};
pub use replies::{attach_client, handle_reply};
pub use server::{cancel_connect, connect, find_own, use_model};
