//! Progress bars.

use leptos::prelude::*;

/// Bar that is filled to `percent`.
#[component]
pub fn Meter(
    label: &'static str,
    percent: impl Fn() -> f64 + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <div class="meter" role="progressbar" aria-label=label aria-valuemin="0" aria-valuemax="100"
            aria-valuenow=move || format!("{:.0}", percent())
        >
            <div class="meter-fill" style:width=move || format!("{:.1}%", percent())></div>
        </div>
    }
}

/// Returns `done` in percent of `total`.
pub fn percent(done: usize, total: usize) -> f64 {
    100.0 * done as f64 / total.max(1) as f64
}
