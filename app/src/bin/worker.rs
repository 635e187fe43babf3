//! Program of the engine's worker.

fn main() {
    llamaglass_app::worker::start();
}
