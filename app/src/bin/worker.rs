//! The engine's worker.

fn main() {
    llamaglass_app::worker::start();
}
