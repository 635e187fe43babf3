//! Icons.

use leptos::prelude::*;

/// Path of a cross, which closes or dismisses.
pub const CLOSE: &str = "M6 6l12 12M18 6L6 18";
/// Path of a file.
pub const FILE: &str = "M6 3h8l5 5v13H6zM14 3v5h5";
/// Path of a folder.
pub const FOLDER: &str = "M3 6h7l2 3h9v11H3z";
/// Path of a bar chart, for the timeline.
pub const TIMELINE: &str = "M4 20V10M9 20V4M14 20v-7M19 20V7";

/// A line drawing on a 24 by 24 grid.
#[component]
pub fn Icon(path: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true" focusable="false">
            <path d=path fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"
                stroke-linejoin="round"
            />
        </svg>
    }
}
