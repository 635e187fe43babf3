//! A running experiment: its progress, its live plot, and a button to cancel it.

use leptos::prelude::*;
use llamaglass_lab::digits;

use crate::lab::Drawn;
use crate::state::{self, app};

/// Number of series with a colour of their own.
const COLOURS: usize = 6;

/// Progress, plot, and a button to cancel.
#[component]
pub fn Live() -> impl IntoView {
    let app = app();
    let stopping = move || {
        app.lab
            .running
            .get()
            .is_some_and(|running| running.stopping)
    };
    let share = move || {
        let far = app.lab.progress.get();
        100.0 * far.done as f64 / far.total.max(1) as f64
    };
    // Screen readers announce this, so it changes with each measurement, not with every point.
    let what = Memo::new(move |_| match stopping() {
        true => "Stopping after the step that runs".to_owned(),
        false => app.lab.progress.with(|far| match far.what.as_str() {
            "" => "Starting".to_owned(),
            what => format!("Measuring: {what}"),
        }),
    });
    view! {
        <div class="lab-live" data-testid="lab-live">
            <p class="numbers" role="status" aria-live="polite" data-testid="lab-progress">{what}</p>
            <div
                class="meter"
                role="progressbar"
                aria-label="The experiment"
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=move || format!("{:.0}", share())
            >
                <div class="meter-fill" style:width=move || format!("{:.1}%", share())></div>
            </div>
            <LivePlot/>
            <button
                class="secondary"
                data-testid="lab-cancel"
                disabled=stopping
                on:click=move |_| state::cancel_lab(app)
            >
                "Cancel"
            </button>
        </div>
    }
}

#[component]
fn LivePlot() -> impl IntoView {
    let app = app();
    let shown = move || app.lab.plot.with(|plot| !plot.is_empty());
    let drawn = move || app.lab.plot.with(crate::lab::Plot::drawn);
    let axes = move || {
        let zero = app.lab.plot.with(crate::lab::Plot::zero);
        format!("M0 0V100M0 {zero:.2}H100")
    };
    let ends = move || app.lab.plot.with(crate::lab::Plot::ends);
    view! {
        <Show when=shown>
            <figure class="lab-plot" data-testid="lab-plot">
                <figcaption class="help">
                    {move || {
                        let [left, right, low, high] = ends();
                        format!(
                            "Measured so far, in ms: {} to {} upwards, {} to {} to the right",
                            digits(low), digits(high), digits(left), digits(right)
                        )
                    }}
                </figcaption>
                <svg viewBox="-2 -2 104 104" preserveAspectRatio="none" aria-hidden="true" focusable="false">
                    <path class="lab-axis" d=axes vector-effect="non-scaling-stroke"/>
                    {move || drawn().into_iter().enumerate().map(points).collect_view()}
                </svg>
                <ul class="lab-legend">
                    {move || drawn().into_iter().enumerate().map(|(index, of)| view! {
                        <li><span class=colour(index) aria-hidden="true"></span>{of.series}</li>
                    }).collect_view()}
                </ul>
            </figure>
        </Show>
    }
}

fn colour(index: usize) -> String {
    format!("lab-series lab-series-{}", index % COLOURS)
}

/// Draws each dot as a line of length 0 with round ends, so that it stays round however the picture is stretched.
fn points((index, of): (usize, Drawn)) -> impl IntoView {
    let dots: String = of
        .points
        .iter()
        .map(|(x, y)| format!("M{x:.2} {y:.2}h0"))
        .collect();
    view! { <path class=colour(index) d=dots vector-effect="non-scaling-stroke"/> }
}
