//! The page.

fn main() {
    llamaglass_app::ui::mount();
}
