//! Program of the page.

fn main() {
    llamaglass_app::ui::mount();
}
