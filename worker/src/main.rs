//! The page's engine program.

fn main() {
    llamaglass_worker::start();
}
